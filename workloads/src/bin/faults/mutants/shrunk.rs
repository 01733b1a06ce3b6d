//! `faults mutants --shrink`: how far each seed that was found can be cut down.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use harness::report::{Style, Tone};
use serde::Serialize;
use workloads::shrink::{Limits, Progress, fails_as_story, shrink};

use super::{Eyes, Ground, Hunt, Hunted, Hunter, Quarry, Summary, broken};
use crate::interrupt::{self, wall_clock};
use crate::shrink::Summary as Told;

/// A finding that was cut down.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cut {
    #[serde(flatten)]
    told: Told,
    /// A story in the cluster's verbs fails in the same way.
    story: bool,
}

impl Hunter<'_> {
    /// What was found in the full simulation, cut down; `None` if nothing was, or nobody asked.
    pub(super) fn cut_down(&self, quarry: &Quarry, hunt: &Hunt) -> Option<Cut> {
        let budget = Duration::from_secs(self.arguments.shrink?);
        let finding = match hunt.ground {
            Ground::Simulation => hunt.finding.as_ref()?,
            Ground::Rooms => return None,
        };
        let plan = broken(quarry, hunt.eyes).plan(finding.seed);
        let began = wall_clock();
        let is_enough = || self.interrupted.load(Ordering::Relaxed) || began.elapsed() >= budget;
        let told = |progress: &Progress| {
            let Progress { runs, faults, doing } = progress;
            let words = format!("seed {}: {faults} faults tried, {doing}", finding.seed);
            self.bar.set_length(*runs);
            self.bar.set_position(*runs);
            self.bar.set_message(words);
        };
        let workers = self.arguments.workers.unwrap_or_else(interrupt::cores);
        let limits = Limits { workers, is_enough: &is_enough, told: &told };
        // The seed has failed once, so it fails again.
        let shrunk = shrink(&plan, limits).ok()?;
        let told = Told::new(&shrunk, began.elapsed());
        Some(Cut { told, story: fails_as_story(&shrunk) })
    }
}

/// The median of how many faults are left; the upper one of an even number.
pub(super) fn median(mutants: &[Hunted]) -> Option<usize> {
    let hunts = mutants.iter().flat_map(|hunted| &hunted.hunts);
    let left = hunts.filter_map(|hunt| Some(hunt.shrunk.as_ref()?.told.after.faults));
    let mut left: Vec<usize> = left.collect();
    left.sort_unstable();
    left.get(left.len() / 2).copied()
}

/// A line for each that was cut down; nothing if none was.
pub(super) fn write(summary: &Summary, out: &mut impl Write, style: Style) -> io::Result<()> {
    let Some(median) = summary.faults_left_median else { return Ok(()) };
    let heading = Row {
        id: "",
        cells: ["seen by", "seed", "signature", "faults", "brokers", "clients"].map(str::to_owned),
        cost: ["simulated", "runs", "took", "as a test"].map(str::to_owned),
    };
    writeln!(out, "\n{}", style.paint(Tone::Heading, &heading.to_string()))?;
    let mut spread: BTreeMap<usize, usize> = BTreeMap::new();
    for hunted in &summary.mutants {
        for hunt in &hunted.hunts {
            if let (Some(cut), Some(finding)) = (&hunt.shrunk, &hunt.finding) {
                let seed = finding.seed.to_string();
                writeln!(out, "{}", row(&hunted.quarry.id, hunt.eyes, seed, cut))?;
                *spread.entry(cut.told.after.faults).or_default() += 1;
            }
        }
    }
    let spread: Vec<String> =
        spread.iter().map(|(faults, count)| format!("{faults} in {count}")).collect();
    writeln!(out, "faults left: {}; median {median}", spread.join(", "))
}

fn row<'a>(id: &'a str, eyes: Eyes, seed: String, cut: &Cut) -> Row<'a> {
    let Told { signature, before, after, runs, seconds, complete, .. } = &cut.told;
    let eyes = match eyes {
        Eyes::All => "all",
        Eyes::Clients => "clients",
    };
    let change = |before: usize, after: usize| format!("{before} -> {after}");
    let test = if cut.story { "a story" } else { "a plan" };
    let unfinished = if *complete { "" } else { ", not done" };
    Row {
        id,
        cells: [
            eyes.to_owned(),
            seed,
            signature.to_string(),
            change(before.faults, after.faults),
            change(before.brokers, after.brokers),
            change(before.clients, after.clients),
        ],
        cost: [
            format!("{:.1}s", after.simulated.as_secs_f64()),
            runs.to_string(),
            format!("{seconds:.1}s"),
            format!("{test}{unfinished}"),
        ],
    }
}

/// A line of the table.
struct Row<'a> {
    id: &'a str,
    cells: [String; 6],
    cost: [String; 4],
}

impl std::fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [eyes, seed, signature, faults, brokers, clients] = &self.cells;
        let [simulated, runs, took, test] = &self.cost;
        write!(f, "{:<5}{eyes:<9}{seed:<7}{signature:<40}", self.id)?;
        write!(f, "{faults:<10}{brokers:<9}{clients:<9}{simulated:>9}{runs:>7}{took:>8}  {test}")
    }
}
