//! What a sweep came to, as plain data and as text.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exit::{Exit, OutcomeVerdict};
use crate::report::counts::Counts;
use crate::report::seconds;
use crate::report::style::{Style, Styled, Tone};
use crate::report::text::{self, Listing};
use crate::sometimes::Sometimes;

/// Failures that are told one by one. All of them are counted.
pub(super) const FAILURES_KEPT: usize = 20;

/// The answer of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepSummary {
    /// The judgement on the whole sweep.
    pub verdict: OutcomeVerdict,
    /// The exit code that belongs to it.
    pub exit_code: u8,
    /// The seed that the sweep began with.
    pub first_seed: u64,
    /// Seeds that were asked for.
    pub asked: u64,
    /// Seeds that were run and count: the first so many of those asked for.
    pub run: u64,
    /// Runs that passed.
    pub valid: u64,
    /// Runs that broke a promise, panicked or were vacuous.
    pub invalid: u64,
    /// Runs that could not be judged.
    pub unknown: u64,
    /// How the sweep ended.
    pub ended: Ended,
    /// The first twenty runs that did not pass, by seed.
    pub failures: Vec<Failure>,
    /// Operations that clients invoked.
    pub operations: u64,
    /// Acknowledged writes, for each promise they were acknowledged under.
    pub acknowledged: Counts,
    /// Values read back.
    pub reads: u64,
    /// Faults that took effect, by kind.
    pub faults: Counts,
    /// Faults that were drawn but not injected, by kind.
    pub skipped: Counts,
    /// Use of the fault budget, summed over the runs.
    pub budget: Counts,
    /// Noteworthy states, and which runs reached them.
    pub sometimes: Sometimes,
    /// The required states that no run reached.
    pub missing: Vec<String>,
    /// Simulated time, summed over the runs.
    #[serde(rename = "simulated_seconds", with = "seconds")]
    pub simulated: Duration,
    /// How long the sweep took on the clock of the machine.
    #[serde(rename = "wall_seconds", with = "seconds")]
    pub wall: Duration,
    /// Speed on the clock of the machine.
    pub seeds_per_minute: f64,
    /// Digest of the verdicts and digests of all runs, in the order of seeds.
    pub digest: String,
    /// Since when and why the outcomes could not be written to the file that was asked for.
    pub unwritten: Option<String>,
}

/// How a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Every seed was run.
    Complete,
    /// At a run that did not pass, as was asked for.
    AtFailure {
        /// The seed to go on with.
        next: u64,
    },
    /// When its time was over, before every seed was run. A sweep that was given a time has then
    /// done what it was asked for.
    TimeUp {
        /// The seed to go on with.
        next: u64,
    },
    /// From outside, before every seed was run.
    Interrupted {
        /// The seed to go on with.
        next: u64,
    },
}

/// A run that did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// Invalid or unknown.
    pub verdict: OutcomeVerdict,
    /// Why, in one line.
    pub what: String,
    /// The command that repeats it.
    pub repeat: String,
}

impl SweepSummary {
    /// Nothing run yet.
    pub(super) fn empty(first_seed: u64, sometimes: Sometimes) -> Self {
        Self {
            verdict: OutcomeVerdict::Unknown,
            exit_code: Exit::Unknown.code(),
            first_seed,
            asked: 0,
            run: 0,
            valid: 0,
            invalid: 0,
            unknown: 0,
            ended: Ended::Complete,
            failures: Vec::new(),
            operations: 0,
            acknowledged: Counts::new(),
            reads: 0,
            faults: Counts::new(),
            skipped: Counts::new(),
            budget: Counts::new(),
            sometimes,
            missing: Vec::new(),
            simulated: Duration::ZERO,
            wall: Duration::ZERO,
            seeds_per_minute: 0.0,
            digest: String::new(),
            unwritten: None,
        }
    }

    /// Judges the sweep, after the last run.
    ///
    /// A required state is held against a sweep only if every seed was run; until then it may
    /// still be reached. A sweep that ran nothing, or not everything, has not passed.
    pub(super) fn conclude(&mut self, ended: Ended, wall: Duration) {
        self.ended = ended;
        self.wall = wall;
        let seconds = wall.as_secs_f64();
        if seconds > 0.0 {
            // One decimal is as much as the clock of a busy machine is worth.
            self.seeds_per_minute = (as_float(self.run) * 600.0 / seconds).round() / 10.0;
        }
        self.missing = self.sometimes.missing().into_iter().map(str::to_owned).collect();
        let complete = match ended {
            Ended::Complete | Ended::TimeUp { .. } => true,
            Ended::AtFailure { .. } | Ended::Interrupted { .. } => false,
        };
        let undecided = self.unknown > 0 || !complete || self.run == 0 || self.unwritten.is_some();
        self.verdict = if self.invalid > 0 || self.run > 0 && complete && !self.missing.is_empty() {
            OutcomeVerdict::Invalid
        } else if undecided {
            OutcomeVerdict::Unknown
        } else {
            OutcomeVerdict::Valid
        };
        self.exit_code = self.exit().code();
    }

    /// How the program should exit.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.verdict.exit()
    }

    /// Writes the summary as text, in the style that the caller has decided on.
    ///
    /// # Errors
    /// What `out` returns.
    pub fn write(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        write!(out, "{}", style.show(self))
    }

    /// The totals, in one line.
    fn totals(&self) -> String {
        let mut parts = vec![text::plural(self.run, "seed")];
        if self.run < self.asked && !matches!(self.ended, Ended::TimeUp { .. }) {
            parts[0].push_str(&format!(" of {}", text::grouped(self.asked)));
        }
        for (count, verdict) in [
            (self.valid, OutcomeVerdict::Valid),
            (self.invalid, OutcomeVerdict::Invalid),
            (self.unknown, OutcomeVerdict::Unknown),
        ] {
            if count > 0 {
                parts.push(format!("{} {verdict}", text::grouped(count)));
            }
        }
        match self.missing.as_slice() {
            [] => {}
            _ if !matches!(self.ended, Ended::Complete | Ended::TimeUp { .. }) => {}
            [one] => parts.push(format!("never reached: {}", text::one_line(one))),
            several => parts.push(format!("{} required states never reached", several.len())),
        }
        parts.push(format!(
            "{:.0}s simulated in {:.1}s",
            self.simulated.as_secs_f64(),
            self.wall.as_secs_f64()
        ));
        parts.push(format!("{:.1} seeds a minute", self.seeds_per_minute));
        parts.join(", ")
    }
}

/// Exact up to 2^53, and close enough for a speed beyond.
fn as_float(number: u64) -> f64 {
    Duration::from_secs(number).as_secs_f64()
}

impl fmt::Display for SweepSummary {
    /// The plain text. Colour is asked for with [`Style::show`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Style::Plain.show(self).fmt(f)
    }
}

impl fmt::Display for Styled<'_, SweepSummary> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.value;
        write!(f, "{}", numbers(summary))?;
        self.sometimes(f)?;
        self.failures(f)?;
        if let Some(unwritten) = &summary.unwritten {
            let line = format!("outcomes not written, {}", text::one_line(unwritten));
            writeln!(f, "\n{}", self.style.paint(Tone::Bad, &line))?;
        }
        self.missing(f)?;
        writeln!(f, "\ndigest  {}", summary.digest)?;
        match summary.ended {
            Ended::Complete => {}
            Ended::AtFailure { next } => {
                writeln!(f, "stopped at the first failure; go on with --start {next:#x}")?;
            }
            Ended::TimeUp { next } => {
                writeln!(f, "the time is over; go on with --start {next:#x}")?;
            }
            Ended::Interrupted { next } => {
                writeln!(f, "interrupted; go on with --start {next:#x}")?;
            }
        }
        self.verdict_line(f, summary.verdict, &summary.totals())
    }
}

fn numbers(summary: &SweepSummary) -> Listing {
    let mut listing = Listing::default();
    listing.row("seeds run", summary.run);
    listing.row("  valid", summary.valid);
    listing.row("  invalid", summary.invalid);
    listing.row("  unknown", summary.unknown);
    listing.row("operations", summary.operations);
    listing.counts("acknowledged", &summary.acknowledged);
    listing.row("reads", summary.reads);
    listing.counts("faults", &summary.faults);
    if !summary.skipped.is_empty() {
        listing.counts("faults skipped", &summary.skipped);
    }
    listing.group("fault budget", &summary.budget);
    listing
}

impl Styled<'_, SweepSummary> {
    /// Which states were reached, in how many runs, how often, and first by which seed.
    fn sometimes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sometimes = &self.value.sometimes;
        if sometimes.is_empty() {
            return Ok(());
        }
        let title = "sometimes";
        let names: Vec<String> = sometimes.states().map(|(name, _)| text::one_line(name)).collect();
        let width = names.iter().map(|name| name.chars().count() + 2).max().unwrap_or_default();
        let width = width.max(title.len());
        self.heading(f, &format!("{title:<width$}  {:>9}  {:>11}  first seed", "runs", "times"))?;
        for ((_, state), name) in sometimes.states().zip(&names) {
            let (runs, times) = (text::grouped(state.runs), text::grouped(state.times));
            let (first, tone) = match (state.first_seed, state.required) {
                (Some(seed), _) => (text::seed(seed), Tone::Normal),
                (None, true) => ("never, but required".to_owned(), Tone::Bad),
                (None, false) => ("never".to_owned(), Tone::Doubt),
            };
            let name = format!("  {name}");
            let first = self.style.paint(tone, &first);
            writeln!(f, "{name:<width$}  {runs:>9}  {times:>11}  {first}")?;
        }
        Ok(())
    }

    /// What the sweep claims to test and did not.
    fn missing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.value;
        if summary.missing.is_empty() {
            return Ok(());
        }
        self.heading(
            f,
            match summary.ended {
                Ended::Complete | Ended::TimeUp { .. } => "required, and never reached",
                Ended::AtFailure { .. } | Ended::Interrupted { .. } => {
                    "required, and not reached yet"
                }
            },
        )?;
        for name in &summary.missing {
            writeln!(f, "  {}", self.style.paint(Tone::Bad, &text::one_line(name)))?;
        }
        Ok(())
    }

    fn failures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.value;
        if summary.failures.is_empty() {
            return Ok(());
        }
        self.heading(f, "failures")?;
        let width = summary.failures.iter().map(|failure| text::seed(failure.seed).len()).max();
        let width = width.unwrap_or_default();
        for failure in &summary.failures {
            let seed = format!("{:<width$}", text::seed(failure.seed));
            let verdict = format!("{:<7}", failure.verdict);
            let verdict = self.style.paint(failure.verdict.into(), &verdict);
            writeln!(f, "  {seed}  {verdict}  {}", failure.what)?;
            let repeat = format!("again: {}", text::one_line(&failure.repeat));
            writeln!(f, "  {:<width$}  {}", "", self.style.paint(Tone::Faint, &repeat))?;
        }
        let told = u64::try_from(summary.failures.len()).unwrap_or(u64::MAX);
        let rest = (summary.invalid + summary.unknown).saturating_sub(told);
        if rest > 0 {
            writeln!(f, "  and {} more", text::grouped(rest))?;
        }
        Ok(())
    }
}
