//! A run's report as text.

use std::fmt;

use crate::report::expectation::should_have_been;
use crate::report::style::{Style, Styled, Tone};
use crate::report::text::{self, Listing};
use crate::report::{AnomalyReport, RunReport, ViolationReport};

/// Longer lines are continued on the next.
const WIDTH: usize = 110;
/// Observations before a violation that are printed; the data holds them all.
const LATEST_SHOWN: usize = 20;
/// Operations of one anomaly that are printed; the data holds them all.
const PROOF_SHOWN: usize = 40;

impl fmt::Display for RunReport {
    /// The plain text. Colour is asked for with [`Style::show`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Style::Plain.show(self).fmt(f)
    }
}

/// A run that was told as it happened: its journal is known.
pub(super) struct Told<'a>(pub(super) &'a RunReport);

impl fmt::Display for Styled<'_, Told<'_>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.style.show(self.value.0).sections(f, false)
    }
}

impl fmt::Display for Styled<'_, RunReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sections(f, true)
    }
}

impl Styled<'_, RunReport> {
    fn sections(&self, f: &mut fmt::Formatter<'_>, with_journal: bool) -> fmt::Result {
        let report = self.value;
        let why = report.failure().unwrap_or_else(|| held(report));
        self.verdict_line(f, report.verdict, &why)?;
        writeln!(f)?;
        self.identity(f)?;
        writeln!(f)?;
        write!(f, "{}", numbers(report))?;
        if with_journal {
            self.journal(f)?;
        }
        if let Some(violation) = &report.violation {
            self.violation(f, violation)?;
        }
        for anomaly in &report.anomalies {
            self.anomaly(f, anomaly)?;
        }
        if let Some(liveness) = &report.liveness {
            self.heading(f, "liveness")?;
            indented(f, liveness)?;
        }
        writeln!(f)?;
        if !report.repeat.is_empty() {
            writeln!(f, "again   {}", text::one_line(&report.repeat))?;
        }
        self.verdict_line(f, report.verdict, &why)
    }
}

/// What can be said of a run that passed.
fn held(report: &RunReport) -> String {
    let operations = text::plural(report.operations, "operation");
    let faults = text::plural(crate::report::counts::total(&report.faults), "fault");
    format!("every promise was kept over {operations} and {faults}")
}

fn numbers(report: &RunReport) -> Listing {
    let mut listing = Listing::default();
    listing.row("operations", report.operations);
    listing.counts("acknowledged", &report.acknowledged);
    listing.row("reads", report.reads);
    listing.group("judged for linearizability", &report.linearizable);
    listing.counts("faults", &report.faults);
    listing.group("what came of them", &report.effects);
    if !report.skipped.is_empty() {
        listing.counts("faults skipped", &report.skipped);
    }
    listing.group("fault budget", &report.budget);
    if report.losses_explained > 0 || report.losses_unexplained > 0 {
        listing.row("losses explained", report.losses_explained);
        listing.row("losses unexplained", report.losses_unexplained);
    }
    listing
}

fn indented(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text::wrapped(text, WIDTH).try_for_each(|line| writeln!(f, "  {line}"))
}

impl Styled<'_, RunReport> {
    fn identity(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.value;
        let rows = [
            ("scenario", text::one_line(&report.scenario)),
            ("seed", text::seed(report.seed)),
            ("simulated", text::seconds(report.simulated)),
            ("digest", text::one_line(&report.digest)),
        ];
        rows.iter().try_for_each(|(label, value)| writeln!(f, "{label:<9}  {value}"))
    }

    fn journal(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.heading(f, "journal")?;
        let mut journal: Vec<_> = self.value.journal.iter().collect();
        // Stable: what happened at one moment keeps the order it was written down in.
        journal.sort_by_key(|line| line.at);
        if journal.is_empty() {
            return writeln!(f, "  nothing was done to the system");
        }
        for line in journal {
            let time = format!("{:>10}", text::seconds(line.at));
            let time = self.style.paint(Tone::Faint, &time);
            writeln!(f, "  {time}  {}", text::one_line(&line.text))?;
        }
        Ok(())
    }

    fn violation(&self, f: &mut fmt::Formatter<'_>, violation: &ViolationReport) -> fmt::Result {
        let name = text::one_line(&violation.name);
        let title = format!("violation: {name}, at {}", text::seconds(violation.at));
        self.heading(f, &title)?;
        indented(f, &violation.what)?;
        self.part(f, "should have been", &violation.statement)?;
        let shown = violation.latest.len().min(LATEST_SHOWN);
        let latest = &violation.latest[violation.latest.len() - shown..];
        if !latest.is_empty() {
            writeln!(f, "  {}", self.style.paint(Tone::Faint, &format!("the last {shown} steps")))?;
            for step in latest {
                text::wrapped(step, WIDTH).try_for_each(|line| writeln!(f, "    {line}"))?;
            }
        }
        Ok(())
    }

    fn anomaly(&self, f: &mut fmt::Formatter<'_>, anomaly: &AnomalyReport) -> fmt::Result {
        let mut title = format!("anomaly: {}", text::one_line(&anomaly.kind));
        if let Some(key) = &anomaly.key {
            title.push_str(&format!(", key {}", text::one_line(key)));
        }
        if anomaly.count > 1 {
            title.push_str(&format!(", 1 of {}", text::grouped(anomaly.count)));
        }
        self.heading(f, &title)?;
        indented(f, &anomaly.summary)?;
        let rest = anomaly.lines.len().saturating_sub(PROOF_SHOWN);
        let mut proof = anomaly.lines[..anomaly.lines.len() - rest].join("\n");
        if rest > 0 {
            proof.push_str(&format!("\n… and {rest} more, in the JSON"));
        }
        self.part(f, "proved by", &proof)?;
        self.part(f, "should have been", should_have_been(&anomaly.kind).unwrap_or_default())
    }

    /// A faint title and its text, one step further in. Nothing if there is no text.
    fn part(&self, f: &mut fmt::Formatter<'_>, title: &str, body: &str) -> fmt::Result {
        if body.is_empty() {
            return Ok(());
        }
        writeln!(f, "  {}", self.style.paint(Tone::Faint, title))?;
        text::wrapped(body, WIDTH).try_for_each(|line| writeln!(f, "    {line}"))
    }
}
