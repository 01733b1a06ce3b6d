//! The physics of a simulated cluster.

use std::time::Duration;

use crate::disk::DiskOptions;
use crate::topology::Topology;

/// Measures of time and space that hold for the whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The step of the simulation. Messages are delivered at its beginning only, so it is also the
    /// grain of the network: 10 ms for sweeps, 1 ms where fine timing matters and time does not.
    pub tick: Duration,
    /// The fastest message.
    pub latency_min: Duration,
    /// The slowest message. Latencies fall off exponentially between the two.
    pub latency_max: Duration,
    /// Where the nodes stand and how far it is between them, if that differs.
    pub topology: Option<Topology>,
    /// How long a connection attempt waits for an answer.
    pub connect_timeout: Duration,
    /// The disks.
    pub disk: DiskOptions,
    /// How long a process may take to stop cleanly before it is killed.
    pub stop_limit: Duration,
    /// How long [`crate::cluster::Cluster::wait_for`] waits.
    pub wait_limit: Duration,
    /// How many events the trace keeps.
    pub trace_capacity: usize,
    /// How long one step may take in real time before the run is given up.
    pub hang_limit: Duration,
}

impl Options {
    /// A data centre: messages of 1 to 10 ms, cheap SSDs, steps of 10 ms.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tick: Duration::from_millis(10),
            latency_min: Duration::from_millis(1),
            latency_max: Duration::from_millis(10),
            topology: None,
            connect_timeout: Duration::from_secs(3),
            disk: DiskOptions::new(),
            stop_limit: Duration::from_secs(30),
            wait_limit: Duration::from_secs(60),
            trace_capacity: 10_000,
            hang_limit: Duration::from_secs(60),
        }
    }

    /// The same with another step.
    #[must_use]
    pub fn tick(self, tick: Duration) -> Self {
        Self { tick, ..self }
    }

    /// The same with other latencies.
    #[must_use]
    pub fn latency(self, min: Duration, max: Duration) -> Self {
        Self { latency_min: min, latency_max: max, ..self }
    }

    /// The same with nodes in zones.
    #[must_use]
    pub fn topology(self, topology: Topology) -> Self {
        Self { topology: Some(topology), ..self }
    }

    /// The same with other disks.
    #[must_use]
    pub fn disk(self, disk: DiskOptions) -> Self {
        Self { disk, ..self }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
