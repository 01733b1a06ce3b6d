//! Deterministic fault injection.

pub mod checker;
pub mod digest;
pub mod history;
pub mod verdict;
