//! Checkers: each reads a history and answers with a verdict.
//!
//! A checker never panics, whatever the history holds; it is near-linear in the history or has a
//! budget; and it names for each anomaly the operations that prove it. It never cries wolf: what a
//! correct system may do under faults is valid, however strange it looks.
//!
//! A check that is never seen to fail checks nothing. So the checkers are tested by mutation: each
//! of some 1900 small changes to their code must make one of their tests fail.
//!
//! ```text
//! cargo install cargo-mutants --locked
//! cargo mutants -p harness --file 'harness/src/checker/**' -- --lib checker::
//! ```
//!
//! Each change is a build of its own and takes about a minute of one core, so that all of them take
//! more than a day. `--shard 0/32` does every 32nd, and `--in-diff` with the output of `git diff`
//! those of the lines that were changed, which is what to run after a change here.
//!
//! What survives is a missing test, or a change that makes no difference; each of the second sort
//! is explained in `.cargo/mutants.toml`. The search of [`linearizable`] is another matter: most of
//! it is about what to try first and what not to try at all, and a change there only makes it
//! slower. So one of its tests knows how many steps some hundred histories take.

pub mod linearizable;
pub mod log;
pub mod object;
