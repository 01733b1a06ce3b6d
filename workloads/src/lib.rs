//! The broker meets the harness.

pub mod picture;

pub mod invariants;

pub mod rooms;
