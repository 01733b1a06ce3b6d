//! Checkers: each reads a history and answers with a verdict.
//!
//! A checker never panics, whatever the history holds; it is near-linear in the history or has a
//! budget; and it names for each anomaly the operations that prove it. It never cries wolf: what a
//! correct system may do under faults is valid, however strange it looks.
//!
//! A check that is never seen to fail checks nothing. So the checkers are tested by mutation: each
//! of hundreds of small changes to their code must make one of their tests fail.
//!
//! ```text
//! cargo install cargo-mutants --locked
//! cargo mutants -p harness --file harness/src/checker/log.rs --file 'harness/src/checker/log/**' \
//!     -- --lib checker::
//! ```
//!
//! `--shard 0/8` does an eighth of them. What survives is a missing test, or a change that makes no
//! difference; each of the second sort is explained in `.cargo/mutants.toml`.

pub mod linearizable;
pub mod log;
pub mod object;
