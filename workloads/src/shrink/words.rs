//! The lines of a story: each part of a plan in the vocabulary of the stories.

use std::time::Duration;

use harness::fault::Fault;
use harness::nemesis::{Aim, ScheduledFault};
use harness::system::Node;

use crate::load::Mix;
use crate::plan::TopicPlan;

/// `cluster.run_for(millis(200));`; nothing if there is no time to pass.
pub(super) fn run_for(time: Duration) -> Option<String> {
    let ms = time.as_millis();
    (ms > 0).then(|| format!("cluster.run_for(millis({ms}));"))
}

/// How the topic comes to be.
pub(super) fn topic(topic: &TopicPlan) -> String {
    let TopicPlan { partitions, replication_factor, configs, .. } = topic;
    if *partitions == 1 && configs.is_empty() {
        return format!(
            "let orders = cluster.create_topic(\"orders\", ReplicationFactor({replication_factor}));"
        );
    }
    let configs: Vec<String> =
        configs.iter().map(|(name, value)| format!("({name:?}, {value:?})")).collect();
    format!(
        "let orders = cluster.create_topic_with(\"orders\", ({partitions}, \
         ReplicationFactor({replication_factor})), &[{}]);",
        configs.join(", ")
    )
}

/// How the clients start: the load that is most like them, and what is different.
pub(super) fn load(mix: &Mix) -> String {
    let (usual, name) = if mix.name == Mix::acks_mix().name {
        (Mix::acks_mix(), "acks_mix")
    } else {
        (Mix::append_read(), "append_read")
    };
    let mut line = format!("let load = cluster.start({name}(&orders)");
    if mix.producers != usual.producers {
        let kind = |kind: &crate::load::ProducerKind| {
            let crate::load::ProducerKind { acks, idempotent } = kind;
            format!("ProducerKind {{ acks: Acks::{acks:?}, idempotent: {idempotent} }}")
        };
        let kinds: Vec<String> = mix.producers.iter().map(kind).collect();
        line.push_str(&format!(".producer_kinds(&[{}])", kinds.join(", ")));
    }
    let counts = [
        ("consumers", mix.consumers, usual.consumers),
        ("follower_consumers", mix.follower_consumers, usual.follower_consumers),
        ("pollers", mix.pollers, usual.pollers),
    ];
    for (name, count, usual) in counts {
        if count != usual {
            line.push_str(&format!(".{name}({count})"));
        }
    }
    if mix.pace != usual.pace {
        line.push_str(&format!(".pace(millis({}))", mix.pace.as_millis()));
    }
    if let Some(count) = mix.records_max {
        line.push_str(&format!(".records_max({count})"));
    }
    line + ");"
}

/// The lines with which a fault strikes: whom, and the verb. What it is called is only said if it
/// is ended by name.
pub(super) fn strike(scheduled: &ScheduledFault, number: usize, is_ended: bool) -> Vec<String> {
    let ScheduledFault { fault, aims, .. } = scheduled;
    let mut lines: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (index, aim) in aims.iter().enumerate() {
        let name = whom(aim, number, index);
        lines.push(format!("let {name} = {};", expression(aim)));
        names.push(name);
    }
    let is_named = is_ended && !is_ended_by_its_node(fault);
    let binding = if is_named { format!("let fault_{number} = ") } else { String::new() };
    lines.push(format!("{binding}{};", verb(fault, &names)));
    lines
}

/// The line that ends it.
pub(super) fn end(scheduled: &ScheduledFault, number: usize) -> String {
    let ScheduledFault { fault, aims, .. } = scheduled;
    match aims.first() {
        Some(aim) if fault.stops_the_process() => {
            format!("cluster.restart({});", whom(aim, number, 0))
        }
        Some(aim) if *fault == Fault::Pause => format!("cluster.resume({});", whom(aim, number, 0)),
        Some(_) | None => format!("cluster.lift(fault_{number});"),
    }
}

fn is_ended_by_its_node(fault: &Fault) -> bool {
    fault.stops_the_process() || *fault == Fault::Pause
}

/// `leader_0`: the role, and the number of the fault, since another may play it next time.
fn whom(aim: &Aim, number: usize, index: usize) -> String {
    let role = match aim {
        Aim::Node(_) => "node",
        Aim::Role { role, .. } => role,
    };
    let end = if index == 0 { "" } else { "_peer" };
    format!("{role}{end}_{number}")
}

fn expression(aim: &Aim) -> String {
    match aim {
        Aim::Node(node) => format!("cluster.nodes()[{}]", node.0),
        Aim::Role { role, index } if role == "follower" => {
            format!("cluster.followers_of(&orders)[{index}]")
        }
        Aim::Role { role, .. } if role == "leader" => "cluster.leader_of(&orders)".to_owned(),
        Aim::Role { .. } => "cluster.active_controller()".to_owned(),
    }
}

fn verb(fault: &Fault, on: &[String]) -> String {
    let on = on.join(", ");
    match fault {
        Fault::Crash => format!("cluster.crash({on})"),
        Fault::CrashSilently => format!("cluster.crash_silently({on})"),
        Fault::PowerCut { loss } => format!("cluster.power_cut_losing({on}, Loss::{loss:?})"),
        Fault::ShutDown => format!("cluster.shut_down({on})"),
        Fault::Pause => format!("cluster.pause({on})"),
        Fault::Isolate => format!("cluster.isolate({on})"),
        Fault::IsolateFully => format!("cluster.isolate_fully({on})"),
        Fault::Deafen => format!("cluster.deafen({on})"),
        Fault::Silence => format!("cluster.silence({on})"),
        Fault::Partition { groups } => format!("cluster.partition(&[{}])", told_groups(groups)),
        Fault::CutOneWay => format!("cluster.cut_one_way({on})"),
        Fault::Hold => format!("cluster.hold({on})"),
        Fault::Slow { latency_ms } => format!("cluster.slow_link({on}, millis({latency_ms}))"),
        Fault::Lossy { per_mille } => format!("cluster.lossy_link({on}, {per_mille})"),
        Fault::SetClock { offset_ms } => format!("cluster.set_clock_offset({on}, {offset_ms})"),
        Fault::DriftClock { rate_ppm } => format!("cluster.set_clock_rate({on}, {rate_ppm})"),
        Fault::Disk(trouble) => format!("cluster.break_disk({on}, DiskFault::{trouble:?})"),
        Fault::Action(_) => "cluster.elect_leaders(ElectionType::Preferred, &orders)".to_owned(),
    }
}

fn told_groups(groups: &[Vec<Node>]) -> String {
    let group = |group: &Vec<Node>| {
        let nodes: Vec<String> = group.iter().map(|node| format!("Node({})", node.0)).collect();
        format!("&[{}]", nodes.join(", "))
    };
    groups.iter().map(group).collect::<Vec<_>>().join(", ")
}
