//! Listening in on what streams carry, for drawings of who told whom what and when.
//!
//! A tap hears each piece of bytes twice: as its sender writes it, and as its receiver reads it.
//! What is written and never read was lost, or came too late for anybody. Listening changes
//! nothing; without a listener nothing is computed.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use turmoil::net::TcpStream;

use crate::gate::lock;

/// One direction of one stream. Both of its ends name it alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// Who writes, as `name:port`.
    pub from: Arc<str>,
    /// Who reads, as `name:port`.
    pub to: Arc<str>,
    /// Whether the writer opened the stream; the reader did otherwise.
    pub from_opener: bool,
}

/// Bytes that were written or read, in the order of the stream.
#[derive(Clone, Copy, Debug)]
pub enum Passage<'a> {
    /// They were written.
    Sent(&'a [u8]),
    /// So many were read.
    Read(usize),
}

/// Is told each passage as it happens. It must not use the network itself.
pub type Tap = Box<dyn FnMut(&Way, Passage<'_>) + Send>;

/// How many segments the processes of one cluster have sent, and who listens. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Traffic {
    segments: Arc<AtomicU64>,
    tap: Arc<Mutex<Option<Tap>>>,
}

/// What a stream reports under. Empty for a stream that nobody listens to.
#[derive(Clone, Debug, Default)]
pub(super) struct Ways(Option<(Way, Way)>);

impl Traffic {
    pub(crate) fn segments(&self) -> u64 {
        self.segments.load(Ordering::Relaxed)
    }

    pub(crate) fn listen(&self, tap: Tap) {
        *lock(&self.tap) = Some(tap);
    }

    /// Must be called on the simulated host that holds this end of the stream.
    pub(super) fn ways(&self, stream: &TcpStream, opened_here: bool) -> Ways {
        if lock(&self.tap).is_none() {
            return Ways::default();
        }
        let (Ok(here), Ok(there)) = (stream.local_addr(), stream.peer_addr()) else {
            return Ways::default();
        };
        let name = |address: std::net::SocketAddr| -> Arc<str> {
            let host = turmoil::reverse_lookup(address.ip());
            let host = host.unwrap_or_else(|| address.ip().to_string());
            format!("{host}:{}", address.port()).into()
        };
        let (here, there) = (name(here), name(there));
        let out = Way { from: here.clone(), to: there.clone(), from_opener: opened_here };
        Ways(Some((out, Way { from: there, to: here, from_opener: !opened_here })))
    }

    pub(super) fn sent(&self, ways: &Ways, bytes: &[u8]) {
        self.segments.fetch_add(1, Ordering::Relaxed);
        if let Some((out, _)) = &ways.0 {
            self.tell(out, Passage::Sent(bytes));
        }
    }

    pub(super) fn read(&self, ways: &Ways, count: usize) {
        if let Some((_, back)) = &ways.0
            && count > 0
        {
            self.tell(back, Passage::Read(count));
        }
    }

    fn tell(&self, way: &Way, passage: Passage<'_>) {
        if let Some(tap) = lock(&self.tap).as_mut() {
            tap(way, passage);
        }
    }
}

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traffic").field("segments", &self.segments()).finish_non_exhaustive()
    }
}
