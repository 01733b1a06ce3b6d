//! The recorder: many clients write one history.
//!
//! Clients run side by side on their simulated hosts and share a recorder. It gives every
//! operation the next index, so the history's order is the order in which things really happened
//! in the run. A [`Process`] is one client's pen: it hides that a client goes on under a new
//! number after a call whose fate is unknown, because such a call stays open for ever.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Action, History, Operation, Phase};

/// Writes one history for many clients. Clones write the same history.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    page: Arc<Mutex<Page>>,
}

#[derive(Debug, Default)]
struct Page {
    operations: Vec<Operation>,
    processes: u64,
    clients: Vec<Client>,
}

/// A client's present process number, and whether that process has a call open.
#[derive(Debug)]
struct Client {
    process: u64,
    open: bool,
}

impl Recorder {
    /// A recorder with an empty history.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new client, under a process number that nobody had before.
    pub fn process(&self) -> Process {
        let mut page = self.lock();
        let process = page.number();
        page.clients.push(Client { process, open: false });
        Process { client: page.clients.len() - 1, recorder: self.clone() }
    }

    /// Records that a client begins a call at virtual time `time`. If its last call never
    /// completed, the client first gets a new process number.
    pub fn invoke(&self, time: Duration, process: &Process, action: Action) -> OpenOperation {
        process.invoke(time, action)
    }

    /// The history so far.
    pub fn history(&self) -> History {
        self.lock().operations.clone().into()
    }

    /// What was recorded after the first `position` operations: for those who follow a history as
    /// it grows.
    pub fn since(&self, position: usize) -> Vec<Operation> {
        self.lock().operations.get(position..).map(<[Operation]>::to_vec).unwrap_or_default()
    }

    /// How many operations were recorded so far.
    pub fn len(&self) -> usize {
        self.lock().operations.len()
    }

    /// Whether nothing was recorded yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A page is never left half written, so it is still good after a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    fn number(&mut self) -> u64 {
        let number = self.processes;
        self.processes += 1;
        number
    }

    fn renumber(&mut self, client: usize) {
        let process = self.number();
        self.clients[client] = Client { process, open: false };
    }

    fn write(&mut self, line: Line) {
        let index = u64::try_from(self.operations.len()).expect("a list in memory fits 64 bits");
        // A run of more than 584,000 virtual years is not told apart from one of just that.
        let time = u64::try_from(line.time.as_micros()).unwrap_or(u64::MAX);
        let Line { process, phase, action, error, .. } = line;
        self.operations.push(Operation { index, time, process, phase, action, error });
    }
}

struct Line {
    time: Duration,
    process: u64,
    phase: Phase,
    action: Action,
    error: Option<String>,
}

/// One client's pen.
#[derive(Debug)]
pub struct Process {
    recorder: Recorder,
    client: usize,
}

impl Process {
    /// The number under which the next call will be recorded, unless one is open.
    pub fn number(&self) -> u64 {
        self.recorder.lock().clients[self.client].process
    }

    /// Records that this client begins a call at virtual time `time`. If its last call never
    /// completed, the client first gets a new process number.
    pub fn invoke(&self, time: Duration, action: Action) -> OpenOperation {
        let mut page = self.recorder.lock();
        if page.clients[self.client].open {
            page.renumber(self.client);
        }
        page.clients[self.client].open = true;
        let process = page.clients[self.client].process;
        page.write(Line {
            time,
            process,
            phase: Phase::Invoke,
            action: action.clone(),
            error: None,
        });
        drop(page);
        OpenOperation { recorder: self.recorder.clone(), client: self.client, process, action }
    }
}

/// A call that has begun. If it is dropped, it stays open: nobody knows what became of it.
#[derive(Debug)]
#[must_use = "a call that is not completed stays open for ever"]
pub struct OpenOperation {
    recorder: Recorder,
    client: usize,
    process: u64,
    action: Action,
}

impl OpenOperation {
    /// What was asked.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// The process number under which it was asked.
    pub fn process(&self) -> u64 {
        self.process
    }

    /// It took effect; `action` is what was asked together with what was learned.
    pub fn ok(self, time: Duration, action: Action) {
        self.complete(time, Phase::Ok, action, None);
    }

    /// It certainly had no effect and never will.
    pub fn fail(self, time: Duration, error: impl Into<String>) {
        let action = self.action.clone();
        self.complete(time, Phase::Fail, action, Some(error.into()));
    }

    /// Nobody knows its fate; the client goes on under a new process number.
    pub fn info(self, time: Duration, error: impl Into<String>) {
        let action = self.action.clone();
        self.info_with(time, action, error);
    }

    /// Nobody knows its fate, but something was learned: some offsets, or records that arrived
    /// before the call broke off.
    pub fn info_with(self, time: Duration, action: Action, error: impl Into<String>) {
        self.complete(time, Phase::Info, action, Some(error.into()));
    }

    fn complete(self, time: Duration, phase: Phase, action: Action, error: Option<String>) {
        let mut page = self.recorder.lock();
        page.write(Line { time, process: self.process, phase, action, error });
        // Another call of this client may have begun under a newer number by now.
        if page.clients[self.client].process == self.process {
            match phase {
                Phase::Info => page.renumber(self.client),
                Phase::Invoke | Phase::Ok | Phase::Fail => page.clients[self.client].open = false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Key, Promise};
    use super::*;

    const AT: Duration = Duration::from_millis(2);

    fn send(value: u64) -> Action {
        Action::send("orders-0", vec![value], Promise::Durable, false)
    }

    fn lines(recorder: &Recorder) -> Vec<(u64, u64, Phase)> {
        let history = recorder.history();
        history.operations().iter().map(|o| (o.index, o.process, o.phase)).collect()
    }

    #[test]
    fn a_client_goes_on_under_a_new_number_after_an_unknown_call() {
        let recorder = Recorder::new();
        let (alice, bob) = (recorder.process(), recorder.process());
        let open = recorder.invoke(AT, &alice, send(1));
        bob.invoke(AT, send(2)).ok(AT, send(2).sent(vec![Some(0)], false));
        open.info(AT, "timed out");
        alice.invoke(AT, send(3)).fail(AT, "too large");
        assert_eq!(alice.number(), 2);
        assert_eq!(
            lines(&recorder),
            [
                (0, 0, Phase::Invoke),
                (1, 1, Phase::Invoke),
                (2, 1, Phase::Ok),
                (3, 0, Phase::Info),
                (4, 2, Phase::Invoke),
                (5, 2, Phase::Fail),
            ]
        );
        assert_eq!(recorder.history().operations()[0].time, 2000);
    }

    #[test]
    fn a_call_that_is_dropped_stays_open() {
        let recorder = Recorder::new();
        let alice = recorder.process();
        drop(alice.invoke(AT, send(1)));
        alice
            .invoke(AT, Action::latest("orders-0"))
            .ok(AT, Action::latest("orders-0").answered(1, 0));
        assert_eq!(
            lines(&recorder),
            [(0, 0, Phase::Invoke), (1, 1, Phase::Invoke), (2, 1, Phase::Ok)]
        );
    }

    #[test]
    fn a_late_completion_does_not_close_a_newer_call() {
        let recorder = Recorder::new();
        let alice = recorder.process();
        let slow = alice.invoke(AT, send(1));
        let next = alice.invoke(AT, send(2));
        slow.info(AT, "timed out");
        assert_eq!((next.process(), alice.number()), (1, 1));
        next.info(AT, "timed out");
        assert_eq!(alice.number(), 2);
    }

    #[test]
    fn clients_may_run_anywhere() {
        fn sendable<T: Send + Sync>(_: &T) {}
        let recorder = Recorder::new();
        sendable(&recorder.process());
        sendable(&recorder);
        assert_eq!(Key::from("a").to_string(), "a");
    }
}
