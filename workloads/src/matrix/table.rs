//! The matrix as a table on the terminal, as CSV, and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use harness::history::Promise;
use harness::report::{Style, Tone};
use serde::Serialize;

use super::theory::{self, Finding, Promised};
use super::{Cell, Hardship, Row, Tally};

/// A cell with everything that is known of it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// `all`, `1` or `0`.
    pub acks: &'static str,
    /// The topic's settings.
    #[serde(flatten)]
    pub row: Row,
    /// What befalls the cluster.
    pub hardship: Hardship,
    /// What is promised.
    pub promised: Promised,
    /// Why.
    pub because: &'static str,
    /// What it came to.
    pub finding: Finding,
    /// What was measured.
    #[serde(flatten)]
    pub tally: Tally,
    /// Available slots in a thousand.
    pub write_availability_per_mille: u64,
    /// Available slots in a thousand.
    pub read_availability_per_mille: u64,
    /// The command that repeats the worst seed.
    pub repeat: String,
}

/// All cells that were run, in the order of the matrix.
#[must_use]
pub fn entries(tallies: &BTreeMap<Cell, Tally>) -> Vec<Entry> {
    let run = tallies.iter().filter(|(_, tally)| tally.seeds > 0);
    run.map(|(cell, tally)| entry(cell, tally)).collect()
}

fn entry(cell: &Cell, tally: &Tally) -> Entry {
    let theory = theory::theory(cell);
    Entry {
        acks: cell.acks(),
        row: cell.row,
        hardship: cell.hardship,
        promised: theory.promised,
        because: theory.because,
        finding: theory::judge(cell, tally),
        tally: tally.clone(),
        write_availability_per_mille: tally.writes.per_mille(),
        read_availability_per_mille: tally.reads.per_mille(),
        repeat: cell.run().errand(harness::seed::Seed(tally.worst_seed)).repeat,
    }
}

/// How many cells came to what.
#[must_use]
pub fn totals(entries: &[Entry]) -> BTreeMap<Finding, u64> {
    let mut totals = BTreeMap::new();
    for entry in entries {
        *totals.entry(entry.finding).or_default() += 1;
    }
    totals
}

/// Writes two grids, of losses and of availability, a legend, and what is broken.
///
/// # Errors
/// What `out` returns.
pub fn write(entries: &[Entry], out: &mut impl Write, style: Style) -> io::Result<()> {
    grid(entries, out, style, "acknowledged records lost", losses)?;
    grid(entries, out, style, "writes acknowledged, percent of the time", availability)?;
    writeln!(out, "·  kept: nothing may be lost, and nothing was")?;
    writeln!(out, "~  not exercised: records may be lost, and none was, so nothing is proved")?;
    writeln!(out, "!  broken: a promise was not kept")?;
    let totals = totals(entries);
    let told: Vec<String> =
        totals.iter().map(|(finding, count)| format!("{count} {finding}")).collect();
    writeln!(out, "\n{} cells: {}", entries.len(), told.join(", "))?;
    for broken in entries.iter().filter(|entry| entry.finding == Finding::Broken) {
        let what = format!(
            "BROKEN   acks={} {} {}: {} lost, {} of {} runs failed",
            broken.acks,
            broken.row,
            broken.hardship,
            broken.tally.lost(),
            broken.tally.failed,
            broken.tally.seeds,
        );
        writeln!(out, "{}", style.paint(Tone::Bad, &what))?;
        writeln!(out, "  again: {}", broken.repeat)?;
    }
    Ok(())
}

/// A cell's text and its colour.
type Shown = (String, Tone);

fn losses(entry: &Entry) -> Shown {
    match entry.finding {
        Finding::Kept => ("·".to_owned(), Tone::Good),
        Finding::NotExercised => ("~".to_owned(), Tone::Faint),
        Finding::Exercised => (entry.tally.lost().to_string(), Tone::Doubt),
        Finding::Broken => (format!("!{}", entry.tally.lost()), Tone::Bad),
    }
}

fn availability(entry: &Entry) -> Shown {
    let percent = entry.write_availability_per_mille / 10;
    let tone = match percent {
        95.. => Tone::Good,
        50..95 => Tone::Normal,
        0..50 => Tone::Doubt,
    };
    (percent.to_string(), tone)
}

const FIRST: usize = 30;
const COLUMN: usize = 9;

fn grid(
    entries: &[Entry],
    out: &mut impl Write,
    style: Style,
    title: &str,
    show: fn(&Entry) -> Shown,
) -> io::Result<()> {
    let columns: Vec<Hardship> =
        Hardship::ALL.into_iter().filter(|h| entries.iter().any(|e| e.hardship == *h)).collect();
    writeln!(out, "{}", style.paint(Tone::Heading, title))?;
    for line in 0..3 {
        let mut text = " ".repeat(FIRST);
        for column in &columns {
            let word = head(*column).get(line).cloned().unwrap_or_default();
            write!(text, "{word:>COLUMN$}").expect("text can be written to");
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    for promise in Promise::ALL {
        for row in Row::all() {
            let acks = Cell { row, promise, hardship: Hardship::LeaderCrash }.acks();
            let of_row: Vec<&Entry> =
                entries.iter().filter(|e| e.row == row && e.acks == acks).collect();
            if of_row.is_empty() {
                continue;
            }
            write!(out, "{:<FIRST$}", format!("acks={acks:<4} {row}"))?;
            for column in &columns {
                let (text, tone) = of_row
                    .iter()
                    .find(|entry| entry.hardship == *column)
                    .map_or((String::new(), Tone::Normal), |entry| show(entry));
                write!(out, "{}", style.paint(tone, &format!("{text:>COLUMN$}")))?;
            }
            writeln!(out)?;
        }
    }
    writeln!(out)
}

/// A column's title in three lines of at most eight letters.
fn head(hardship: Hardship) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in hardship.title().split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() < COLUMN => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    while lines.len() < 3 {
        lines.insert(0, String::new());
    }
    lines
}

/// Writes one line for each cell, under a head of names.
///
/// # Errors
/// What `out` returns.
pub fn write_csv(entries: &[Entry], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "acks,replication_factor,min_insync_replicas,unclean,hardship,promised,finding,seeds,\
         failed,acknowledged,lost_explained,lost_unexplained,seeds_with_loss,duplicated,refused,\
         unknown,write_availability_per_mille,read_availability_per_mille,write_gap_max_ms,\
         latency_p50_ms,latency_p99_ms,worst_seed"
    )?;
    for entry in entries {
        let Entry { acks, row, hardship, promised, finding, tally, .. } = entry;
        let promised = match promised {
            Promised::NoLoss => "no-loss",
            Promised::MayLose => "may-lose",
        };
        let numbers = [
            tally.seeds,
            tally.failed,
            tally.acknowledged,
            tally.lost_explained,
            tally.lost_unexplained,
            tally.seeds_with_loss,
            tally.duplicated,
            tally.refused,
            tally.unknown,
            entry.write_availability_per_mille,
            entry.read_availability_per_mille,
            tally.writes.gap_max_ms,
            tally.latency_p50_ms,
            tally.latency_p99_ms,
            tally.worst_seed,
        ];
        let numbers = numbers.map(|number| number.to_string()).join(",");
        let Row { replication_factor, min_in_sync_replicas, unclean } = row;
        writeln!(
            out,
            "{acks},{replication_factor},{min_in_sync_replicas},{unclean},{hardship},{promised},\
             {finding},{numbers}"
        )?;
    }
    Ok(())
}
