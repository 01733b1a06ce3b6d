//! The machine that a test runs on: its network, clock and dice, a directory, free ports.
//!
//! A test reaches them through the same seam as the broker does, so it has no clock of its own and
//! no sleep: there is [`Machine::wait_for`], with a name for what is waited for and a deadline.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater::host::tokio::TokioHost;
use highwater::host::{Host, Listener};
use tempfile::TempDir;

/// How long to wait before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Where ports are sought: below the range from which systems take the ports of outgoing
/// connections. A port of that range could be taken while the node that owns it is down, even by
/// a peer that tries to connect to it: on the loopback it would then be connected to itself.
const PORTS_FIRST: u16 = 12_000;
const PORTS: u16 = 16_000;

pub(crate) struct Machine {
    pub(crate) host: Host,
    directory: TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let host = TokioHost::new(directory.path().join("test")).expect("nobody else holds it");
        Self { host, directory }
    }

    /// A place for a file or directory of this test, gone at its end.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Ports that nobody listened on when they were bound, all at once, a moment ago.
    pub(crate) async fn free_ports<const N: usize>(&self) -> [u16; N] {
        let mut bound: BTreeMap<u16, Box<dyn Listener>> = BTreeMap::new();
        while bound.len() < N {
            let draw = u16::try_from(self.host.dice.next_u64() % u64::from(PORTS));
            let port = PORTS_FIRST + draw.expect("a remainder of a u16");
            if !bound.contains_key(&port)
                && let Ok(listener) = self.host.network.bind(&format!("127.0.0.1:{port}")).await
            {
                bound.insert(port, listener);
            }
        }
        let ports: Vec<u16> = bound.into_keys().collect();
        ports.try_into().expect("as many as were asked for")
    }

    /// Looks until there is something to see; fails in these words if there is nothing in time.
    pub(crate) async fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let looking = async {
            loop {
                if let Some(seen) = look().await {
                    return seen;
                }
                self.host.clock.sleep(LOOK_AGAIN).await;
            }
        };
        let seen = self.host.within(limit, looking).await;
        seen.unwrap_or_else(|| panic!("waited {limit:?} in vain for {what}"))
    }
}
