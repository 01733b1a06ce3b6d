//! What the metadata quorum has committed, as all controllers together tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use highwater::controller::MetadataImage;
use highwater::types::{
    BrokerEpoch, BrokerId, MetadataOffset, MetadataRecord, NodeId, TopicPartition,
};

/// The committed metadata log and what it adds up to.
#[derive(Debug, Default)]
pub struct Metadata {
    image: MetadataImage,
    previous_brokers: BTreeMap<BrokerId, BrokerEpoch>,
    log: BTreeMap<MetadataOffset, Arc<Vec<MetadataRecord>>>,
    disagreement: Option<Disagreement>,
}

/// A controller said that something else was committed than had been said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The controller.
    pub node: NodeId,
    /// Where.
    pub offset: MetadataOffset,
    /// What others had said, if anything.
    pub known: Option<Arc<Vec<MetadataRecord>>>,
    /// What it says.
    pub said: Arc<Vec<MetadataRecord>>,
}

impl Metadata {
    /// Takes in a batch; says whether it was news.
    pub(super) fn committed(
        &mut self,
        node: NodeId,
        offset: MetadataOffset,
        records: &Arc<Vec<MetadataRecord>>,
    ) -> bool {
        if offset > self.image.offset {
            self.previous_brokers.clear();
            for record in records.iter() {
                if let MetadataRecord::Broker(broker) = record
                    && let Some(known) = self.image.brokers.get(&broker.id)
                {
                    self.previous_brokers.insert(broker.id, known.epoch);
                }
            }
            self.image.apply(offset, records);
            self.log.insert(offset, records.clone());
            return true;
        }
        let known = self.log.get(&offset);
        if !known.is_some_and(|known| Arc::ptr_eq(known, records) || known == records) {
            self.disagreement =
                Some(Disagreement { node, offset, known: known.cloned(), said: records.clone() });
        }
        false
    }

    /// Every partition whose registration, settings or replicas' brokers a batch changes.
    pub(super) fn concerned(&self, records: &[MetadataRecord]) -> BTreeSet<TopicPartition> {
        let mut concerned = BTreeSet::new();
        for record in records {
            match record {
                MetadataRecord::Partition(partition) => {
                    if let Some(topic) = self.image.topics.get(&partition.topic_id) {
                        let name = topic.record.name.clone();
                        concerned.insert(TopicPartition::new(name, partition.partition));
                    }
                }
                MetadataRecord::Topic(topic) => {
                    let known = self.image.topics.get(&topic.id);
                    let partitions = known.iter().flat_map(|topic| topic.partitions.keys());
                    concerned.extend(
                        partitions.map(|index| TopicPartition::new(topic.name.clone(), *index)),
                    );
                }
                MetadataRecord::Broker(broker) => {
                    for topic in self.image.topics.values() {
                        let hosted =
                            topic.partitions.values().filter(|p| p.replicas.contains(&broker.id));
                        concerned.extend(
                            hosted.map(|p| {
                                TopicPartition::new(topic.record.name.clone(), p.partition)
                            }),
                        );
                    }
                }
                MetadataRecord::ProducerIds { .. } | MetadataRecord::Controller(_) => {}
            }
        }
        concerned
    }

    /// The state after everything committed so far.
    #[must_use]
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// The position of the newest committed batch.
    #[must_use]
    pub fn offset(&self) -> MetadataOffset {
        self.image.offset
    }

    /// The epoch under which a broker is registered.
    #[must_use]
    pub fn broker_epoch(&self, broker: BrokerId) -> Option<BrokerEpoch> {
        self.image.brokers.get(&broker).map(|record| record.epoch)
    }

    /// The epoch under which a broker that the newest batch mentions was registered before it.
    #[must_use]
    pub fn previous_broker_epoch(&self, broker: BrokerId) -> Option<BrokerEpoch> {
        self.previous_brokers.get(&broker).copied()
    }

    /// The latest contradiction between controllers.
    #[must_use]
    pub fn disagreement(&self) -> Option<&Disagreement> {
        self.disagreement.as_ref()
    }
}
