//! Smaller: fewer brokers, controllers, partitions and clients, and properties as usual.

use std::time::Duration;

use harness::fault::Fault;
use harness::nemesis::Aim;
use harness::system::Node;

use crate::load::Mix;
use crate::plan::Plan;

/// Kinds of clients that are counted, besides producers.
pub(super) const CLIENT_KINDS: usize = 3;

/// What a cluster promises follows from these, and with it what counts as a failure. Without them
/// it would be another failure, though it might have the same name.
const PROMISES: [&str; 3] =
    ["min.insync.replicas", "unclean.leader.election.enable", "eligible.leader.replicas.enable"];

/// How many nodes there are.
pub(super) fn nodes(plan: &Plan) -> usize {
    plan.cluster.broker_count()
}

/// Without one of the nodes, from the last to the first. Those after it move up, faults that were
/// aimed at it are gone.
pub(super) fn without_node(plan: &Plan, place: usize) -> Vec<Plan> {
    let count = plan.cluster.broker_count();
    let gone = Node(count - 1 - place);
    if count == 1 || plan.topic.on.contains(&gone) {
        return Vec::new();
    }
    let moved = |node: &Node| Node(if node.0 > gone.0 { node.0 - 1 } else { node.0 });
    let mut candidate = plan.clone();
    candidate.cluster = candidate.cluster.broker_total(count - 1);
    candidate.topic.on = candidate.topic.on.iter().map(moved).collect();
    candidate.schedule.faults.retain(|fault| !fault.aims.contains(&Aim::Node(gone)));
    for scheduled in &mut candidate.schedule.faults {
        for aim in &mut scheduled.aims {
            if let Aim::Node(node) = aim {
                *node = moved(node);
            }
        }
        if let Fault::Partition { groups } = &mut scheduled.fault {
            for group in groups.iter_mut() {
                group.retain(|node| *node != gone);
                group.iter_mut().for_each(|node| *node = moved(node));
            }
            groups.retain(|group| !group.is_empty());
        }
    }
    vec![candidate]
}

/// Fewer controllers.
pub(super) fn controllers(plan: &Plan, _place: usize) -> Vec<Plan> {
    let fewer = 1..plan.cluster.controller_count();
    fewer
        .map(|count| with(plan, |plan| plan.cluster = plan.cluster.clone().controllers(count)))
        .collect()
}

/// Fewer partitions.
pub(super) fn partitions(plan: &Plan, _place: usize) -> Vec<Plan> {
    (1..plan.topic.partitions)
        .map(|count| with(plan, |plan| plan.topic.partitions = count))
        .collect()
}

/// Brokers that stand nowhere in particular.
pub(super) fn racks(plan: &Plan, _place: usize) -> Vec<Plan> {
    let nowhere = with(plan, |plan| plan.cluster = plan.cluster.clone().racks(&[]));
    if nowhere == *plan { Vec::new() } else { vec![nowhere] }
}

/// How many properties may be set back.
pub(super) fn properties(plan: &Plan) -> usize {
    settable(plan).len()
}

/// A property of the cluster or the topic as usual.
pub(super) fn as_usual(plan: &Plan, place: usize) -> Vec<Plan> {
    let Some(name) = settable(plan).into_iter().nth(place) else { return Vec::new() };
    let usual = |plan: &mut Plan| {
        if plan.topic.configs.remove(&name).is_none() {
            plan.cluster = plan.cluster.clone().as_usual(&name);
        }
    };
    vec![with(plan, usual)]
}

fn settable(plan: &Plan) -> Vec<String> {
    let of_topic = plan.topic.configs.keys().map(String::as_str);
    let all = of_topic.chain(plan.cluster.changed());
    all.filter(|name| !PROMISES.contains(name)).map(str::to_owned).collect()
}

/// Fewer clients of one kind.
pub(super) fn clients(plan: &Plan, place: usize) -> Vec<Plan> {
    let now = *kind(&mut plan.clients.clone(), place);
    (0..now).map(|fewer| with(plan, |plan| *kind(&mut plan.clients, place) = fewer)).collect()
}

fn kind(mix: &mut Mix, place: usize) -> &mut usize {
    match place {
        0 => &mut mix.pollers,
        1 => &mut mix.follower_consumers,
        _ => &mut mix.consumers,
    }
}

/// Producers that stop after a few records.
pub(super) fn records(plan: &Plan, _place: usize) -> Vec<Plan> {
    let most = plan.clients.records_max.unwrap_or(u64::MAX);
    let fewer = [1, 2, 5, 10, 20, 50, 100].into_iter().filter(|count| *count < most);
    fewer.map(|count| with(plan, |plan| plan.clients.records_max = Some(count))).collect()
}

/// Clients at the usual pace.
pub(super) fn paces(plan: &Plan, _place: usize) -> Vec<Plan> {
    let usual = Mix::append_read().pace;
    if plan.clients.pace == usual {
        return Vec::new();
    }
    vec![with(plan, |plan| plan.clients.pace = usual)]
}

/// A coarser simulation, which is a faster one.
pub(super) fn ticks(plan: &Plan, _place: usize) -> Vec<Plan> {
    let coarser = [50, 20].map(Duration::from_millis).into_iter();
    let coarser = coarser.filter(|tick| *tick > plan.physics.tick);
    coarser.map(|tick| with(plan, |plan| plan.physics.tick = tick)).collect()
}

fn with(plan: &Plan, change: impl FnOnce(&mut Plan)) -> Plan {
    let mut candidate = plan.clone();
    change(&mut candidate);
    candidate
}
