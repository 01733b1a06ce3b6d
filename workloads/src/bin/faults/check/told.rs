//! What came of the files, for people.

use std::io::{self, Write};

use harness::checker::object::Explained;
use harness::verdict::Verdict;

use super::judged::{Checked, Details, Judged, Report};

/// Calls of a prefix that are shown; the last ones say most.
const SHOWN: usize = 20;

/// Writes a line for each file and one for all. A single file is told with everything that proves
/// its verdict.
pub(super) fn write(to: &mut impl Write, report: &Report, whole: bool) -> io::Result<()> {
    let width = report.files.iter().map(|checked| checked.file.chars().count()).max().unwrap_or(0);
    for checked in &report.files {
        line(to, checked, width)?;
        if let Ok(judged) = &checked.judgement {
            if whole {
                details(to, judged)?;
            } else {
                first_reason(to, checked, judged)?;
            }
        }
    }
    if whole { Ok(()) } else { totals(to, report) }
}

fn line(to: &mut impl Write, checked: &Checked, width: usize) -> io::Result<()> {
    let Checked { file, judgement, .. } = checked;
    let agreement = match checked.agrees() {
        None => "",
        Some(true) => "agree     ",
        Some(false) => "DISAGREE  ",
    };
    match judgement {
        Err(reason) => writeln!(to, "{agreement}UNREADABLE  {file:<width$}  {reason}"),
        Ok(judged) => {
            let verdict = match judged.verdict.word() {
                word if judged.verdict.passes() => word.to_owned(),
                word => word.to_uppercase(),
            };
            let Judged { format, model, operations, skipped, details, .. } = judged;
            write!(to, "{agreement}{verdict:<10}  {file:<width$}  {format}, {model}")?;
            match details {
                Details::Log { digest, .. } => {
                    write!(to, ": {operations} operations, digest {digest}")?;
                }
                Details::Object(judgement) => {
                    write!(to, ": {operations} calls")?;
                    if judgement.parts > 1 {
                        write!(to, " on {} objects", judgement.parts)?;
                    }
                }
            }
            if *skipped > 0 {
                write!(to, ", {skipped} left out")?;
            }
            writeln!(to)
        }
    }
}

/// Where there are many files, an unexpected verdict has its first reason.
fn first_reason(to: &mut impl Write, checked: &Checked, judged: &Judged) -> io::Result<()> {
    if checked.agrees() == Some(true) {
        return Ok(());
    }
    match judged.details.verdict() {
        Verdict::Valid => Ok(()),
        Verdict::Unknown(reason) => writeln!(to, "    {reason}"),
        Verdict::Invalid(anomalies) => {
            anomalies.first().map_or(Ok(()), |anomaly| writeln!(to, "    {anomaly}"))
        }
    }
}

fn details(to: &mut impl Write, judged: &Judged) -> io::Result<()> {
    match judged.details.verdict() {
        Verdict::Valid => {}
        Verdict::Unknown(reason) => writeln!(to, "  {reason}")?,
        Verdict::Invalid(anomalies) => {
            anomalies.iter().try_for_each(|anomaly| writeln!(to, "  {anomaly}"))?;
        }
    }
    match &judged.details {
        Details::Object(judgement) => match &judgement.explained {
            None => Ok(()),
            Some(explained) => explain(to, explained),
        },
        Details::Log { skipped, .. } => {
            for (name, count) in &skipped.others {
                writeln!(to, "  left out: {count} operations :{name}")?;
            }
            Ok(())
        }
    }
}

fn explain(to: &mut impl Write, explained: &Explained) -> io::Result<()> {
    let Explained { part, prefix, blocked, open } = explained;
    let of = part.as_ref().map_or(String::new(), |part| format!(" of {part}"));
    writeln!(to, "The longest order{of} that explains its answers has {} calls:", prefix.len())?;
    let hidden = prefix.len().saturating_sub(SHOWN);
    if hidden > 0 {
        writeln!(to, "    .. {hidden} before these ..")?;
    }
    prefix[hidden..].iter().try_for_each(|call| one(to, call))?;
    writeln!(to, "What cannot follow:")?;
    blocked.iter().try_for_each(|call| one(to, call))?;
    if !open.is_empty() {
        writeln!(to, "Nor can what was open at that time:")?;
        open.iter().take(SHOWN).try_for_each(|call| one(to, call))?;
        if open.len() > SHOWN {
            writeln!(to, "    .. and {} more ..", open.len() - SHOWN)?;
        }
    }
    Ok(())
}

fn one(to: &mut impl Write, (operation, call): &(u64, String)) -> io::Result<()> {
    writeln!(to, "    op {operation:<6} {call}")
}

fn totals(to: &mut impl Write, report: &Report) -> io::Result<()> {
    let totals = &report.totals;
    write!(
        to,
        "{} files: {} valid, {} invalid, {} unknown, {} unreadable",
        report.files.len(),
        totals.valid,
        totals.invalid,
        totals.unknown,
        totals.unreadable
    )?;
    if totals.agree + totals.disagree > 0 {
        let of = totals.agree + totals.disagree;
        write!(to, "; {} of {of} verdicts are the expected ones", totals.agree)?;
    }
    writeln!(to)
}
