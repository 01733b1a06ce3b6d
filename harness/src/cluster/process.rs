//! A process on a simulated host: what runs, how it is told from its predecessors, how it dies.
//!
//! turmoil restarts a host by calling a closure that it was given once. Here that closure takes
//! whatever future was put into the host's [`Software`] beforehand, so that each start can run
//! something else: the next incarnation of a node, or another client.

use std::cell::RefCell;
use std::future::{Future, pending};
use std::rc::Rc;

use crate::gate::Gate;
use crate::net::{CloseInOrder, Sockets};
use crate::system::LocalBoxFuture;

/// The place from which a host takes what it is to run next.
#[derive(Clone, Default)]
pub(super) struct Software {
    next: Rc<RefCell<Option<LocalBoxFuture<'static, ()>>>>,
}

impl Software {
    pub(super) fn put(&self, process: LocalBoxFuture<'static, ()>) {
        *self.next.borrow_mut() = Some(process);
    }

    /// What a host of turmoil runs. It never returns: turmoil would not drop the tasks of a host
    /// whose main future has ended.
    pub(super) fn run(&self) -> impl Future<Output = turmoil::Result> + use<> {
        let process = self.next.borrow_mut().take();
        async move {
            if let Some(process) = process {
                process.await;
            }
            pending().await
        }
    }
}

/// What the cluster keeps of a running process.
pub(super) struct Process<T> {
    /// Shut while the process is paused or its machine is about to lose power.
    pub(super) gate: Gate,
    /// Its sockets.
    pub(super) sockets: Sockets,
    /// What its main future returned, once it has.
    pub(super) outcome: Rc<RefCell<Option<T>>>,
}

impl<T: 'static> Process<T> {
    pub(super) fn new() -> Self {
        Self { gate: Gate::new(true), sockets: Sockets::default(), outcome: Rc::default() }
    }

    /// The process as the host runs it: when `body` is done its result is laid down, and nothing
    /// that it left running reaches the world any more.
    pub(super) fn wrap(
        &self,
        body: impl Future<Output = T> + 'static,
    ) -> LocalBoxFuture<'static, ()> {
        let (gate, outcome) = (self.gate.clone(), Rc::clone(&self.outcome));
        let close = CloseInOrder(self.sockets.clone());
        Box::pin(async move {
            // Dropped last, when every task has let go of its sockets.
            let _close = close;
            let done = body.await;
            gate.shut();
            *outcome.borrow_mut() = Some(done);
            pending::<()>().await;
        })
    }
}
