//! Deterministic fault injection.

pub mod clock;
pub mod cluster;
pub mod disk;
pub mod fault;
pub mod gate;
mod millis;
pub mod net;
pub mod panics;
pub mod prelude;
pub mod scenario;
pub mod seed;
pub mod system;
pub mod trace;
mod watchdog;
