//! Joins what several machines found.
//!
//! The lines of all directories are merged by seed, as if one machine had run them in turn. So the
//! totals of all shards together are those of the whole, to the digest. A seed that was run twice
//! would count twice, and seeds of different code have nothing in common: both are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::seed::Seed;
use harness::sweep::{Ended, RunOutcome, SweepSummary};

use super::ledger::Ledger;
use super::store::{LINES, Lines, State, state_of};
use crate::profile::Profile;

/// What several soaks came to together.
#[derive(Debug)]
pub struct Merged {
    /// All runs.
    pub ledger: Ledger,
    /// The states of the soaks, in the order of their directories.
    pub states: Vec<State>,
    /// The totals. The time is that of all machines together.
    pub summary: SweepSummary,
    /// What a reader should know: soaks that were interrupted, shards that are missing.
    pub notes: Vec<String>,
}

/// A directory that is being read.
struct Part {
    directory: PathBuf,
    state: State,
    #[expect(clippy::disallowed_types, reason = "results are on the machine's disk")]
    lines: Lines<std::fs::File>,
    head: Option<RunOutcome>,
    run: u64,
}

/// Joins the soaks in these directories. `profile` makes the profile of a state.
///
/// # Errors
/// There is no soak in a directory, its files cannot be read, two ran different code or different
/// brokers, or two ran the same seed; with the directories.
pub fn merge(
    directories: &[PathBuf],
    profile: impl FnOnce(&State) -> Result<Profile, String>,
    required: impl FnOnce(u64) -> Vec<String>,
) -> Result<Merged, String> {
    let mut parts = Vec::new();
    for directory in directories {
        parts.push(Part::open(directory)?);
    }
    let first = parts.first().ok_or_else(|| "no directory to merge".to_owned())?;
    for other in &parts[1..] {
        must_belong_together(first, other)?;
    }
    let asked: u64 = parts.iter().filter_map(|part| part.state.asked()).sum();
    let start = parts.iter().filter_map(|part| part.head.as_ref().map(|head| head.seed)).min();
    let start = start.unwrap_or(first.state.start.0);
    let mut ledger = Ledger::new(profile(&first.state)?, start, &required(asked));
    while let Some(index) = smallest(&parts)? {
        let outcome = parts[index].advance()?;
        ledger.add(&outcome);
    }
    Ok(conclude(ledger, parts))
}

fn must_belong_together(one: &Part, other: &Part) -> Result<(), String> {
    let places = format!("{} and {}", one.directory.display(), other.directory.display());
    if !one.state.build.is_same_code(&other.state.build) {
        let (one, other) = (one.state.build.words(), other.state.build.words());
        let hint = "a seed means something only together with the code; where each machine \
                    compiles for itself, set HIGHWATER_COMMIT then";
        return Err(format!("{places} ran different code: {one}; {other} ({hint})"));
    }
    let what = |state: &State| (state.mutant.clone(), state.clients_only);
    if what(&one.state) != what(&other.state) {
        return Err(format!("{places} ran different brokers, or judged them differently"));
    }
    Ok(())
}

/// The part whose next outcome is of the smallest seed.
fn smallest(parts: &[Part]) -> Result<Option<usize>, String> {
    let mut heads: BTreeMap<u64, usize> = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        let Some(head) = &part.head else { continue };
        if let Some(other) = heads.insert(head.seed, index) {
            let (one, other) = (part.directory.display(), parts[other].directory.display());
            let seed = Seed(head.seed);
            return Err(format!(
                "seed {seed} was run in {other} and in {one}: it would count twice"
            ));
        }
    }
    Ok(heads.first_key_value().map(|(_, index)| *index))
}

impl Part {
    fn open(directory: &Path) -> Result<Self, String> {
        let state = state_of(directory)?;
        let state = state.ok_or_else(|| format!("{}: no soak is there", directory.display()))?;
        let path = directory.join(LINES);
        let file = OpenOptions::new().read(true).open(&path);
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        let lines = Lines::new(file, &path);
        let mut part = Self { directory: directory.to_owned(), state, lines, head: None, run: 0 };
        part.head = part.lines.next_outcome()?;
        Ok(part)
    }

    /// Its next outcome, of which there must be one.
    fn advance(&mut self) -> Result<RunOutcome, String> {
        let next = self.lines.next_outcome()?;
        let outcome = std::mem::replace(&mut self.head, next);
        let outcome = outcome.ok_or_else(|| format!("{}: nothing is left", self.lines.place()))?;
        self.run += 1;
        if let Some(next) = &self.head
            && next.seed <= outcome.seed
        {
            let (next, last) = (Seed(next.seed), Seed(outcome.seed));
            return Err(format!("{}: seed {next} behind {last}", self.lines.place()));
        }
        Ok(outcome)
    }
}

fn conclude(ledger: Ledger, parts: Vec<Part>) -> Merged {
    let mut notes = Vec::new();
    let mut unfinished = None;
    for part in &parts {
        if !part.state.is_complete(part.run) {
            unfinished.get_or_insert(part.state.next(part.run));
            let place = part.directory.display();
            notes.push(format!("{place} is not complete: go on with --resume {place}"));
        }
    }
    notes.extend(missing_shards(&parts));
    let asked: u64 = parts.iter().map(|part| part.state.asked().unwrap_or(part.run)).sum();
    let lasted: Duration = parts.iter().map(|part| part.state.lasted).sum();
    let ended = unfinished.map_or(Ended::Complete, |next| Ended::Interrupted { next });
    let summary = ledger.summary(asked, ended, lasted);
    let states = parts.into_iter().map(|part| part.state).collect();
    Merged { ledger, states, summary, notes }
}

/// Shards of the same whole that nobody brought.
fn missing_shards(parts: &[Part]) -> Vec<String> {
    let mut brought: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for part in parts {
        let shard = part.state.shard;
        brought.entry(shard.count()).or_default().insert(shard.index());
    }
    let incomplete = brought.into_iter().filter(|(count, there)| there.len() as u64 != *count);
    incomplete
        .map(|(count, there)| {
            let there: Vec<String> = there.iter().map(u64::to_string).collect();
            format!("of {count} shards only {} are here", there.join(", "))
        })
        .collect()
}
