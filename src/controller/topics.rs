//! Topics: their creation with all checks (R26), and changes of their settings (R23).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::active::Active;
use super::placement::{Site, place};
use super::{CreateTopicReply, CreateTopicRequest, TopicRefusal, topic_configs};
use crate::types::{
    BrokerId, LeaderEpoch, MetadataRecord, PartitionEpoch, PartitionRecord, RecoveryState,
    SplitMix, TopicId, TopicRecord,
};

/// The longest topic name: with `-` and a partition it still fits into a directory's name.
const NAME_LENGTH_MAX: usize = 249;

/// The most partitions that one topic may be created with, and all topics of one request together:
/// a request that is short on the wire must not grow into a long batch of records.
const PARTITIONS_MAX: usize = 10_000;

/// A topic that passed every check.
#[derive(Debug)]
struct Plan {
    topic: TopicRecord,
    partitions: Vec<PartitionRecord>,
}

impl Active {
    /// Creates the topics that pass the checks, all in one batch.
    pub(super) fn create_topics(
        &mut self,
        requests: &[CreateTopicRequest],
        validate_only: bool,
        dice: [u64; 2],
    ) -> Vec<(Arc<str>, Result<CreateTopicReply, TopicRefusal>)> {
        let mut dice = SplitMix::new(dice[0] ^ dice[1].rotate_left(32));
        let asked = requests.iter().map(|request| self.partitions_asked(request));
        let asked = asked.fold(0, usize::saturating_add);
        if asked > PARTITIONS_MAX {
            let refusal = TopicRefusal::TooManyPartitions(asked);
            return requests.iter().map(|r| (r.name.clone(), Err(refusal.clone()))).collect();
        }
        let mut namesakes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for request in requests {
            *namesakes.entry(&request.name).or_default() += 1;
        }
        let mut metric_names: BTreeSet<String> =
            self.image.topic_ids.keys().map(|name| metric_name(name)).collect();
        let mut plans: Vec<Plan> = Vec::new();
        let mut replies = Vec::with_capacity(requests.len());
        for request in requests {
            let planned = if namesakes[&request.name] > 1 {
                Err(TopicRefusal::InvalidName(request.name.clone(), "named twice in the request"))
            } else {
                self.plan(request, (&plans, &metric_names), &mut dice)
            };
            let reply = planned.map(|plan| {
                let reply = plan.reply();
                metric_names.insert(metric_name(&plan.topic.name));
                plans.push(plan);
                reply
            });
            replies.push((request.name.clone(), reply));
        }
        if !validate_only {
            for plan in plans {
                self.write(MetadataRecord::Topic(plan.topic));
                for partition in plan.partitions {
                    self.write(MetadataRecord::Partition(partition));
                }
            }
        }
        replies
    }

    /// Changes a topic's settings, and what follows from that for its partitions: lowering
    /// `min.insync.replicas` takes away eligibility, and partitions without a leader get one if
    /// unclean election is now on.
    pub(super) fn alter_topic_configs(
        &mut self,
        name: &Arc<str>,
        changes: &BTreeMap<String, Option<String>>,
    ) -> Result<(), TopicRefusal> {
        let unknown = || TopicRefusal::Unknown(name.clone());
        let before = self.image.topic(name).ok_or_else(unknown)?;
        let mut record = before.record.clone();
        for (setting, value) in changes {
            match value {
                Some(value) => {
                    let value = topic_configs::normalise_one(setting, value)?;
                    record.configs.insert(setting.clone(), value);
                }
                None => {
                    topic_configs::check_name(setting)?;
                    record.configs.remove(setting);
                }
            }
        }
        if record == before.record {
            return Ok(());
        }
        let default = self.settings.min_in_sync_replicas;
        let min_before = self.image.min_in_sync_replicas(before, default);
        let id = record.id;
        self.write(MetadataRecord::Topic(record));
        let topic = self.image.topics.get(&id).ok_or_else(unknown)?;
        let lowered = self.image.min_in_sync_replicas(topic, default) < min_before;
        let mut changed = Vec::new();
        for partition in topic.partitions.values() {
            let change = self.change(topic, partition);
            changed.extend(if lowered { change.drop_eligible() } else { change }.build());
        }
        for partition in changed {
            self.write(MetadataRecord::Partition(partition));
        }
        Ok(())
    }

    /// How many partitions the request asks for, sensible or not.
    fn partitions_asked(&self, request: &CreateTopicRequest) -> usize {
        let asked = request.partitions.unwrap_or(self.settings.default_partitions);
        match request.assignment.len() {
            // Of a topic that asks for none, or for fewer, there is an error to be made.
            0 => usize::try_from(asked).unwrap_or(0).max(1),
            assigned => assigned,
        }
    }

    fn plan(
        &self,
        request: &CreateTopicRequest,
        (plans, metric_names): (&[Plan], &BTreeSet<String>),
        dice: &mut SplitMix,
    ) -> Result<Plan, TopicRefusal> {
        check_name(&request.name)?;
        if self.image.topic_ids.contains_key(&request.name) {
            return Err(TopicRefusal::AlreadyExists(request.name.clone()));
        }
        if metric_names.contains(&metric_name(&request.name)) {
            let reason = "differs from another topic's only in '.' and '_'";
            return Err(TopicRefusal::InvalidName(request.name.clone(), reason));
        }
        let configs = topic_configs::normalise(&request.configs)?;
        let replicas = if request.assignment.is_empty() {
            self.assign(request, dice.next_u64())?
        } else {
            self.check_assignment(&request.assignment)?
        };
        let id = self.new_topic_id(plans, dice);
        let partitions = replicas.into_iter().zip(0..).map(|(replicas, partition)| {
            let active = replicas.iter().copied().filter(|broker| self.image.is_active(*broker));
            let in_sync_replicas: Vec<BrokerId> = active.collect();
            PartitionRecord {
                topic_id: id,
                partition,
                leader: in_sync_replicas.first().copied(),
                replicas,
                in_sync_replicas,
                eligible_leader_replicas: Vec::new(),
                last_known_leader: None,
                leader_epoch: LeaderEpoch::ZERO,
                partition_epoch: PartitionEpoch(0),
                recovery_state: RecoveryState::Recovered,
            }
        });
        let partitions = partitions.collect();
        Ok(Plan { topic: TopicRecord { id, name: request.name.clone(), configs }, partitions })
    }

    /// Places the replicas of a topic that is not assigned by hand.
    fn assign(
        &self,
        request: &CreateTopicRequest,
        dice: u64,
    ) -> Result<Vec<Vec<BrokerId>>, TopicRefusal> {
        let asked = request.partitions.unwrap_or(self.settings.default_partitions);
        let partitions = usize::try_from(asked)
            .ok()
            .filter(|count| (1..=PARTITIONS_MAX).contains(count))
            .ok_or(TopicRefusal::InvalidPartitions(asked))?;
        let asked = request.replication_factor.unwrap_or(self.settings.default_replication_factor);
        let staying = self.image.brokers.values().filter(|broker| !broker.in_controlled_shutdown);
        let sites: Vec<Site> = staying
            .map(|b| Site { broker: b.id, rack: b.rack.clone(), fenced: b.fenced })
            .collect();
        let replication_factor = usize::try_from(asked).unwrap_or(0);
        place(&sites, partitions, replication_factor, dice).ok_or_else(|| {
            // If everybody is fenced, nobody counts.
            let anybody = sites.iter().any(|site| !site.fenced);
            let registered = if anybody { sites.len() } else { 0 };
            TopicRefusal::InvalidReplicationFactor { asked, registered }
        })
    }

    fn check_assignment(
        &self,
        assignment: &BTreeMap<i32, Vec<BrokerId>>,
    ) -> Result<Vec<Vec<BrokerId>>, TopicRefusal> {
        let refuse = |reason| Err(TopicRefusal::InvalidAssignment(reason));
        if assignment.len() > PARTITIONS_MAX {
            return refuse("too many partitions");
        }
        if !assignment.keys().copied().eq((0..).take(assignment.len())) {
            return refuse("the partitions are not numbered from 0 without gaps");
        }
        let replication_factor = assignment.values().next().map_or(0, Vec::len);
        for replicas in assignment.values() {
            let distinct: BTreeSet<BrokerId> = replicas.iter().copied().collect();
            if replicas.is_empty() {
                return refuse("a partition has no replicas");
            }
            if distinct.len() != replicas.len() {
                return refuse("a broker appears twice in a partition");
            }
            if replicas.len() != replication_factor {
                return refuse("the partitions have different numbers of replicas");
            }
            if distinct.iter().any(|broker| !self.image.brokers.contains_key(broker)) {
                return refuse("a broker is not registered");
            }
            if !distinct.iter().any(|broker| self.image.is_active(*broker)) {
                return refuse("all brokers of a partition are fenced or shutting down");
            }
        }
        Ok(assignment.values().cloned().collect())
    }

    /// An id that no topic has. It does not print with a leading `-`, as in Kafka, because tools
    /// would take that for an option.
    fn new_topic_id(&self, plans: &[Plan], dice: &mut SplitMix) -> TopicId {
        loop {
            let id = TopicId::from_words(dice.next_u64(), dice.next_u64());
            let taken = self.image.topics.contains_key(&id)
                || plans.iter().any(|plan| plan.topic.id == id)
                || id == TopicId::default();
            if !taken && id.0[0] >> 2 != 62 {
                return id;
            }
        }
    }
}

impl Plan {
    fn reply(&self) -> CreateTopicReply {
        let replicas = self.partitions.first().map_or(0, |partition| partition.replicas.len());
        CreateTopicReply {
            id: self.topic.id,
            partitions: i32::try_from(self.partitions.len()).unwrap_or(i32::MAX),
            replication_factor: i16::try_from(replicas).unwrap_or(i16::MAX),
            configs: self.topic.configs.clone(),
        }
    }
}

/// Whether a topic may bear this name.
#[must_use]
pub fn is_topic_name(name: &str) -> bool {
    check_name(&name.into()).is_ok()
}

fn check_name(name: &Arc<str>) -> Result<(), TopicRefusal> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let reason = if name.is_empty() {
        "it is empty"
    } else if matches!(&**name, "." | "..") {
        "'.' and '..' are not allowed"
    } else if name.len() > NAME_LENGTH_MAX {
        "it is longer than 249 characters"
    } else if !name.chars().all(legal) {
        "only ASCII letters, digits, '.', '_' and '-' are allowed"
    } else {
        return Ok(());
    };
    Err(TopicRefusal::InvalidName(name.clone(), reason))
}

/// A topic's name in metrics, where `.` becomes `_`: two topics must not share it.
fn metric_name(name: &str) -> String {
    name.replace('.', "_")
}
