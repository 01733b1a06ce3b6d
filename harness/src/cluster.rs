//! A cluster under simulation: start it, look at it, run it, wait for it, hurt it.
//!
//! The simulation is driven from outside. A story calls methods in sequence; between the calls
//! virtual time stands still, and only [`Cluster::step`] and what is built on it let it pass. So
//! a test needs no clock, no sleep and no thread: it says what happens, in order.
//!
//! [`Cluster::client`] puts programs beside the nodes. The verbs of hardship are in `verbs`
//! ([`Cluster::isolate`] and its like); each can also be inflicted as data with
//! [`Cluster::strike`], which is what a schedule of faults does.

mod client;
mod halt;
mod journal;
mod node;
mod options;
mod process;
mod strike;
mod verbs;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use client::Client;
pub use journal::{Journal, JournalEntry, JournalEvent, JournalListener};
pub use options::Options;

use crate::clock::{EPOCH_MS, NodeClock, Timeline};
use crate::disk::SimDisk;
use crate::fault::FaultId;
use crate::gate::{Gate, lock};
use crate::net::wires::{HostId, Rewiring, Wires};
use crate::net::{Odds, SimNet, Sockets, Tap, Traffic};
use crate::panics;
use crate::seed::Seed;
use crate::system::{Node, System};
use crate::trace::{self, Trace};
use crate::watchdog::Pulse;
use client::Desk;
use node::NodeSlot;
use strike::InForce;

/// A system on simulated machines.
pub struct Cluster<S: System> {
    // Dropped first: the hosts' tasks may still look at everything below.
    sim: turmoil::Sim<'static>,
    system: S,
    seed: Seed,
    options: Options,
    timeline: Timeline,
    trace: Trace,
    journal: Journal,
    pulse: Arc<Pulse>,
    wires: Arc<Mutex<Wires>>,
    traffic: Traffic,
    nodes: Vec<NodeSlot>,
    desks: Vec<Desk>,
    client_names: BTreeMap<String, u64>,
    in_force: BTreeMap<FaultId, InForce>,
    next_fault: u64,
    halt_at: Option<Duration>,
}

/// How many segments a socket holds, and how many connections a listener.
const TCP_CAPACITY: usize = 4096;

impl<S: System> Cluster<S> {
    /// Builds the machines and starts the system on all of them. Virtual time begins to pass with
    /// the first step.
    pub fn new(system: S, seed: Seed, options: Options) -> Self {
        panics::watch();
        let timeline = Timeline::default();
        trace::set_current(&timeline);
        let trace = Trace::new(timeline.clone(), options.trace_capacity);
        let label = match std::thread::current().name() {
            Some(name) => format!("{name} with seed {seed}"),
            None => format!("the simulation with seed {seed}"),
        };
        let mut cluster = Self {
            sim: build_sim(seed, &options),
            journal: Journal::new(timeline.clone(), trace.tracer("cluster")),
            pulse: Pulse::start(label, options.hang_limit, timeline.clone()),
            wires: Arc::default(),
            traffic: Traffic::default(),
            nodes: Vec::new(),
            desks: Vec::new(),
            client_names: BTreeMap::new(),
            in_force: BTreeMap::new(),
            next_fault: 1,
            halt_at: None,
            system,
            seed,
            options,
            timeline,
            trace,
        };
        for name in cluster.system.nodes() {
            cluster.add_node(name);
        }
        for node in cluster.nodes() {
            cluster.boot(node);
            cluster.host_node(node);
        }
        if let Some(topology) = cluster.options.topology.clone() {
            lock(&cluster.wires).survey(topology);
            cluster.rewire();
        }
        cluster
    }

    /// Lets one step of virtual time pass.
    ///
    /// # Panics
    /// A task on some host panicked, or an invariant of the system does not hold.
    pub fn step(&mut self) {
        trace::set_current(&self.timeline);
        let panics_before = panics::seen();
        self.pulse.begin_step();
        self.timeline.begin_step();
        let outcome = self.sim.step();
        self.timeline.end_step(self.sim.elapsed());
        self.pulse.end_step();
        if let Some(panicked) = panics::nth(panics_before) {
            panic!("a simulated task panicked: {}", panicked.message);
        }
        if let Err(failed) = outcome {
            panic!("the simulation failed: {failed}");
        }
        self.look_after_nodes();
        self.clear_desks();
        if let Err(violation) = self.system.invariant() {
            panic!("{violation}");
        }
        self.halt_if_due();
    }

    /// Lets virtual time pass.
    ///
    /// # Panics
    /// As [`Cluster::step`].
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now() + time);
    }

    /// Lets virtual time pass until it is `moment` since the beginning.
    ///
    /// # Panics
    /// As [`Cluster::step`].
    pub fn run_until(&mut self, moment: Duration) {
        while self.now() < moment {
            self.step();
        }
    }

    /// Lets virtual time pass until `look` finds something, looking before each step.
    ///
    /// # Errors
    /// The words, if it found nothing for as long as the wait limit.
    ///
    /// # Panics
    /// As [`Cluster::step`].
    pub fn try_wait_for<T>(
        &mut self,
        words: &str,
        mut look: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, WaitedInVain> {
        let limit = self.options.wait_limit;
        let begun = self.now();
        loop {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            if self.now() - begun >= limit {
                return Err(WaitedInVain { words: words.to_owned(), limit });
            }
            self.step();
        }
    }

    /// As [`Cluster::try_wait_for`], for a story that cannot go on without.
    ///
    /// # Panics
    /// It waited in vain, or as [`Cluster::step`].
    pub fn wait_for<T>(&mut self, words: &str, look: impl FnMut(&mut Self) -> Option<T>) -> T {
        match self.try_wait_for(words, look) {
            Ok(found) => found,
            Err(in_vain) => panic!("{in_vain}"),
        }
    }

    /// Lets virtual time pass until `look` says yes.
    ///
    /// # Panics
    /// As [`Cluster::wait_for`].
    pub fn wait_until(&mut self, words: &str, mut look: impl FnMut(&mut Self) -> bool) {
        self.wait_for(words, |cluster| look(cluster).then_some(()));
    }
}

/// Looking at the cluster.
impl<S: System> Cluster<S> {
    /// The time since the simulation began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.sim.elapsed()
    }

    /// True time, for whoever stamps what happens.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The seed from which the run follows.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The system under test.
    #[must_use]
    pub fn system(&self) -> &S {
        &self.system
    }

    /// The system under test, to be told something.
    pub fn system_mut(&mut self) -> &mut S {
        &mut self.system
    }

    /// The physics.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// All nodes.
    #[must_use]
    pub fn nodes(&self) -> Vec<Node> {
        (0..self.nodes.len()).map(Node).collect()
    }

    /// The nodes whose process runs, paused or not.
    #[must_use]
    pub fn running(&self) -> Vec<Node> {
        self.nodes().into_iter().filter(|node| self.is_running(*node)).collect()
    }

    /// Whether a node's process runs, paused or not.
    #[must_use]
    pub fn is_running(&self, node: Node) -> bool {
        self.slot(node).process.is_some()
    }

    /// Whether a node's process stands still.
    #[must_use]
    pub fn is_paused(&self, node: Node) -> bool {
        !self.slot(node).paused_by.is_empty()
    }

    /// Whether a node's process was asked to stop and has not yet.
    #[must_use]
    pub fn is_stopping(&self, node: Node) -> bool {
        self.is_running(node) && self.slot(node).stop_deadline.is_some()
    }

    /// Which start of the node was the last, from 1.
    #[must_use]
    pub fn incarnation(&self, node: Node) -> u64 {
        self.slot(node).incarnation
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self, node: Node) -> &str {
        &self.slot(node).name
    }

    /// The node of this name.
    #[must_use]
    pub fn node_named(&self, name: &str) -> Option<Node> {
        self.nodes.iter().position(|slot| slot.name == name).map(Node)
    }

    /// The node's disk.
    #[must_use]
    pub fn disk(&self, node: Node) -> &SimDisk {
        &self.slot(node).disk
    }

    /// The node's clock.
    #[must_use]
    pub fn clock(&self, node: Node) -> &NodeClock {
        &self.slot(node).clock
    }

    /// How many segments nodes and clients have sent: what a program writes at once is one, so for
    /// small messages it is the number of messages. Those that were lost count too.
    #[must_use]
    pub fn segments_sent(&self) -> u64 {
        self.traffic.segments()
    }

    /// How many flights of segments lossy links have lost, so that they were sent again.
    #[must_use]
    pub fn flights_lost(&self) -> u64 {
        self.traffic.flights_lost()
    }

    /// From now on `tap`, and nobody who listened before, is told what streams carry that are made
    /// from now on.
    pub fn tap(&self, tap: Tap) {
        self.traffic.listen(tap);
    }

    /// What was done to the cluster.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Writes a line of the story's own into the journal.
    pub fn note(&self, text: impl Into<String>) {
        self.journal.write(JournalEvent::Note(text.into()));
    }

    /// What happened in the cluster.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    fn slot(&self, node: Node) -> &NodeSlot {
        &self.nodes[node.0]
    }

    /// The network of a process, whose dice for lost segments are those of `name`.
    fn net(&self, host: HostId, (gate, sockets): (&Gate, &Sockets), name: &str) -> SimNet {
        let dice = self.seed.stream(&format!("{name}/losses"));
        let odds = Odds {
            wires: Arc::clone(&self.wires),
            from: host,
            dice: Arc::new(Mutex::new(dice)),
            traffic: self.traffic.clone(),
        };
        SimNet {
            host,
            wires: Arc::clone(&self.wires),
            gate: gate.clone(),
            sockets: sockets.clone(),
            traffic: self.traffic.clone(),
            odds,
            connect_timeout: self.options.connect_timeout,
            round_trip: self.options.latency_min * 2,
        }
    }

    /// Makes turmoil's links what the rules in force want them to be.
    fn rewire(&mut self) {
        let mut wires = lock(&self.wires);
        for change in wires.rewire() {
            let name = |host: HostId| wires.name(host);
            match change {
                Rewiring::Hold(a, b) => self.sim.hold(name(a), name(b)),
                Rewiring::Release(a, b) => self.sim.release(name(a), name(b)),
                Rewiring::Cut(from, to) => self.sim.partition_oneway(name(from), name(to)),
                Rewiring::Mend(from, to) => self.sim.repair_oneway(name(from), name(to)),
                Rewiring::Latency(a, b, delay) => {
                    let spread = self.options.latency_max - self.options.latency_min;
                    let spread = delay.jitter.unwrap_or(spread);
                    let min = delay.latency.unwrap_or_default().max(self.options.latency_min);
                    self.sim.set_link_latency(name(a), name(b), min);
                    self.sim.set_link_max_message_latency(name(a), name(b), min + spread);
                }
            }
        }
    }
}

/// Something did not happen in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("waited {} s of simulated time in vain for: {words}", limit.as_secs())]
pub struct WaitedInVain {
    /// What was waited for.
    pub words: String,
    /// For how long.
    pub limit: Duration,
}

fn build_sim(seed: Seed, options: &Options) -> turmoil::Sim<'static> {
    let epoch = Duration::from_millis(EPOCH_MS.unsigned_abs());
    turmoil::Builder::new()
        .rng_seed(seed.stream("network").next_u64())
        .epoch(std::time::UNIX_EPOCH + epoch)
        .simulation_duration(Duration::MAX)
        .tick_duration(options.tick)
        .min_message_latency(options.latency_min)
        .max_message_latency(options.latency_max)
        .tcp_capacity(TCP_CAPACITY)
        // Refused connections leak a port in turmoil 0.7, so there must be many.
        .ephemeral_ports(1024..=65535)
        .enable_random_order()
        .build()
}

impl<S: System> fmt::Debug for Cluster<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("seed", &self.seed)
            .field("now", &self.now())
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}
