//! A history of calls on an object of your own, for the linearizability checker.
//!
//! The vocabulary of an [`Action`](super::Action) is that of logs. Another object has other
//! questions and other answers, so here both are types of the caller: the inputs and outputs of a
//! [`Model`](crate::checker::linearizable::Model). All clients share one [`Calls`]; each has a
//! [`Caller`] of its own, dates every call by true time and goes on under a new number after a
//! call whose fate is unknown, because such a call stays open for ever.
//!
//! # Order
//! A call counts as before another if it returned at an earlier moment of virtual time than the
//! other was made. What happens at one moment counts in the order in which it was written down,
//! which is an order in which it can have happened.

mod judged;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::gate::lock;
use crate::system::ClientEnv;
use crate::trace::Tracer;

/// The calls of a whole run. Clones are the same calls.
///
/// ```
/// use harness::checker::linearizable::models::register::{Input, Output, Register};
/// use harness::prelude::*;
///
/// # async fn idle(env: NodeEnv) -> Result<(), BoxError> { Ok(env.stop.requested().await) }
/// scenario(nodes(1, idle), |cluster| {
///     let calls = Calls::new();
///     let shared = calls.clone();
///     cluster.as_client("writer", |env| async move {
///         let mut caller = shared.caller(&env);
///         caller.call(Input::Write(1)).returned(Output::Written);
///         caller.call(Input::Write(2)).failed(); // Certainly: it is as if never made.
///         drop(caller.call(Input::Write(3))); // Nobody knows: it stays open.
///         caller.call(Input::Read).returned(Output::Value(Some(3)));
///     });
///     assert_eq!((calls.count().returned, calls.count().open), (2, 1));
///     calls.must_be_linearizable(&Register::new());
/// });
/// ```
pub struct Calls<I, O> {
    page: Arc<Mutex<Page<I, O>>>,
}

struct Page<I, O> {
    entries: Vec<Entry<I, O>>,
    /// How many calls and ends of calls were written down.
    events: u64,
    processes: u64,
}

struct Entry<I, O> {
    process: u64,
    who: String,
    input: I,
    called: Moment,
    end: End<O>,
}

/// What became of a call.
enum End<O> {
    /// It has not returned, or nobody knows.
    Open,
    /// It had no effect.
    Failed,
    Returned(Moment, O),
}

/// Virtual time, then the order of writing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    at: Duration,
    event: u64,
}

/// How many calls there were, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCount {
    /// They were answered.
    pub returned: u64,
    /// They certainly had no effect.
    pub failed: u64,
    /// Nobody knows.
    pub open: u64,
}

/// One client's pen. It makes one call at a time.
pub struct Caller<I, O> {
    calls: Calls<I, O>,
    tracer: Tracer,
    process: u64,
    last: Option<usize>,
}

/// A call that was made. If it is dropped it stays open: nobody knows whether it took effect, and
/// it may still do so at any time.
#[must_use = "a call that is not ended stays open for ever"]
pub struct OpenCall<I, O> {
    calls: Calls<I, O>,
    tracer: Tracer,
    entry: usize,
}

impl<I, O> Calls<I, O> {
    /// No calls yet.
    #[must_use]
    pub fn new() -> Self {
        let page = Page { entries: Vec::new(), events: 0, processes: 0 };
        Self { page: Arc::new(Mutex::new(page)) }
    }

    /// A pen for a client, under a number that nobody had before.
    #[must_use]
    pub fn caller(&self, client: &ClientEnv) -> Caller<I, O> {
        let process = lock(&self.page).number();
        Caller { calls: self.clone(), tracer: client.trace.clone(), process, last: None }
    }

    /// How many calls there were so far.
    #[must_use]
    pub fn count(&self) -> CallCount {
        let mut count = CallCount::default();
        for entry in &lock(&self.page).entries {
            match entry.end {
                End::Returned(..) => count.returned += 1,
                End::Failed => count.failed += 1,
                End::Open => count.open += 1,
            }
        }
        count
    }
}

impl<I, O> Page<I, O> {
    fn number(&mut self) -> u64 {
        let number = self.processes;
        self.processes += 1;
        number
    }

    fn moment(&mut self, tracer: &Tracer) -> Moment {
        let event = self.events;
        self.events += 1;
        Moment { at: tracer.now(), event }
    }
}

impl<I: Clone + fmt::Debug, O: fmt::Debug> Caller<I, O> {
    /// Writes down that this client makes a call, now. If its last one is still open, the client
    /// goes on under a new number.
    pub fn call(&mut self, input: I) -> OpenCall<I, O> {
        self.tracer.note(format!("calls {input:?}"));
        let mut page = lock(&self.calls.page);
        if self.last.is_some_and(|last| matches!(page.entries[last].end, End::Open)) {
            self.process = page.number();
        }
        let (called, entry) = (page.moment(&self.tracer), page.entries.len());
        let (process, who) = (self.process, self.tracer.who().to_owned());
        page.entries.push(Entry { process, who, input, called, end: End::Open });
        drop(page);
        self.last = Some(entry);
        OpenCall { calls: self.calls.clone(), tracer: self.tracer.clone(), entry }
    }
}

impl<I, O: fmt::Debug> OpenCall<I, O> {
    /// It was answered, now.
    pub fn returned(self, output: O) {
        self.tracer.note(format!("is told {output:?}"));
        let mut page = lock(&self.calls.page);
        let moment = page.moment(&self.tracer);
        page.entries[self.entry].end = End::Returned(moment, output);
    }

    /// It certainly had no effect and never will. A client that is not sure must say
    /// [`OpenCall::unknown`].
    pub fn failed(self) {
        self.tracer.note("failed");
        lock(&self.calls.page).entries[self.entry].end = End::Failed;
    }

    /// Nobody knows its fate. The same as dropping it.
    pub fn unknown(self) {
        self.tracer.note("is told nothing");
    }
}

impl<I, O> Default for Calls<I, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I, O> Clone for Calls<I, O> {
    fn clone(&self) -> Self {
        Self { page: Arc::clone(&self.page) }
    }
}

impl<I, O> fmt::Debug for Calls<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl<I, O> fmt::Debug for Caller<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("process", &self.process).finish_non_exhaustive()
    }
}

impl<I, O> fmt::Debug for OpenCall<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCall").field("entry", &self.entry).finish_non_exhaustive()
    }
}
