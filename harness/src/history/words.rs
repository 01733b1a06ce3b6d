//! An operation in words, on one line: when, who, what, and how it ended.

use std::fmt;

use super::{Action, Operation, Phase};

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = std::time::Duration::from_micros(self.time);
        let phase = match self.phase {
            Phase::Invoke => "asks",
            Phase::Ok => "ok",
            Phase::Fail => "failed",
            Phase::Info => "unknown",
        };
        write!(
            f,
            "{:>10.3}s  op {:<6} process {:<4} {phase:<8} {}",
            at.as_secs_f64(),
            self.index,
            self.process,
            self.action
        )?;
        match &self.error {
            Some(error) => write!(f, " ({error})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { key, values, offsets, promise, .. } => {
                write!(f, "send {values:?} to {key} ({promise:?})")?;
                let known: Vec<i64> = offsets.iter().copied().flatten().collect();
                if known.is_empty() { Ok(()) } else { write!(f, " at {known:?}") }
            }
            Self::Poll { source, records, last, rebalanced } => {
                let kind = if *last { "read all of" } else { "poll" };
                write!(f, "{kind} {source}")?;
                for (key, records) in records {
                    write!(f, " {key}:")?;
                    write_records(f, records)?;
                }
                rebalanced.iter().try_for_each(|key| write!(f, ", {key} was rebalanced"))
            }
            Self::Assign { positions, source } => {
                write!(f, "assign {source}")?;
                positions.iter().try_for_each(|(key, at)| write!(f, " {key} from {at}"))
            }
            Self::Subscribe { keys } => {
                write!(f, "subscribe")?;
                keys.iter().try_for_each(|key| write!(f, " {key}"))
            }
            Self::Latest { key, end_offset, epoch } => {
                write!(f, "end of {key}")?;
                if let Some(end) = end_offset {
                    write!(f, " is {end}")?;
                }
                epoch.map_or(Ok(()), |epoch| write!(f, " in epoch {epoch}"))
            }
            Self::Several { actions } => {
                write!(f, "together")?;
                actions.iter().enumerate().try_for_each(|(number, part)| {
                    let before = if number == 0 { ":" } else { ", then" };
                    write!(f, "{before} {part}")
                })
            }
        }
    }
}

/// The first and last few records; a final read has thousands.
fn write_records(f: &mut fmt::Formatter<'_>, records: &[(i64, u64)]) -> fmt::Result {
    const SHOWN: usize = 4;
    let one =
        |f: &mut fmt::Formatter<'_>, (offset, value): &(i64, u64)| write!(f, " {offset}={value}");
    if records.len() <= 2 * SHOWN {
        return records.iter().try_for_each(|record| one(f, record));
    }
    records[..SHOWN].iter().try_for_each(|record| one(f, record))?;
    write!(f, " .. {} more ..", records.len() - 2 * SHOWN)?;
    records[records.len() - SHOWN..].iter().try_for_each(|record| one(f, record))
}
