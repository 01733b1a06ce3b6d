//! A closer look at mistakes of replicas: what they committed, cut, served and acknowledged.

use highwater::host::probe::Observation;
use highwater::types::{BrokerId, LeaderEpoch, Offset};

use super::mistake::{Finding, Scene, Span, span};
use super::rules::{R1, R7, R8, R10, R11, R12, R13, R14, R27, R28, R29, Rule};
use crate::picture::{Partition, Role, same_batch};
use crate::record::Happened;
use crate::words::{self, node, set};

type Lacking = (BrokerId, Span);

fn finding(subject: BrokerId, span: Option<Span>, what: String, rules: &[Rule]) -> Finding {
    Finding { subject, span, what, rules: rules.to_vec() }
}

/// A leader committed what somebody who could be elected does not hold.
pub(super) fn commits(
    scene: &Scene<'_>,
    partition: &Partition,
    (subject, lacking): Lacking,
) -> Option<Finding> {
    let Some(Observation::HighWatermark { to, leading_in: Some(epoch), .. }) =
        scene.happened.observation()
    else {
        return None;
    };
    let (leader, lacks) = (scene.actor(), span(lacking));
    let may = may(partition, subject);
    let lacks = format!("{}, which {may}, does not hold {lacks}", node(subject));
    let held = |what: String, rules: &[Rule]| Some(finding(subject, Some(lacking), what, rules));
    let replica = partition.replica(leader)?;
    let leadership = replica.leadership().filter(|own| own.leader_epoch == *epoch)?;
    if *to == leadership.start_offset && !has_been_fetched_from(scene, partition, *epoch) {
        let what = format!(
            "{} took its whole log, up to {to}, for committed as soon as it led in epoch {epoch}, \
             but {lacks}",
            node(leader)
        );
        return held(what, &[R7, R13]);
    }
    let min = partition.min_in_sync_replicas();
    let view = leadership.in_sync.as_ref()?;
    if view.committed.len() < min {
        let what = format!(
            "{} raised its high watermark to {to} with {} in sync, where min.insync.replicas is \
             {min}; {lacks}",
            node(leader),
            set(&view.committed),
        );
        return held(what, &[R13]);
    }
    if held_otherwise(scene, partition, subject, (*epoch, *to)) {
        let what = format!(
            "{} raised its high watermark to {to} as if {} held all of it; but what that had held \
             there was of an earlier epoch, and it had to cut it off: {lacks}",
            node(leader),
            node(subject),
        );
        return held(what, &[R10, R12]);
    }
    let counted = if view.maximal.contains(&subject) { "did not wait" } else { "does not count" };
    let what = format!(
        "{} raised its high watermark to {to} and {counted} for {}: {lacks}",
        node(leader),
        node(subject),
    );
    held(what.replace("does not count for", "did not count"), &[R13])
}

/// What gives a replica the right to lead.
fn may(partition: &Partition, broker: BrokerId) -> &'static str {
    let in_sync = partition.registration().is_some_and(|r| r.in_sync_replicas.contains(&broker));
    if in_sync { "is in sync" } else { "is eligible to lead" }
}

/// Whether anybody copied anything, or said anything of its log, since the leader of this epoch
/// began.
fn has_been_fetched_from(scene: &Scene<'_>, partition: &Partition, epoch: LeaderEpoch) -> bool {
    since_epoch(scene, partition, epoch).any(|happened| {
        matches!(
            happened.observation(),
            Some(Observation::Appended { .. } | Observation::Truncated { .. })
        )
    })
}

/// Where in the record the leader of `epoch` began to lead.
fn beginning(scene: &Scene<'_>, partition: &Partition, epoch: LeaderEpoch) -> usize {
    let begin = scene.record.happened()[..scene.index].iter().rposition(|happened| {
        matches!(
            happened.observation(),
            Some(Observation::BecameLeader { partition: name, leader_epoch, .. })
                if name == partition.name() && *leader_epoch == epoch
        )
    });
    begin.unwrap_or(0)
}

/// What was observed of the partition since the leader of `epoch` began to lead.
fn since_epoch<'a>(
    scene: &'a Scene<'_>,
    partition: &'a Partition,
    epoch: LeaderEpoch,
) -> impl Iterator<Item = &'a Happened> {
    let begin = beginning(scene, partition, epoch);
    scene.record.happened()[begin..scene.index]
        .iter()
        .filter(move |happened| super::concerns(happened, partition.name()))
}

/// Whether the replica's log reached as far as `to` at some time since this epoch began; so it must
/// have held something else there.
fn held_otherwise(
    scene: &Scene<'_>,
    partition: &Partition,
    broker: BrokerId,
    (epoch, to): (LeaderEpoch, Offset),
) -> bool {
    let begin = beginning(scene, partition, epoch);
    let mut picture = scene.record.picture_after(begin);
    scene.record.happened()[begin..scene.index].iter().any(|happened| {
        happened.draw(&mut picture);
        let then = picture.partition(partition.name()).and_then(|p| p.replica(broker));
        then.is_some_and(|replica| replica.log.log_end_offset() >= to)
    })
}

/// A replica cut off what was committed.
pub(super) fn truncates(
    scene: &Scene<'_>,
    partition: &Partition,
    (subject, lacking): Lacking,
) -> Option<Finding> {
    let before = scene.before.partition(partition.name())?.replica(scene.actor())?;
    let to = partition.replica(scene.actor())?.log.log_end_offset();
    let gone: Span = (to.max(lacking.0), Offset(before.log.log_end_offset().0 - 1));
    let mut what = format!(
        "{} cut {} off its log although what is committed ends at {}",
        node(scene.actor()),
        span(gone),
        partition.committed().end_offset(),
    );
    let leader = match &before.role {
        Role::Follower { leader: Some(leader), .. } => Some(*leader),
        Role::Follower { leader: None, .. } | Role::Leader(_) | Role::Idle => None,
    };
    let agrees = leader.and_then(|leader| {
        let theirs = partition.replica(leader)?.log.batch_at(to)?;
        let mine = before.log.batch_at(to)?;
        same_batch(theirs, mine).then_some(leader)
    });
    if let Some(leader) = agrees {
        what.push_str(&format!("; {}, whom it follows, holds the same there", node(leader)));
    }
    if to == before.high_watermark {
        what.push_str(", and it cut to its own high watermark");
        return Some(finding(subject, Some(gone), what, &[R8, R11]));
    }
    Some(finding(subject, Some(gone), what, &[R11, R10]))
}

/// A replica served what is not committed.
pub(super) fn serves(scene: &Scene<'_>, partition: &Partition) -> Option<Finding> {
    let Some(Observation::Served { to, .. }) = scene.happened.observation() else { return None };
    let replica = partition.replica(scene.actor())?;
    let from = replica.log.agreed_to();
    let what = format!(
        "{} served a consumer up to {to}, but only what is below {} is committed, and its high \
         watermark is {}",
        node(scene.actor()),
        partition.committed().end_offset(),
        replica.high_watermark,
    );
    let rules: &[Rule] = if *to > replica.high_watermark { &[R14, R29] } else { &[R13] };
    Some(finding(scene.actor(), Some((from, Offset(to.0 - 1))), what, rules))
}

/// A leader acknowledged what is not committed.
pub(super) fn acknowledges(scene: &Scene<'_>, partition: &Partition) -> Option<Finding> {
    let Some(Observation::Acknowledged { base_offset, last_offset, duplicate, .. }) =
        scene.happened.observation()
    else {
        return None;
    };
    let records = (*base_offset, *last_offset);
    let held = partition.replicas().filter(|(_, replica)| {
        let theirs = replica.log.batch_at(*base_offset);
        let first = partition.replica(scene.actor()).and_then(|r| r.log.batch_at(*base_offset));
        theirs.zip(first).is_some_and(|(one, other)| same_batch(one, other))
    });
    let holders: Vec<BrokerId> = held.map(|(broker, _)| broker).collect();
    let what = format!(
        "{} acknowledged {} with acks=all, but only what is below {} is committed; it is in the \
         logs of {} alone",
        node(scene.actor()),
        span(records),
        partition.committed().end_offset(),
        set(&holders),
    );
    let rules: &[Rule] = if *duplicate { &[R28, R27] } else { &[R27] };
    Some(finding(scene.actor(), Some(records), what, rules))
}

/// A replica has appended what does not follow from what it holds.
pub(super) fn diverges(scene: &Scene<'_>, partition: &Partition) -> Option<Finding> {
    let Some(Observation::Appended { batch, as_leader, .. }) = scene.happened.observation() else {
        return None;
    };
    let log = &scene.before.partition(partition.name())?.replica(scene.actor())?.log;
    let mine = log.batches().last();
    let elsewhere = partition.lineage().before(batch);
    let how = if *as_leader { "appended" } else { "copied" };
    let after = |place: Option<(LeaderEpoch, Offset)>| match place {
        Some((epoch, offset)) => format!("offset {offset} of epoch {epoch}"),
        None => "nothing".to_owned(),
    };
    let what = format!(
        "{} {how} {} behind {}, where its leader has it behind {}: the two logs had diverged, and \
         nobody cut the difference off",
        node(scene.actor()),
        words::batch(batch),
        after(mine.map(|batch| (batch.leader_epoch, batch.base_offset))),
        after(elsewhere),
    );
    let from = mine.map_or(batch.base_offset, |batch| batch.base_offset);
    let rules: &[Rule] = if *as_leader { &[R1, R7] } else { &[R10, R11] };
    Some(finding(scene.actor(), Some((from, batch.last_offset)), what, rules))
}

/// A leader has appended a batch again, or left one out.
pub(super) fn repeats(scene: &Scene<'_>, partition: &Partition) -> Option<Finding> {
    let Some(Observation::Appended { batch, .. }) = scene.happened.observation() else {
        return None;
    };
    let log = &scene.before.partition(partition.name())?.replica(scene.actor())?.log;
    let same = log.batches().iter().rev().find(|earlier| {
        earlier.producer_id == batch.producer_id && earlier.base_sequence == batch.base_sequence
    });
    let (who, where_, sequence) = (node(scene.actor()), words::batch(batch), batch.base_sequence);
    let producer = batch.producer_id;
    let what = match same {
        Some(earlier) => format!(
            "{who} appended sequence {sequence} of producer {producer} as {where_}, though it was \
             there already, as {}",
            words::batch(earlier)
        ),
        None => format!(
            "{who} appended sequence {sequence} of producer {producer} as {where_}, which does not \
             follow the producer's last"
        ),
    };
    let from = same.map_or(batch.base_offset, |earlier| earlier.base_offset);
    Some(finding(scene.actor(), Some((from, batch.last_offset)), what, &[R28]))
}
