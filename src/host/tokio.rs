//! The real machine: tokio's sockets, the file system, the system's clock and its randomness.
//!
//! Nothing else in the broker reaches past the seam, so this is the only code that a simulation
//! does not run.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the one place that touches the machine"
)]

mod clock;
mod network;
mod storage;

use std::io;
use std::path::Path;
use std::sync::Arc;

use rand::TryRngCore;
use rand::rngs::OsRng;

use super::probe::{Observation, Probe};
use super::{Dice, Host};
use clock::SystemClock;
use network::TokioNetwork;
use storage::Directory;

/// Makes a [`Host`] out of this machine.
#[derive(Clone, Copy, Debug)]
pub struct TokioHost;

impl TokioHost {
    /// Takes `data_dir` as the root of everything stored, makes it if it is not there, and locks
    /// it against a second broker. Must run inside a tokio runtime with time and I/O when used.
    ///
    /// # Errors
    /// The directory cannot be made, or another process holds it (`WouldBlock`).
    #[expect(clippy::new_ret_no_self, reason = "the value made is the seam, whoever is behind it")]
    pub fn new(data_dir: impl AsRef<Path>) -> io::Result<Host> {
        Ok(Host {
            network: Arc::new(TokioNetwork),
            storage: Arc::new(Directory::open(data_dir.as_ref())?),
            clock: Arc::new(SystemClock::start()),
            dice: Arc::new(SystemDice),
            probe: Arc::new(LogProbe),
        })
    }
}

/// The operating system's randomness.
#[derive(Debug)]
struct SystemDice;

impl Dice for SystemDice {
    fn next_u64(&self) -> u64 {
        OsRng.try_next_u64().expect("an operating system that can run a broker has randomness")
    }
}

/// Writes what happens into the log.
#[derive(Debug)]
struct LogProbe;

impl Probe for LogProbe {
    fn observe(&self, observation: Observation) {
        if let Observation::StorageFailed { partition, error } = &observation {
            tracing::error!(%partition, error, "the disk failed under a partition");
        } else if let Observation::LogOpened { partition, batches, bytes_cut, .. } = &observation {
            // The list of all batches is for whoever compares replicas, not for a log line.
            tracing::debug!(%partition, batches = batches.len(), bytes_cut, "log opened");
        } else {
            tracing::debug!(?observation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_broker_is_kept_out_of_the_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("made/on/the/way");
        let first = TokioHost::new(&data).unwrap();
        let refused = TokioHost::new(&data).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        assert!(refused.to_string().contains("made/on/the/way"), "{refused}");
        drop(first);
        TokioHost::new(&data).expect("free again");
    }

    #[test]
    fn dice_differ() {
        assert_ne!(SystemDice.next_u64(), SystemDice.next_u64());
    }
}
