//! Linearizability: is there an order of the calls that explains every answer?
//!
//! Each call takes effect at one instant between its invocation and its return, and the object,
//! a [`Model`], goes from state to state as if the calls had come one by one. [`check`] looks for
//! such an order. It is the strongest promise that a store of one copy could keep, and it needs no
//! idea of how the store works: only what clients asked and were told.
//!
//! The search is the just-in-time one, with the reductions that its files argue for; [`wgl`] is
//! the older one without them, kept as a reference and for races. Both partition first
//! ([`Model::part`]): an object made of independent parts is linearizable if each part is
//! (Herlihy and Wing 1990; Horn and Kroening 2015).
//!
//! # Example
//! ```
//! use harness::checker::linearizable::models::register::{Input, Output, Register};
//! use harness::checker::linearizable::{Budget, Call, check};
//!
//! let write = Call {
//!     process: 1,
//!     input: Input::Write(7),
//!     output: None, // Timed out: it may take effect at any time, or never.
//!     called: 0,
//!     returned: None,
//!     operation: 0,
//! };
//! let read = |called, value| Call {
//!     process: 2,
//!     input: Input::Read,
//!     output: Some(Output::Value(value)),
//!     called,
//!     returned: Some(called + 1),
//!     operation: called,
//! };
//! let register = Register::new();
//! let calls = [write.clone(), read(1, None), read(3, Some(7))];
//! assert!(check(&register, &calls, &Budget::steps(1000)).is_linearizable());
//!
//! let calls = [write, read(1, Some(7)), read(3, None)];
//! let judgement = check(&register, &calls, &Budget::steps(1000));
//! let verdict = judgement.verdict(&register, &calls);
//! assert_eq!(verdict.anomalies()[0].operations, [3]);
//! ```

mod model;

mod budget;
mod judgement;
pub mod log;
pub mod models;
mod pairing;

mod ahead;
mod classes;
mod cursor;
mod dovetail;
mod effect;
mod mask;
mod parts;
mod search;
mod seen;
mod table;
mod timeline;
mod trail;
pub mod wgl;

#[cfg(test)]
mod tests;

use dovetail::Wanted;

pub use budget::{Budget, Exhausted};
pub use judgement::{Effort, Judgement, Outcome, Refutation};
pub use model::{Model, Part, Regard, Viable};
pub use pairing::{Event, Pairing, Unpaired};

/// One call on an object, from somewhere to somewhere in time.
///
/// A call that certainly had no effect is not among the calls at all: whoever builds the list
/// drops it, as [`Pairing`] does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call<I, O> {
    /// Who called. Only for reports: what one process does need not be in sequence.
    pub process: u64,
    /// What was asked.
    pub input: I,
    /// What was answered. `None`: nobody knows whether it took effect, or ever will; such a call
    /// is open for ever, whatever `returned` says.
    pub output: Option<O>,
    /// When it was asked: a position in the order of events, or a time in any unit.
    pub called: u64,
    /// When it was answered, in the same unit, not before `called`. One call comes before another
    /// only if it returned strictly before the other was called; in a tie they are concurrent.
    /// `None` for an answered call: it took effect, at any time after it was asked.
    pub returned: Option<u64>,
    /// The index of the operation to quote in reports.
    pub operation: u64,
}

/// Whether the calls are linearizable by the model.
///
/// The verdict follows from the arguments alone, unless the budget has a limit of time: that may
/// turn either verdict into [`Outcome::Unknown`], and never one into the other. It does not panic,
/// whatever the calls are.
pub fn check<M: Model>(
    model: &M,
    calls: &[Call<M::Input, M::Output>],
    budget: &Budget,
) -> Judgement {
    dovetail::check(model, calls, budget, Wanted::Reason)
}

/// Whether the calls are linearizable by the model: the verdict of [`check`] without the reason for
/// it, which may take as long again to find.
///
/// # Errors
/// [`Exhausted`], if the budget was too small to tell.
pub fn decide<M: Model>(
    model: &M,
    calls: &[Call<M::Input, M::Output>],
    budget: &Budget,
) -> Result<bool, Exhausted> {
    match dovetail::check(model, calls, budget, Wanted::Verdict).outcome {
        Outcome::Linearizable { .. } => Ok(true),
        Outcome::NotLinearizable(_) => Ok(false),
        Outcome::Unknown(exhausted) => Err(exhausted),
    }
}
