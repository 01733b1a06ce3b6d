//! The machine that a test runs on: its network, clock and dice, a directory, free ports.
//!
//! A test reaches them through the same seam as the broker does, so it has no clock of its own and
//! no sleep: there is [`Machine::wait_for`], with a name for what is waited for and a deadline.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use highwater::host::Host;
use highwater::host::tokio::TokioHost;
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
    /// Sockets of the other protocol on every port that was given out.
    reservations: Mutex<Vec<UdpSocket>>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let host = TokioHost::new(directory.path().join("test")).expect("nobody else holds it");
        Self { host, directory, reservations: Mutex::default() }
    }

    /// A place for a file or directory of this test, gone at its end.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Ports that nobody listened on a moment ago, and that no other test takes as long as this
    /// machine lives, not even while the node that owns one is down: who binds a port's UDP twin
    /// has it.
    pub(crate) async fn free_ports<const N: usize>(&self) -> [u16; N] {
        let mut ports = Vec::new();
        while ports.len() < N {
            let draw = u16::try_from(self.host.dice.next_u64() % u64::from(PORTS));
            let port = PORTS_FIRST + draw.expect("a remainder of a u16");
            let Ok(twin) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) else { continue };
            if self.host.network.bind(&format!("127.0.0.1:{port}")).await.is_ok() {
                self.reservations.lock().expect("nobody panics meanwhile").push(twin);
                ports.push(port);
            }
        }
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
