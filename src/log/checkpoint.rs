//! Kafka's text checkpoints: one offset for each partition of a log directory.
//!
//! `replication-offset-checkpoint`, `recovery-point-offset-checkpoint` and
//! `log-start-offset-checkpoint` look alike: a version, a count, and `topic partition offset` lines.
//! A checkpoint may lag behind the truth but must never lead it (R32); that is the caller's part.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::error::CheckpointError;
use super::small_file;
use crate::host::Storage;
use crate::types::{Offset, TopicPartition};

/// High watermarks; a lower bound only.
pub const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
/// Recovery points: everything below is on the device.
pub const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
/// Log start offsets.
pub const LOG_START_OFFSETS: &str = "log-start-offset-checkpoint";

const VERSION: &str = "0";

/// Replaces the checkpoint at `path`. Once this returns it survives a loss of power.
///
/// # Errors
/// The device failed; the file is then the old one or the new one.
pub async fn write(
    storage: &dyn Storage,
    path: &str,
    offsets: &BTreeMap<TopicPartition, Offset>,
) -> Result<(), CheckpointError> {
    let rows = offsets.iter().map(|(tp, offset)| format!("{} {} {offset}", tp.topic, tp.partition));
    let content = encode(rows);
    small_file::replace_durably(storage, path, content.as_bytes())
        .await
        .map_err(|source| CheckpointError::Io { path: path.to_owned(), source })
}

/// Reads the checkpoint at `path`; a missing file is an empty one.
///
/// # Errors
/// The file is not what was written, or the device failed. The caller starts from zero then.
pub fn read(
    storage: &dyn Storage,
    path: &str,
) -> Result<BTreeMap<TopicPartition, Offset>, CheckpointError> {
    let mut offsets = BTreeMap::new();
    let Some(mut lines) = Lines::open(storage, path)? else { return Ok(offsets) };
    let count = lines.head()?;
    for _ in 0..count {
        let [topic, partition, offset] = lines.fields()?;
        let partition: i32 = lines.number(partition)?;
        let offset: i64 = lines.number(offset)?;
        if partition < 0 || offset < 0 {
            return Err(lines.broken("negative numbers"));
        }
        let partition = TopicPartition::new(Arc::<str>::from(topic), partition);
        if offsets.insert(partition, Offset(offset)).is_some() {
            return Err(lines.broken("the partition is listed twice"));
        }
    }
    lines.end()?;
    Ok(offsets)
}

/// The text of a checkpoint with these rows.
pub(super) fn encode(rows: impl Iterator<Item = String>) -> String {
    let rows: Vec<String> = rows.collect();
    let mut text = format!("{VERSION}\n{}\n", rows.len());
    for row in rows {
        text.push_str(&row);
        text.push('\n');
    }
    text
}

/// A checkpoint's text, line by line. Strict: a file that ends early, or late, or without its last
/// newline, has been torn.
pub(super) struct Lines<'path> {
    path: &'path str,
    text: String,
    position: usize,
    line: usize,
}

impl<'path> Lines<'path> {
    /// Reads the file at `path`; `None` if there is none.
    pub(super) fn open(
        storage: &dyn Storage,
        path: &'path str,
    ) -> Result<Option<Self>, CheckpointError> {
        let content = small_file::read(storage, path)
            .map_err(|source| CheckpointError::Io { path: path.to_owned(), source })?;
        let Some(content) = content else { return Ok(None) };
        let mut lines = Self { path, text: String::new(), position: 0, line: 1 };
        match String::from_utf8(content.to_vec()) {
            Ok(text) => lines.text = text,
            Err(_) => return Err(lines.broken("not text")),
        }
        Ok(Some(lines))
    }

    /// An error about the current line.
    pub(super) fn broken(&self, why: &str) -> CheckpointError {
        CheckpointError::Broken { path: self.path.to_owned(), line: self.line, why: why.to_owned() }
    }

    fn next(&mut self) -> Result<&str, CheckpointError> {
        if self.position > 0 {
            self.line += 1;
        }
        let Some(len) = self.text[self.position..].find('\n') else {
            return Err(self.broken("the file ends here"));
        };
        let start = self.position;
        self.position += len + 1;
        Ok(&self.text[start..start + len])
    }

    /// Reads the version and the count.
    pub(super) fn head(&mut self) -> Result<usize, CheckpointError> {
        if self.next()? != VERSION {
            return Err(self.broken("the version is not 0"));
        }
        let count = self.next()?.to_owned();
        self.number(count)
    }

    /// The next line's fields.
    pub(super) fn fields<const N: usize>(&mut self) -> Result<[String; N], CheckpointError> {
        let fields: Vec<String> = self.next()?.split(' ').map(str::to_owned).collect();
        fields.try_into().map_err(|_| self.broken(&format!("expected {N} fields")))
    }

    /// A field as a number.
    pub(super) fn number<T: std::str::FromStr>(
        &self,
        field: impl AsRef<str>,
    ) -> Result<T, CheckpointError> {
        let field = field.as_ref();
        field.parse().map_err(|_| self.broken(&format!("{field:?} is not a number in range")))
    }

    /// Nothing may follow.
    pub(super) fn end(&mut self) -> Result<(), CheckpointError> {
        if self.position == self.text.len() {
            return Ok(());
        }
        self.line += 1;
        Err(self.broken("more lines than the file says it has"))
    }
}

impl From<CheckpointError> for io::Error {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Io { source, .. } => source,
            CheckpointError::Broken { .. } => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}
