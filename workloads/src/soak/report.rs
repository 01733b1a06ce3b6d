//! What a soak came to, as text, as JSON and as files beside its lines.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use harness::exit::{Exit, OutcomeVerdict};
use harness::report::{Style, Tone};
use harness::sweep::{Ended, SweepSummary};
use serde::{Deserialize, Serialize};

use super::ci;
use super::findings::{Finding, Standing};
use super::memory::Memory;
use super::store::{State, write_whole};

/// The version of the findings' format that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// The findings, for the next comparison.
pub const FINDINGS: &str = "findings.json";
/// Everything.
pub const SUMMARY: &str = "summary.json";
/// The findings, for CI.
pub const JUNIT: &str = "junit.xml";

/// As much of an example as fits a line.
const EXAMPLE: usize = 100;

/// A soak that is over, or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What it is called in a list.
    pub name: String,
    /// The judgement.
    pub verdict: OutcomeVerdict,
    /// What was asked for, of each machine.
    pub soaks: Vec<State>,
    /// The totals.
    pub summary: SweepSummary,
    /// What failed.
    pub findings: Vec<Finding>,
    /// Failures that belong to none of the findings, since there are too many.
    pub beyond: u64,
    /// How much memory it took, if that is known.
    pub memory: Option<Memory>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// The file that a later soak is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Baseline {
    /// The format's version.
    findings: u64,
    name: String,
    verdict: OutcomeVerdict,
    seeds: u64,
    list: Vec<Finding>,
}

/// The findings in a file that an earlier soak wrote.
///
/// # Errors
/// It cannot be read, is no such file, or is of another version; with the file.
pub fn baseline(path: &Path) -> Result<Vec<Finding>, String> {
    #[derive(Deserialize)]
    struct Version {
        findings: u64,
    }
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let wrong = |error: serde_json::Error| format!("{}: {error}", path.display());
    let Version { findings } = serde_json::from_str(&text).map_err(wrong)?;
    if findings != VERSION {
        let place = path.display();
        return Err(format!("{place}: version {findings}, and we read version {VERSION}"));
    }
    let read: Baseline = serde_json::from_str(&text).map_err(wrong)?;
    Ok(read.list)
}

impl Report {
    /// Puts a report together.
    #[must_use]
    pub fn new(soaks: Vec<State>, summary: SweepSummary, findings: Vec<Finding>) -> Self {
        let present = findings.iter().filter(|finding| finding.is_present()).count();
        let name = match present {
            0 => format!("soak of {} seeds, no findings", summary.run),
            1 => format!("soak of {} seeds, 1 finding", summary.run),
            _ => format!("soak of {} seeds, {present} findings", summary.run),
        };
        Self {
            name,
            verdict: summary.verdict,
            soaks,
            summary,
            findings,
            beyond: 0,
            memory: None,
            notes: Vec::new(),
        }
    }

    /// How the program should exit: not 0 if anything failed, whether it is new or not.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.verdict.exit()
    }

    /// Writes [`SUMMARY`], [`FINDINGS`] and [`JUNIT`] into a directory, which is made if it is not
    /// there.
    ///
    /// # Errors
    /// They cannot be written; with the directory.
    pub fn save(&self, directory: &Path) -> Result<(), String> {
        let baseline = Baseline {
            findings: VERSION,
            name: self.name.clone(),
            verdict: self.verdict,
            seeds: self.summary.run,
            list: self.findings.clone(),
        };
        let write = || -> io::Result<()> {
            fs::create_dir_all(directory)?;
            let text = serde_json::to_string_pretty(self)? + "\n";
            write_whole(&directory.join(SUMMARY), text.as_bytes())?;
            let text = serde_json::to_string_pretty(&baseline)? + "\n";
            write_whole(&directory.join(FINDINGS), text.as_bytes())?;
            let xml = ci::junit(&self.findings, self.summary.run);
            write_whole(&directory.join(JUNIT), xml.as_bytes())
        };
        write().map_err(|error| format!("{}: {error}", directory.display()))
    }

    /// Writes the report as text: the totals, the findings, and all in one line.
    ///
    /// # Errors
    /// What `out` returns.
    pub fn write(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        let mut summary = self.summary.clone();
        // They are told below, in groups.
        summary.failures.clear();
        if let Ended::Interrupted { .. } = summary.ended {
            // What was not reached may still be.
            summary.missing.clear();
        }
        // A soak goes on in its directory, and not at a seed.
        summary.ended = Ended::Complete;
        summary.write(out, style)?;
        if !self.findings.is_empty() {
            writeln!(out, "\n{}", style.paint(Tone::Heading, "findings"))?;
        }
        for finding in &self.findings {
            write_finding(out, style, finding)?;
        }
        if self.beyond > 0 {
            writeln!(out, "  and {} failures of still other kinds", self.beyond)?;
        }
        writeln!(out)?;
        for note in &self.notes {
            writeln!(out, "{}", style.paint(Tone::Doubt, note))?;
        }
        writeln!(out, "{}", self.last_line())
    }

    fn last_line(&self) -> String {
        let mut line = self.name.clone();
        let mut standings = Vec::new();
        for standing in [Standing::New, Standing::Regressed, Standing::Ongoing, Standing::Resolved]
        {
            let count = self.findings.iter().filter(|f| f.standing == standing).count();
            if count > 0 {
                standings.push(format!("{count} {standing}"));
            }
        }
        if !standings.is_empty() {
            write!(line, " ({})", standings.join(", ")).expect("a text takes any text");
        }
        let hours = self.summary.simulated.as_secs_f64() / 3600.0;
        write!(line, "; {hours:.1} simulated hours").expect("a text takes any text");
        if let Some(Memory { start_bytes, end_bytes }) = self.memory {
            let (start, end) = (start_bytes >> 20, end_bytes >> 20);
            write!(line, "; {start} MiB of memory at the start, {end} at the end")
                .expect("a text takes any text");
        }
        line
    }
}

fn write_finding(out: &mut impl Write, style: Style, finding: &Finding) -> io::Result<()> {
    let tone = match finding.standing {
        Standing::New | Standing::Regressed => Tone::Bad,
        Standing::Ongoing => Tone::Doubt,
        Standing::Resolved => Tone::Good,
    };
    let standing = style.paint(tone, &format!("{:<9}", finding.standing));
    let runs = match finding.count {
        0 => format!("not seen in {} seeds", finding.absent_for),
        1 => "1 run".to_owned(),
        count => format!("{count} runs"),
    };
    let name = format!("{:<38}", finding.signature);
    writeln!(out, "  {standing}  {name}  {:<12}  {runs}", finding.room)?;
    if finding.is_present() {
        let words: Vec<&str> = finding.example.split_whitespace().collect();
        let words = words.join(" ");
        let mut example: String = words.chars().take(EXAMPLE).filter(|c| !c.is_control()).collect();
        if example.len() < words.len() {
            example.push('…');
        }
        writeln!(out, "             seed {}: {example}", finding.smallest_seed)?;
        let again = format!("             again: {}", finding.repeat);
        writeln!(out, "{}", style.paint(Tone::Faint, &again))?;
    }
    Ok(())
}
