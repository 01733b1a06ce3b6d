//! Sockets for a simulated process, with the manners of a real network.
//!
//! turmoil carries the bytes. This adapter mends what a program would otherwise see and never
//! sees on a real network:
//! - A connection attempt into a cut link is refused by turmoil at once, since its SYN is dropped
//!   together with the answer's channel. Here it waits out the connect timeout, like any
//!   attempt that nobody answers.
//! - turmoil's SYN-ACK is not a message, so a connection could be made through a one-way cut. Here
//!   both directions must be open.
//! - A killed process on a living operating system refuses at once; a machine without power does
//!   not answer.
//! - A paused process neither reads nor writes nor accepts, but its kernel goes on receiving.
//! - A lossy link makes its streams wait for what is sent again: see `loss`.
//! - When a process dies its sockets are closed in the order in which they were opened, not in the
//!   order in which tokio happens to drop its tasks: see `sockets`.
//!
//! What stays turmoil's: a stream across which a cut fell is wedged for ever, even after the cut is
//! mended, because nothing is retransmitted. Programs must put deadlines on what they wait for.

mod loss;
mod sockets;
mod tap;
pub(crate) mod wires;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use turmoil::net::{TcpListener, TcpStream};

use crate::gate::{Gate, lock};
pub(crate) use loss::Odds;
pub use sockets::SimStream;
pub(crate) use sockets::{CloseInOrder, Sockets};
pub(crate) use tap::Traffic;
pub use tap::{Passage, Tap, Way};
use wires::{HostId, Reach, Wires};

/// How many connections a kernel keeps for a process that does not accept them.
const BACKLOG: usize = 1024;

/// The network as one process sees it. Cheap to clone. Names are those of nodes and clients.
#[derive(Clone, Debug)]
pub struct SimNet {
    pub(crate) host: HostId,
    pub(crate) wires: Arc<Mutex<Wires>>,
    pub(crate) gate: Gate,
    pub(crate) sockets: Sockets,
    pub(crate) traffic: Traffic,
    pub(crate) odds: Odds,
    pub(crate) connect_timeout: Duration,
    pub(crate) round_trip: Duration,
}

/// A bound port.
#[derive(Debug)]
pub struct SimListener {
    listener: TcpListenerCell,
    backlog: Mutex<VecDeque<(SimStream, String)>>,
    net: SimNet,
    port: u16,
}

/// turmoil's listener, which has no `Debug` of its own.
struct TcpListenerCell(TcpListener);

impl std::fmt::Debug for TcpListenerCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TcpListener")
    }
}

impl SimNet {
    /// Opens a stream to `name:port`. Must be called on the simulated host.
    ///
    /// # Errors
    /// NotFound for an unknown name, ConnectionRefused where nobody listens, TimedOut where nobody
    /// answers. Never takes longer than the connect timeout, unless the process is paused.
    pub async fn connect(&self, address: &str) -> io::Result<SimStream> {
        let (target, address) = self.resolve(address)?;
        let reach = lock(&self.wires).reach(self.host, target);
        let outcome = match reach {
            Reach::Open { cuts } => self.dial(&address, target, cuts).await,
            Reach::Refused => {
                sleep(self.round_trip).await;
                Err(io::Error::new(io::ErrorKind::ConnectionRefused, address))
            }
            Reach::Silent => {
                sleep(self.connect_timeout).await;
                Err(timed_out(&address))
            }
        };
        self.gate.pass().await;
        outcome
    }

    async fn dial(&self, address: &str, target: HostId, cuts: u64) -> io::Result<SimStream> {
        let begun = Instant::now();
        let deadline = begun + self.connect_timeout;
        let lost = self.odds.connecting(target);
        if !lost.is_zero() {
            sleep(lost.min(self.connect_timeout)).await;
        }
        let sent = Instant::now();
        match timeout_at(deadline, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let ways = self.traffic.ways(&stream, true);
                let passage = self.odds.passage(Some(target));
                let line = (self.traffic.clone(), ways, passage);
                Ok(self.sockets.adopt(stream, &self.gate, line))
            }
            Ok(Err(failed)) if failed.kind() == io::ErrorKind::ConnectionRefused => {
                let reach = lock(&self.wires).reach(self.host, target);
                let unheard = reach != (Reach::Open { cuts }) || sent.elapsed().is_zero();
                if !unheard {
                    return Err(failed);
                }
                sleep_until(deadline).await;
                Err(timed_out(address))
            }
            Ok(Err(failed)) => Err(failed),
            Err(_) => Err(timed_out(address)),
        }
    }

    /// Listens on the port of `name:port`, on every address of this host; port 0 asks for any free
    /// one. Must be called on the simulated host.
    ///
    /// # Errors
    /// AddrInUse; InvalidInput if there is no port.
    pub async fn bind(&self, address: &str) -> io::Result<SimListener> {
        let (_, port) = split(address)?;
        let listener = TcpListener::bind(("0.0.0.0", port)).await?;
        let port = listener.local_addr()?.port();
        Ok(SimListener {
            listener: TcpListenerCell(listener),
            backlog: Mutex::default(),
            net: self.clone(),
            port,
        })
    }

    /// Which host is meant, and the address as turmoil understands it.
    fn resolve(&self, address: &str) -> io::Result<(HostId, String)> {
        let (name, port) = split(address)?;
        if matches!(name, "localhost" | "127.0.0.1" | "0.0.0.0") {
            return Ok((self.host, format!("127.0.0.1:{port}")));
        }
        let named = match name.parse() {
            Ok(ip) => turmoil::reverse_lookup(ip),
            Err(_) => Some(name.to_owned()),
        };
        let host = named.and_then(|name| lock(&self.wires).find(&name));
        let host = host.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("no host is called {name}"))
        })?;
        Ok((host, format!("{name}:{port}")))
    }
}

impl SimListener {
    /// Waits for the next connection and says where it comes from, as `name:port`.
    ///
    /// # Errors
    /// None in the simulation.
    pub async fn accept(&self) -> io::Result<(SimStream, String)> {
        let gate = &self.net.gate;
        loop {
            if gate.is_open()
                && let Some(accepted) = lock(&self.backlog).pop_front()
            {
                return Ok(accepted);
            }
            tokio::select! {
                biased;
                accepted = self.listener.0.accept() => {
                    let (stream, from) = accepted?;
                    let name = turmoil::reverse_lookup(from.ip());
                    let name = name.unwrap_or_else(|| from.ip().to_string());
                    let ways = self.net.traffic.ways(&stream, false);
                    let passage = self.net.odds.passage(lock(&self.net.wires).find(&name));
                    let line = (self.net.traffic.clone(), ways, passage);
                    let stream = self.net.sockets.adopt(stream, gate, line);
                    let mut backlog = lock(&self.backlog);
                    // What does not fit is dropped, and so closed.
                    if backlog.len() < BACKLOG {
                        backlog.push_back((stream, format!("{name}:{}", from.port())));
                    }
                }
                () = gate.pass(), if !gate.is_open() => {}
            }
        }
    }

    /// The port actually bound.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn split(address: &str) -> io::Result<(&str, u16)> {
    let parsed = address.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse().ok()?)));
    parsed.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("`{address}` is not name:port"))
    })
}

fn timed_out(address: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("{address} did not answer"))
}
