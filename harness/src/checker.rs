//! Checkers: each reads a history and answers with a verdict.
//!
//! A checker never panics, whatever the history holds; it is near-linear in the history or has a
//! budget; and it names for each anomaly the operations that prove it. It never cries wolf: what a
//! correct system may do under faults is valid, however strange it looks.

pub mod linearizable;
pub mod log;
