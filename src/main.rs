//! The broker's program.
fn main() {}
