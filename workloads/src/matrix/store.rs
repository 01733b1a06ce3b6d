//! The results of a matrix on disk, so that it can be interrupted and go on.
//!
//! One line of JSON for each run and seed. A line that was cut short by an interruption is dropped
//! and its run done again.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Cell, Figures, Run, Tally};

/// The file's name in the directory of the results.
pub const FILE: &str = "runs.jsonl";

/// What one run of one seed came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which run.
    pub run: Run,
    /// Which seed.
    pub seed: u64,
    /// What it showed.
    pub figures: Figures,
}

/// All results so far; in memory, and in a file if there is one.
#[derive(Default)]
pub struct Store {
    done: BTreeMap<(Run, u64), Figures>,
    file: Option<Box<dyn Write + Send>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("done", &self.done.len()).finish_non_exhaustive()
    }
}

impl Store {
    /// Results that are kept in memory only.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Opens the results in `directory`, which is made if it is not there.
    ///
    /// # Errors
    /// It cannot be made or read, or a whole line in it is not a result; with the file and the line.
    pub fn open(directory: &Path) -> Result<Self, String> {
        let path = directory.join(FILE);
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        fs::create_dir_all(directory).map_err(failed)?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let done = parse(&text[..whole], &path)?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        file.set_len(u64::try_from(whole).unwrap_or(u64::MAX)).map_err(failed)?;
        drop(file);
        let file = OpenOptions::new().append(true).open(&path).map_err(failed)?;
        Ok(Self { done, file: Some(Box::new(file)) })
    }

    /// Whether a run of a seed is done.
    #[must_use]
    pub fn has(&self, run: Run, seed: u64) -> bool {
        self.done.contains_key(&(run, seed))
    }

    /// Adds a result.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add(&mut self, run: Run, seed: u64, figures: Figures) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            let mut line = serde_json::to_string(&Line { run, seed, figures: figures.clone() })?;
            line.push('\n');
            file.write_all(line.as_bytes())?;
        }
        self.done.insert((run, seed), figures);
        Ok(())
    }

    /// What the given cells came to over the given seeds, as far as they were run.
    #[must_use]
    pub fn tallies(&self, cells: &[Cell], seeds: &[u64]) -> BTreeMap<Cell, Tally> {
        let tally = |cell: &Cell| {
            let mut tally = Tally::default();
            for seed in seeds {
                if let Some(figures) = self.done.get(&(cell.run(), *seed)) {
                    tally.add(*seed, cell.promise, figures);
                }
            }
            (*cell, tally.finished())
        };
        cells.iter().map(tally).collect()
    }
}

fn parse(text: &str, path: &Path) -> Result<BTreeMap<(Run, u64), Figures>, String> {
    let mut done = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Line { run, seed, figures } = serde_json::from_str(line)
            .map_err(|error| format!("{}: line {number}: {error}", path.display()))?;
        done.insert((run, seed), figures);
    }
    Ok(done)
}
