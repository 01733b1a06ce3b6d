//! A shrunk run as a story in the cluster's verbs, if it can be told so.
//!
//! A story strikes whoever plays a role at that moment, under the seeds and the physics of all
//! stories, and so it is another run than the plan's. It is told here before it is written down:
//! only a story that fails in the same way under one of its seeds is worth having.

use std::time::Duration;

use harness::cluster::Cluster;
use harness::disk::DiskFault;
use harness::fault::{Fault, FaultId};
use harness::nemesis::{Aim, ScheduledFault};
use harness::scenario;
use harness::system::{Node, Violation};
use harness::verdict::Verdict;
use highwater::client::ElectionType;

use crate::deeds::ELECT_PREFERRED;
use crate::operator::{Operator as _, ReplicationFactor, Topic};
use crate::plan::Plan;
use crate::profile::break_thread;
use crate::signature::Signature;
use crate::system::Brokers;

/// A run in the order in which a story tells it.
#[derive(Clone, Debug)]
pub(super) struct Story<'a> {
    pub(super) plan: &'a Plan,
    pub(super) acts: Vec<Act>,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Act {
    /// So long after what came before.
    pub(super) wait: Duration,
    /// What it is.
    pub(super) deed: Deed,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// The fault of this number strikes.
    Strike(usize),
    /// It is over.
    End(usize),
    /// Everything is.
    Heal,
}

impl<'a> Story<'a> {
    /// The plan as a story; `None` if there are no words for a part of it.
    pub(super) fn of(plan: &'a Plan) -> Option<Self> {
        let ordinary = !plan.beyond_the_budget && !plan.clients_only && plan.topic.on.is_empty();
        if !ordinary || !plan.schedule.faults.iter().all(has_a_verb) {
            return None;
        }
        let mut times: Vec<(Duration, Deed)> = Vec::new();
        for (number, fault) in plan.schedule.faults.iter().enumerate() {
            times.push((fault.at, Deed::Strike(number)));
            let end = fault.lasts.map(|lasts| fault.at + lasts);
            if let Some(end) = end.filter(|end| *end < plan.schedule.lasts) {
                times.push((end, Deed::End(number)));
            }
        }
        times.push((plan.schedule.lasts, Deed::Heal));
        times.sort_by_key(|(at, _)| *at);
        let mut now = Duration::ZERO;
        let act = |(at, deed): (Duration, Deed)| {
            let wait = at - std::mem::replace(&mut now, at);
            Act { wait, deed }
        };
        Some(Self { plan, acts: times.into_iter().map(act).collect() })
    }

    /// Whether it fails in this way, on whatever occasion, under one of the seeds of a story.
    pub(super) fn fails_with(&self, signature: &Signature) -> bool {
        (1..=3).map(harness::seed::Seed).any(|seed| {
            let told = scenario::run(&self.plan.cluster, seed, |cluster| {
                break_thread(self.plan.mutant.as_deref());
                self.tell(cluster)
            });
            match (signature, told) {
                (Signature::Invariant(broken), Err(failed)) => {
                    let (invariant, what) = (broken.name.clone(), String::new());
                    let words = Violation { invariant, what }.to_string();
                    failed.panicked.message.starts_with(&words)
                }
                (Signature::Anomaly(kind), Ok(Verdict::Invalid(anomalies))) => {
                    anomalies.first().is_some_and(|anomaly| anomaly.kind.to_string() == *kind)
                }
                (Signature::Failure(_), _) | (_, Err(_) | Ok(_)) => false,
            }
        })
    }

    fn tell(&self, cluster: &mut Cluster<Brokers>) -> Verdict {
        let topic = &self.plan.topic;
        let configs: Vec<(&str, &str)> =
            topic.configs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let shape = (topic.partitions, ReplicationFactor(topic.replication_factor));
        let orders = cluster.create_topic_with("orders", shape, &configs);
        let load = cluster.start(self.plan.clients.clone().on(&orders));
        cluster.run_for(self.plan.calm);
        let mut struck: Vec<Option<Struck>> = vec![None; self.plan.schedule.faults.len()];
        for act in &self.acts {
            cluster.run_for(act.wait);
            match act.deed {
                Deed::Strike(number) => struck[number] = self.strike(number, &orders, cluster),
                Deed::End(number) => {
                    if let Some(struck) = struck[number] {
                        self.end(number, struck, cluster);
                    }
                }
                Deed::Heal => cluster.heal(),
            }
        }
        cluster.run_for(self.plan.calm);
        load.finish(cluster).verdict().clone()
    }

    fn strike(
        &self,
        number: usize,
        orders: &Topic,
        cluster: &mut Cluster<Brokers>,
    ) -> Option<Struck> {
        let ScheduledFault { fault, aims, .. } = &self.plan.schedule.faults[number];
        if matches!(fault, Fault::Action(_)) {
            cluster.elect_leaders(ElectionType::Preferred, orders);
            return None;
        }
        let on: Vec<Node> = aims.iter().map(|aim| target(aim, orders, cluster)).collect();
        match cluster.strike(fault, &on) {
            Ok(id) => {
                while *fault == Fault::ShutDown && cluster.is_running(on[0]) {
                    cluster.step();
                }
                Some(Struck { id, first: on.first().copied() })
            }
            // As the verb does.
            Err(why) => panic!("{fault} {on:?} has no effect: {why}"),
        }
    }

    /// With the verb that the text has for it.
    fn end(&self, number: usize, struck: Struck, cluster: &mut Cluster<Brokers>) {
        let fault = &self.plan.schedule.faults[number].fault;
        match struck.first {
            Some(node) if fault.stops_the_process() => cluster.restart(node),
            Some(node) if *fault == Fault::Pause => cluster.resume(node),
            Some(_) | None => cluster.lift(struck.id),
        }
    }
}

/// A fault in force: its number, and whom it has struck first.
#[derive(Clone, Copy, Debug)]
struct Struck {
    id: FaultId,
    first: Option<Node>,
}

/// Whom the words of a story mean.
fn target(aim: &Aim, orders: &Topic, cluster: &Cluster<Brokers>) -> Node {
    match aim {
        Aim::Node(node) => *node,
        Aim::Role { role, index } if role == "follower" => cluster.followers_of(orders)[*index],
        Aim::Role { role, .. } if role == "leader" => cluster.leader_of(orders),
        Aim::Role { .. } => cluster.active_controller(),
    }
}

fn has_a_verb(scheduled: &ScheduledFault) -> bool {
    let ScheduledFault { fault, aims, .. } = scheduled;
    let has_words = |aim: &Aim| match aim {
        Aim::Node(_) => true,
        Aim::Role { role, index } => match role.as_str() {
            "leader" | "controller" => *index == 0,
            "follower" => *index < 2,
            _ => false,
        },
    };
    if let Fault::Action(name) = fault {
        return name == ELECT_PREFERRED;
    }
    // It is over as soon as it has struck, and what comes of it has no verb.
    if *fault == Fault::Disk(DiskFault::FlipBit) {
        return false;
    }
    // A verb for a link names both its ends, and a verb for nodes one of them.
    let wanted = match *fault.aims().end() {
        usize::MAX => 1,
        most => most,
    };
    aims.len() == wanted && aims.iter().all(has_words)
}
