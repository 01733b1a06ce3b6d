//! The hunts as a table: a line per mutant, and what was wrong behind it.

use std::collections::BTreeSet;
use std::io::{self, Write};

use harness::report::{Style, Tone};

use super::{Eyes, Ground, Hunt, Hunted, Summary, shrunk};

/// The columns: where, and who looked on.
const COLUMNS: [(Ground, Eyes, &str); 4] = [
    (Ground::Simulation, Eyes::All, "simulation"),
    (Ground::Simulation, Eyes::Clients, "clients only"),
    (Ground::Rooms, Eyes::All, "pure rooms"),
    (Ground::Rooms, Eyes::Clients, "clients only"),
];
const WIDTH: usize = 36;

pub(super) fn write(summary: &Summary, out: &mut impl Write, style: Style) -> io::Result<()> {
    let mut heading = format!("{:<5}", "");
    for (_, _, title) in COLUMNS {
        heading.push_str(&format!("{title:<WIDTH$}"));
    }
    writeln!(out, "{}", style.paint(Tone::Heading, heading.trim_end()))?;
    for hunted in &summary.mutants {
        let tone = if hunted.found { Tone::Good } else { Tone::Bad };
        write!(out, "{}", style.paint(tone, &format!("{:<5}", hunted.quarry.id)))?;
        let cells: Vec<String> = COLUMNS
            .iter()
            .map(|(ground, eyes, _)| format!("{:<WIDTH$}", cell(hunted, *ground, *eyes)))
            .collect();
        writeln!(out, "{}", cells.concat().trim_end())?;
    }
    writeln!(out)?;
    for hunted in &summary.mutants {
        writeln!(out, "{}  {}", style.paint(Tone::Heading, &hunted.quarry.id), hunted.quarry.what)?;
        for finding in hunted.hunts.iter().filter_map(|hunt| hunt.finding.as_ref()) {
            writeln!(out, "{}", style.paint(Tone::Faint, &format!("     {}", finding.what)))?;
            writeln!(out, "{}", style.paint(Tone::Faint, &format!("       {}", finding.repeat)))?;
        }
    }
    shrunk::write(summary, out, style)?;
    let found = summary.mutants.iter().filter(|hunted| hunted.found).count();
    let cut_short = if summary.interrupted { ", interrupted" } else { "" };
    writeln!(out, "\n{found} of {} found{cut_short}", summary.mutants.len())
}

/// For example `17 in 2.1s GS1`, or `after 40 (3..102), 5.1s GS1 GS4` for several sweeps.
fn cell(hunted: &Hunted, ground: Ground, eyes: Eyes) -> String {
    let all: Vec<&Hunt> =
        hunted.hunts.iter().filter(|hunt| (hunt.ground, hunt.eyes) == (ground, eyes)).collect();
    let found: Vec<&Hunt> = all.iter().copied().filter(|hunt| hunt.finding.is_some()).collect();
    if all.is_empty() {
        return "-".to_owned();
    }
    if found.is_empty() {
        let tried: u64 = all.iter().map(|hunt| hunt.tried).sum();
        return format!("not in {tried}");
    }
    let tried: Vec<u64> = found.iter().map(|hunt| hunt.tried).collect();
    let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
    let mean = tried.iter().sum::<u64>() / count;
    let seconds = all.iter().map(|hunt| hunt.seconds).sum::<f64>();
    let names: BTreeSet<&str> = found
        .iter()
        .filter_map(|hunt| hunt.finding.as_ref())
        .map(|finding| finding.detector.name())
        .collect();
    let names = names.into_iter().collect::<Vec<_>>().join(" ");
    let range = match (tried.iter().min(), tried.iter().max()) {
        (Some(least), Some(most)) if least < most => format!(" ({least}..{most})"),
        _ => String::new(),
    };
    let missed = match all.len() - found.len() {
        0 => String::new(),
        missed => format!(" missed {missed}x"),
    };
    format!("{mean}{range}{missed} {seconds:.1}s {names}")
}
