//! The cluster's metadata as this broker knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use crate::controller::MetadataImage;
use crate::replication::{Assignment, ReplicaStanding};
use crate::types::{
    BrokerId, MetadataOffset, MetadataRecord, PartitionRecord, TopicId, TopicPartition,
};

/// The newest image applied; readers get a snapshot that does not change under them.
#[derive(Debug)]
pub(crate) struct MetadataCache {
    image: Mutex<Arc<MetadataImage>>,
    /// Told when a newer image has been applied.
    pub(crate) changed: Notify,
}

/// Which part of an image a batch touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    topics: BTreeSet<TopicId>,
    everything: bool,
}

impl Touched {
    /// Anything may have changed.
    pub(crate) fn everything() -> Self {
        Self { topics: BTreeSet::new(), everything: true }
    }

    /// Adds what `records` touch. A broker's standing concerns every partition it is assigned to.
    pub(crate) fn add(&mut self, records: &[MetadataRecord]) {
        for record in records {
            match record {
                MetadataRecord::Broker(_) => self.everything = true,
                MetadataRecord::Topic(topic) => {
                    self.topics.insert(topic.id);
                }
                MetadataRecord::Partition(partition) => {
                    self.topics.insert(partition.topic_id);
                }
                MetadataRecord::ProducerIds { .. } | MetadataRecord::Controller(_) => {}
            }
        }
    }

    fn concerns(&self, topic: TopicId) -> bool {
        self.everything || self.topics.contains(&topic)
    }
}

impl MetadataCache {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self { image: Mutex::default(), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Arc<MetadataImage>> {
        self.image.lock().expect("a panic under this lock is a bug that ends the broker")
    }

    /// The newest image.
    pub(crate) fn image(&self) -> Arc<MetadataImage> {
        self.lock().clone()
    }

    /// How far the metadata has been applied.
    pub(crate) fn offset(&self) -> MetadataOffset {
        self.lock().offset
    }

    /// Publishes a newer image.
    pub(crate) fn publish(&self, image: Arc<MetadataImage>) {
        *self.lock() = image;
        self.changed.notify_waiters();
    }
}

/// What the image says about the partitions that `me` is a replica of, where `touched` concerns
/// them.
pub(crate) fn assignments(
    image: &MetadataImage,
    touched: &Touched,
    me: BrokerId,
    min_in_sync_replicas: usize,
) -> BTreeMap<TopicPartition, (TopicId, Assignment)> {
    let mut assignments = BTreeMap::new();
    for (id, topic) in &image.topics {
        if !touched.concerns(*id) {
            continue;
        }
        let required = topic
            .record
            .configs
            .get("min.insync.replicas")
            .and_then(|value| value.parse().ok())
            .unwrap_or(min_in_sync_replicas);
        for (index, partition) in &topic.partitions {
            if partition.replicas.contains(&me) {
                let name = TopicPartition::new(topic.record.name.clone(), *index);
                assignments.insert(name, (*id, assignment(image, partition, required)));
            }
        }
    }
    assignments
}

fn assignment(
    image: &MetadataImage,
    partition: &PartitionRecord,
    min_in_sync_replicas: usize,
) -> Assignment {
    let standing = |broker: &BrokerId| ReplicaStanding {
        broker_epoch: image.brokers.get(broker).map(|record| record.epoch),
        active: image.is_active(*broker),
    };
    Assignment {
        leader: partition.leader,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        in_sync_replicas: partition.in_sync_replicas.clone(),
        replicas: partition.replicas.iter().map(|broker| (*broker, standing(broker))).collect(),
        recovery_state: partition.recovery_state,
        min_in_sync_replicas,
    }
}
