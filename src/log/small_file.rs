//! Replacing small files whole: write beside, then rename over.
//!
//! A reader finds the old content or the new, never a mixture. Whether it finds the new one after a
//! power loss depends on who asks: [`replace_durably`] waits for the device, [`replace`] leaves that
//! to a later flush.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::host::{File, OpenMode, Storage};

/// Makes the file at `path` anew and empty. Never writes into the file that may be there already:
/// its old bytes could come back after a power loss.
pub(super) fn fresh(storage: &dyn Storage, path: &str) -> io::Result<Arc<dyn File>> {
    remove_if_exists(storage, path)?;
    storage.open(path, OpenMode::CreateNew)
}

/// Removes the file at `path`, if there is one.
pub(super) fn remove_if_exists(storage: &dyn Storage, path: &str) -> io::Result<()> {
    if storage.exists(path) { storage.remove_file(path) } else { Ok(()) }
}

/// Puts `content` at `path`; a crash of the process cannot tear it, a loss of power can.
pub(super) fn replace(
    storage: &dyn Storage,
    path: &str,
    content: &[u8],
) -> io::Result<Arc<dyn File>> {
    let temporary = format!("{path}.tmp");
    let file = fresh(storage, &temporary)?;
    file.write_at(0, &[content])?;
    storage.rename(&temporary, path)?;
    Ok(file)
}

/// Puts `content` at `path`. Once this returns, no loss of power can take it back (R32).
pub(super) async fn replace_durably(
    storage: &dyn Storage,
    path: &str,
    content: &[u8],
) -> io::Result<()> {
    let temporary = format!("{path}.tmp");
    let file = fresh(storage, &temporary)?;
    file.write_at(0, &[content])?;
    file.sync().await?;
    storage.rename(&temporary, path)?;
    storage.sync_dir(parent(path)).await
}

/// All of the file at `path`; `None` if there is no such file.
pub(super) fn read(storage: &dyn Storage, path: &str) -> io::Result<Option<Bytes>> {
    if !storage.exists(path) {
        return Ok(None);
    }
    let file = storage.open(path, OpenMode::Existing)?;
    let size = usize::try_from(file.size()?).map_err(io::Error::other)?;
    file.read_at(0, size).map(Some)
}

/// The directory that `path` is in; the empty path is the storage's root.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}
