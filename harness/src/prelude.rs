//! What a story needs, in one line: `use harness::prelude::*;`.

pub use std::time::Duration;

pub use crate::cluster::{Client, Cluster, Options};
pub use crate::disk::{DiskFault, Loss};
pub use crate::fault::{Fault, FaultClass, FaultId};
pub use crate::history::Calls;
pub use crate::nemesis::{Nemesis, Schedule};
pub use crate::scenario::{Setup, scenario};
pub use crate::seed::{Seed, Stream};
pub use crate::system::{BoxError, ClientEnv, Node, NodeEnv, System, nodes};
pub use crate::topology::Topology;

/// So many seconds.
#[must_use]
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So many milliseconds.
#[must_use]
pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
