//! The clean-shutdown marker of a log directory (`.kafka_cleanshutdown`, KIP-966).
//!
//! It says that everything was flushed when the broker stopped, and under which epoch that broker was
//! registered: the controller trusts the logs of a broker that comes back with its last epoch (R19,
//! R21). A marker that outlived a crash would vouch for logs that nobody flushed. So it is removed,
//! durably, before anything is opened, and written only after all flushes.

use super::error::CheckpointError;
use super::small_file;
use crate::host::Storage;
use crate::types::BrokerEpoch;

/// The marker's name.
pub const NAME: &str = ".kafka_cleanshutdown";

/// Leaves a marker in `directory`. Call it after every log has been flushed.
///
/// # Errors
/// The device failed; the next start then counts as unclean.
pub async fn write(
    storage: &dyn Storage,
    directory: &str,
    broker_epoch: BrokerEpoch,
) -> Result<(), CheckpointError> {
    let path = path_in(directory);
    let content = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
    small_file::replace_durably(storage, &path, content.as_bytes())
        .await
        .map_err(|source| CheckpointError::Io { path, source })
}

/// Takes the marker away and says what it held; `None` if the last stop was not clean. Once this
/// returns, even with an error about the content, no loss of power brings the marker back.
///
/// # Errors
/// The marker is not what was written (treat the stop as unclean), or the device failed.
pub async fn take(
    storage: &dyn Storage,
    directory: &str,
) -> Result<Option<BrokerEpoch>, CheckpointError> {
    let path = path_in(directory);
    let io = |source| CheckpointError::Io { path: path.clone(), source };
    let Some(content) = small_file::read(storage, &path).map_err(io)? else { return Ok(None) };
    storage.remove_file(&path).map_err(io)?;
    storage.sync_dir(directory).await.map_err(io)?;
    parse(&content).map(Some).ok_or_else(|| CheckpointError::Broken {
        path: path.clone(),
        line: 1,
        why: "not a clean-shutdown marker of version 0".to_owned(),
    })
}

fn path_in(directory: &str) -> String {
    if directory.is_empty() { NAME.to_owned() } else { format!("{directory}/{NAME}") }
}

/// Reads `{"version":0,"brokerEpoch":n}`, its two members in either order. It is the only JSON in
/// the house, and two numbers do not need a parser.
fn parse(content: &[u8]) -> Option<BrokerEpoch> {
    let text: String = std::str::from_utf8(content).ok()?.split_whitespace().collect();
    let members = text.strip_prefix('{')?.strip_suffix('}')?;
    let (first, second) = members.split_once(',')?;
    let member = |name: &str| {
        [first, second].into_iter().find_map(|member| {
            member.strip_prefix('"')?.strip_prefix(name)?.strip_prefix("\":")?.parse::<i64>().ok()
        })
    };
    (member("version")? == 0).then_some(())?;
    member("brokerEpoch").map(BrokerEpoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_marker_is_read() {
        assert_eq!(parse(b"{\"version\":0,\"brokerEpoch\":42}"), Some(BrokerEpoch(42)));
        assert_eq!(parse(b"{ \"brokerEpoch\" : -1, \"version\" : 0 }\n"), Some(BrokerEpoch(-1)));
    }

    #[test]
    fn anything_else_is_no_marker() {
        for content in ["", "{}", "{\"version\":1,\"brokerEpoch\":42}", "{\"version\":0}", "\0\0"] {
            assert_eq!(parse(content.as_bytes()), None, "{content:?}");
        }
    }
}
