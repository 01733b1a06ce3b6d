//! The broker as a system under test: how its nodes boot, who plays which role, and what it can be
//! asked to endure without breaking its word.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use harness::disk::{DiskFault, SimDisk};
use harness::fault::Fault;
use harness::gate::Stop;
use harness::scenario::Setup;
use harness::seed::{Seed, Stream};
use harness::system::{BoxError, Deed, LocalBoxFuture, Node, NodeEnv, Stopped, System, Violation};
use highwater::server::{self, Left, Metrics};
use highwater::types::{BrokerId, NodeId, TopicPartition};

use crate::alerts::exposition::{self, PageError, Sample};
use crate::alerts::monitor::Monitoring;
use crate::deeds;
use crate::picture;
use crate::settings::ClusterSettings;
use crate::sim_host::{self, Parts};
use crate::watch::Watch;

/// The nodes of one simulated cluster.
#[derive(Debug)]
pub struct Brokers {
    settings: ClusterSettings,
    watch: Watch,
    keeps_budget: bool,
    keeps_invariants: bool,
    machines: BTreeMap<Node, Machine>,
    metrics: Arc<Mutex<BTreeMap<Node, Metrics>>>,
    monitoring: Option<Monitoring>,
}

/// The role that everybody in sync plays, over all partitions: all of them together.
pub const IN_SYNC: &str = "in sync";

/// What may bring a node down without anybody striking it again.
#[derive(Debug)]
struct Machine {
    disk: SimDisk,
    stop: Stop,
}

impl Machine {
    /// Its disk may fail it, or it is about to stop and may be cut short.
    fn is_at_risk(&self) -> bool {
        self.disk.is_troubled() || self.stop.is_requested()
    }
}

impl Brokers {
    /// A cluster to be booted.
    #[must_use]
    pub fn new(settings: ClusterSettings) -> Self {
        let watch = Watch::new(settings.picture());
        Self {
            settings,
            watch,
            keeps_budget: true,
            keeps_invariants: true,
            machines: BTreeMap::new(),
            metrics: Arc::default(),
            monitoring: None,
        }
    }

    /// Lets faults strike although the settings in force do not cover them: for runs that show
    /// what is lost then.
    #[must_use]
    pub fn beyond_the_budget(mut self) -> Self {
        self.keeps_budget = false;
        self
    }

    /// Lets a run go on after an invariant was broken: for runs that show what clients see of it.
    #[must_use]
    pub fn whatever_is_broken(mut self) -> Self {
        self.keeps_invariants = false;
        self
    }

    /// The settings of the cluster.
    #[must_use]
    pub fn settings(&self) -> &ClusterSettings {
        &self.settings
    }

    /// What has been observed.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The numbers of every node that runs, read in its process: as they are, and without the
    /// network between.
    ///
    /// # Errors
    /// A page cannot be read, which is a bug of the broker.
    ///
    /// # Panics
    /// Never: nothing panics while it holds the pages.
    pub fn pages(&self) -> Result<Vec<(String, Vec<Sample>)>, PageError> {
        let metrics = self.metrics.lock().expect("nothing panics under this lock").clone();
        metrics
            .into_iter()
            .map(|(node, metrics)| {
                Ok((ClusterSettings::node_name(node.0), exposition::parse(&metrics.page())?))
            })
            .collect()
    }

    /// The monitoring of the cluster, once it has begun.
    #[must_use]
    pub fn monitoring(&self) -> Option<&Monitoring> {
        self.monitoring.as_ref()
    }

    pub(crate) fn set_monitoring(&mut self, monitoring: Monitoring) {
        self.monitoring = Some(monitoring);
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        self.watch.look(|picture| {
            picture
                .partitions()
                .iter()
                .filter(|partition| partition.registration().is_some())
                .map(|partition| partition.name().clone())
                .collect()
        })
    }

    /// The brokers that lead, or that follow in sync, taken over all partitions in order.
    fn players(&self, leads: bool) -> Vec<Node> {
        let mut nodes = Vec::new();
        for name in self.partitions() {
            self.watch.look(|picture| {
                let Some(record) = picture.partition(&name).and_then(|p| p.registration()) else {
                    return;
                };
                let wanted = record.replicas.iter().filter(|broker| {
                    if leads {
                        record.leader == Some(**broker)
                    } else {
                        record.leader != Some(**broker) && record.in_sync_replicas.contains(broker)
                    }
                });
                nodes.extend(wanted.map(|broker| node_of(*broker)));
            });
        }
        nodes
    }

    /// Whether one more broker may be lost without a clean marker. Every partition must cover it:
    /// with those that were lost and are not back in sync yet, and those that may be lost any
    /// moment, at most `min.insync.replicas` - 1 (KIP-966).
    fn covers_loss_of(&self, node: Node) -> bool {
        let broker = broker_of(node);
        let at_risk = self.machines.iter().filter(|(_, machine)| machine.is_at_risk());
        let at_risk: Vec<BrokerId> = at_risk.map(|(node, _)| broker_of(*node)).collect();
        self.watch.look(|picture| {
            picture.partitions().iter().all(|partition| {
                let Some(record) = partition.registration() else { return true };
                if !record.replicas.contains(&broker) {
                    return true;
                }
                let mut lost = partition.budget().lost().clone();
                lost.insert(broker);
                lost.extend(at_risk.iter().filter(|broker| record.replicas.contains(broker)));
                // A replica that died outside the in-sync set may still be taken in by a proposal
                // that is on its way, until it has registered again.
                lost.extend(record.replicas.iter().filter(|broker| {
                    let died_under = picture.node(**broker).and_then(|node| node.unclean_under());
                    died_under.is_some() && died_under == picture.metadata().broker_epoch(**broker)
                }));
                lost.len() < partition.min_in_sync_replicas()
            })
        })
    }
}

/// The node that a broker is on.
#[must_use]
pub fn node_of(broker: BrokerId) -> Node {
    Node(usize::try_from(broker.0 - 1).expect("simulated brokers are numbered from 1"))
}

/// The broker on a node.
#[must_use]
pub fn broker_of(node: Node) -> BrokerId {
    BrokerId(i32::try_from(node.0 + 1).expect("a simulated cluster is small"))
}

impl Setup for ClusterSettings {
    type System = Brokers;

    fn build(&self, _seed: Seed) -> Brokers {
        Brokers::new(self.clone())
    }
}

impl System for Brokers {
    fn nodes(&self) -> Vec<String> {
        (0..self.settings.broker_count()).map(ClusterSettings::node_name).collect()
    }

    fn boot(&mut self, env: NodeEnv) -> LocalBoxFuture<'static, Result<(), BoxError>> {
        self.watch.set_timeline(&env.timeline);
        let config = self.settings.config(env.node.0);
        let probe = self.watch.probe(config.node_id);
        let stop = env.stop.clone();
        let machine = Machine { disk: env.disk.clone(), stop: stop.clone() };
        self.machines.insert(env.node, machine);
        let (node, known) = (env.node, Arc::clone(&self.metrics));
        let parts = Parts { net: env.net, disk: env.disk, clock: env.clock, dice: env.dice };
        Box::pin(async move {
            let host = sim_host::host(parts, probe);
            let stopped = async move { stop.requested().await };
            let ready = move |ready: server::Ready| {
                let mut known = known.lock().expect("nothing panics under this lock");
                known.insert(node, ready.metrics);
            };
            match server::run(host, config, ready, stopped).await {
                Ok(Left::Cleanly) => Ok(()),
                Ok(Left::Uncleanly) => Err("left without a clean-shutdown marker".into()),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn resolve(&self, role: &str, index: usize) -> Option<Vec<Node>> {
        if role == IN_SYNC {
            let mut all = self.players(true);
            all.extend(self.players(false));
            all.sort_unstable();
            all.dedup();
            return (!all.is_empty()).then_some(all);
        }
        let players = match role {
            "leader" => self.players(true),
            "follower" => self.players(false),
            "controller" => {
                let active = self.watch.active_controller();
                active.map(|node| node_of(node.into())).into_iter().collect()
            }
            _ => return None,
        };
        (!players.is_empty()).then(|| vec![players[index % players.len()]])
    }

    fn permits(&mut self, fault: &Fault, node: Node) -> bool {
        if !self.keeps_budget {
            return true;
        }
        match fault {
            // A clean stop may be cut short, and then it is none.
            Fault::Crash | Fault::CrashSilently | Fault::PowerCut { .. } | Fault::ShutDown => {
                self.covers_loss_of(node)
            }
            Fault::Disk(fault) => match fault {
                DiskFault::SlowSyncs { .. } => true,
                DiskFault::FailReads { .. }
                | DiskFault::FailWrites { .. }
                | DiskFault::FailSyncs { .. }
                | DiskFault::Full { .. }
                | DiskFault::FlipBit
                | DiskFault::CutAfter { .. } => self.covers_loss_of(node),
            },
            Fault::Pause
            | Fault::Isolate
            | Fault::IsolateFully
            | Fault::Deafen
            | Fault::Silence
            | Fault::Partition { .. }
            | Fault::CutOneWay
            | Fault::Hold
            | Fault::Slow { .. }
            | Fault::Lossy { .. }
            | Fault::SetClock { .. }
            | Fault::DriftClock { .. }
            | Fault::Action(_) => true,
        }
    }

    fn act(&mut self, action: &str, dice: &mut Stream) -> Option<Deed> {
        let nodes = self.nodes();
        deeds::deed(action, &nodes, (&self.partitions(), &self.watch), dice)
    }

    fn invariant(&mut self) -> Result<(), Violation> {
        match self.watch.violation() {
            Some(violation) if self.keeps_invariants => Err(Violation {
                invariant: violation.invariant.to_owned(),
                what: violation.to_string(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn started(&mut self, node: Node, _incarnation: u64) {
        self.watch.started(NodeId::from(broker_of(node)));
    }

    fn stopped(&mut self, node: Node, how: &Stopped) {
        self.metrics.lock().expect("nothing panics under this lock").remove(&node);
        let how = match how {
            Stopped::Killed { .. } | Stopped::Exited { .. } => picture::Stop::Crash,
            Stopped::PowerCut => picture::Stop::PowerCut,
            Stopped::Stopped => picture::Stop::Clean,
        };
        self.watch.stopped(NodeId::from(broker_of(node)), how);
    }
}
