//! A closer look at mistakes of the controllers: whom they elected, and whom they took in.

use highwater::host::probe::Observation;
use highwater::types::{BrokerId, MetadataRecord, PartitionRecord};

use super::mistake::{Finding, Scene, Span, span};
use super::rules::{Deed, R6, R16, R18, R19, R20, R22, R23, R25, Rule, rules_of};
use crate::picture::{Partition, Picture};
use crate::words::{self, node, set, whom};

/// The controllers committed a registration that should not be.
pub(super) fn decides(
    scene: &Scene<'_>,
    partition: &Partition,
    lacking: Option<(BrokerId, Span)>,
) -> Option<Finding> {
    let Some(Observation::MetadataCommitted { records, .. }) = scene.happened.observation() else {
        return None;
    };
    let now = partition.registration()?;
    let before = scene.before.partition(partition.name()).and_then(Partition::registration);
    let lacks = |broker: BrokerId| {
        lacking.filter(|(who, _)| *who == broker).map_or(String::new(), |(_, records)| {
            format!("; it does not hold {}, though that is committed", span(records))
        })
    };
    let records_of = |broker: BrokerId| lacking.filter(|(who, _)| *who == broker).map(|l| l.1);
    let found = |subject: BrokerId, what: String, rules: &[Rule]| {
        let span = records_of(subject).or(lacking.map(|(_, records)| records));
        Some(Finding { subject, span, what, rules: rules.to_vec() })
    };
    if let Some((leader, what, rules)) = before.and_then(|before| election(before, now)) {
        return found(leader, format!("{what}{}", lacks(leader)), rules);
    }
    let subject = lacking.map(|(broker, _)| broker).or_else(|| stranger(scene, now))?;
    let was = |set: fn(&PartitionRecord) -> &Vec<BrokerId>| {
        before.is_some_and(|before| set(before).contains(&subject))
    };
    let version = now.partition_epoch;
    let registers = records
        .iter()
        .any(|record| matches!(record, MetadataRecord::Broker(broker) if broker.id == subject));
    if now.in_sync_replicas.contains(&subject) && !was(|record| &record.in_sync_replicas) {
        let log = partition.replica(subject).map(|replica| replica.log.log_end_offset());
        let what = format!(
            "the controllers took {} into the in-sync set of version {version}, as its leader {} \
             had proposed, with a log that ends at {}{}",
            node(subject),
            whom(now.leader),
            log.unwrap_or_default(),
            lacks(subject),
        );
        return found(subject, what, &[R16, R18]);
    }
    let is_fenced = !scene.after.metadata().image().is_active(subject);
    if registers && now.in_sync_replicas.contains(&subject) && is_fenced {
        let known = |picture: &Picture| picture.metadata().broker_epoch(subject);
        let anew = known(&scene.before) != known(&scene.after);
        let what = format!(
            "{} {} and stays in the in-sync set {} of version {version}{}",
            node(subject),
            if anew { "registered anew" } else { "was fenced" },
            set(&now.in_sync_replicas),
            lacks(subject),
        );
        return found(subject, what, &[R23, R19, R20]);
    }
    if registers {
        let what = format!(
            "{} registered anew and keeps its right to lead: {}{}",
            node(subject),
            words::registration(now),
            lacks(subject),
        );
        return found(subject, what, &[R19, R23]);
    }
    let what = format!("the controllers decided: {}{}", words::registration(now), lacks(subject));
    found(subject, what, rules_of(scene.invariant, Deed::Decides))
}

/// An election that the rules do not allow.
fn election(
    before: &PartitionRecord,
    now: &PartitionRecord,
) -> Option<(BrokerId, String, &'static [Rule])> {
    let leader = now.leader?;
    let (epoch, name) = (now.leader_epoch, node(leader));
    if before.leader != now.leader && epoch <= before.leader_epoch {
        let what = format!(
            "the controllers elected {name} after {} in the same leader epoch {epoch}",
            whom(before.leader)
        );
        return Some((leader, what, &[R6]));
    }
    if before.leader == now.leader {
        return None;
    }
    if is_unclean(before, now) {
        let what = format!(
            "the controllers elected {name} in epoch {epoch}, which was neither in sync {} nor \
             eligible {}",
            set(&before.in_sync_replicas),
            set(&before.eligible_leader_replicas),
        );
        let preferred = now.replicas.first() == Some(&leader);
        let stays_out = !now.in_sync_replicas.contains(&leader);
        let rules: &[Rule] = if preferred && stays_out { &[R25, R22] } else { &[R22] };
        return Some((leader, what, rules));
    }
    None
}

/// Whether somebody was elected who was neither in sync nor eligible.
pub(super) fn is_unclean(before: &PartitionRecord, now: &PartitionRecord) -> bool {
    now.leader.is_some_and(|leader| {
        before.leader != now.leader
            && !before.in_sync_replicas.contains(&leader)
            && !before.eligible_leader_replicas.contains(&leader)
    })
}

/// A member of the sets that is not active.
fn stranger(scene: &Scene<'_>, now: &PartitionRecord) -> Option<BrokerId> {
    let image = scene.after.metadata().image();
    now.in_sync_replicas.iter().copied().find(|broker| !image.is_active(*broker))
}
