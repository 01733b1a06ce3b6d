//! Blocks of producer ids (KIP-730): no id is given out twice, whoever is active.

use super::PartitionRefusal;
use super::active::Active;
use crate::types::{BrokerEpoch, BrokerId, MetadataRecord};

/// How many ids a broker gets at once.
const BLOCK_SIZE: i32 = 1000;

impl Active {
    /// Gives a registered broker the next block: its first id and its size.
    pub(super) fn allocate_producer_ids(
        &mut self,
        broker: BrokerId,
        broker_epoch: BrokerEpoch,
    ) -> Result<(i64, i32), PartitionRefusal> {
        if self.image.brokers.get(&broker).is_none_or(|known| known.epoch != broker_epoch) {
            return Err(PartitionRefusal::StaleBrokerEpoch);
        }
        let first = self.image.next_producer_id;
        let next = first
            .checked_add(i64::from(BLOCK_SIZE))
            .ok_or(PartitionRefusal::InvalidRequest("producer ids are used up"))?;
        self.write(MetadataRecord::ProducerIds { next });
        Ok((first, BLOCK_SIZE))
    }
}
