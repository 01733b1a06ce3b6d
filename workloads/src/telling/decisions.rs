//! What the controllers decide, told as the difference to what they had decided before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use harness::report::Tone;
use highwater::types::{
    BrokerId, BrokerRecord, MetadataRecord, PartitionRecord, RecoveryState, TopicId,
};

use super::name;

type Line = (String, Tone);

/// The metadata as it was told so far.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    brokers: BTreeMap<BrokerId, BrokerRecord>,
    topics: BTreeMap<TopicId, Arc<str>>,
    partitions: BTreeMap<(TopicId, i32), PartitionRecord>,
}

impl Decisions {
    /// One batch of records, in words.
    pub(super) fn told(&mut self, records: &[MetadataRecord]) -> Vec<Line> {
        let mut lines = Vec::new();
        for record in records {
            match record {
                MetadataRecord::Broker(record) => lines.extend(self.broker(record)),
                MetadataRecord::Topic(topic) => {
                    if self.topics.insert(topic.id, Arc::clone(&topic.name)).is_none() {
                        lines.push((format!("creates the topic {}", topic.name), Tone::Normal));
                    }
                }
                MetadataRecord::Partition(record) => self.partition(record, &mut lines),
                MetadataRecord::ProducerIds { .. } | MetadataRecord::Controller(_) => {}
            }
        }
        lines
    }

    fn broker(&mut self, record: &BrokerRecord) -> Option<Line> {
        let who = name(record.id.into());
        let before = self.brokers.insert(record.id, record.clone());
        let was_fenced = before.as_ref().is_none_or(|before| before.fenced);
        let was_leaving = before.as_ref().is_some_and(|before| before.in_controlled_shutdown);
        if record.in_controlled_shutdown && !was_leaving {
            return Some((format!("lets {who} leave"), Tone::Normal));
        }
        match (was_fenced, record.fenced) {
            (true, false) => Some((format!("unfences {who}"), Tone::Good)),
            (false, true) => Some((format!("fences {who}"), Tone::Doubt)),
            (true, true) | (false, false) => None,
        }
    }

    fn partition(&mut self, record: &PartitionRecord, lines: &mut Vec<Line>) {
        let key = (record.topic_id, record.partition);
        let topic = self.topics.get(&record.topic_id).map_or("?", |name| &**name);
        let partition = format!("{topic}-{}", record.partition);
        let before = self.partitions.insert(key, record.clone());
        let epoch = record.leader_epoch;
        let Some(before) = before else {
            let leader = record.leader.map_or("nobody".to_owned(), |id| name(id.into()));
            let set = set(&record.in_sync_replicas);
            lines.push((format!("{partition}: led by {leader}, in sync {set}"), Tone::Normal));
            return;
        };
        if before.leader != record.leader {
            lines.push(match record.leader {
                None => (format!("{partition} has no leader"), Tone::Doubt),
                Some(leader) => {
                    let how = match record.recovery_state {
                        RecoveryState::Recovered => "",
                        RecoveryState::Recovering => ", uncleanly",
                    };
                    let leader = name(leader.into());
                    let what = format!("elects {leader} leader of {partition}{how}, epoch {epoch}");
                    (what, Tone::Heading)
                }
            });
        }
        let eligible = match &record.eligible_leader_replicas[..] {
            [] => String::new(),
            replicas => format!(", eligible {}", set(replicas)),
        };
        let (now, then) = (&record.in_sync_replicas, &before.in_sync_replicas);
        if now != then {
            let grows = now.len() > then.len();
            let (how, tone) = if grows { ("grows", Tone::Good) } else { ("shrinks", Tone::Doubt) };
            let what = format!("in-sync set of {partition} {how} to {}{eligible}", set(now));
            lines.push((what, tone));
        } else if before.eligible_leader_replicas != record.eligible_leader_replicas {
            lines.push((format!("{partition}: in sync {}{eligible}", set(now)), Tone::Faint));
        }
    }
}

/// `{1 2 3}`
fn set(brokers: &[BrokerId]) -> String {
    let brokers: BTreeSet<BrokerId> = brokers.iter().copied().collect();
    let brokers: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    format!("{{{}}}", brokers.join(" "))
}
