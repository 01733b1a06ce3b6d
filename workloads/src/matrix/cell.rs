//! Rows and cells of the matrix, and the runs that fill them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use harness::history::Promise;
use harness::seed::Seed;
use harness::system::Node;
use highwater::config::TopicConfig;
use highwater::types::Acks;
use serde::{Deserialize, Serialize};

use super::Hardship;
use crate::load::{Mix, ProducerKind};
use crate::plan::{self, Physics, Plan, TopicPlan};
use crate::run::Errand;
use crate::settings::{ClusterSettings, brokers};

/// The first nodes are controllers, and hold no replica of the topic.
pub(super) const CONTROLLERS: usize = 3;
/// The racks, in turn.
pub(super) const RACKS: [&str; 3] = ["a", "b", "c"];
/// Between two records of a producer, on average.
const PACE: Duration = Duration::from_millis(30);

/// The settings of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Row {
    /// `replication.factor`.
    pub replication_factor: i16,
    /// `min.insync.replicas`, at most the replication factor.
    pub min_in_sync_replicas: i16,
    /// `unclean.leader.election.enable`.
    pub unclean: bool,
}

impl Row {
    /// The golden preset of [`highwater::config::golden`].
    pub const GOLDEN: Self =
        Self { replication_factor: 3, min_in_sync_replicas: 2, unclean: false };

    /// All rows, the smallest cluster first.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let shapes = [(1, 1), (3, 1), (3, 2), (3, 3), (5, 1), (5, 2), (5, 3), (5, 4)];
        let row = |(replication_factor, min_in_sync_replicas), unclean| Self {
            replication_factor,
            min_in_sync_replicas,
            unclean,
        };
        shapes.into_iter().flat_map(|shape| [row(shape, false), row(shape, true)]).collect()
    }
}

impl Row {
    /// What these settings give up against [`Row::GOLDEN`], a sentence each; none if nothing.
    #[must_use]
    pub fn gives_up(&self) -> Vec<&'static str> {
        let run = Run { row: *self, hardship: Hardship::LeaderCrash };
        let config = run.cluster().config(0);
        TopicConfig::from(&BTreeMap::new(), &config).gives_up(self.replication_factor)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unclean = if self.unclean { " unclean" } else { "" };
        let text =
            format!("rf={} minisr={}{unclean}", self.replication_factor, self.min_in_sync_replicas);
        f.pad(&text)
    }
}

/// One combination of settings under one hardship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell {
    /// The topic's settings.
    pub row: Row,
    /// What the producers wait for.
    pub promise: Promise,
    /// What befalls the cluster.
    pub hardship: Hardship,
}

impl Cell {
    /// Its `acks` as Kafka writes them.
    #[must_use]
    pub fn acks(&self) -> &'static str {
        match self.promise {
            Promise::Durable => "all",
            Promise::Volatile => "1",
            Promise::FireAndForget => "0",
        }
    }

    /// The run that fills it, and two others with it.
    #[must_use]
    pub fn run(&self) -> Run {
        Run { row: self.row, hardship: self.hardship }
    }

    /// Whether every word of `filter` is one of its own: `acks=all,rf=3,minisr=2,leader-crash`.
    #[must_use]
    pub fn matches(&self, filter: &[String]) -> bool {
        let unclean = if self.row.unclean { "on" } else { "off" };
        let words = [
            format!("acks={}", self.acks()),
            format!("rf={}", self.row.replication_factor),
            format!("minisr={}", self.row.min_in_sync_replicas),
            format!("unclean={unclean}"),
            self.hardship.name().to_owned(),
        ];
        filter.iter().all(|wanted| words.contains(wanted))
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "acks={} {} {}", self.acks(), self.row, self.hardship)
    }
}

/// All cells that make sense.
#[must_use]
pub fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for row in Row::all() {
        for hardship in Hardship::ALL {
            let run = Run { row, hardship };
            if hardship.can_befall(run.replicas().len(), run.required()) {
                cells.extend(Promise::ALL.map(|promise| Cell { row, promise, hardship }));
            }
        }
    }
    cells
}

/// The cells of the golden preset, and of those that differ from it in one setting.
#[must_use]
pub fn golden_cells() -> Vec<Cell> {
    let golden = Row::GOLDEN;
    let differs = |cell: &Cell| {
        usize::from(cell.row.replication_factor != golden.replication_factor)
            + usize::from(cell.row.min_in_sync_replicas != golden.min_in_sync_replicas)
            + usize::from(cell.row.unclean != golden.unclean)
            + usize::from(cell.promise != Promise::Durable)
    };
    cells().into_iter().filter(|cell| differs(cell) <= 1).collect()
}

/// The runs that fill three cells each: one for each acks level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Run {
    /// The topic's settings.
    pub row: Row,
    /// What befalls the cluster.
    pub hardship: Hardship,
}

impl Run {
    /// The nodes that hold the topic, the preferred leader first.
    pub(super) fn replicas(&self) -> Vec<Node> {
        let count = usize::try_from(self.row.replication_factor).expect("rows are small");
        (CONTROLLERS..CONTROLLERS + count).map(Node).collect()
    }

    /// `min.insync.replicas`.
    pub(super) fn required(&self) -> usize {
        usize::try_from(self.row.min_in_sync_replicas).expect("rows are small")
    }

    fn cluster(&self) -> ClusterSettings {
        brokers(CONTROLLERS + self.replicas().len())
            .min_in_sync_replicas(self.required())
            .unclean_leader_election(self.row.unclean)
            .racks(&RACKS)
    }

    /// The run of a seed.
    #[must_use]
    pub fn plan(&self, seed: Seed) -> Plan {
        Plan {
            plan: plan::VERSION,
            seed,
            cluster: self.cluster(),
            topic: TopicPlan {
                partitions: 1,
                replication_factor: self.row.replication_factor,
                on: self.replicas(),
                configs: BTreeMap::new(),
            },
            clients: clients(),
            physics: Physics::with_tick(Duration::from_millis(10)),
            calm: Duration::from_secs(2),
            schedule: self.hardship.schedule(self, seed),
            beyond_the_budget: true,
            clients_only: false,
            mutant: None,
        }
    }

    /// The run of a seed, and the command that repeats it.
    #[must_use]
    pub fn errand(&self, seed: Seed) -> Errand {
        let repeat = format!(
            "cargo faults matrix --start {seed} --seeds 1 --cells rf={},minisr={},unclean={},{}",
            self.row.replication_factor,
            self.row.min_in_sync_replicas,
            if self.row.unclean { "on" } else { "off" },
            self.hardship,
        );
        Errand { plan: self.plan(seed), repeat }
    }
}

/// Two producers of each acks level, and readers of leaders and followers.
fn clients() -> Mix {
    let two = |acks, idempotent| [ProducerKind { acks, idempotent }; 2];
    let producers =
        [two(Acks::All, true), two(Acks::Leader, false), two(Acks::None, false)].concat();
    Mix {
        name: "matrix".to_owned(),
        producers,
        consumers: 2,
        follower_consumers: 1,
        pollers: 0,
        pace: PACE,
        records_max: None,
    }
}
