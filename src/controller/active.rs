//! The active controller's desk: the speculative image, the batch being written and the replies
//! that wait for a commit.
//!
//! Each file beside this one answers one kind of request with `impl Active`. It reads the
//! speculative image, writes records with [`Active::write`], and returns its reply; when the reply
//! may leave is decided here, in one place, for all of them.

use std::collections::VecDeque;

use super::partition_change::{Election, PartitionChange, Rules};
use super::sessions::Sessions;
use super::{Effect, MetadataImage, Reply, Request, RequestTicket, Settings, TopicImage};
use crate::types::{BrokerId, MetadataOffset, MetadataRecord, Millis, PartitionRecord};

/// What only the active controller has. Dropped whole when it is deposed.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) settings: Settings,
    /// Everything committed and everything proposed.
    pub(super) image: MetadataImage,
    pub(super) sessions: Sessions,
    next_offset: MetadataOffset,
    committed: MetadataOffset,
    batch: Vec<MetadataRecord>,
    /// Replies by the position whose commit lets them go; the positions never decrease.
    waiting: VecDeque<(MetadataOffset, RequestTicket, Reply)>,
    preferred_check_at: Millis,
    unclean_retry_at: Millis,
}

impl Active {
    /// Starts to decide on top of `image`, which is all that is committed. Nobody has been heard
    /// yet, so every unfenced broker's session begins now (R20).
    pub(super) fn new(
        settings: Settings,
        image: MetadataImage,
        next_offset: MetadataOffset,
        now: Millis,
    ) -> Self {
        let unfenced = image.brokers.values().filter(|broker| !broker.fenced).map(|b| b.id);
        let sessions = Sessions::new(settings.session_timeout, unfenced, now);
        Self {
            sessions,
            next_offset,
            committed: image.offset,
            batch: Vec::new(),
            waiting: VecDeque::new(),
            preferred_check_at: now + settings.preferred_check_interval,
            unclean_retry_at: now + settings.unclean_retry_interval,
            image,
            settings,
        }
    }

    /// Decides about a request.
    pub(super) fn answer(
        &mut self,
        now: Millis,
        ticket: RequestTicket,
        request: Request,
    ) -> Vec<Effect> {
        let reply = match request {
            Request::RegisterBroker(request) => self.register_broker(now, &request),
            Request::Heartbeat(request) => Reply::Heartbeat(self.heartbeat(now, request)),
            Request::AlterPartition(request) => {
                Reply::AlterPartition(self.alter_partition(&request))
            }
            Request::CreateTopics { topics, validate_only, dice } => {
                Reply::TopicsCreated(self.create_topics(&topics, validate_only, dice))
            }
            Request::ElectLeaders { kind, partitions } => {
                Reply::LeadersElected(self.elect_leaders(kind, partitions))
            }
            Request::AllocateProducerIds { broker, broker_epoch } => {
                Reply::ProducerIds(self.allocate_producer_ids(broker, broker_epoch))
            }
            Request::AlterTopicConfigs { topic, changes } => {
                Reply::TopicConfigs(self.alter_topic_configs(&topic, &changes))
            }
        };
        let mut effects = Vec::from_iter(self.propose());
        effects.extend(self.reply(ticket, reply));
        effects
    }

    /// Looks for what time alone brings about: silent brokers (R20), leaders that are not the
    /// preferred ones and partitions that still have none (R25).
    pub(super) fn tick(&mut self, now: Millis) -> Vec<Effect> {
        self.fence_silent_brokers(now);
        let mut effects = Vec::from_iter(self.propose());
        if self.settings.auto_rebalance && now >= self.preferred_check_at {
            let complete = self.elect_preferred_leaders();
            if complete {
                self.preferred_check_at = now + self.settings.preferred_check_interval;
            }
            effects.extend(self.propose());
        }
        if now >= self.unclean_retry_at {
            self.unclean_retry_at = now + self.settings.unclean_retry_interval;
            self.reconsider(|partition| partition.leader.is_none(), None);
            effects.extend(self.propose());
        }
        effects
    }

    /// Everything up to `offset` is committed: the replies that waited for it may go.
    pub(super) fn committed(&mut self, offset: MetadataOffset) -> Vec<Effect> {
        self.committed = offset;
        let mut effects = Vec::new();
        while let Some((_, ticket, reply)) = self.waiting.pop_front_if(|(at, ..)| *at <= offset) {
            effects.push(Effect::Reply { ticket, reply });
        }
        effects
    }

    /// Answers everybody who waits that somebody else must be asked.
    pub(super) fn give_up(self) -> Vec<Effect> {
        self.waiting
            .into_iter()
            .map(|(_, ticket, _)| Effect::Reply { ticket, reply: Reply::NotController })
            .collect()
    }

    /// The position of the batch that is being written.
    pub(super) fn batch_offset(&self) -> MetadataOffset {
        self.next_offset
    }

    /// Adds a record to the batch. What is decided next already sees it.
    pub(super) fn write(&mut self, record: MetadataRecord) {
        self.image.apply(self.next_offset, std::slice::from_ref(&record));
        self.batch.push(record);
    }

    /// Decides anew about the partitions that `concerned` picks: who of the in-sync set is still
    /// active, and who leads. `uncleanly_restarted` may have lost its log (R19).
    pub(super) fn reconsider(
        &mut self,
        concerned: impl Fn(&PartitionRecord) -> bool,
        uncleanly_restarted: Option<BrokerId>,
    ) {
        let mut changed = Vec::new();
        for topic in self.image.topics.values() {
            for partition in topic.partitions.values().filter(|partition| concerned(partition)) {
                let change = self.change(topic, partition).uncleanly_restarted(uncleanly_restarted);
                changed.extend(change.build());
            }
        }
        for partition in changed {
            self.write(MetadataRecord::Partition(partition));
        }
    }

    /// Begins a change of a partition, with the elections that its topic permits.
    pub(super) fn change<'a>(
        &'a self,
        topic: &TopicImage,
        partition: &'a PartitionRecord,
    ) -> PartitionChange<'a> {
        let settings = &self.settings;
        let rules = Rules {
            eligible_leader_replicas: settings.eligible_leader_replicas && !mutant!(D08),
            elect_last_known_leader: settings.elect_last_known_leader,
            min_in_sync_replicas: self
                .image
                .min_in_sync_replicas(topic, settings.min_in_sync_replicas),
        };
        let unclean = topic
            .record
            .configs
            .get("unclean.leader.election.enable")
            .map_or(settings.unclean_leader_election, |value| value == "true");
        let election = if unclean { Election::Unclean } else { Election::Online };
        PartitionChange::new(&self.image, partition, rules).election(election)
    }

    /// Closes the batch, if anything was written.
    fn propose(&mut self) -> Option<Effect> {
        if self.batch.is_empty() {
            return None;
        }
        self.next_offset = MetadataOffset(self.next_offset.0 + 1);
        Some(Effect::Propose(std::mem::take(&mut self.batch)))
    }

    /// Sends a reply as soon as all that it may rest on is committed. Even a reply that wrote
    /// nothing was decided on the speculative image, so it waits for the last proposal (D05).
    fn reply(&mut self, ticket: RequestTicket, reply: Reply) -> Option<Effect> {
        if self.image.offset <= self.committed {
            return Some(Effect::Reply { ticket, reply });
        }
        self.waiting.push_back((self.image.offset, ticket, reply));
        None
    }
}
