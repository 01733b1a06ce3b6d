//! A fault run as data: everything that it is made of, besides the code.
//!
//! A [`Profile`](crate::profile::Profile) makes a plan of a seed; [`run`](crate::run) carries a plan
//! out. Between the two it can be kept in a file, be edited by hand, and be cut down to what
//! matters. The same plan gives the same run, to the byte of its history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use harness::cluster::Options;
use harness::fault::Fault;
use harness::nemesis::{Aim, Schedule};
use harness::seed::Seed;
use harness::system::Node;
use serde::{Deserialize, Serialize};

use crate::load::Mix;
use crate::settings::ClusterSettings;
use crate::system::Brokers;

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// More brokers than that are refused: a simulation of them would take minutes a second.
const BROKERS_MAX: usize = 15;

/// One run to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The format's version, [`VERSION`].
    pub plan: u64,
    /// What every die is thrown from that is not already cast below: the network's delays, what a
    /// power cut tears, the clients' pauses.
    pub seed: Seed,
    /// The brokers and their properties.
    pub cluster: ClusterSettings,
    /// The topic that the clients use.
    pub topic: TopicPlan,
    /// The clients.
    pub clients: Mix,
    /// The physics.
    pub physics: Physics,
    /// How long all is well, before the first fault and after the last.
    #[serde(rename = "calm_ms", with = "harness::millis")]
    pub calm: Duration,
    /// The faults.
    pub schedule: Schedule,
    /// Lets faults strike although the settings do not cover them, to see what is lost then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beyond_the_budget: bool,
    /// Leaves the invariants unjudged: only what clients see counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clients_only: bool,
    /// The broken broker that is run, by its name in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<String>,
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicPlan {
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas each has.
    pub replication_factor: i16,
    /// The nodes that hold the replicas, the preferred leader first; the controllers choose if that
    /// is not said. Only for a topic of one partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<Node>,
    /// The topic's own settings, by Kafka's names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub configs: BTreeMap<String, String>,
}

/// See [`Options`]; what is not named here is as in [`Options::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Physics {
    /// See [`Options::tick`].
    #[serde(rename = "tick_ms", with = "harness::millis")]
    pub tick: Duration,
    /// See [`Options::latency_min`].
    #[serde(rename = "latency_min_ms", with = "harness::millis")]
    pub latency_min: Duration,
    /// See [`Options::latency_max`].
    #[serde(rename = "latency_max_ms", with = "harness::millis")]
    pub latency_max: Duration,
}

impl Physics {
    /// As in [`Options::new`], with steps of so long.
    #[must_use]
    pub fn with_tick(tick: Duration) -> Self {
        let Options { latency_min, latency_max, .. } = Options::new();
        Self { tick, latency_min, latency_max }
    }

    /// The options of a simulated cluster.
    #[must_use]
    pub fn options(&self) -> Options {
        Options::new().tick(self.tick).latency(self.latency_min, self.latency_max)
    }
}

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is of another format.
    #[error("the plan has version {found}, and we carry out version {VERSION}")]
    Version {
        /// The version that was found.
        found: u64,
    },
    /// It is not JSON, or not a plan.
    #[error("{0}")]
    Unreadable(String),
    /// It asks for something that cannot be.
    #[error("{0}")]
    Impossible(String),
}

impl Plan {
    /// Reads a plan and checks it.
    ///
    /// # Errors
    /// It is not a plan (with line and column), of another version, or asks for what cannot be.
    pub fn read(json: &str) -> Result<Self, Unfit> {
        #[derive(Deserialize)]
        struct Version {
            plan: u64,
        }
        let unreadable = |error: serde_json::Error| Unfit::Unreadable(error.to_string());
        let Version { plan: found } = serde_json::from_str(json).map_err(unreadable)?;
        if found != VERSION {
            return Err(Unfit::Version { found });
        }
        let plan: Self = serde_json::from_str(json).map_err(unreadable)?;
        plan.check()?;
        Ok(plan)
    }

    /// Whether it can be carried out. A plan that a profile made always can.
    ///
    /// # Errors
    /// What it asks for and cannot have.
    pub fn check(&self) -> Result<(), Unfit> {
        let impossible = |why: String| Err(Unfit::Impossible(why));
        let brokers = self.cluster.broker_count();
        if !(1..=BROKERS_MAX).contains(&brokers) {
            return impossible(format!("{brokers} brokers: there must be 1 to {BROKERS_MAX}"));
        }
        if !(1..=brokers).contains(&self.cluster.controller_count()) {
            let controllers = self.cluster.controller_count();
            return impossible(format!("{controllers} controllers among {brokers} brokers"));
        }
        let factor = self.topic.replication_factor;
        if !usize::try_from(factor).is_ok_and(|factor| (1..=brokers).contains(&factor)) {
            return impossible(format!("replication factor {factor} on {brokers} brokers"));
        }
        if !(1..=100).contains(&self.topic.partitions) {
            let partitions = self.topic.partitions;
            return impossible(format!("{partitions} partitions: there must be 1 to 100"));
        }
        self.check_placement()?;
        if self.physics.tick < Duration::from_millis(1) {
            return impossible("tick_ms must be at least 1".to_owned());
        }
        if self.physics.latency_min > self.physics.latency_max {
            return impossible("latency_min_ms is greater than latency_max_ms".to_owned());
        }
        if let Some(stranger) = self.strangers().find(|node| *node >= brokers) {
            let why =
                format!("a fault is aimed at node {stranger}, and {brokers} nodes count from 0");
            return impossible(why);
        }
        self.cluster.check().map_err(Unfit::Impossible)
    }

    fn check_placement(&self) -> Result<(), Unfit> {
        let TopicPlan { partitions, replication_factor, on, configs } = &self.topic;
        let distinct: BTreeSet<&Node> = on.iter().collect();
        let fits = *partitions == 1
            && configs.is_empty()
            && distinct.len() == on.len()
            && i16::try_from(on.len()) == Ok(*replication_factor)
            && on.iter().all(|node| node.0 < self.cluster.broker_count());
        if on.is_empty() || fits {
            return Ok(());
        }
        let why = "topic.on must name as many different nodes as the one partition has replicas";
        Err(Unfit::Impossible(why.to_owned()))
    }

    /// Every node that the schedule names.
    fn strangers(&self) -> impl Iterator<Item = usize> {
        self.schedule.faults.iter().flat_map(|scheduled| {
            let aimed = scheduled.aims.iter().filter_map(|aim| match aim {
                Aim::Node(node) => Some(node.0),
                Aim::Role { .. } => None,
            });
            let grouped: &[Vec<Node>] =
                if let Fault::Partition { groups } = &scheduled.fault { groups } else { &[] };
            aimed.chain(grouped.iter().flatten().map(|node| node.0))
        })
    }

    /// Its cluster, to be booted.
    #[must_use]
    pub fn system(&self) -> Brokers {
        let mut brokers = Brokers::new(self.cluster.clone());
        if self.beyond_the_budget {
            brokers = brokers.beyond_the_budget();
        }
        if self.clients_only {
            brokers = brokers.whatever_is_broken();
        }
        brokers
    }

    /// What it is called in a report.
    #[must_use]
    pub fn name(&self) -> String {
        let mutant = self.mutant.as_ref().map_or(String::new(), |name| format!(", mutant {name}"));
        format!(
            "{} on {} brokers, {} controllers, min.insync.replicas={}{mutant}",
            self.clients.name,
            self.cluster.broker_count(),
            self.cluster.controller_count(),
            self.cluster.required_in_sync(),
        )
    }

    /// The plan as JSON that a person can read and edit, each fault on a line of its own.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut bare = self.clone();
        let faults = std::mem::take(&mut bare.schedule.faults);
        let text = serde_json::to_string_pretty(&bare).expect("a plan has only text keys");
        if faults.is_empty() {
            return text + "\n";
        }
        let faults: Vec<String> = faults
            .iter()
            .map(|fault| serde_json::to_string(fault).expect("a fault has only text keys"))
            .map(|line| format!("      {line}"))
            .collect();
        let lines = format!("\"faults\": [\n{}\n    ]", faults.join(",\n"));
        text.replacen("\"faults\": []", &lines, 1) + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    #[test]
    fn a_plan_survives_its_file() {
        for seed in 0..20 {
            let plan = Profile::safe().plan(Seed(seed));
            assert_eq!(plan.check(), Ok(()));
            assert_eq!(Plan::read(&plan.to_json()), Ok(plan));
        }
    }

    #[test]
    fn each_fault_has_a_line_of_its_own() {
        let plan = Profile::safe().plan(Seed(3));
        let json = plan.to_json();
        let lines = json.lines().filter(|line| line.contains("\"at\"")).count();
        assert!(lines > 0);
        assert_eq!(lines, plan.schedule.faults.len());
    }

    #[test]
    fn what_cannot_be_is_named() {
        let refused = |change: &dyn Fn(&mut Plan)| {
            let mut plan = Profile::safe().plan(Seed(3));
            change(&mut plan);
            Plan::read(&plan.to_json()).expect_err("it cannot be").to_string()
        };
        assert!(refused(&|plan| plan.plan = 9).contains("version 9"));
        assert!(refused(&|plan| plan.topic.replication_factor = 8).contains("factor 8"));
        assert!(refused(&|plan| plan.topic.partitions = 0).contains("0 partitions"));
        assert!(refused(&|plan| plan.physics.tick = Duration::ZERO).contains("tick_ms"));
        let bad = |plan: &mut Plan| {
            plan.cluster = plan.cluster.clone().set("min.insync.replicas", "none");
        };
        assert!(refused(&bad).contains("min.insync.replicas"));
        let placed = |plan: &mut Plan| plan.topic.on = vec![Node(1), Node(1), Node(2)];
        assert!(refused(&placed).contains("topic.on"));
        let aimed = |plan: &mut Plan| {
            plan.schedule.faults[0].aims = vec![Aim::Node(Node(12))];
        };
        assert!(refused(&aimed).contains("node 12"));
        let nonsense = Plan::read("{\"plan\": 1,\n\"seeds\": 3}").expect_err("no plan").to_string();
        assert!(nonsense.contains("line 2"), "{nonsense}");
    }
}
