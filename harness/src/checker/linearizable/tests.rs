//! The searches against each other, against all permutations, and against stories by hand.

mod brute;
mod random;

mod agreement;
mod ahead;
mod blind;
mod models;
mod reductions;
mod reports;

mod effort;
mod golden;
mod laws;
mod memory;
mod reference;
mod wide;

use super::{Call, Model};

/// A call by its times; process and operation are its place.
pub(super) fn list<I, O>(
    calls: impl IntoIterator<Item = (u64, Option<u64>, I, Option<O>)>,
) -> Vec<Call<I, O>> {
    let call = |(place, (called, returned, input, output))| Call {
        process: place,
        input,
        output,
        called,
        returned,
        operation: place,
    };
    (0..).zip(calls).map(call).collect()
}

/// An answered call.
pub(super) fn ok<I, O>(called: u64, returned: u64, input: I, output: O) -> Timed<I, O> {
    (called, Some(returned), input, Some(output))
}

/// A call that nobody knows the answer of.
pub(super) fn crashed<I, O>(called: u64, input: I) -> Timed<I, O> {
    (called, None, input, None)
}

/// A call by its times.
pub(super) type Timed<I, O> = (u64, Option<u64>, I, Option<O>);

/// The calls of a model.
pub(super) type Calls<M> = Vec<Call<<M as Model>::Input, <M as Model>::Output>>;
