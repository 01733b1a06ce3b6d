//! A schedule of faults: what, when, for how long and at whom.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::system::Node;

/// Faults in the order of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How long it lasts; then everything is healed.
    #[serde(with = "crate::millis")]
    pub lasts: Duration,
    /// How long a process that ended by itself stays down before it is started again.
    #[serde(with = "crate::millis")]
    pub restart_after: Duration,
    /// The faults.
    pub faults: Vec<ScheduledFault>,
}

/// One fault to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledFault {
    /// When, from the beginning of the schedule.
    #[serde(with = "crate::millis")]
    pub at: Duration,
    /// For how long; until the end of the schedule if that is not said.
    #[serde(with = "crate::millis::optional", default)]
    pub lasts: Option<Duration>,
    /// What.
    pub fault: Fault,
    /// At whom. Several aims make one target of all the nodes that they mean.
    #[serde(default)]
    pub aims: Vec<Aim>,
}

/// Whom a fault is aimed at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aim {
    /// This node.
    Node(Node),
    /// The nodes that play a role of the system when the fault strikes.
    Role {
        /// The role's name, known to the system.
        role: String,
        /// Tells several of the role apart.
        index: usize,
    },
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.faults.iter().try_for_each(|fault| writeln!(f, "{fault}"))?;
        write!(f, "{:>10.3}s  heal", self.lasts.as_secs_f64())
    }
}

impl fmt::Display for ScheduledFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3}s  {}", self.at.as_secs_f64(), self.fault)?;
        if let Fault::Partition { groups } = &self.fault {
            for group in groups {
                let nodes: Vec<String> = group.iter().map(|node| node.0.to_string()).collect();
                write!(f, " {{{}}}", nodes.join(" "))?;
            }
        }
        self.aims.iter().try_for_each(|aim| write!(f, " {aim}"))?;
        match self.lasts {
            Some(lasts) => write!(f, " for {:.3}s", lasts.as_secs_f64()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "node {}", node.0),
            Self::Role { role, index } => write!(f, "{role} {index}"),
        }
    }
}
