//! Appends records, one batch at a time, and says what is known of each.
//!
//! What makes it different from Kafka's producer is its honesty about doubt. Once an attempt may
//! have reached a log, no later refusal can take that back: the attempt may still be on its way,
//! or survive on another replica. So the outcome of such a batch is *acknowledged* or
//! *indeterminate*, never *not appended*.

mod exchange;
mod idempotence;
mod outcome;

use std::time::Duration;

use bytes::Bytes;

use super::ClientSettings;
use super::cluster::Cluster;
use crate::host::Host;
use crate::protocol::batch::NewRecord;
use crate::protocol::{ErrorCode, RecordBatchBuilder};
use crate::types::{Acks, Millis, TopicPartition};
use idempotence::Identity;
pub use outcome::{Appended, Doubt, ProduceError, Refusal, proves_absence};
use outcome::{Attempt, Failure};

/// How a producer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerSettings {
    /// `acks`: when a batch counts as appended.
    pub acks: Acks,
    /// `enable.idempotence`: brokers recognise a batch that is sent again. Needs `acks=all`.
    pub idempotence: bool,
    /// `delivery.timeout.ms`: how long a batch may take with all its attempts.
    pub delivery_timeout: Duration,
    /// `retries`: how many attempts after the first.
    pub retries: u32,
}

/// A producer. Has one batch under way at a time.
#[derive(Debug)]
pub struct Producer {
    cluster: Cluster,
    settings: ProducerSettings,
    /// Away while a batch is under way: it does not come back from a batch that stays in doubt,
    /// and not if the caller drops the future.
    identity: Option<Identity>,
    attempts: u32,
}

impl Producer {
    /// A producer that has not asked anybody anything yet.
    ///
    /// # Panics
    /// If it is to be idempotent without `acks=all`: there is no such producer.
    #[must_use]
    pub fn new(host: Host, client: ClientSettings, settings: ProducerSettings) -> Self {
        assert!(
            !settings.idempotence || settings.acks == Acks::All,
            "an idempotent producer needs acks=all, not acks={}",
            settings.acks
        );
        Self { cluster: Cluster::new(host, client), settings, identity: None, attempts: 0 }
    }

    /// How often the last batch was tried, whether or not an attempt reached a broker.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// What it knows of the cluster.
    pub fn cluster(&mut self) -> &mut Cluster {
        &mut self.cluster
    }

    /// Appends the records as one batch.
    ///
    /// # Errors
    /// [`ProduceError::NotAppended`] if it is certain that no record is, or will ever be, in the
    /// log; [`ProduceError::Indeterminate`] otherwise. An idempotent producer takes a new producer
    /// id after a batch that stays in doubt.
    pub async fn append(
        &mut self,
        partition: &TopicPartition,
        records: Vec<NewRecord>,
    ) -> Result<Appended, ProduceError> {
        let deadline = self.cluster.host().clock.now() + self.settings.delivery_timeout;
        let mut delivery =
            Delivery { partition: partition.clone(), records, deadline, batch: None };
        let mut identity = self.identity.take();
        let mut doubt: Option<Doubt> = None;
        let mut refused: Option<ErrorCode> = None;
        let mut attempts_left = self.settings.retries;
        self.attempts = 0;
        loop {
            self.attempts = self.attempts.saturating_add(1);
            let failure = match self.attempt(&mut delivery, &mut identity).await {
                Ok(appended) => {
                    if let Some(identity) = &mut identity {
                        identity.advance(partition, delivery.records.len());
                    }
                    self.identity = identity;
                    return Ok(appended);
                }
                Err(failure) => failure,
            };
            let again = failure.may_be_tried_again() && attempts_left > 0;
            let refusal = match failure {
                Failure::Doubtful(newer) => {
                    doubt = Some(newer);
                    None
                }
                Failure::Refused(Refusal::Code(code)) => {
                    refused = Some(code);
                    Some(Refusal::Code(code))
                }
                // What a leader has said tells more than that nobody could be asked again.
                Failure::Refused(refusal) => Some(refused.map_or(refusal, Refusal::Code)),
            };
            if again && self.back_off(deadline).await {
                attempts_left -= 1;
                continue;
            }
            return Err(self.give_up(doubt, refusal, identity));
        }
    }

    /// What remains to be said of a batch that is not tried again.
    fn give_up(
        &mut self,
        doubt: Option<Doubt>,
        refusal: Option<Refusal>,
        identity: Option<Identity>,
    ) -> ProduceError {
        match (doubt, refusal) {
            (None, Some(refusal)) => {
                // The sequence was not used; a broker that disagrees about it needs a new start.
                if !refusal.breaks_the_sequence() {
                    self.identity = identity;
                }
                ProduceError::NotAppended(refusal)
            }
            (Some(doubt), None | Some(_)) => ProduceError::Indeterminate(doubt),
            (None, None) => unreachable!("a failure is a doubt or a refusal"),
        }
    }

    /// Waits before the next attempt; `false` if there is no time for one.
    async fn back_off(&mut self, deadline: Millis) -> bool {
        let host = self.cluster.host();
        let pause = self.cluster.settings().retry_backoff;
        if deadline - host.clock.now() <= pause {
            return false;
        }
        host.clock.sleep(pause).await;
        true
    }

    async fn attempt(
        &mut self,
        delivery: &mut Delivery,
        identity: &mut Option<Identity>,
    ) -> Attempt {
        if self.settings.idempotence && identity.is_none() {
            *identity = Some(idempotence::obtain(&mut self.cluster, delivery.deadline).await?);
        }
        let batch = delivery.batch(identity.as_ref())?;
        exchange::produce(&mut self.cluster, &self.settings, delivery, batch).await
    }
}

/// A batch under way.
#[derive(Debug)]
struct Delivery {
    partition: TopicPartition,
    records: Vec<NewRecord>,
    deadline: Millis,
    /// The same bytes in every attempt: brokers recognise an idempotent batch by its sequence.
    batch: Option<Bytes>,
}

impl Delivery {
    fn batch(&mut self, identity: Option<&Identity>) -> Result<Bytes, Failure> {
        if let Some(batch) = &self.batch {
            return Ok(batch.clone());
        }
        let mut builder = RecordBatchBuilder::new();
        if let Some(identity) = identity {
            builder = builder.produced_by(identity.stamp(&self.partition));
        }
        for record in &self.records {
            builder.push(record.clone());
        }
        let batch = builder.build().map_err(|error| Failure::Refused(Refusal::Batch(error)))?;
        self.batch = Some(batch.clone());
        Ok(batch)
    }
}
