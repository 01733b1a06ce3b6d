//! Which files are to be judged.

use std::fs;
use std::path::{Path, PathBuf};

use harness::exit::OutcomeVerdict;

use super::expected::{Expected, NAME};

/// Files that belong together: one that was named, or those of a folder.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) folder: bool,
    pub(super) files: Vec<PathBuf>,
    expected: Option<Expected>,
}

impl Batch {
    /// The verdict that this file is expected to get, if anybody said so.
    pub(super) fn expected(&self, file: &Path) -> Option<OutcomeVerdict> {
        self.expected.as_ref()?.of(&file.file_name()?.to_string_lossy())
    }
}

/// The files and folders that were named.
pub(super) fn batches(named: &[PathBuf]) -> Result<Vec<Batch>, String> {
    let mut batches = Vec::new();
    for path in named {
        let failed = |error| format!("{}: {error}", path.display());
        if fs::metadata(path).map_err(failed)?.is_dir() {
            batches.push(folder(path)?);
        } else if let Some(batch) = batches.last_mut().filter(|batch: &&mut Batch| !batch.folder) {
            batch.files.push(path.clone());
        } else {
            batches.push(Batch { folder: false, files: vec![path.clone()], expected: None });
        }
    }
    Ok(batches)
}

fn folder(path: &Path) -> Result<Batch, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut files = Vec::new();
    let mut expected = None;
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let notes = Path::new(&name).extension().is_some_and(|ending| ending == "md");
        if name == NAME {
            expected = Some(Expected::read(&file)?);
        } else if !notes && !name.starts_with('.') && file.is_file() {
            files.push(file);
        }
    }
    if let Some(expected) = &expected {
        // Whatever is expected must be there; that it cannot be read is then told by its name.
        files = expected.names().map(|name| path.join(name)).collect();
    }
    if files.is_empty() {
        return Err(format!("{}: there is no history in this folder", path.display()));
    }
    files.sort();
    Ok(Batch { folder: true, files, expected })
}
