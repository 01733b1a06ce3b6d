//! The cluster's metadata as one value: what the records up to some position add up to.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::types::{
    BrokerId, BrokerRecord, ControllerRecord, MetadataOffset, MetadataRecord, NodeId,
    PartitionRecord, TopicId, TopicRecord,
};

/// Everything the cluster has agreed on, up to and including [`MetadataImage::offset`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataImage {
    /// The position of the last batch applied; 0 before the first.
    pub offset: MetadataOffset,
    /// Every registered broker.
    pub brokers: BTreeMap<BrokerId, BrokerRecord>,
    /// Every topic.
    pub topics: BTreeMap<TopicId, TopicImage>,
    /// The topics by name.
    pub topic_ids: BTreeMap<Arc<str>, TopicId>,
    /// Every controller that announced itself.
    pub controllers: BTreeMap<NodeId, ControllerRecord>,
    /// The first producer id not given out yet.
    pub next_producer_id: i64,
}

/// One topic with its partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicImage {
    /// The topic.
    pub record: TopicRecord,
    /// Its partitions by index.
    pub partitions: BTreeMap<i32, PartitionRecord>,
}

impl MetadataImage {
    /// Applies one batch, whole.
    ///
    /// A partition whose topic is unknown is left out; the controller never writes one.
    pub fn apply(&mut self, offset: MetadataOffset, records: &[MetadataRecord]) {
        for record in records {
            self.apply_record(record);
        }
        self.offset = offset;
    }

    fn apply_record(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::Broker(broker) => {
                self.brokers.insert(broker.id, broker.clone());
            }
            MetadataRecord::Topic(topic) => {
                self.topic_ids.insert(topic.name.clone(), topic.id);
                match self.topics.get_mut(&topic.id) {
                    Some(known) => known.record = topic.clone(),
                    None => {
                        let image =
                            TopicImage { record: topic.clone(), partitions: BTreeMap::new() };
                        self.topics.insert(topic.id, image);
                    }
                }
            }
            MetadataRecord::Partition(partition) => {
                if let Some(topic) = self.topics.get_mut(&partition.topic_id) {
                    topic.partitions.insert(partition.partition, partition.clone());
                }
            }
            MetadataRecord::ProducerIds { next } => self.next_producer_id = *next,
            MetadataRecord::Controller(controller) => {
                self.controllers.insert(controller.id, controller.clone());
            }
        }
    }

    /// The topic of that name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&TopicImage> {
        self.topics.get(self.topic_ids.get(name)?)
    }

    /// One partition by topic name.
    #[must_use]
    pub fn partition(&self, topic: &str, partition: i32) -> Option<&PartitionRecord> {
        self.topic(topic)?.partitions.get(&partition)
    }

    /// Unfenced and not shutting down.
    #[must_use]
    pub fn is_active(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(|b| !b.fenced && !b.in_controlled_shutdown)
    }

    /// `min.insync.replicas` of a topic, bounded by the number of replicas (R13); `default` where
    /// the topic does not say.
    #[must_use]
    pub fn min_in_sync_replicas(&self, topic: &TopicImage, default: usize) -> usize {
        let configured = topic
            .record
            .configs
            .get("min.insync.replicas")
            .and_then(|value| value.parse().ok())
            .unwrap_or(default);
        let replicas = topic.partitions.values().next().map_or(usize::MAX, |p| p.replicas.len());
        configured.clamp(1, replicas.max(1))
    }
}
