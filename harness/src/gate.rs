//! A gate that tasks wait at: how a process is paused, and how it is told to stop.
//!
//! Waiters pass in the order in which they came. (`tokio::sync::watch` would wake its receivers
//! in an order drawn from the thread's own dice, which no seed repeats.)

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Locks even after a panic. A simulation that failed is only looked at, and a second panic while
/// it is taken down would abort the process and swallow the first.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Open or shut. Cheap to clone; all clones are one gate.
#[derive(Clone, Debug)]
pub struct Gate {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    open: bool,
    next_ticket: u64,
    waiting: BTreeMap<u64, Waker>,
}

/// A place in the queue. Leaves it when dropped.
#[derive(Debug, Default)]
pub(crate) struct Ticket {
    held: Option<(Gate, u64)>,
}

impl Gate {
    /// A gate that is open, or shut.
    #[must_use]
    pub fn new(open: bool) -> Self {
        let state = State { open, next_ticket: 0, waiting: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Whether one may pass.
    #[must_use]
    pub fn is_open(&self) -> bool {
        lock(&self.state).open
    }

    /// Lets everybody pass, first come first.
    pub fn open(&self) {
        let waiting = {
            let mut state = lock(&self.state);
            state.open = true;
            std::mem::take(&mut state.waiting)
        };
        // Outside the lock: a waker may run the waiter, which looks at the gate again.
        waiting.into_values().for_each(Waker::wake);
    }

    /// Lets nobody pass.
    pub fn shut(&self) {
        lock(&self.state).open = false;
    }

    /// Waits until the gate is open.
    pub async fn pass(&self) {
        let mut ticket = Ticket::default();
        poll_fn(|context| self.poll_pass(context, &mut ticket)).await;
    }

    /// Ready when the gate is open; otherwise keeps the caller's place in `ticket`.
    pub(crate) fn poll_pass(&self, context: &Context<'_>, ticket: &mut Ticket) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.open {
            drop(state);
            *ticket = Ticket::default();
            return Poll::Ready(());
        }
        let number = ticket.held.as_ref().map_or_else(
            || {
                state.next_ticket += 1;
                state.next_ticket
            },
            |(_, number)| *number,
        );
        state.waiting.insert(number, context.waker().clone());
        drop(state);
        if ticket.held.is_none() {
            ticket.held = Some((self.clone(), number));
        }
        Poll::Pending
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some((gate, number)) = self.held.take() {
            lock(&gate.state).waiting.remove(&number);
        }
    }
}

/// The wish that a process end cleanly. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop {
    gate: Gate,
}

impl Stop {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self { gate: Gate::new(false) }
    }

    /// Asks. There is no way back.
    pub fn request(&self) {
        self.gate.open();
    }

    /// Whether somebody has asked.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.gate.is_open()
    }

    /// Waits until somebody asks.
    pub async fn requested(&self) {
        self.gate.pass().await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiters_pass_in_the_order_in_which_they_came() {
        let gate = Gate::new(false);
        let passed = Arc::new(Mutex::new(Vec::new()));
        let waiters: Vec<_> = (0..5)
            .map(|number| {
                let (gate, passed) = (gate.clone(), Arc::clone(&passed));
                tokio::spawn(async move {
                    gate.pass().await;
                    lock(&passed).push(number);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(lock(&passed).is_empty());
        gate.open();
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(*lock(&passed), [0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn waiter_that_gives_up_leaves_nothing_behind() {
        let gate = Gate::new(false);
        for _ in 0..100 {
            tokio::select! {
                biased;
                () = gate.pass() => panic!("the gate is shut"),
                () = tokio::task::yield_now() => {}
            }
        }
        assert!(lock(&gate.state).waiting.is_empty());
    }
}
