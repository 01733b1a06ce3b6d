//! Nodes: booted, killed, deprived of power, shut down and started again.

use std::collections::BTreeSet;
use std::time::Duration;

use super::process::{Process, Software};
use super::{Cluster, JournalEvent};
use crate::clock::NodeClock;
use crate::disk::{Loss, SimDisk};
use crate::fault::FaultId;
use crate::gate::{Stop, lock};
use crate::net::wires::HostId;
use crate::system::{BoxError, Node, NodeEnv, Stopped, System};

/// A machine, whether or not a process runs on it.
pub(super) struct NodeSlot {
    pub(super) name: String,
    pub(super) host: HostId,
    pub(super) disk: SimDisk,
    pub(super) clock: NodeClock,
    pub(super) incarnation: u64,
    /// The process, while it runs.
    pub(super) process: Option<Process<Result<(), BoxError>>>,
    pub(super) stop: Stop,
    /// When a process that was asked to stop is killed.
    pub(super) stop_deadline: Option<Duration>,
    /// It is started again as soon as it has stopped.
    pub(super) starts_after_stop: bool,
    /// It is started again if it ends by itself: it met a failure of its disk before the heal.
    pub(super) starts_after_exit: bool,
    /// How many operations of its disk had failed when the process was booted.
    failures_at_boot: u64,
    /// The faults that pause it.
    pub(super) paused_by: BTreeSet<FaultId>,
    /// The fault that brought it down, if one did.
    pub(super) down_by: Option<FaultId>,
    software: Software,
}

/// How a process is to die.
#[derive(Clone, Copy, Debug)]
pub(super) enum Death {
    /// The operating system survives and closes its sockets.
    Kill,
    /// The operating system survives, but nobody hears of it.
    SilentKill,
    /// The machine loses its power.
    PowerCut(Loss),
}

impl NodeSlot {
    /// Whether the process that runs has met a failure of its disk, of which it may yet die.
    pub(super) fn met_a_failure(&self) -> bool {
        self.disk.tally().failures() > self.failures_at_boot
    }
}

impl<S: System> Cluster<S> {
    /// Makes a machine.
    pub(super) fn add_node(&mut self, name: String) {
        let host = lock(&self.wires).add(&name, true);
        let slot = NodeSlot {
            host,
            disk: SimDisk::new(self.seed, &name, self.options.disk),
            clock: NodeClock::new(self.timeline.clone()),
            incarnation: 0,
            process: None,
            stop: Stop::new(),
            stop_deadline: None,
            starts_after_stop: false,
            starts_after_exit: false,
            failures_at_boot: 0,
            paused_by: BTreeSet::new(),
            down_by: None,
            software: Software::default(),
            name,
        };
        self.nodes.push(slot);
    }

    /// Lets turmoil run what was booted on the node.
    pub(super) fn host_node(&mut self, node: Node) {
        let slot = &self.nodes[node.0];
        let software = slot.software.clone();
        self.sim.host(slot.name.clone(), move || software.run());
    }

    /// Readies the next incarnation for the host to run.
    pub(super) fn boot(&mut self, node: Node) {
        let process = Process::new();
        let slot = &mut self.nodes[node.0];
        slot.incarnation += 1;
        slot.disk = slot.disk.mount(process.gate.clone());
        slot.stop = Stop::new();
        slot.stop_deadline = None;
        slot.down_by = None;
        slot.starts_after_exit = false;
        slot.failures_at_boot = slot.disk.tally().failures();
        let (host, incarnation, name) = (slot.host, slot.incarnation, slot.name.clone());
        let env = NodeEnv {
            node,
            incarnation,
            disk: slot.disk.clone(),
            clock: slot.clock.behind(process.gate.clone()),
            stop: slot.stop.clone(),
            net: self.net(
                host,
                (&process.gate, &process.sockets),
                &format!("{name}/incarnation-{incarnation}"),
            ),
            dice: self.seed.stream(&format!("{name}/incarnation-{incarnation}")),
            trace: self.trace.tracer(&name),
            timeline: self.timeline.clone(),
            name,
        };
        let body = self.system.boot(env);
        let slot = &mut self.nodes[node.0];
        slot.software.put(process.wrap(body));
        slot.process = Some(process);
        self.system.started(node, incarnation);
    }

    /// Starts a node that is down.
    pub(super) fn start_again(&mut self, node: Node) {
        let host = self.slot(node).host;
        {
            let mut wires = lock(&self.wires);
            wires.set_power(host, true);
            wires.set_process(host, true);
        }
        self.rewire();
        self.boot(node);
        let (name, incarnation) = (self.name(node).to_owned(), self.incarnation(node));
        self.sim.bounce(name.clone());
        self.journal.write(JournalEvent::Restarted { node: name, incarnation });
    }

    /// Ends a node's process, if one runs.
    pub(super) fn kill(&mut self, node: Node, death: Death, how: &Stopped) {
        let slot = &mut self.nodes[node.0];
        let Some(process) = slot.process.take() else { return };
        process.sockets.die();
        slot.paused_by.clear();
        slot.stop_deadline = None;
        let (host, name) = (slot.host, slot.name.clone());
        lock(&self.wires).set_process(host, false);
        // A machine that nobody hears: its sockets' last words are cut off before it speaks them.
        match death {
            Death::Kill => {}
            Death::SilentKill | Death::PowerCut(_) => {
                lock(&self.wires).set_power(host, false);
                self.rewire();
            }
        }
        self.sim.crash(name);
        match death {
            Death::Kill | Death::SilentKill => self.slot(node).disk.kill(),
            Death::PowerCut(loss) => self.slot(node).disk.power_cut(loss),
        }
        self.system.stopped(node, how);
    }

    /// After a step: processes that ended by themselves, that do not stop, or whose disk has
    /// reached the operation after which the power goes.
    pub(super) fn look_after_nodes(&mut self) {
        for node in self.nodes() {
            let slot = &self.nodes[node.0];
            let Some(process) = &slot.process else { continue };
            let exit = process.outcome.borrow_mut().take();
            let overdue = slot.stop_deadline.is_some_and(|deadline| self.now() >= deadline);
            if slot.disk.wants_power_cut() {
                self.kill(node, Death::PowerCut(Loss::Random), &Stopped::PowerCut);
                self.write_end(node, Stopped::PowerCut);
            } else if let Some(result) = exit {
                let how = match result {
                    Ok(()) if slot.stop.is_requested() => Stopped::Stopped,
                    Ok(()) => Stopped::Exited { error: None },
                    Err(error) => Stopped::Exited { error: Some(error.to_string()) },
                };
                let by_itself = matches!(how, Stopped::Exited { .. });
                self.kill(node, Death::Kill, &how);
                self.write_end(node, how);
                let slot = &mut self.nodes[node.0];
                slot.starts_after_stop |= by_itself && slot.starts_after_exit;
            } else if overdue {
                let how = Stopped::Killed { silent: false };
                self.kill(node, Death::Kill, &how);
                self.write_end(node, how);
            }
            let slot = &mut self.nodes[node.0];
            if slot.process.is_none() && std::mem::take(&mut slot.starts_after_stop) {
                self.start_again(node);
            }
        }
    }

    fn write_end(&self, node: Node, how: Stopped) {
        let node = self.name(node).to_owned();
        self.journal.write(JournalEvent::Ended { node, how });
    }
}
