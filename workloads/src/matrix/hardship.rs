//! What befalls the cluster in one column of the matrix, as a schedule of faults.
//!
//! The topic's replicas are on brokers that are no controllers, so that a column shows what it is
//! about: the controllers keep their majority throughout.

use std::fmt;
use std::time::Duration;

use harness::disk::{DiskFault, Loss};
use harness::fault::Fault;
use harness::nemesis::{Aim, Schedule, ScheduledFault};
use harness::seed::{Seed, Stream};
use harness::system::Node;
use serde::{Deserialize, Serialize};

use super::cell::{CONTROLLERS, RACKS, Run};
use crate::settings::SESSION_TIMEOUT;

/// A column of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hardship {
    /// The leader's process is killed, and started again after twice the session timeout.
    LeaderCrash,
    /// A follower's process is killed, and started again after twice the session timeout.
    FollowerCrash,
    /// The leader and its peers do not hear each other; clients still reach it.
    Isolation,
    /// The network splits; the controllers are with the majority of the replicas, and the leader is
    /// on either side, as the seed decides.
    Split,
    /// Every replica's broker in turn is shut down cleanly and started again.
    RollingRestart,
    /// Of exactly `min.insync.replicas` brokers in sync, all are killed, and the others come back
    /// before them: what unclean election is about.
    CrashOfRequired,
    /// The leader's machine loses its power and everything that was not synced.
    PowerCutOfOne,
    /// Of exactly `min.insync.replicas` brokers in sync, all but one lose their power.
    PowerCutOfAllButOneRequired,
    /// Of exactly `min.insync.replicas` brokers in sync, all lose their power.
    PowerCutOfRequired,
    /// Every replica's machine loses its power.
    PowerCutOfAll,
    /// Every node in the leader's rack is killed, one of the controllers among them.
    RackLoss,
    /// The leader's fsyncs take 200 times as long.
    SlowDisk,
    /// The leader's wall clock jumps by an hour, back or forth.
    ClockJump,
}

impl Hardship {
    /// All of them, in the order of the columns.
    pub const ALL: [Self; 13] = [
        Self::LeaderCrash,
        Self::FollowerCrash,
        Self::Isolation,
        Self::Split,
        Self::RollingRestart,
        Self::RackLoss,
        Self::SlowDisk,
        Self::ClockJump,
        Self::CrashOfRequired,
        Self::PowerCutOfOne,
        Self::PowerCutOfAllButOneRequired,
        Self::PowerCutOfRequired,
        Self::PowerCutOfAll,
    ];

    /// Its name in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LeaderCrash => "leader-crash",
            Self::FollowerCrash => "follower-crash",
            Self::Isolation => "isolation",
            Self::Split => "split",
            Self::RollingRestart => "rolling-restart",
            Self::CrashOfRequired => "crash-of-required",
            Self::PowerCutOfOne => "power-cut-of-one",
            Self::PowerCutOfAllButOneRequired => "power-cut-of-all-but-one-required",
            Self::PowerCutOfRequired => "power-cut-of-required",
            Self::PowerCutOfAll => "power-cut-of-all",
            Self::RackLoss => "rack-loss",
            Self::SlowDisk => "slow-disk",
            Self::ClockJump => "clock-jump",
        }
    }

    /// What it is called at the head of a column.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::LeaderCrash => "leader crash",
            Self::FollowerCrash => "follower crash",
            Self::Isolation => "leader isolated",
            Self::Split => "network split",
            Self::RollingRestart => "rolling restart",
            Self::CrashOfRequired => "crash of min ISR",
            Self::PowerCutOfOne => "power cut of 1",
            Self::PowerCutOfAllButOneRequired => "power cut of min ISR - 1",
            Self::PowerCutOfRequired => "power cut of min ISR",
            Self::PowerCutOfAll => "power cut of all",
            Self::RackLoss => "rack lost",
            Self::SlowDisk => "slow disk",
            Self::ClockJump => "clock jump",
        }
    }

    /// Whether it can befall a topic of this shape: one replica has no follower to lose.
    #[must_use]
    pub fn can_befall(self, replicas: usize, required: usize) -> bool {
        match self {
            Self::FollowerCrash | Self::Split => replicas > 1,
            Self::PowerCutOfAllButOneRequired => required > 1,
            Self::LeaderCrash
            | Self::Isolation
            | Self::RollingRestart
            | Self::CrashOfRequired
            | Self::PowerCutOfOne
            | Self::PowerCutOfRequired
            | Self::PowerCutOfAll
            | Self::RackLoss
            | Self::SlowDisk
            | Self::ClockJump => true,
        }
    }

    /// The faults of a seed.
    #[must_use]
    pub fn schedule(self, run: &Run, seed: Seed) -> Schedule {
        let mut dice = seed.stream("matrix");
        let begins = dice.millis(Duration::from_millis(500)..Duration::from_millis(1500));
        let script = Script { replicas: run.replicas(), required: run.required(), begins };
        let faults = script.write(self, &mut dice);
        let ends = faults.iter().map(|fault| fault.at + fault.lasts.unwrap_or_default()).max();
        Schedule {
            lasts: ends.unwrap_or_default() + Duration::from_secs(1),
            restart_after: Duration::from_secs(1),
            faults,
        }
    }
}

impl fmt::Display for Hardship {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A silence that is noticed, and time for what comes of it.
const OUTAGE: Duration = SESSION_TIMEOUT.saturating_mul(2);
/// Between two clean stops of a rolling restart.
const ROLL: Duration = Duration::from_secs(4);
/// How long a machine is without power.
const DARK: Duration = Duration::from_secs(3);

/// Who there is, and when it begins.
struct Script {
    /// The preferred leader first.
    replicas: Vec<Node>,
    required: usize,
    begins: Duration,
}

impl Script {
    fn write(&self, hardship: Hardship, dice: &mut Stream) -> Vec<ScheduledFault> {
        let leader = self.replicas[0];
        match hardship {
            Hardship::LeaderCrash => vec![self.first(Self::crash(dice), OUTAGE, &[leader])],
            Hardship::FollowerCrash => {
                let follower = self.replicas[1];
                vec![self.first(Self::crash(dice), OUTAGE, &[follower])]
            }
            Hardship::Isolation => vec![self.first(Fault::Isolate, OUTAGE, &[leader])],
            Hardship::Split => vec![self.first(self.split(dice), OUTAGE, &[])],
            Hardship::RollingRestart => {
                let turns = (0..).zip(&self.replicas);
                let stop = |(turn, node): (u32, &Node)| {
                    fault(self.begins + ROLL * turn, Fault::ShutDown, ROLL / 2, &[*node])
                };
                turns.map(stop).collect()
            }
            Hardship::PowerCutOfOne => vec![self.first(power_cut(), DARK, &[leader])],
            Hardship::CrashOfRequired => self.strike_required(Fault::Crash, OUTAGE, self.required),
            Hardship::PowerCutOfAllButOneRequired => {
                self.strike_required(power_cut(), DARK, self.required - 1)
            }
            Hardship::PowerCutOfRequired => self.strike_required(power_cut(), DARK, self.required),
            Hardship::PowerCutOfAll => vec![self.first(power_cut(), DARK, &self.replicas)],
            Hardship::RackLoss => {
                let rack = leader.0 % RACKS.len();
                let last = self.replicas.iter().map(|node| node.0).max().unwrap_or(leader.0);
                let nodes = (0..=last).filter(|node| node % RACKS.len() == rack);
                let nodes: Vec<Node> = nodes.map(Node).collect();
                vec![self.first(Self::crash(dice), OUTAGE, &nodes)]
            }
            Hardship::SlowDisk => {
                let slow = Fault::Disk(DiskFault::SlowSyncs { factor: 200 });
                vec![self.first(slow, OUTAGE, &[leader])]
            }
            Hardship::ClockJump => {
                let hour = 3_600_000;
                let offset_ms = if dice.chance(1, 2) { hour } else { -hour };
                vec![self.first(Fault::SetClock { offset_ms }, OUTAGE, &[leader])]
            }
        }
    }

    fn first(&self, what: Fault, lasts: Duration, on: &[Node]) -> ScheduledFault {
        fault(self.begins, what, lasts, on)
    }

    /// Peers hear of a dead process at once if its kernel lives on, and not at all if not.
    fn crash(dice: &mut Stream) -> Fault {
        if dice.chance(1, 2) { Fault::Crash } else { Fault::CrashSilently }
    }

    /// The minority of the replicas, with the leader or without it, against all others.
    fn split(&self, dice: &mut Stream) -> Fault {
        let minority = (self.replicas.len() - 1) / 2;
        let skipped = usize::from(dice.chance(1, 2));
        let cut: Vec<Node> = self.replicas.iter().copied().skip(skipped).take(minority).collect();
        let controllers = (0..CONTROLLERS).map(Node);
        let all = controllers.chain(self.replicas.iter().copied());
        let others = all.filter(|node| !cut.contains(node)).collect();
        Fault::Partition { groups: vec![cut, others] }
    }

    /// The replicas that are not required are cut off until they have left the in-sync set; then
    /// `count` of those that are left, the leader first, are struck.
    fn strike_required(&self, what: Fault, lasts: Duration, count: usize) -> Vec<ScheduledFault> {
        let mut faults = Vec::new();
        let alone = if self.required < self.replicas.len() { OUTAGE } else { Duration::ZERO };
        if !alone.is_zero() {
            let cut_off = alone + Duration::from_millis(200);
            faults.push(self.first(Fault::Isolate, cut_off, &self.replicas[self.required..]));
        }
        faults.push(fault(self.begins + alone, what, lasts, &self.replicas[..count]));
        faults
    }
}

fn power_cut() -> Fault {
    Fault::PowerCut { loss: Loss::Everything }
}

fn fault(at: Duration, fault: Fault, lasts: Duration, on: &[Node]) -> ScheduledFault {
    let aims = on.iter().map(|node| Aim::Node(*node)).collect();
    ScheduledFault { at, lasts: Some(lasts), fault, aims }
}
