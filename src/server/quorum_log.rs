//! The quorum's durable state on this controller's disk: one file of framed changes.
//!
//! Each frame is `magic, length, crc32c, postcard(Change)`. Replaying the frames in order gives the
//! state to start from. A torn last frame was never promised to anybody, because nothing is sent
//! before the fsync that follows its frame; it is cut off. A snapshot begins a new file, which
//! replaces the old one by rename.
//!
//! Every start writes the file anew. After an fsync that failed, what it covered still reads well
//! but may never reach the device, however many later fsyncs succeed; a run that built on it would
//! promise what the next power cut takes away (seed 0x7a25c with five brokers).

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::host::{File, OpenMode, Storage};
use crate::quorum::{Change, Saved};

/// The directory that holds the file, named as Kafka names the metadata partition's.
pub(crate) const DIRECTORY: &str = "__cluster_metadata-0";
const FILE: &str = "__cluster_metadata-0/quorum.log";
const NEW_FILE: &str = "__cluster_metadata-0/quorum.log.new";
/// Every frame begins with it, so that frames can be found behind damage.
const MAGIC: [u8; 4] = *b"HWQL";
const FRAME_HEAD: u64 = 12;

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
    /// Adds up what the file holds, and writes it anew.
    pub(crate) async fn open(storage: Arc<dyn Storage>) -> Result<(Self, Saved), QuorumLogError> {
        let is_new = !storage.exists(DIRECTORY);
        storage.create_dir_all(DIRECTORY)?;
        if is_new {
            storage.sync_dir("").await?;
        }
        let file = storage.open(FILE, OpenMode::Create)?;
        let saved = replay(file.as_ref())?;
        let mut log = Self { storage, file, end: 0 };
        log.begin_anew(&Change {
            snapshot: saved.snapshot.clone(),
            entries: saved.entries.clone(),
            hard_state: Some(saved.hard_state),
        })
        .await?;
        Ok((log, saved))
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

fn frame_head(body: &[u8]) -> [u8; 12] {
    let length = u32::try_from(body.len()).expect("a change is far below 4 GiB");
    let mut head = [0; 12];
    head[..4].copy_from_slice(&MAGIC);
    head[4..8].copy_from_slice(&length.to_be_bytes());
    head[8..].copy_from_slice(&crc32c::crc32c(body).to_be_bytes());
    head
}

/// Adds up the frames.
fn replay(file: &dyn File) -> Result<Saved, QuorumLogError> {
    let size = usize::try_from(file.size()?).unwrap_or(usize::MAX);
    let bytes = file.read_at(0, size)?;
    let mut saved = Saved::default();
    let mut position = 0;
    while position < bytes.len() {
        match read_frame(&bytes, position) {
            Ok((change, next)) => {
                add_up(&mut saved, change);
                position = next;
            }
            Err(reason) if is_followed_by_a_frame(&bytes, position) => {
                return Err(QuorumLogError::Damaged { position: position as u64, reason });
            }
            Err(reason) => {
                let bytes = bytes.len() - position;
                tracing::warn!(position, bytes, reason, "cut a torn frame off the quorum's log");
                break;
            }
        }
    }
    Ok(saved)
}

/// The frame at `position` and where it ends, or what is wrong with it.
fn read_frame(bytes: &Bytes, position: usize) -> Result<(Change, usize), &'static str> {
    let head_bytes = usize::try_from(FRAME_HEAD).expect("a few bytes");
    let head = bytes.get(position..position + head_bytes).ok_or("its head is cut short")?;
    if head[..4] != MAGIC {
        return Err("it does not begin like a frame");
    }
    let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (length, crc) = (word(4) as usize, word(8));
    let begin = position + head_bytes;
    let body = bytes.get(begin..begin.saturating_add(length)).ok_or("it runs past the end")?;
    if crc32c::crc32c(body) != crc {
        return Err("its checksum does not match");
    }
    let change = postcard::from_bytes(body).map_err(|_| "it does not parse")?;
    Ok((change, begin + length))
}

/// Whether a whole frame stands anywhere behind the damage at `position`.
///
/// Every frame is synced before the next is written, so only the last can be torn. If a whole one
/// stands behind the damage, the damage came later, and promises may be lost.
fn is_followed_by_a_frame(bytes: &Bytes, position: usize) -> bool {
    (position + 1..bytes.len())
        .filter(|at| bytes[*at..].starts_with(&MAGIC))
        .any(|at| read_frame(bytes, at).is_ok())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tokio::TokioHost;
    use crate::quorum::{HardState, LogEntry};

    fn change(index: u64) -> Change {
        let entry = LogEntry { epoch: 1, index, payload: Bytes::from(vec![7; 20]) };
        let hard_state = HardState { epoch: 1, vote: 2, commit: index - 1 };
        Change { snapshot: None, entries: vec![entry], hard_state: Some(hard_state) }
    }

    async fn with_three_changes() -> (tempfile::TempDir, Arc<dyn Storage>) {
        let directory = tempfile::tempdir().unwrap();
        let storage = TokioHost::new(directory.path()).unwrap().storage;
        let (mut log, saved) = QuorumLog::open(storage.clone()).await.unwrap();
        assert_eq!(saved, Saved::default());
        for index in 1..=3 {
            log.append(&change(index)).await.unwrap();
        }
        (directory, storage)
    }

    fn indexes(saved: &Saved) -> Vec<u64> {
        saved.entries.iter().map(|entry| entry.index).collect()
    }

    fn damage(storage: &Arc<dyn Storage>, position: u64, bytes: &[u8]) {
        storage.open(FILE, OpenMode::Existing).unwrap().write_at(position, &[bytes]).unwrap();
    }

    #[tokio::test]
    async fn what_was_appended_is_there_after_a_restart_and_after_another() {
        let (_directory, storage) = with_three_changes().await;
        for _ in 0..2 {
            let (_, saved) = QuorumLog::open(storage.clone()).await.unwrap();
            assert_eq!(indexes(&saved), [1, 2, 3]);
            assert_eq!(saved.hard_state, HardState { epoch: 1, vote: 2, commit: 2 });
        }
    }

    #[tokio::test]
    async fn a_later_entry_replaces_those_at_and_behind_its_position() {
        let (_directory, storage) = with_three_changes().await;
        let (mut log, _) = QuorumLog::open(storage.clone()).await.unwrap();
        log.append(&change(2)).await.unwrap();
        let (_, saved) = QuorumLog::open(storage).await.unwrap();
        assert_eq!(indexes(&saved), [1, 2]);
    }

    #[tokio::test]
    async fn a_torn_tail_is_cut_and_nothing_else() {
        let (_directory, storage) = with_three_changes().await;
        let file = storage.open(FILE, OpenMode::Existing).unwrap();
        file.set_len(file.size().unwrap() - 5).unwrap();
        let (_, saved) = QuorumLog::open(storage).await.unwrap();
        assert_eq!(indexes(&saved), [1, 2]);
    }

    #[tokio::test]
    async fn a_hole_before_a_whole_frame_is_damage_and_no_torn_tail() {
        let (_directory, storage) = with_three_changes().await;
        let size = storage.open(FILE, OpenMode::Existing).unwrap().size().unwrap();
        // The first frame is what opening wrote; a hole where the second begins.
        let (first, _) = read_frame_length(&storage);
        damage(&storage, first, &[0; 16]);
        let refused = QuorumLog::open(storage.clone()).await.unwrap_err();
        assert!(matches!(refused, QuorumLogError::Damaged { position, .. } if position == first));
        assert_eq!(storage.open(FILE, OpenMode::Existing).unwrap().size().unwrap(), size);
    }

    fn read_frame_length(storage: &Arc<dyn Storage>) -> (u64, Change) {
        let file = storage.open(FILE, OpenMode::Existing).unwrap();
        let bytes = file.read_at(0, usize::try_from(file.size().unwrap()).unwrap()).unwrap();
        let (change, next) = read_frame(&bytes, 0).unwrap();
        (next as u64, change)
    }
}
