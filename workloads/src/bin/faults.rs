//! The `faults` command.
fn main() {}
