//! How large a plan is, for telling what was gained.

use std::time::Duration;
use std::{fmt, io};

use harness::report::RunReport;
use serde::Serialize;

use crate::plan::Plan;

/// What a reader of the plan has to think of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Faults of the schedule.
    pub faults: usize,
    /// Brokers.
    pub brokers: usize,
    /// Brokers that are controllers too.
    pub controllers: usize,
    /// Partitions of the topic.
    pub partitions: i32,
    /// Clients of all kinds.
    pub clients: usize,
    /// Properties that are not as usual.
    pub properties: usize,
    /// How long the run lasts in the simulation, up to its failure.
    #[serde(rename = "simulated_ms", with = "harness::millis")]
    pub simulated: Duration,
}

impl Size {
    /// The size of a plan whose run came to this.
    #[must_use]
    pub fn of(plan: &Plan, report: &RunReport) -> Self {
        Self {
            faults: plan.schedule.faults.len(),
            brokers: plan.cluster.broker_count(),
            controllers: plan.cluster.controller_count(),
            partitions: plan.topic.partitions,
            clients: plan.clients.client_count(),
            properties: plan.cluster.changed().count(),
            simulated: report.simulated,
        }
    }

    /// The two side by side, a line for each measure.
    ///
    /// # Errors
    /// `out` cannot be written to.
    pub fn compare(&self, after: &Self, out: &mut dyn io::Write) -> io::Result<()> {
        let rows: [(&str, &dyn fmt::Display, &dyn fmt::Display); 6] = [
            ("faults", &self.faults, &after.faults),
            ("brokers", &self.brokers, &after.brokers),
            ("controllers", &self.controllers, &after.controllers),
            ("partitions", &self.partitions, &after.partitions),
            ("clients", &self.clients, &after.clients),
            ("properties set", &self.properties, &after.properties),
        ];
        for (name, before, after) in rows {
            writeln!(out, "  {name:<18}{before:>8}  ->{after:>8}")?;
        }
        let seconds = |size: &Self| size.simulated.as_secs_f64();
        let name = "simulated seconds";
        writeln!(out, "  {name:<18}{:>8.1}  ->{:>8.1}", seconds(self), seconds(after))
    }
}
