//! Deterministic fault injection.

pub mod exit;
pub mod report;
pub mod sometimes;
pub mod sweep;
