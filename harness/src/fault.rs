//! The faults that can be inflicted on a cluster, as data.
//!
//! A story calls a verb of the cluster; a schedule holds a [`Fault`]. Both are the same hardship, and
//! the journal tells both in the same words. A fault that cannot take effect ([`Skipped`]) has
//! tested nothing, and is counted as such.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::disk::{DiskFault, Loss};
use crate::system::Node;

/// A hardship. Whom it strikes is said beside it: one node or several, or the two ends of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// `kill -9`: the process is gone, its operating system closes its sockets and keeps its files.
    Crash,
    /// The process is gone and its peers hear nothing of it; files are kept.
    CrashSilently,
    /// The machine loses its power, and what no fsync covers.
    PowerCut {
        /// How much of that is lost.
        loss: Loss,
    },
    /// The process is asked to end, and ends.
    ShutDown,
    /// The process stands still, as under SIGSTOP. Its kernel goes on receiving.
    Pause,
    /// The node and its peers do not hear each other; clients still reach it.
    Isolate,
    /// The node hears nobody and nobody hears it.
    IsolateFully,
    /// The node does not hear its peers, which hear it.
    Deafen,
    /// The node's peers do not hear it, though it hears them.
    Silence,
    /// Nodes hear each other only within the groups. Groups may overlap.
    Partition {
        /// Who hears whom.
        groups: Vec<Vec<Node>>,
    },
    /// Nothing from the first node reaches the second.
    CutOneWay,
    /// What is sent between the two nodes, or between one and all its peers, is kept back and
    /// delivered later. Streams survive.
    Hold,
    /// Messages between the two nodes, or between one and all its peers, take at least so long.
    Slow {
        /// In milliseconds.
        latency_ms: u64,
    },
    /// Of what is sent between the two nodes, or between one and all its peers, a part is lost and
    /// sent again after a timeout of 200 ms that doubles: streams stall and go on. What a stream
    /// carries within 50 ms is lost together or not at all.
    Lossy {
        /// How many of a thousand such flights.
        per_mille: u32,
    },
    /// The wall clock is set off by so much.
    SetClock {
        /// In milliseconds.
        offset_ms: i64,
    },
    /// The clock runs fast, or slow if negative.
    DriftClock {
        /// In millionths.
        rate_ppm: i32,
    },
    /// Trouble with the disk.
    Disk(DiskFault),
    /// A deed of the system itself, which knows it by this name.
    Action(String),
}

/// A fault in force, by number. Numbers are not reused within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub u64);

/// Why a fault did not take effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Skipped {
    /// Nobody plays the role that it aims at.
    #[error("nobody plays the role")]
    NoTarget,
    /// It needs another number of nodes, or different ones.
    #[error("it cannot be aimed at these nodes")]
    WrongTarget,
    /// The node is down.
    #[error("the node is down")]
    NotRunning,
    /// The node is paused already.
    #[error("the node is paused already")]
    AlreadyPaused,
    /// The system says that it promises nothing under this.
    #[error("the fault budget does not allow it")]
    OverBudget,
    /// There was nothing to break.
    #[error("there was nothing to break")]
    NothingToBreak,
}

/// The kinds of fault, for counting and for choosing among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FaultClass {
    /// Processes die and come back: crashes and clean stops.
    Crashes,
    /// Machines lose power.
    PowerCuts,
    /// Processes stand still.
    Pauses,
    /// Links are cut.
    Partitions,
    /// Links are slow, or hold back what they carry.
    SlowLinks,
    /// Clocks jump or drift.
    Clocks,
    /// Disks fail.
    Disks,
    /// Deeds of the system.
    Actions,
}

impl FaultClass {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Crashes,
        Self::PowerCuts,
        Self::Pauses,
        Self::Partitions,
        Self::SlowLinks,
        Self::Clocks,
        Self::Disks,
        Self::Actions,
    ];

    /// What the class is called in reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Crashes => "crashes",
            Self::PowerCuts => "power cuts",
            Self::Pauses => "pauses",
            Self::Partitions => "partitions",
            Self::SlowLinks => "slow links",
            Self::Clocks => "clocks",
            Self::Disks => "disks",
            Self::Actions => "actions",
        }
    }
}

impl Fault {
    /// The fault's kind.
    #[must_use]
    pub fn class(&self) -> FaultClass {
        match self {
            Self::Crash | Self::CrashSilently | Self::ShutDown => FaultClass::Crashes,
            Self::PowerCut { .. } | Self::Disk(DiskFault::CutAfter { .. }) => FaultClass::PowerCuts,
            Self::Pause => FaultClass::Pauses,
            Self::Isolate
            | Self::IsolateFully
            | Self::Deafen
            | Self::Silence
            | Self::Partition { .. }
            | Self::CutOneWay => FaultClass::Partitions,
            Self::Hold | Self::Slow { .. } | Self::Lossy { .. } => FaultClass::SlowLinks,
            Self::SetClock { .. } | Self::DriftClock { .. } => FaultClass::Clocks,
            Self::Disk(_) => FaultClass::Disks,
            Self::Action(_) => FaultClass::Actions,
        }
    }

    /// Whether the two are of one kind, of which only the latest is in force on a node.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Disk(one), Self::Disk(other)) => one.is_like(other),
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        }
    }

    /// Whether it has an end of its own, rather than being over as soon as it has struck.
    #[must_use]
    pub fn lasts(&self) -> bool {
        match self {
            Self::Action(_) => false,
            Self::Disk(trouble) => trouble.lasts(),
            Self::Crash
            | Self::CrashSilently
            | Self::PowerCut { .. }
            | Self::ShutDown
            | Self::Pause
            | Self::Isolate
            | Self::IsolateFully
            | Self::Deafen
            | Self::Silence
            | Self::Partition { .. }
            | Self::CutOneWay
            | Self::Hold
            | Self::Slow { .. }
            | Self::Lossy { .. }
            | Self::SetClock { .. }
            | Self::DriftClock { .. } => true,
        }
    }

    /// How many nodes it may be aimed at.
    #[must_use]
    pub fn aims(&self) -> RangeInclusive<usize> {
        match self {
            Self::Partition { .. } | Self::Action(_) => 0..=0,
            Self::CutOneWay => 2..=2,
            Self::Hold | Self::Slow { .. } | Self::Lossy { .. } => 1..=2,
            Self::Crash
            | Self::CrashSilently
            | Self::PowerCut { .. }
            | Self::ShutDown
            | Self::Pause
            | Self::Isolate
            | Self::IsolateFully
            | Self::Deafen
            | Self::Silence
            | Self::SetClock { .. }
            | Self::DriftClock { .. }
            | Self::Disk(_) => 1..=usize::MAX,
        }
    }

    /// Whether a process dies of it, and so has to be started again.
    #[must_use]
    pub fn stops_the_process(&self) -> bool {
        match self {
            Self::Crash | Self::CrashSilently | Self::PowerCut { .. } | Self::ShutDown => true,
            Self::Pause
            | Self::Isolate
            | Self::IsolateFully
            | Self::Deafen
            | Self::Silence
            | Self::Partition { .. }
            | Self::CutOneWay
            | Self::Hold
            | Self::Slow { .. }
            | Self::Lossy { .. }
            | Self::SetClock { .. }
            | Self::DriftClock { .. }
            | Self::Disk(_)
            | Self::Action(_) => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash => f.write_str("crash"),
            Self::CrashSilently => f.write_str("crash silently"),
            Self::PowerCut { loss: Loss::Random } => f.write_str("cut power"),
            Self::PowerCut { loss: Loss::Everything } => {
                f.write_str("cut power, losing everything unsynced")
            }
            Self::PowerCut { loss: Loss::Nothing } => f.write_str("cut power, losing nothing"),
            Self::ShutDown => f.write_str("shut down"),
            Self::Pause => f.write_str("pause"),
            Self::Isolate => f.write_str("isolate"),
            Self::IsolateFully => f.write_str("isolate fully"),
            Self::Deafen => f.write_str("deafen"),
            Self::Silence => f.write_str("silence"),
            Self::Partition { .. } => f.write_str("partition"),
            Self::CutOneWay => f.write_str("cut one way"),
            Self::Hold => f.write_str("hold"),
            Self::Slow { latency_ms } => write!(f, "slow to {latency_ms} ms"),
            Self::Lossy { per_mille } => write!(f, "lose {per_mille} of 1000 flights"),
            Self::SetClock { offset_ms } => write!(f, "set the clock off by {offset_ms} ms"),
            Self::DriftClock { rate_ppm } => write!(f, "drift the clock by {rate_ppm} ppm"),
            Self::Disk(fault) => write!(f, "{fault}"),
            Self::Action(name) => f.write_str(name),
        }
    }
}
