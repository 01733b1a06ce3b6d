//! Links that lose segments, as a program above TCP meets them: late, not never.
//!
//! What is lost is sent again after a timeout, which doubles each time that this is lost too, and
//! what was written later waits behind it (RFC 6298; 200 ms is the shortest timeout of Linux).
//! turmoil retransmits nothing, so the wait happens here, before the bytes are handed to it.
//!
//! The dice are thrown for a flight, not for each write: what a stream carries within 50 ms shares
//! one fate. A real sender does not stop at a hole either; a wait for each of a hundred small writes
//! would be another network, on which nothing works.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::tap::Traffic;
use super::wires::{HostId, Wires};
use crate::gate::lock;
use crate::seed::Stream;

/// After this time a segment is sent again.
const RETRANSMISSION_TIMEOUT: Duration = Duration::from_millis(200);
/// After this time an attempt to connect is made again.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);
/// What is written within this time goes together.
const FLIGHT: Duration = Duration::from_millis(50);
/// So often a flight is lost at most, however bad the link is: 12.6 seconds.
const LOSSES_MAX: u32 = 6;

/// What decides over the segments that one process sends. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Odds {
    pub(crate) wires: Arc<Mutex<Wires>>,
    pub(crate) from: HostId,
    pub(crate) dice: Arc<Mutex<Stream>>,
    pub(crate) traffic: Traffic,
}

/// The way from one end of a stream to the other.
pub(super) struct Passage {
    odds: Odds,
    /// Who is at the other end, if it has a name.
    to: Option<HostId>,
    state: State,
}

/// Where the latest flight is.
enum State {
    /// There was none yet.
    Unsent,
    /// Lost, and waiting to be sent again.
    Lost(Pin<Box<Sleep>>),
    /// On its way, with everything that is written until then.
    Through { until: Instant },
}

impl Odds {
    /// How long losses keep back what is sent now; zero if nothing is lost.
    fn draw(&self, to: HostId, timeout: Duration) -> Duration {
        let per_mille = lock(&self.wires).loss(self.from, to);
        if per_mille == 0 {
            return Duration::ZERO;
        }
        let mut dice = lock(&self.dice);
        let lost = (0..LOSSES_MAX).take_while(|_| dice.chance(u64::from(per_mille), 1000)).count();
        let lost = u32::try_from(lost).unwrap_or(LOSSES_MAX);
        self.traffic.lost(lost);
        timeout * (2_u32.pow(lost) - 1)
    }

    /// How long losses keep an attempt to connect back.
    pub(super) fn connecting(&self, to: HostId) -> Duration {
        self.draw(to, CONNECTION_TIMEOUT)
    }

    pub(super) fn passage(&self, to: Option<HostId>) -> Passage {
        Passage { odds: self.clone(), to, state: State::Unsent }
    }
}

impl Passage {
    /// Ready when what is to be written gets through.
    pub(super) fn poll_through(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.state {
                State::Through { until } if Instant::now() < *until => return Poll::Ready(()),
                State::Lost(wait) => {
                    ready!(wait.as_mut().poll(context));
                    self.state = State::Through { until: Instant::now() + FLIGHT };
                }
                State::Unsent | State::Through { .. } => {
                    let draw = |to| self.odds.draw(to, RETRANSMISSION_TIMEOUT);
                    let wait = self.to.map_or(Duration::ZERO, draw);
                    self.state = if wait.is_zero() {
                        State::Through { until: Instant::now() + FLIGHT }
                    } else {
                        State::Lost(Box::pin(sleep(wait)))
                    };
                }
            }
        }
    }
}

impl fmt::Debug for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passage").field("to", &self.to).finish_non_exhaustive()
    }
}
