//! Tells what happened to one partition and to some of its records, with the picture before each
//! change at hand.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::host::probe::{BatchId, Observation};
use highwater::types::{
    Acks, BrokerId, BrokerRecord, LeaderEpoch, MetadataRecord, NodeId, Offset, PartitionRecord,
    TopicPartition,
};

use super::decision::is_unclean;
use super::mistake::{Mistake, Span};
use super::story::{ALWAYS, BACK, Facts, Line};
use crate::picture::{Partition, Picture, Replica, same_batch};
use crate::record::{Happened, Record};
use crate::words::{self, node, offsets, set};

/// The records concerned that one node appended in one epoch.
#[derive(Clone, Copy, Debug)]
struct Appended {
    at: Duration,
    order: usize,
    until: Duration,
    span: Span,
}

/// Who appended, in which epoch, and whether as leader.
type Who = (NodeId, LeaderEpoch, bool);

pub(super) struct Teller<'a> {
    record: &'a Record,
    name: &'a TopicPartition,
    span: Option<Span>,
    mistake: Option<&'a Mistake>,
    picture: Picture,
    lines: Vec<Line>,
    facts: Facts,
    appended: BTreeMap<Who, Appended>,
    /// When each epoch's leader began to lead.
    reigns: BTreeMap<LeaderEpoch, Line>,
    served: bool,
    /// The number of the change that is being told.
    order: usize,
}

impl<'a> Teller<'a> {
    pub(super) fn new(
        record: &'a Record,
        name: &'a TopicPartition,
        span: Option<Span>,
        mistake: Option<&'a Mistake>,
    ) -> Self {
        Self {
            record,
            name,
            span,
            mistake,
            picture: record.blank(),
            lines: Vec::new(),
            facts: Facts::default(),
            appended: BTreeMap::new(),
            reigns: BTreeMap::new(),
            served: false,
            order: 0,
        }
    }

    /// Tells the first `until` changes.
    pub(super) fn walk(&mut self, until: usize) {
        for (index, happened) in self.record.happened().iter().take(until).enumerate() {
            let told = self.lines.len();
            self.order = index;
            if let Some(observation) = happened.observation() {
                self.observed(happened, observation);
            }
            if self.mistake.is_some_and(|mistake| mistake.index == index) {
                self.stress(happened, told);
            }
            happened.draw(&mut self.picture);
            self.is_committed_now(happened);
        }
    }

    /// The lines, what is known of the records, and when the story begins.
    pub(super) fn finish(mut self) -> (Vec<Line>, Facts, Duration) {
        let end = self.mistake.map(|mistake| mistake.at);
        let back = end.unwrap_or(Duration::ZERO).saturating_sub(BACK);
        let begin = self.appended.values().map(|appended| appended.at).min().unwrap_or(back);
        let copied = std::mem::take(&mut self.appended);
        for ((who, epoch, as_leader), Appended { at, order, until, span }) in copied {
            self.order = order;
            let how = if as_leader { "appends, as leader," } else { "copies" };
            let mut what = format!("{how} {} of epoch {epoch}", offsets(span.0, span.1));
            if until > at {
                what.push_str(&format!(", until {:.3}s", until.as_secs_f64()));
            }
            let (rule, weight) = if as_leader { ("R27", 30) } else { ("R11", 6) };
            self.push((at, &node(who)), what, (Some(rule), weight));
            if let Some(reign) = self.reigns.get(&epoch).filter(|reign| as_leader && reign.at < at)
            {
                self.lines.push(Line { weight: ALWAYS, ..reign.clone() });
            }
        }
        self.lines.dedup();
        (self.lines, self.facts, begin)
    }

    fn push(
        &mut self,
        (at, who): (Duration, &str),
        what: String,
        (rule, weight): (Option<&'static str>, u32),
    ) {
        let order = self.order;
        self.lines.push(Line { at, who: who.to_owned(), what, rule, weight, order });
    }

    /// More weight for whoever the mistake is about.
    fn weight(&self, of: NodeId, weight: u32) -> u32 {
        let concerned = self
            .mistake
            .is_some_and(|mistake| BrokerId::from(of) == mistake.subject || of == mistake.node);
        weight + 2 * u32::from(concerned)
    }

    fn partition(&self) -> Option<&Partition> {
        self.picture.partition(self.name)
    }

    fn replica(&self, of: NodeId) -> Option<&Replica> {
        self.partition()?.replica(of.into())
    }

    /// The deed with which the invariant broke is always told.
    fn stress(&mut self, happened: &Happened, told: usize) {
        let rule = self.mistake.and_then(|mistake| mistake.rules.first()).map(|rule| rule.number);
        if self.lines.len() == told {
            let what = words::happening(&happened.what);
            self.push((happened.at, &node(happened.node)), what, (rule, ALWAYS));
        }
        for line in &mut self.lines[told..] {
            (line.weight, line.rule) = (ALWAYS, rule);
        }
    }

    fn overlaps(&self, first: Offset, last: Offset) -> bool {
        self.span.is_some_and(|(from, to)| first <= to && last >= from)
    }

    fn observed(&mut self, happened: &Happened, observation: &Observation) {
        let Happened { at, node: who, .. } = happened;
        if let Observation::MetadataCommitted { offset, records } = observation {
            if *offset > self.picture.metadata().offset() {
                records.iter().for_each(|record| self.decided(*at, record));
            }
            return;
        }
        if observation.partition() != Some(self.name) {
            return;
        }
        let place = (*at, *who);
        match observation {
            Observation::Appended { batch, as_leader, .. } => {
                self.appends(place, batch, *as_leader);
            }
            Observation::Truncated { to, .. } => self.truncates(place, *to),
            Observation::Restarted { at: begin, .. } => {
                let what = format!("deletes its log and begins anew at {begin}");
                self.push((*at, &node(*who)), what, (Some("R11"), self.weight(*who, 9)));
            }
            Observation::LogOpened { batches, bytes_cut, .. } => {
                self.opens(place, batches, *bytes_cut);
            }
            Observation::BecameLeader { leader_epoch, leader_epoch_start_offset, .. } => {
                let what =
                    format!("leads in epoch {leader_epoch}, from {leader_epoch_start_offset} on");
                self.push((*at, &node(*who)), what, (Some("R7"), self.weight(*who, 6)));
                if let Some(line) = self.lines.last() {
                    self.reigns.entry(*leader_epoch).or_insert_with(|| line.clone());
                }
            }
            Observation::BecameFollower { leader_epoch, leader, .. } => {
                let what = format!("follows {} in epoch {leader_epoch}", words::whom(*leader));
                self.push((*at, &node(*who)), what, (Some("R8"), self.weight(*who, 3)));
            }
            Observation::InSyncReplicas { committed, maximal, .. } => {
                self.counts(place, committed, maximal);
            }
            Observation::Acknowledged { acks, base_offset, last_offset, .. } => {
                self.acknowledges(place, *acks, (*base_offset, *last_offset));
            }
            Observation::Served { from, to, .. } => self.serves(place, *from, *to),
            Observation::StorageFailed { error, .. } => {
                if error.contains("corrupt") && self.facts.corrupt.is_none() {
                    let what = format!("{} lost its log: {error}", node(*who));
                    self.facts.corrupt = Some((*at, what));
                }
                let what = format!("loses its disk: {error}");
                self.push((*at, &node(*who)), what, (Some("R31"), self.weight(*who, 7)));
            }
            Observation::HighWatermark { .. }
            | Observation::Flushed { .. }
            | Observation::LogStartAdvanced { .. }
            | Observation::MetadataCommitted { .. }
            | Observation::MetadataApplied { .. }
            | Observation::Registered { .. }
            | Observation::ActiveController { .. } => {}
        }
    }

    fn appends(&mut self, (at, who): (Duration, NodeId), batch: &BatchId, as_leader: bool) {
        if !self.overlaps(batch.base_offset, batch.last_offset) {
            return;
        }
        if as_leader && self.facts.appended.is_none() {
            self.facts.appended = Some((at, node(who)));
        }
        let key = (who, batch.leader_epoch, as_leader);
        let new = Appended {
            at,
            order: self.order,
            until: at,
            span: (batch.base_offset, batch.last_offset),
        };
        let known = self.appended.entry(key).or_insert(new);
        known.until = at;
        known.span = (known.span.0.min(batch.base_offset), known.span.1.max(batch.last_offset));
    }

    fn truncates(&mut self, (at, who): (Duration, NodeId), to: Offset) {
        let Some(replica) = self.replica(who) else { return };
        let (end, agreed_to) = (replica.log.log_end_offset(), replica.log.agreed_to());
        let mark = replica.high_watermark;
        if end <= to {
            return;
        }
        let last = Offset(end.0 - 1);
        let epoch = replica.log.batch_at(to).map(|batch| batch.leader_epoch).unwrap_or_default();
        let gone = if to == last { "is gone" } else { "are gone" };
        let what = offsets(to, last);
        let mut what = format!("truncates its log to {to}: {what} of epoch {epoch} {gone}");
        if agreed_to >= end {
            what.push_str(", though committed");
        } else if agreed_to > to {
            what.push_str(&format!(", though committed below {agreed_to}"));
        }
        if mark == to {
            what.push_str("; it cuts to its high watermark");
        }
        let weight = if self.overlaps(to, last) || agreed_to > to { 10 } else { 5 };
        self.push((at, &node(who)), what, (Some("R11"), self.weight(who, weight)));
    }

    fn opens(&mut self, (at, who): (Duration, NodeId), batches: &[BatchId], bytes_cut: u64) {
        let Some(replica) = self.replica(who) else { return };
        let held = replica.log.log_end_offset();
        let kept = |batch: &&BatchId| batches.iter().any(|kept| same_batch(kept, batch));
        let lost: Vec<&BatchId> = replica.log.batches().iter().filter(|b| !kept(b)).collect();
        let end = batches.last().map_or(Offset::ZERO, |batch| batch.last_offset.plus(1));
        let mut what = format!("comes back with its log up to {end}");
        let mut weight = 2;
        if let (Some(first), Some(last)) = (lost.first(), lost.last()) {
            let gone = offsets(first.base_offset, last.last_offset);
            what.push_str(&format!(", without {gone} that it had, up to {held}"));
            weight = if self.overlaps(first.base_offset, last.last_offset) { 9 } else { 5 };
        }
        if bytes_cut > 0 {
            what.push_str(&format!("; {bytes_cut} torn bytes were cut off"));
        }
        self.push((at, &node(who)), what, (Some("R33"), self.weight(who, weight)));
    }

    fn counts(&mut self, (at, who): (Duration, NodeId), committed: &[BrokerId], all: &[BrokerId]) {
        let new: Vec<BrokerId> =
            all.iter().filter(|broker| !committed.contains(broker)).copied().collect();
        if new.is_empty() {
            return;
        }
        let subject = self.mistake.is_some_and(|mistake| new.contains(&mistake.subject));
        let ends = new.iter().filter_map(|broker| {
            let replica = self.partition()?.replica(*broker)?;
            Some(format!("{} ends at {}", node(*broker), replica.log.log_end_offset()))
        });
        let ends = ends.collect::<Vec<_>>().join(", ");
        let mark = self.replica(who).map(|replica| replica.high_watermark).unwrap_or_default();
        let what = format!(
            "proposes to take {} into the in-sync set {}: {ends}, the high watermark is {mark}",
            set(&new),
            set(committed),
        );
        self.push((at, &node(who)), what, (Some("R16"), if subject { 9 } else { 4 }));
    }

    fn acknowledges(&mut self, (at, who): (Duration, NodeId), acks: Acks, span: Span) {
        if acks != Acks::All || !self.overlaps(span.0, span.1) || self.facts.acknowledged.is_some()
        {
            return;
        }
        self.facts.acknowledged = Some(at);
        let what = format!("acknowledges {} with acks=all", offsets(span.0, span.1));
        self.push((at, &node(who)), what, (Some("R27"), 9));
    }

    fn serves(&mut self, (at, who): (Duration, NodeId), from: Offset, to: Offset) {
        if self.served || to <= from || !self.overlaps(from, Offset(to.0 - 1)) {
            return;
        }
        self.served = true;
        let what = format!("serves {} to a consumer", offsets(from, Offset(to.0 - 1)));
        self.push((at, &node(who)), what, (Some("R29"), 5));
    }

    /// The first of the records concerned may have been committed by this.
    fn is_committed_now(&mut self, happened: &Happened) {
        let Some((first, _)) = self.span.filter(|_| self.facts.committed.is_none()) else { return };
        let end = self.partition().map(|partition| partition.committed().end_offset());
        if let Some(end) = end.filter(|end| *end > first) {
            self.facts.committed = Some(happened.at);
            let what = format!("raises its high watermark past {first}: committed up to {end}");
            let mistaken = self.mistake.is_some_and(|mistake| mistake.at == happened.at);
            let weight = if mistaken { 1 } else { 30 };
            self.push((happened.at, &node(happened.node)), what, (Some("R13"), weight));
        }
    }

    fn decided(&mut self, at: Duration, record: &MetadataRecord) {
        match record {
            MetadataRecord::Partition(record) if self.is_mine(record) => self.registers(at, record),
            MetadataRecord::Broker(record) => self.knows(at, record),
            MetadataRecord::Partition(_)
            | MetadataRecord::Topic(_)
            | MetadataRecord::ProducerIds { .. }
            | MetadataRecord::Controller(_) => {}
        }
    }

    fn is_mine(&self, record: &PartitionRecord) -> bool {
        let topic = self.picture.metadata().image().topics.get(&record.topic_id);
        record.partition == self.name.partition
            && topic.is_some_and(|topic| topic.record.name == self.name.topic)
    }

    /// The controllers changed the partition's registration.
    fn registers(&mut self, at: Duration, record: &PartitionRecord) {
        let Some(before) = self.partition().and_then(Partition::registration).cloned() else {
            return;
        };
        let epoch = record.leader_epoch;
        let who = (at, "controller");
        match record.leader {
            Some(leader) if before.leader != Some(leader) => {
                let unclean = is_unclean(&before, record);
                let how = if unclean { ", which was neither in sync nor eligible" } else { "" };
                let what = format!("elects {} leader{how}, epoch {epoch}", node(leader));
                let weight = self.weight(leader.into(), if unclean { 20 } else { 8 });
                self.push(who, what, (Some("R22"), weight));
                if unclean && self.facts.unclean.is_none() {
                    self.facts.unclean = Some((at, node(leader)));
                }
            }
            None if before.leader.is_some() => {
                self.push(who, format!("there is no leader, epoch {epoch}"), (Some("R22"), 7));
            }
            Some(_) | None => {}
        }
        let same = |one: &[BrokerId], two: &[BrokerId]| {
            one.len() == two.len() && one.iter().all(|broker| two.contains(broker))
        };
        let eligible = match &record.eligible_leader_replicas[..] {
            [] => String::new(),
            brokers => format!(", eligible {}", set(brokers)),
        };
        let (now, then) = (&record.in_sync_replicas, &before.in_sync_replicas);
        let in_sync = set(now);
        if !same(now, then) {
            let grows = now.len() > then.len();
            let (how, rule) = if grows { ("grows", "R18") } else { ("shrinks", "R23") };
            let what = format!("the in-sync set {how} from {} to {in_sync}{eligible}", set(then));
            self.push(who, what, (Some(rule), 8));
        } else if !same(&record.eligible_leader_replicas, &before.eligible_leader_replicas) {
            self.push(who, format!("in sync {in_sync}{eligible}"), (Some("R23"), 4));
        }
    }

    /// The controllers changed what they know of a broker that holds a replica.
    fn knows(&mut self, at: Duration, record: &BrokerRecord) {
        let holds = self.partition().and_then(Partition::registration);
        if !holds.is_some_and(|registration| registration.replicas.contains(&record.id)) {
            return;
        }
        let before = self.picture.metadata().image().brokers.get(&record.id).cloned();
        let Some(before) = before else { return };
        let name = node(record.id);
        let (what, rule, weight) = if before.epoch != record.epoch {
            (format!("registers {name} anew, as broker epoch {}", record.epoch), "R19", 5)
        } else if record.in_controlled_shutdown && !before.in_controlled_shutdown {
            (format!("lets {name} leave"), "R21", 5)
        } else if record.fenced && !before.fenced {
            (format!("fences {name}"), "R20", 5)
        } else if !record.fenced && before.fenced {
            (format!("unfences {name}"), "R20", 3)
        } else {
            return;
        };
        let weight = self.weight(record.id.into(), weight);
        self.push((at, "controller"), what, (Some(rule), weight));
    }
}
