//! A soak's directory: what was asked for, and a line for each seed that was run.
//!
//! The lines are the truth. They are in the order of the seeds without a gap, so where to go on
//! follows from them; a last line that was cut short is dropped and its seed run again. Beside them
//! stands what cannot be told from them: which seeds were asked for, of which code, and how long it
//! took so far. The lines are synced every now and then and at each failure, the other file is
//! replaced whole. Whoever is killed loses some seconds.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::seed::Seed;
use harness::sweep::RunOutcome;
use serde::{Deserialize, Serialize};

use super::build::Build;
use super::shard::Shard;

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// What was asked for.
pub const STATE: &str = "soak.json";
/// One line for each seed.
pub const LINES: &str = "runs.jsonl";

/// No run writes a longer line; what is longer is no line of ours.
const LINE_MAX: u64 = 1 << 20;
/// After so many lines they are synced.
const SYNC_EVERY: u32 = 16;

/// When a soak is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// When somebody interrupts it.
    Endless,
    /// After so many seeds, over all shards together.
    Seeds(u64),
    /// After so many seconds on the machine's clock.
    Seconds(u64),
}

/// What a soak is, and how long it took so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The format's version, [`VERSION`].
    pub soak: u64,
    /// The code that runs.
    pub build: Build,
    /// The first seed of all shards.
    pub start: Seed,
    /// Which of the seeds.
    pub shard: Shard,
    /// When it is over.
    pub limit: Limit,
    /// The broken broker that is run, by its name in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<String>,
    /// Only what clients see counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clients_only: bool,
    /// How long it ran, interruptions left out.
    #[serde(rename = "lasted_ms", with = "harness::millis")]
    pub lasted: Duration,
}

impl State {
    /// The seed behind the last of all shards.
    #[must_use]
    pub fn end(&self) -> u64 {
        match self.limit {
            Limit::Endless | Limit::Seconds(_) => u64::MAX,
            Limit::Seeds(count) => self.start.0.saturating_add(count),
        }
    }

    /// The seed that follows when `run` seeds of this shard are done.
    #[must_use]
    pub fn next(&self, run: u64) -> u64 {
        let first = self.shard.first(self.start.0).unwrap_or(u64::MAX);
        first.saturating_add(run.saturating_mul(self.shard.count()))
    }

    /// How many seeds of this shard were asked for, if that is known.
    #[must_use]
    pub fn asked(&self) -> Option<u64> {
        match self.limit {
            Limit::Endless | Limit::Seconds(_) => None,
            Limit::Seeds(_) => {
                let first = self.next(0);
                Some(self.end().saturating_sub(first).div_ceil(self.shard.count()))
            }
        }
    }

    /// Whether all is done that was asked for, once `run` seeds are.
    #[must_use]
    pub fn is_complete(&self, run: u64) -> bool {
        match self.limit {
            // It has no end but the one that somebody made.
            Limit::Endless => true,
            Limit::Seconds(seconds) => self.lasted >= Duration::from_secs(seconds),
            Limit::Seeds(_) => self.asked().is_some_and(|asked| run >= asked),
        }
    }
}

/// What a directory holds, read line by line.
#[derive(Debug)]
pub struct Lines<R> {
    from: BufReader<R>,
    path: PathBuf,
    number: u64,
    bytes: u64,
}

impl<R: Read> Lines<R> {
    /// Reads from `from`, which is called `path` in messages.
    pub fn new(from: R, path: &Path) -> Self {
        Self { from: BufReader::new(from), path: path.to_owned(), number: 0, bytes: 0 }
    }

    /// The next outcome; `None` behind the last whole line.
    ///
    /// # Errors
    /// The file cannot be read, or a whole line is not an outcome; with the file and the line.
    pub fn next_outcome(&mut self) -> Result<Option<RunOutcome>, String> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.from).take(LINE_MAX);
        let read = bounded.read_until(b'\n', &mut line);
        self.number += 1;
        let place = || format!("{}: line {}", self.path.display(), self.number);
        read.map_err(|error| format!("{}: {error}", place()))?;
        if line.last() != Some(&b'\n') {
            if line.len() as u64 == LINE_MAX {
                return Err(format!("{}: longer than any line of ours", place()));
            }
            return Ok(None);
        }
        let outcome = serde_json::from_slice(&line);
        let outcome = outcome.map_err(|error| format!("{}: {error}", place()))?;
        self.bytes += line.len() as u64;
        Ok(Some(outcome))
    }

    /// Where in the file the last line that was read came from.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}: line {}", self.path.display(), self.number)
    }
}

/// The machine's own files, which a soak keeps its results in.
#[expect(clippy::disallowed_types, reason = "results are kept on the machine's disk, and synced")]
type OnDisk = fs::File;

/// The directory of a soak that is going on.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    lines: OnDisk,
    unsynced: u32,
}

impl Store {
    /// Begins in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// There is a soak in it already, or it cannot be written to.
    pub fn begin(directory: &Path, state: &State) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{}: {error}", directory.display());
        fs::create_dir_all(directory).map_err(failed)?;
        // Lines without any run are left by somebody who was killed before the state was there.
        let has_lines = directory.join(LINES).metadata().is_ok_and(|file| file.len() > 0);
        if directory.join(STATE).exists() || has_lines {
            let place = directory.display();
            return Err(format!("{place} has a soak in it: go on with --resume, or take another"));
        }
        let store = Self::open(directory)?;
        store.save(state).map_err(failed)?;
        Ok(store)
    }

    /// Goes on in a directory. `each` is given what was run so far, in order.
    ///
    /// # Errors
    /// There is no soak, or another process goes on with it; a file cannot be read or written; a
    /// line is missing, wrong, or of another seed than the one that should follow.
    pub fn resume(
        directory: &Path,
        state: &State,
        mut each: impl FnMut(&RunOutcome),
    ) -> Result<Self, String> {
        let mut store = Self::open(directory)?;
        let path = directory.join(LINES);
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        let from = OpenOptions::new().read(true).open(&path).map_err(failed)?;
        let mut lines = Lines::new(from, &path);
        let mut run = 0;
        while let Some(outcome) = lines.next_outcome()? {
            let expected = state.next(run);
            if outcome.seed != expected {
                let (found, expected) = (Seed(outcome.seed), Seed(expected));
                return Err(format!("{}: seed {found}, not {expected}", lines.place()));
            }
            each(&outcome);
            run += 1;
        }
        store.lines.set_len(lines.bytes).map_err(failed)?;
        store.sync().map_err(failed)?;
        Ok(store)
    }

    fn open(directory: &Path) -> Result<Self, String> {
        let path = directory.join(LINES);
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        let lines = OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
        if lines.try_lock().is_err() {
            return Err(format!("{}: another soak is at work there", path.display()));
        }
        Ok(Self { directory: directory.to_owned(), lines, unsynced: 0 })
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds a line. Returns whether the state should be saved too, now that lines were synced.
    ///
    /// # Errors
    /// It cannot be written or synced.
    pub fn add(&mut self, outcome: &RunOutcome) -> io::Result<bool> {
        let mut line = serde_json::to_vec(outcome)?;
        line.push(b'\n');
        self.lines.write_all(&line)?;
        self.unsynced += 1;
        if self.unsynced < SYNC_EVERY && outcome.passes() {
            return Ok(false);
        }
        self.sync()?;
        Ok(true)
    }

    /// Makes all lines durable.
    ///
    /// # Errors
    /// The device fails.
    pub fn sync(&mut self) -> io::Result<()> {
        self.unsynced = 0;
        self.lines.sync_data()
    }

    /// Replaces the state.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, state: &State) -> io::Result<()> {
        let text = serde_json::to_string_pretty(state)? + "\n";
        write_whole(&self.directory.join(STATE), text.as_bytes())
    }
}

/// The state of the soak in a directory; `None` if there is no soak.
///
/// # Errors
/// It cannot be read, is not ours or of another version; with the file.
pub fn state_of(directory: &Path) -> Result<Option<State>, String> {
    #[derive(Deserialize)]
    struct Version {
        soak: u64,
    }
    let path = directory.join(STATE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let wrong = |error: serde_json::Error| format!("{}: {error}", path.display());
    let Version { soak } = serde_json::from_str(&text).map_err(wrong)?;
    if soak != VERSION {
        let place = path.display();
        return Err(format!("{place}: version {soak}, and we read version {VERSION}"));
    }
    serde_json::from_str(&text).map(Some).map_err(wrong)
}

/// Replaces a file, so that at every moment it is the old one or the new one.
///
/// # Errors
/// It cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The name is durable once the directory is; where directories cannot be opened, so be it.
    if let Some(directory) = path.parent()
        && let Ok(directory) = OpenOptions::new().read(true).open(directory)
    {
        directory.sync_all().ok();
    }
    Ok(())
}
