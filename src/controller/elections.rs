//! Elections that nobody's failure caused: by an administrator (KIP-460) and of preferred leaders
//! in the background (R25). And how elections are counted.

use std::sync::Arc;

use super::active::Active;
use super::partition_change::Election;
use super::{Effect, ElectLeadersReply, ElectionKind, ElectionRefusal, MetadataImage, TopicImage};
use crate::types::{MetadataRecord, PartitionRecord};

/// At most so many preferred elections go into one batch.
const PREFERRED_ELECTIONS_MAX: usize = 1000;

impl Active {
    /// Elects leaders where they are needed. Asked about all partitions, it leaves those out that
    /// need no election.
    pub(super) fn elect_leaders(
        &mut self,
        kind: ElectionKind,
        partitions: Option<Vec<(Arc<str>, i32)>>,
    ) -> Vec<ElectLeadersReply> {
        let asked_for_all = partitions.is_none();
        let partitions = partitions.unwrap_or_else(|| self.all_partitions());
        let mut replies = Vec::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            let outcome = self.elect_leader(kind, &topic, partition);
            if !(asked_for_all && outcome == Err(ElectionRefusal::NotNeeded)) {
                replies.push(ElectLeadersReply { topic, partition, outcome });
            }
        }
        replies
    }

    /// Moves leadership to preferred replicas that are in sync and active. Whether that was all,
    /// or a further batch is needed.
    pub(super) fn elect_preferred_leaders(&mut self) -> bool {
        let mut changed = Vec::new();
        for topic in self.image.topics.values() {
            for partition in topic.partitions.values() {
                if changed.len() == PREFERRED_ELECTIONS_MAX {
                    break;
                }
                changed.extend(self.prefer(topic, partition));
            }
        }
        let complete = changed.len() < PREFERRED_ELECTIONS_MAX;
        for partition in changed {
            self.write(MetadataRecord::Partition(partition));
        }
        complete
    }

    fn prefer(&self, topic: &TopicImage, partition: &PartitionRecord) -> Option<PartitionRecord> {
        let preferred = *partition.replicas.first()?;
        if partition.leader == Some(preferred) || !self.image.is_active(preferred) {
            return None;
        }
        // Whether it holds everything is for the election to judge.
        let next = self.change(topic, partition).election(Election::Preferred).build();
        next.filter(|next| next.leader == Some(preferred))
    }

    fn elect_leader(
        &mut self,
        kind: ElectionKind,
        topic: &str,
        partition: i32,
    ) -> Result<(), ElectionRefusal> {
        let topic = self.image.topic(topic).ok_or(ElectionRefusal::UnknownPartition)?;
        let partition = topic.partitions.get(&partition);
        let partition = partition.ok_or(ElectionRefusal::UnknownPartition)?;
        let (needed, election, refusal) = match kind {
            ElectionKind::Preferred => (
                partition.leader != partition.replicas.first().copied(),
                Election::Preferred,
                ElectionRefusal::PreferredLeaderNotAvailable,
            ),
            ElectionKind::Unclean => (
                partition.leader.is_none(),
                Election::Unclean,
                ElectionRefusal::EligibleLeadersNotAvailable,
            ),
        };
        if !needed {
            return Err(ElectionRefusal::NotNeeded);
        }
        let leader = partition.leader;
        let next = self.change(topic, partition).election(election).build();
        let next = next.filter(|next| next.leader != leader).ok_or(refusal)?;
        self.write(MetadataRecord::Partition(next));
        Ok(())
    }

    fn all_partitions(&self) -> Vec<(Arc<str>, i32)> {
        let topics = self.image.topic_ids.iter().filter_map(|(name, id)| {
            let topic = self.image.topics.get(id)?;
            Some(topic.partitions.keys().map(|partition| (name.clone(), *partition)))
        });
        topics.flatten().collect()
    }
}

/// The elections in a batch that follows `before`; `None` if there are none.
///
/// An election is unclean if the new leader was neither in sync nor eligible. The leader of a new
/// partition is not elected.
pub(super) fn count(before: &MetadataImage, records: &[MetadataRecord]) -> Option<Effect> {
    let (mut clean, mut eligible, mut unclean) = (0, 0, 0);
    for record in records {
        let MetadataRecord::Partition(next) = record else { continue };
        let topic = before.topics.get(&next.topic_id);
        let Some(old) = topic.and_then(|topic| topic.partitions.get(&next.partition)) else {
            continue;
        };
        let Some(leader) = next.leader.filter(|leader| Some(*leader) != old.leader) else {
            continue;
        };
        if old.in_sync_replicas.contains(&leader) {
            clean += 1;
        } else if old.eligible_leader_replicas.contains(&leader) {
            eligible += 1;
        } else {
            unclean += 1;
        }
    }
    (clean + eligible + unclean > 0).then_some(Effect::Elections { clean, eligible, unclean })
}
