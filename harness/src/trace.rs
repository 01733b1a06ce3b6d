//! What happened when, kept until somebody asks.
//!
//! Printing every event of every run would cost more than the simulation. So events go into a ring
//! that forgets the oldest, and only a failed run is read. A digest of *all* events, forgotten or
//! not, tells whether two runs were the same.
//!
//! Beside it, [`install`] prints what the program says through `tracing`, with the simulation's
//! time and the node's name. Neither influences the run.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock::Timeline;
use crate::gate::lock;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// The time since the simulation began.
    pub at: Duration,
    /// The node or client, or `cluster`.
    pub who: Arc<str>,
    /// What happened.
    pub what: String,
}

/// The ring of a run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trace {
    timeline: Timeline,
    ring: Arc<Mutex<Ring>>,
}

#[derive(Debug)]
struct Ring {
    capacity: usize,
    events: VecDeque<TraceEvent>,
    count: u64,
    digest: u64,
}

/// Notes events in somebody's name. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tracer {
    trace: Trace,
    who: Arc<str>,
}

// FNV-1a, 64 bits: good enough to tell two runs apart, and cheap for every event.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

impl Trace {
    /// A ring of so many events.
    #[must_use]
    pub fn new(timeline: Timeline, capacity: usize) -> Self {
        let ring = Ring { capacity, events: VecDeque::new(), count: 0, digest: FNV_BASIS };
        Self { timeline, ring: Arc::new(Mutex::new(ring)) }
    }

    /// Somebody's pen.
    #[must_use]
    pub fn tracer(&self, who: &str) -> Tracer {
        Tracer { trace: self.clone(), who: who.into() }
    }

    /// The last events, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<TraceEvent> {
        lock(&self.ring).events.iter().cloned().collect()
    }

    /// How many events there were, forgotten ones included.
    #[must_use]
    pub fn count(&self) -> u64 {
        lock(&self.ring).count
    }

    /// A digest of all events so far. Equal runs have equal digests.
    #[must_use]
    pub fn digest(&self) -> u64 {
        lock(&self.ring).digest
    }
}

impl Tracer {
    /// The time since the simulation began.
    pub(crate) fn now(&self) -> Duration {
        self.trace.timeline.now()
    }

    /// In whose name it notes.
    pub(crate) fn who(&self) -> &str {
        &self.who
    }

    /// Notes what has just happened.
    pub fn note(&self, what: impl Into<String>) {
        let event = TraceEvent {
            at: self.trace.timeline.now(),
            who: Arc::clone(&self.who),
            what: what.into(),
        };
        let mut ring = lock(&self.trace.ring);
        ring.digest(&event);
        ring.count += 1;
        if ring.events.len() == ring.capacity {
            ring.events.pop_front();
        }
        if ring.capacity > 0 {
            ring.events.push_back(event);
        }
    }
}

impl Ring {
    fn digest(&mut self, event: &TraceEvent) {
        let at = event.at.as_nanos().to_le_bytes();
        let end = [0xff];
        for bytes in [&at[..], event.who.as_bytes(), &end, event.what.as_bytes(), &end] {
            for byte in bytes {
                self.digest = (self.digest ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
            }
        }
    }
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3}s  {}: {}", self.at.as_secs_f64(), self.who, self.what)
    }
}

thread_local! {
    /// The timeline of the simulation that runs on this thread.
    static CURRENT: RefCell<Option<Timeline>> = const { RefCell::new(None) };
}

/// The simulation that runs on this thread is this one.
pub(crate) fn set_current(timeline: &Timeline) {
    CURRENT.with(|current| *current.borrow_mut() = Some(timeline.clone()));
}

/// Prints the time of the simulation in front of each line.
struct SimTime;

impl FormatTime for SimTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let now = CURRENT.with(|current| current.borrow().as_ref().map(Timeline::now));
        match now {
            Some(now) => write!(writer, "{:>10.3}s", now.as_secs_f64()),
            None => write!(writer, "          -"),
        }
    }
}

/// A line: the time of the simulation, the node, the level, where in the program, and the rest.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        SimTime.format_time(&mut writer)?;
        let node = context.event_scope().into_iter().flatten().find(|span| span.name() == NODE);
        let node = node.and_then(|span| {
            let fields = span.extensions().get::<FormattedFields<N>>()?.fields.clone();
            Some(fields.trim_start_matches("name=").trim_matches('"').to_owned())
        });
        let (level, target) = (event.metadata().level(), event.metadata().target());
        write!(writer, "  {:<10} {level:>5} {target}: ", node.as_deref().unwrap_or("-"))?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// The span that turmoil opens around each step of a node.
const NODE: &str = "node";

/// What lets that span be seen, and nothing that turmoil says.
const NODE_SPAN: &str = "turmoil::sim=info";

/// A text that is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{filter}` is not a filter such as `my_server=debug`: {why}")]
pub struct NotAFilter {
    /// What was given.
    pub filter: String,
    /// What is wrong with it.
    pub why: String,
}

/// Prints to standard error what programs say through `tracing`, from now on and for the whole
/// process: one line each, with the simulation's time and the node. `filter` is in the syntax of
/// `RUST_LOG`, such as `info` or `my_server=debug`.
///
/// Does nothing if a subscriber is installed already.
///
/// # Errors
/// `filter` is none.
pub fn install(filter: &str) -> Result<(), NotAFilter> {
    let not_a_filter = |why: String| NotAFilter { filter: filter.to_owned(), why };
    let filter: EnvFilter =
        filter.parse().map_err(|error: ParseError| not_a_filter(error.to_string()))?;
    let nodes = NODE_SPAN.parse().expect("it is one, as a test says");
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .event_format(Lines)
        .with_env_filter(filter.add_directive(nodes))
        .with_writer(std::io::stderr)
        .finish();
    // Somebody else's subscriber is as good.
    drop(tracing::subscriber::set_global_default(subscriber));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_forgets_the_oldest_and_its_digest_forgets_nothing() {
        let runs: Vec<Trace> = [["a", "b", "c"], ["x", "b", "c"]]
            .iter()
            .map(|notes| {
                let trace = Trace::new(Timeline::default(), 2);
                notes.iter().for_each(|note| trace.tracer("node-1").note(*note));
                trace
            })
            .collect();
        let kept = |trace: &Trace| trace.events().into_iter().map(|e| e.what).collect::<Vec<_>>();
        assert_eq!(kept(&runs[0]), ["b", "c"]);
        assert_eq!(kept(&runs[0]), kept(&runs[1]));
        assert_ne!(runs[0].digest(), runs[1].digest());
        assert_eq!(runs[0].count(), 3);
        assert_eq!(runs[0].events()[0].to_string(), "     0.000s  node-1: b");
    }

    #[test]
    fn what_is_no_filter_is_named() {
        assert!(NODE_SPAN.parse::<tracing_subscriber::filter::Directive>().is_ok());
        let refused = install("my_server=loudly").unwrap_err().to_string();
        assert!(refused.contains("`my_server=loudly`"), "{refused}");
    }
}
