//! An explanation for a terminal.

use std::fmt;
use std::time::Duration;

use harness::explain::Fate;

use super::{Explanation, Needed, NoReturn};
use crate::signature::Signature;

/// As wide as a paragraph gets.
const WIDTH: usize = 96;
/// More faults than that hardly any mistake needs.
const MANY: usize = 4;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let room = self.signature.room();
        match &self.signature {
            Signature::Failure(_) => writeln!(f, "{room}, seed {}", self.seed)?,
            known @ (Signature::Invariant(_) | Signature::Anomaly(_)) => {
                writeln!(f, "{known} ({room}), seed {}", self.seed)?;
            }
        }
        writeln!(f, "{}", self.scenario)?;
        for line in self.failure.lines() {
            paragraph(f, line)?;
        }
        self.write_moments(f)?;
        match &self.no_return {
            Some(no_return) => write!(f, "\n{no_return}")?,
            None => writeln!(f, "\nit failed before the first fault could strike: none is needed")?,
        }
        self.write_faults(f)?;
        self.write_story(f)?;
        writeln!(f, "\nverdict")?;
        paragraph(f, &self.verdict)?;
        for rule in &self.rules {
            paragraph(f, &format!("{}: {}.", rule.number, rule.words))?;
        }
        for remark in &self.remarks {
            writeln!(f, "\nnote: {remark}")?;
        }
        if !self.complete {
            writeln!(f, "\nnote: the time was up before all branches were run")?;
        }
        writeln!(f, "\nagain: {}", self.repeat)
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3}s", time.as_secs_f64())
}

/// Words in lines of two blanks and at most the width.
fn paragraph(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut width = WIDTH + 1;
    for word in text.split_whitespace() {
        let length = word.chars().count() + 1;
        if width + length > WIDTH {
            if width <= WIDTH {
                writeln!(f)?;
            }
            write!(f, "  {word}")?;
            width = length;
        } else {
            write!(f, " {word}")?;
            width += length;
        }
    }
    if width <= WIDTH { writeln!(f) } else { Ok(()) }
}

impl Explanation {
    fn write_moments(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nwhen it was seen")?;
        match &self.broke {
            Some(seen) => {
                writeln!(
                    f,
                    "  {:>9}  inside: {} broke: {}",
                    seconds(seen.at),
                    seen.name,
                    seen.what
                )?;
            }
            None => writeln!(f, "             inside: no invariant broke")?,
        }
        let Some(seen) = &self.client_saw else {
            return writeln!(f, "             clients: none could see it, though the run went on");
        };
        write!(f, "  {:>9}  clients: {}", seconds(seen.at), seen.name)?;
        match self.broke.as_ref().and_then(|broke| seen.at.checked_sub(broke.at)) {
            Some(later) => writeln!(f, ", {} later", seconds(later)),
            None => writeln!(f),
        }
    }

    fn write_faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.faults.is_empty() {
            return Ok(());
        }
        let is_needed = |fault: &&Needed| fault.without.as_ref().is_some_and(Fate::is_good);
        let needed = self.faults.iter().filter(is_needed).count();
        writeln!(
            f,
            "\nfaults before that: {}, of which {needed} {} needed",
            self.faults.len(),
            if needed == 1 { "is" } else { "are" }
        )?;
        if needed > MANY {
            writeln!(f, "  of so many some are needed for their timing alone")?;
        }
        for Needed { at, fault, without } in &self.faults {
            let fate = match without {
                Some(Fate::Passes) => "NEEDED: without it the run passes".to_owned(),
                Some(Fate::Fails) => "not needed".to_owned(),
                Some(Fate::FailsOtherwise(how)) => format!("without it: {how}"),
                Some(Fate::Strays) => "unknown: without it, it is another run".to_owned(),
                None => "unknown: the time was up".to_owned(),
            };
            writeln!(f, "  {:>9}  {fault:<60}  {fate}", seconds(*at))?;
        }
        Ok(())
    }

    fn write_story(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = match self.left_out {
            0 => String::new(),
            1 => " (a line of lesser weight is left out)".to_owned(),
            count => format!(" ({count} lines of lesser weight are left out)"),
        };
        writeln!(f, "\nwhat led to it{left_out}")?;
        for (number, line) in (1..).zip(&self.story) {
            let rule = line.rule.map(|rule| format!(" [{rule}]")).unwrap_or_default();
            let at = seconds(line.at);
            writeln!(f, "  {number:>2}. {at:>9}  {:<10}  {}{rule}", line.who, line.what)?;
        }
        Ok(())
    }
}

impl fmt::Display for NoReturn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = seconds(self.lost);
        writeln!(f, "the point of no return")?;
        match self.saved {
            Some(saved) => {
                let saved = seconds(saved);
                writeln!(
                    f,
                    "  {saved:>9}  lifting all faults here would still have saved the run"
                )?;
                writeln!(f, "  {lost:>9}  from here on it is lost")?;
            }
            None => {
                writeln!(
                    f,
                    "  lifting all faults would not have saved the run, before any of them"
                )?;
            }
        }
        let sections =
            [("what struck between", &self.struck), ("in force already", &self.in_force)];
        for (title, faults) in sections {
            faults.iter().try_for_each(|fault| writeln!(f, "  {title}: {fault}"))?;
        }
        Ok(())
    }
}
