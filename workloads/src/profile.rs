//! Which cluster a fault run is about, which clients use it, and which faults strike.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::fault::FaultClass;
use harness::nemesis::{Nemesis, Relay, Schedule, Trouble};
use harness::seed::Seed;

use crate::deeds;
use crate::load::Mix;
use crate::plan::{self, Physics, Plan, TopicPlan};
use crate::run::Errand;
use crate::settings::{ClusterSettings, brokers};
use crate::swarm;
use crate::system::IN_SYNC;

/// Breaks the brokers that run on this thread in a known way; `None` mends them. Does nothing in a
/// build without mutants.
pub fn break_thread(mutant: Option<&str>) {
    #[cfg(feature = "mutants")]
    highwater::mutants::switch_on(mutant.and_then(|name| name.parse().ok()));
    #[cfg(not(feature = "mutants"))]
    debug_assert!(mutant.is_none(), "a profile refuses mutants that the build does not know");
}

/// The time without faults before and after the storm.
const CALM: Duration = Duration::from_secs(2);
/// How long faults strike, unless said otherwise.
const STORM: Duration = Duration::from_secs(20);
/// The step of the simulation, unless said otherwise.
const TICK: Duration = Duration::from_millis(10);

/// What kind of clients there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// [`Mix::append_read`]: everything with acks=all.
    AppendRead,
    /// [`Mix::acks_mix`]: acks 0, 1 and all side by side.
    AcksMix,
}

/// What the seed decides beside the faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habits {
    /// Nothing: the cluster and its clients are as they were told to be.
    Fixed,
    /// - Whether there are two brokers more. Where every broker is a controller, a partition cannot
    ///   lose its last in-sync replica without the controllers losing their majority; where some
    ///   are not, it can, and that is where bad elections are made.
    /// - How often clients do something. A leader of a moment that nobody writes to is another trap
    ///   than one under load.
    /// - How large segments are, and how much a follower gets per fetch. Small ones put borders
    ///   everywhere, and keep a slow follower above the high watermark but below the log's end.
    Drawn,
    /// Everything: see [`swarm`].
    Swarm,
}

/// The pauses of clients to draw from, in milliseconds.
const PAUSES: [u64; 5] = [50, 50, 50, 250, 2_500];
/// The sizes of segments to draw from, in bytes; `None` is Kafka's.
const SEGMENTS: [Option<u64>; 4] = [None, None, Some(2 * 1024), Some(16 * 1024)];
/// How much a follower gets per fetch and partition, to draw from; `None` is Kafka's.
const FETCHES: [Option<u64>; 4] = [None, None, None, Some(512)];

/// One kind of fault run.
#[derive(Clone, Debug)]
pub struct Profile {
    settings: ClusterSettings,
    habits: Habits,
    replication_factor: i16,
    partitions: i32,
    clients: Clients,
    producers: Option<usize>,
    storm: Duration,
    tick: Duration,
    mutant: Option<String>,
    clients_only: bool,
}

impl Profile {
    /// The golden settings on three or five brokers: replication factor 3, `min.insync.replicas` 2,
    /// acks=all beside weaker ones, eligible leader replicas on, unclean election off; every class
    /// of fault, within the fault budget. How many brokers, how busy the clients and how large
    /// segments and fetches are, the seed decides.
    #[must_use]
    pub fn safe() -> Self {
        Self { habits: Habits::Drawn, ..Self::on(brokers(3).min_in_sync_replicas(2)) }
    }

    /// Each seed has a cluster, clients and faults of its own; see [`swarm`]. What other methods
    /// choose of these does not count.
    #[must_use]
    pub fn swarm() -> Self {
        Self { habits: Habits::Swarm, ..Self::safe() }
    }

    /// As [`Profile::safe`], on another cluster, the same for all seeds.
    #[must_use]
    pub fn on(settings: ClusterSettings) -> Self {
        Self {
            settings,
            habits: Habits::Fixed,
            replication_factor: 3,
            partitions: 1,
            clients: Clients::AcksMix,
            producers: None,
            storm: STORM,
            tick: TICK,
            mutant: None,
            clients_only: false,
        }
    }

    /// With other clients.
    #[must_use]
    pub fn clients(mut self, clients: Clients) -> Self {
        self.clients = clients;
        self
    }

    /// With so many producers, of the clients' kinds in turn.
    #[must_use]
    pub fn producers(mut self, count: usize) -> Self {
        self.producers = Some(count);
        self
    }

    /// With steps of so long; see [`Physics::tick`].
    #[must_use]
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// With faults for so long.
    #[must_use]
    pub fn storm(mut self, storm: Duration) -> Self {
        self.storm = storm;
        self
    }

    /// With so many partitions.
    #[must_use]
    pub fn with_partitions(mut self, count: i32) -> Self {
        self.partitions = count;
        self
    }

    /// Judged by what clients see, and whether the cluster comes to rest, alone: no invariant ends
    /// a run.
    #[must_use]
    pub fn clients_only(mut self) -> Self {
        self.clients_only = true;
        self
    }

    /// See [`Profile::clients_only`].
    #[must_use]
    pub fn is_clients_only(&self) -> bool {
        self.clients_only
    }

    /// With a broken broker. Only a build with the feature `mutants` has any.
    ///
    /// # Errors
    /// This build knows no mutant of that name; the message says which it knows.
    pub fn mutant(mut self, name: &str) -> Result<Self, String> {
        #[cfg(feature = "mutants")]
        let known = name.parse::<highwater::mutants::Mutant>().map(|mutant| mutant.to_string());
        #[cfg(not(feature = "mutants"))]
        let known: Result<String, String> =
            Err(format!("this build knows no mutant {name:?}; build with --features mutants"));
        self.mutant = Some(known?);
        Ok(self)
    }

    /// Everything that the run of a seed is made of.
    #[must_use]
    pub fn plan(&self, seed: Seed) -> Plan {
        let (mutant, clients_only) = (self.mutant.clone(), self.clients_only);
        if self.habits == Habits::Swarm {
            return Plan { mutant, clients_only, ..swarm::plan(seed) };
        }
        Plan {
            plan: plan::VERSION,
            seed,
            cluster: self.settings(seed),
            topic: TopicPlan {
                partitions: self.partitions,
                replication_factor: self.replication_factor,
                on: Vec::new(),
                configs: BTreeMap::new(),
            },
            clients: self.mix(seed),
            physics: Physics::with_tick(self.tick),
            calm: CALM,
            schedule: self.schedule(seed),
            beyond_the_budget: false,
            clients_only,
            mutant,
        }
    }

    /// The cluster of a seed.
    #[must_use]
    pub fn settings(&self, seed: Seed) -> ClusterSettings {
        let mut settings = self.settings.clone();
        match self.habits {
            Habits::Fixed => return settings,
            Habits::Swarm => return swarm::plan(seed).cluster,
            Habits::Drawn => {}
        }
        let mut dice = seed.stream("cluster");
        if dice.chance(1, 2) {
            settings = settings.more_brokers(2);
        }
        if let Some(bytes) = dice.pick(&SEGMENTS) {
            settings = settings.set("log.segment.bytes", &bytes.to_string());
        }
        if let Some(bytes) = dice.pick(&FETCHES) {
            settings = settings.set("replica.fetch.max.bytes", &bytes.to_string());
        }
        settings
    }

    /// The clients of a seed.
    fn mix(&self, seed: Seed) -> Mix {
        let mut mix = match self.clients {
            Clients::AppendRead => Mix::append_read(),
            Clients::AcksMix => Mix::acks_mix(),
        };
        if self.habits == Habits::Drawn {
            let pause = *seed.stream("habits").pick(&PAUSES);
            mix.pace = Duration::from_millis(pause);
        }
        match self.producers {
            None => mix,
            Some(count) => mix.with_producers(count),
        }
    }

    /// The faults of a seed.
    ///
    /// Bits that flip at rest are left out, because the fault budget cannot count them:
    ///
    /// - One flip on the leader's disk is enough to break what acks=all promises. No follower and no
    ///   consumer gets past the batch, and the leader goes on leading: as in Kafka, a checksum that
    ///   does not match is no failure of the device, and calls for no election. The record is on
    ///   other replicas, but nobody can read it before an operator acts. The budget, of
    ///   `min.insync.replicas` - 1 lossy replicas, would call that covered.
    /// - A lossy stop is counted until its replica is back in sync. Rot has no such end: its replica
    ///   stays in sync while nobody reads the batch, and an unclean restart reads nothing anew that
    ///   lies before the recovery point. Counted for the rest of the run, it would let the next
    ///   kill of another replica waive the verdict, and the run would judge next to nothing.
    /// - The harness flips any byte of a disk. Kafka's checkpoints of recovery points and high
    ///   watermarks have no checksums, so a digit that turns into a larger one is believed; and a
    ///   controller whose quorum log is damaged does not start again by itself.
    ///
    /// What recovery makes of rot is told by stories and by the tests of the log.
    #[must_use]
    pub fn schedule(&self, seed: Seed) -> Schedule {
        if self.habits == Habits::Swarm {
            return swarm::plan(seed).schedule;
        }
        let second = Duration::from_secs(1);
        Nemesis::swarm()
            .troubles(&[
                (Trouble::SlowSyncs, 3),
                (Trouble::FailSyncs, 1),
                (Trouble::FailReads, 1),
                (Trouble::FailWrites, 1),
                (Trouble::Full, 1),
            ])
            .roles(["leader", "follower", "controller"])
            .actions(deeds::ALL)
            .weight(FaultClass::Actions, 2)
            .undercurrent()
            .relay(Relay { behind: "follower".to_owned(), ahead: IN_SYNC.to_owned() })
            .session_timeout(3 * second)
            .weather(second..3 * second, 3 * second..10 * second)
            .pace(Duration::from_millis(100)..Duration::from_millis(1500))
            .draw(seed, self.settings(seed).broker_count(), self.storm)
    }

    /// The flags of the `faults` command that choose this profile.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        match self.habits {
            Habits::Fixed => {
                flags.extend(["--brokers".to_owned(), self.settings.broker_count().to_string()]);
            }
            Habits::Drawn => {}
            Habits::Swarm => flags.push("--swarm".to_owned()),
        }
        if self.clients == Clients::AppendRead {
            flags.extend(["--workload".to_owned(), "append-read".to_owned()]);
        }
        if self.partitions != 1 {
            flags.extend(["--partitions".to_owned(), self.partitions.to_string()]);
        }
        if let Some(producers) = self.producers {
            flags.extend(["--producers".to_owned(), producers.to_string()]);
        }
        if self.tick != TICK {
            flags.extend(["--tick".to_owned(), self.tick.as_millis().to_string()]);
        }
        if self.storm != STORM {
            flags.extend(["--storm".to_owned(), self.storm.as_secs().to_string()]);
        }
        if let Some(mutant) = &self.mutant {
            flags.extend(["--mutant".to_owned(), mutant.clone()]);
        }
        if self.clients_only {
            flags.push("--clients-only".to_owned());
        }
        flags
    }

    /// The run of a seed, and the command that repeats it.
    #[must_use]
    pub fn errand(&self, seed: Seed) -> Errand {
        Errand { plan: self.plan(seed), repeat: self.repeat_command(seed) }
    }

    /// The command that runs a seed again.
    #[must_use]
    pub fn repeat_command(&self, seed: Seed) -> String {
        let mut words = vec!["cargo faults repro".to_owned(), seed.to_string()];
        words.extend(self.flags());
        words.join(" ")
    }
}
