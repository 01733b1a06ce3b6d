//! The broker meets the harness.
