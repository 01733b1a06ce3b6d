//! The quorum's durable state on this controller's disk: one file of framed changes.
//!
//! Each frame is `length, crc32c, postcard(Change)`. Replaying the frames in order gives the state
//! to start from. A torn last frame was never promised to anybody, because nothing is sent before
//! the fsync that follows its frame; it is cut off. A snapshot begins a new file, which replaces
//! the old one by rename.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::host::{File, OpenMode, Storage};
use crate::quorum::{Change, Saved};

/// The directory that holds the file, named as Kafka names the metadata partition's.
pub(crate) const DIRECTORY: &str = "__cluster_metadata-0";
const FILE: &str = "__cluster_metadata-0/quorum.log";
const NEW_FILE: &str = "__cluster_metadata-0/quorum.log.new";
const FRAME_HEAD: u64 = 8;
/// No change is larger; a longer length can only be damage.
const FRAME_MAX: usize = 256 * 1024 * 1024;

/// The open file.
#[derive(Debug)]
pub(crate) struct QuorumLog {
    storage: Arc<dyn Storage>,
    file: Arc<dyn File>,
    end: u64,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QuorumLogError {
    /// The disk failed.
    #[error("{FILE}: {0}")]
    Disk(#[from] io::Error),
    /// A frame before the last is damaged: promises may be lost, so this node must not vote.
    #[error("{FILE}: the frame at byte {position} is damaged ({reason}) and more follow it")]
    Damaged {
        /// Where the frame begins.
        position: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A change could not be serialised.
    #[error("{FILE}: {0}")]
    Encoding(#[from] postcard::Error),
}

impl QuorumLog {
    /// Opens or makes the file and adds up what it holds.
    pub(crate) async fn open(storage: Arc<dyn Storage>) -> Result<(Self, Saved), QuorumLogError> {
        storage.create_dir_all(DIRECTORY)?;
        let is_new = !storage.exists(FILE);
        let file = storage.open(FILE, OpenMode::Create)?;
        if is_new {
            storage.sync_dir(DIRECTORY).await?;
            storage.sync_dir("").await?;
        }
        let (saved, end) = replay(file.as_ref())?;
        let size = file.size()?;
        if size > end {
            tracing::warn!(bytes = size - end, "cut a torn frame off the quorum's log");
            file.set_len(end)?;
            file.sync().await?;
        }
        Ok((Self { storage, file, end }, saved))
    }

    /// Makes a change durable. After an error this node must not go on as a voter.
    pub(crate) async fn append(&mut self, change: &Change) -> Result<(), QuorumLogError> {
        if change.snapshot.is_some() {
            return self.begin_anew(change).await;
        }
        let body = postcard::to_stdvec(change)?;
        self.file.write_at(self.end, &[&frame_head(&body), &body])?;
        self.end += FRAME_HEAD + body.len() as u64;
        self.file.sync().await?;
        Ok(())
    }

    /// Replaces the file by one that begins with a snapshot.
    async fn begin_anew(&mut self, change: &Change) -> Result<(), QuorumLogError> {
        let body = postcard::to_stdvec(change)?;
        if self.storage.exists(NEW_FILE) {
            self.storage.remove_file(NEW_FILE)?;
        }
        let file = self.storage.open(NEW_FILE, OpenMode::CreateNew)?;
        file.write_at(0, &[&frame_head(&body), &body])?;
        file.sync().await?;
        self.storage.rename(NEW_FILE, FILE)?;
        self.storage.sync_dir(DIRECTORY).await?;
        self.file = file;
        self.end = FRAME_HEAD + body.len() as u64;
        Ok(())
    }
}

fn frame_head(body: &[u8]) -> [u8; 8] {
    let length = u32::try_from(body.len()).expect("a change is far below 4 GiB");
    let mut head = [0; 8];
    head[..4].copy_from_slice(&length.to_be_bytes());
    head[4..].copy_from_slice(&crc32c::crc32c(body).to_be_bytes());
    head
}

/// Adds up the frames; also says where the last whole one ends.
fn replay(file: &dyn File) -> Result<(Saved, u64), QuorumLogError> {
    let size = file.size()?;
    let mut saved = Saved::default();
    let mut position = 0;
    while position < size {
        match read_frame(file, position, size)? {
            Ok((change, next)) => {
                add_up(&mut saved, change);
                position = next;
            }
            Err(reason) if is_torn_tail(file, position, size)? => {
                tracing::warn!(position, reason, "the quorum's log ends in a torn frame");
                break;
            }
            Err(reason) => return Err(QuorumLogError::Damaged { position, reason }),
        }
    }
    Ok((saved, position))
}

type Frame = Result<(Change, u64), &'static str>;

fn read_frame(file: &dyn File, position: u64, size: u64) -> io::Result<Frame> {
    let head = file.read_at(position, 8)?;
    if head.len() < 8 {
        return Ok(Err("its head is cut short"));
    }
    let (length, crc) = parse_head(&head);
    let next = position + FRAME_HEAD + length as u64;
    if length > FRAME_MAX || next > size {
        return Ok(Err("its length runs past the end"));
    }
    if length == 0 {
        return Ok(Err("it is empty"));
    }
    let body = file.read_at(position + FRAME_HEAD, length)?;
    if crc32c::crc32c(&body) != crc {
        return Ok(Err("its checksum does not match"));
    }
    Ok(postcard::from_bytes(&body).map(|change| (change, next)).map_err(|_| "it does not parse"))
}

fn parse_head(head: &Bytes) -> (usize, u32) {
    let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    (word(0) as usize, word(4))
}

/// Whether the damage at `position` can be the last append, torn: no whole frame follows it.
///
/// Every frame is synced before the next is written, so only the last can be torn. If a whole frame
/// stands behind the damaged one, the damage came later, and promises may be lost.
fn is_torn_tail(file: &dyn File, position: u64, size: u64) -> io::Result<bool> {
    let head = file.read_at(position, 8)?;
    if head.len() < 8 {
        return Ok(true);
    }
    let (length, _) = parse_head(&head);
    let next = position + FRAME_HEAD + length as u64;
    if length == 0 || length > FRAME_MAX || next >= size {
        return Ok(true);
    }
    Ok(read_frame(file, next, size)?.is_err())
}

fn add_up(saved: &mut Saved, change: Change) {
    if let Some(snapshot) = change.snapshot {
        saved.entries.retain(|entry| entry.index > snapshot.0);
        saved.snapshot = Some(snapshot);
    }
    if let Some(first) = change.entries.first() {
        let first = first.index;
        saved.entries.retain(|entry| entry.index < first);
    }
    saved.entries.extend(change.entries);
    if let Some(hard_state) = change.hard_state {
        saved.hard_state = hard_state;
    }
}
