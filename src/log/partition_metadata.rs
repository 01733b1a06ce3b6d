//! `partition.metadata`: which topic's log a directory holds (KIP-516).
//!
//! A topic that was deleted and made anew under its old name has another id. A replica that finds the
//! old id in the directory holds the old topic's records and must not serve them as the new one's.

use super::error::CheckpointError;
use super::small_file;
use crate::host::Storage;
use crate::types::TopicId;

/// The file's name.
pub const NAME: &str = "partition.metadata";

/// Writes the id of the topic whose log is in `directory`, durably.
///
/// # Errors
/// The device failed.
pub async fn write(
    storage: &dyn Storage,
    directory: &str,
    topic: TopicId,
) -> Result<(), CheckpointError> {
    let path = format!("{directory}/{NAME}");
    let content = format!("version: 0\ntopic_id: {topic}\n");
    small_file::replace_durably(storage, &path, content.as_bytes())
        .await
        .map_err(|source| CheckpointError::Io { path, source })
}

/// Reads the id of the topic whose log is in `directory`; `None` if it was never written.
///
/// # Errors
/// The file is not what was written, or the device failed.
pub fn read(storage: &dyn Storage, directory: &str) -> Result<Option<TopicId>, CheckpointError> {
    let path = format!("{directory}/{NAME}");
    let content = small_file::read(storage, &path)
        .map_err(|source| CheckpointError::Io { path: path.clone(), source })?;
    let Some(content) = content else { return Ok(None) };
    let text = String::from_utf8_lossy(&content);
    let mut lines = text.lines();
    let broken = |line: usize, why: &str| CheckpointError::Broken {
        path: path.clone(),
        line,
        why: why.to_owned(),
    };
    if lines.next() != Some("version: 0") {
        return Err(broken(1, "the version is not 0"));
    }
    let id = lines.next().and_then(|line| line.strip_prefix("topic_id: ")).and_then(parse_id);
    id.map(Some).ok_or_else(|| broken(2, "no topic id"))
}

/// Reads the URL-safe base64 in which Kafka prints its UUIDs: 21 digits of six bits and one of two.
fn parse_id(text: &str) -> Option<TopicId> {
    if text.len() != 22 {
        return None;
    }
    let mut number: u128 = 0;
    for (index, byte) in text.bytes().enumerate() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        number = if index < 21 {
            (number << 6) | u128::from(digit)
        } else {
            (digit & 0x0f == 0).then_some((number << 2) | u128::from(digit >> 4))?
        };
    }
    Some(TopicId(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_printed() {
        for words in [(0, 0), (u64::MAX, u64::MAX), (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210)]
        {
            let id = TopicId::from_words(words.0, words.1);
            assert_eq!(parse_id(&id.to_string()), Some(id));
        }
        assert_eq!(parse_id("AAAAAAAAAAAAAAAAAAAAAB"), None, "bits that no id has");
        assert_eq!(parse_id("too-short"), None);
    }
}
