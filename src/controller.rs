//! **Pure.** What the active controller decides: who is registered, who is fenced, who leads, who
//! is in sync, where replicas are placed (R18–R26).
//!
//! [`Controller::step`] takes the time and what happened and answers with metadata records to
//! propose and replies to send. A reply that depends on a record is held back until the quorum has
//! committed the record: a controller that answered earlier could be forgotten by its successor.
//!
//! There are two images. The *committed* one is what the cluster knows, and every node has it. The
//! *speculative* one exists only on the active controller and contains its own proposals too:
//! decisions are made on it, since the next proposal builds on the one before.

mod active;
mod alter_partition;
mod brokers;
mod elections;
mod event;
mod image;
mod partition_change;
mod placement;
mod producer_ids;
mod sessions;
#[cfg(test)]
mod tests;
mod topic_configs;
mod topics;

pub use event::{
    AlterPartitionReply, AlterPartitionRequest, CreateTopicReply, CreateTopicRequest, Effect,
    ElectLeadersReply, ElectionKind, ElectionRefusal, Event, HeartbeatReply, HeartbeatRequest,
    PartitionRefusal, RegisterBrokerRequest, Reply, Request, RequestTicket, TopicRefusal,
};
pub use image::{MetadataImage, TopicImage};
pub use topics::is_topic_name;

use std::sync::Arc;
use std::time::Duration;

use active::Active;

use crate::types::{MetadataOffset, MetadataRecord, Millis, NodeId, PartitionRecord};

/// What a controller is configured with. All controllers of a cluster must agree on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// This node.
    pub me: NodeId,
    /// `broker.session.timeout.ms`: an unfenced broker that is silent this long is fenced.
    pub session_timeout: Duration,
    /// `eligible.leader.replicas.enable` (KIP-966).
    pub eligible_leader_replicas: bool,
    /// `unclean.leader.election.enable`, for topics that do not say.
    pub unclean_leader_election: bool,
    /// `min.insync.replicas`, for topics that do not say. Leaders use the same default (R23).
    pub min_in_sync_replicas: usize,
    /// `num.partitions`.
    pub default_partitions: i32,
    /// `default.replication.factor`.
    pub default_replication_factor: i16,
    /// `leader.imbalance.check.interval.seconds`.
    pub preferred_check_interval: Duration,
    /// `auto.leader.rebalance.enable`.
    pub auto_rebalance: bool,
    /// How often a partition without a leader is tried again (R25; 5 minutes in Kafka).
    pub unclean_retry_interval: Duration,
    /// Elect the last known leader, flagged unclean, once no eligible replica is left (R23), even
    /// where unclean election is off. Kafka does; it can lose records.
    pub elect_last_known_leader: bool,
}

/// One controller of the quorum: follows the metadata log and, while active, writes it.
#[derive(Clone, Debug)]
pub struct Controller {
    settings: Settings,
    committed: MetadataImage,
    active: Option<Active>,
}

impl Controller {
    /// A controller that knows nothing yet and is not active.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, committed: MetadataImage::default(), active: None }
    }

    /// Takes in what happened at `now` and says what to do, in order.
    #[must_use]
    pub fn step(&mut self, now: Millis, event: Event) -> Vec<Effect> {
        match event {
            Event::Committed { offset, records } => self.commit(offset, &records),
            Event::Restored(image) => {
                // Only a follower is sent a snapshot, so nothing should be waiting here.
                let effects = self.depose();
                self.committed = *image;
                effects
            }
            Event::Elected { epoch: _, next_offset } => {
                let effects = self.depose();
                let image = self.committed.clone();
                self.active = Some(Active::new(self.settings.clone(), image, next_offset, now));
                effects
            }
            Event::Deposed => self.depose(),
            Event::Requested { ticket, request } => match &mut self.active {
                Some(active) => active.answer(now, ticket, request),
                None => vec![Effect::Reply { ticket, reply: Reply::NotController }],
            },
            Event::Tick { dice: _ } => {
                self.active.as_mut().map_or_else(Vec::new, |active| active.tick(now))
            }
        }
    }

    /// What the cluster has agreed on, as far as this node has heard.
    #[must_use]
    pub fn image(&self) -> &MetadataImage {
        &self.committed
    }

    /// Whether this controller decides at present.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// Partitions without a leader (`OfflinePartitionsCount`).
    #[must_use]
    pub fn offline_partitions(&self) -> usize {
        self.partitions().filter(|partition| partition.leader.is_none()).count()
    }

    /// Partitions not led by their first replica (`PreferredReplicaImbalanceCount`).
    #[must_use]
    pub fn preferred_imbalance(&self) -> usize {
        self.partitions().filter(|p| p.leader != p.replicas.first().copied()).count()
    }

    /// Registered brokers that are not fenced (`ActiveBrokerCount`).
    #[must_use]
    pub fn active_brokers(&self) -> usize {
        self.committed.brokers.values().filter(|broker| !broker.fenced).count()
    }

    /// Registered brokers that are fenced (`FencedBrokerCount`).
    #[must_use]
    pub fn fenced_brokers(&self) -> usize {
        self.committed.brokers.values().filter(|broker| broker.fenced).count()
    }

    fn partitions(&self) -> impl Iterator<Item = &PartitionRecord> {
        self.committed.topics.values().flat_map(|topic| topic.partitions.values())
    }

    fn commit(
        &mut self,
        offset: MetadataOffset,
        records: &Arc<Vec<MetadataRecord>>,
    ) -> Vec<Effect> {
        if offset <= self.committed.offset {
            return Vec::new(); // A snapshot already contained it.
        }
        let elections = elections::count(&self.committed, records);
        self.committed.apply(offset, records);
        let Some(active) = &mut self.active else { return Vec::new() };
        let mut effects = Vec::from_iter(elections);
        effects.extend(active.committed(offset));
        effects
    }

    fn depose(&mut self) -> Vec<Effect> {
        self.active.take().map_or_else(Vec::new, Active::give_up)
    }
}
