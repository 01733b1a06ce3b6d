//! A leader's wish to change its in-sync set, and the reasons to refuse it (R18; KIP-497).
//!
//! The partition epoch is a compare-and-set key: a wish that was computed on an older version is
//! refused whatever it asks for. The checks come in Kafka's order, which a leader relies on: a
//! refusal tells it how much it does not know.

use super::active::Active;
use super::{AlterPartitionReply, AlterPartitionRequest, PartitionRefusal};
use crate::types::{BrokerEpoch, BrokerId, MetadataRecord, PartitionRecord, RecoveryState};

impl Active {
    /// Records the wish, or says why not. Judged on the speculative image: a version that is
    /// proposed and not committed counts, or two wishes could build on the same one.
    pub(super) fn alter_partition(
        &mut self,
        request: &AlterPartitionRequest,
    ) -> Result<AlterPartitionReply, PartitionRefusal> {
        let sender = self.image.brokers.get(&request.broker);
        if sender.is_none_or(|sender| sender.epoch != request.broker_epoch) {
            return Err(PartitionRefusal::StaleBrokerEpoch);
        }
        let topic = self.image.topics.get(&request.topic_id);
        let topic = topic.ok_or(PartitionRefusal::UnknownTopicId)?;
        let partition = topic.partitions.get(&request.partition);
        let partition = partition.ok_or(PartitionRefusal::UnknownPartition)?;
        check_epochs(partition, request)?;
        check_wish(partition, request)?;
        self.check_members(request)?;
        let change = self.change(topic, partition).wish(
            |replica| request.in_sync_replicas.contains_key(&replica),
            request.recovery_state,
        );
        let next = change.build().ok_or(PartitionRefusal::InvalidRequest("nothing to change"))?;
        let reply = AlterPartitionReply {
            leader: next.leader,
            leader_epoch: next.leader_epoch,
            partition_epoch: next.partition_epoch,
            in_sync_replicas: next.in_sync_replicas.clone(),
            recovery_state: next.recovery_state,
        };
        self.write(MetadataRecord::Partition(next));
        Ok(reply)
    }

    /// Only an active broker may be in sync (KIP-841), and only in the incarnation that the leader
    /// saw fetching (KIP-903): a later one may have lost its log in between.
    fn check_members(&self, request: &AlterPartitionRequest) -> Result<(), PartitionRefusal> {
        let eligible = |member: BrokerId, epoch: Option<BrokerEpoch>| {
            let known = self.image.brokers.get(&member);
            self.image.is_active(member)
                && known.is_some_and(|known| epoch.is_none_or(|epoch| epoch == known.epoch))
        };
        let mut members = request.in_sync_replicas.iter();
        match members.find(|(member, epoch)| !eligible(**member, **epoch)) {
            Some((member, _)) => Err(PartitionRefusal::IneligibleReplica(*member)),
            None => Ok(()),
        }
    }
}

fn check_epochs(
    partition: &PartitionRecord,
    request: &AlterPartitionRequest,
) -> Result<(), PartitionRefusal> {
    if request.leader_epoch > partition.leader_epoch
        || request.partition_epoch > partition.partition_epoch
    {
        return Err(PartitionRefusal::FromTheFuture);
    }
    if request.leader_epoch < partition.leader_epoch {
        return Err(PartitionRefusal::FencedLeaderEpoch(partition.leader_epoch));
    }
    if partition.leader != Some(request.broker) {
        return Err(PartitionRefusal::InvalidRequest("the sender does not lead the partition"));
    }
    if request.partition_epoch < partition.partition_epoch {
        return Err(PartitionRefusal::InvalidUpdateVersion(partition.partition_epoch));
    }
    Ok(())
}

fn check_wish(
    partition: &PartitionRecord,
    request: &AlterPartitionRequest,
) -> Result<(), PartitionRefusal> {
    let refuse = |reason| Err(PartitionRefusal::InvalidRequest(reason));
    let members = &request.in_sync_replicas;
    if members.is_empty() {
        return refuse("the in-sync set is empty");
    }
    if members.keys().any(|member| !partition.replicas.contains(member)) {
        return refuse("an in-sync replica is not assigned");
    }
    if !members.contains_key(&request.broker) {
        return refuse("the leader is not in the in-sync set");
    }
    match (partition.recovery_state, request.recovery_state) {
        (_, RecoveryState::Recovered) => Ok(()),
        (RecoveryState::Recovered, RecoveryState::Recovering) => {
            refuse("a recovered partition does not begin to recover")
        }
        (RecoveryState::Recovering, RecoveryState::Recovering) if members.len() > 1 => {
            refuse("a recovering leader is in sync with nobody else")
        }
        (RecoveryState::Recovering, RecoveryState::Recovering) => Ok(()),
    }
}
