//! Deterministic fault injection.
