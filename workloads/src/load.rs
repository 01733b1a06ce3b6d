//! Clients that use the cluster while it suffers, and write down what they asked and were told.
//!
//! A [`Workload`] says how many clients of each kind there are; one file per kind says what they
//! do. Values are unique in a run, so that every record that is read is known by its value.

mod consumer;
mod drain;
mod fill;
mod poller;
mod producer;

use std::sync::Arc;
use std::time::Duration;

use harness::clock::Timeline;
use harness::history::Recorder;
use highwater::client::{ClientSettings, ConsumerSettings};
use highwater::types::{Acks, TopicPartition};
use serde::{Deserialize, Serialize};

pub(crate) use consumer::consume;
pub(crate) use drain::{Drained, drain};
pub(crate) use fill::fill;
pub(crate) use poller::poll_latest;
pub(crate) use producer::{produce, produce_last};

/// How producers of one kind send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProducerKind {
    /// When a record counts as appended.
    pub acks: Acks,
    /// Whether brokers recognise a batch that is sent again.
    pub idempotent: bool,
}

/// Clients to be started together.
///
/// ```
/// use highwater::types::{Acks, TopicPartition};
/// use workloads::load::append_read;
///
/// let orders = [TopicPartition::new("orders", 0)];
/// let load = append_read(&orders).producers(3).acks(Acks::All);
/// assert_eq!(load.client_count(), 3 + 1);
/// ```
#[derive(Clone, Debug)]
pub struct Workload {
    mix: Mix,
    partitions: Vec<TopicPartition>,
    rack: Option<Arc<str>>,
}

/// Which clients there are and how they work, whatever partitions they use: a workload as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// What it is called in reports.
    pub name: String,
    /// One producer each.
    pub producers: Vec<ProducerKind>,
    /// Consumers that read from leaders.
    pub consumers: usize,
    /// Consumers that read from whichever replica they come upon (KIP-392).
    pub follower_consumers: usize,
    /// Clients that ask where the log ends.
    pub pollers: usize,
    /// The pause between two operations of a client, on average.
    #[serde(rename = "pace_ms", with = "harness::millis")]
    pub pace: Duration,
    /// After so many records a producer stops; `None` if only the end of the run stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_max: Option<u64>,
}

/// Producers append with acks=all, a consumer reads along: the plainest use of a log.
#[must_use]
pub fn append_read(partitions: &[TopicPartition]) -> Workload {
    Mix::append_read().on(partitions)
}

/// Producers with acks 0, 1 and all side by side, idempotent and not; consumers on leaders and on
/// followers; somebody who asks where the log ends.
#[must_use]
pub fn acks_mix(partitions: &[TopicPartition]) -> Workload {
    Mix::acks_mix().on(partitions)
}

impl Mix {
    /// See [`append_read`].
    #[must_use]
    pub fn append_read() -> Self {
        Self {
            name: "append-read".to_owned(),
            producers: vec![ProducerKind { acks: Acks::All, idempotent: true }; 2],
            consumers: 1,
            follower_consumers: 0,
            pollers: 0,
            pace: Duration::from_millis(50),
            records_max: None,
        }
    }

    /// See [`acks_mix`].
    #[must_use]
    pub fn acks_mix() -> Self {
        let kind = |acks, idempotent| ProducerKind { acks, idempotent };
        Self {
            name: "acks-mix".to_owned(),
            producers: vec![
                kind(Acks::All, true),
                kind(Acks::All, false),
                kind(Acks::Leader, false),
                kind(Acks::None, false),
            ],
            follower_consumers: 1,
            pollers: 1,
            ..Self::append_read()
        }
    }

    /// So many producers, of the kinds it has in turn.
    #[must_use]
    pub fn with_producers(mut self, count: usize) -> Self {
        self.producers = self.producers.iter().copied().cycle().take(count).collect();
        self
    }

    /// These clients on these partitions.
    #[must_use]
    pub fn on(self, partitions: &[TopicPartition]) -> Workload {
        Workload { mix: self, partitions: partitions.to_vec(), rack: None }
    }

    /// How many clients it is.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.producers.len() + self.consumers + self.follower_consumers + self.pollers
    }
}

impl Workload {
    /// So many producers, of the kinds it has in turn.
    #[must_use]
    pub fn producers(self, count: usize) -> Self {
        Self { mix: self.mix.with_producers(count), ..self }
    }

    /// Producers of these kinds, one each.
    #[must_use]
    pub fn producer_kinds(mut self, kinds: &[ProducerKind]) -> Self {
        self.mix.producers = kinds.to_vec();
        self
    }

    /// All producers wait for these acknowledgements; only acks=all stays idempotent.
    #[must_use]
    pub fn acks(mut self, acks: Acks) -> Self {
        for kind in &mut self.mix.producers {
            *kind = ProducerKind { acks, idempotent: kind.idempotent && acks == Acks::All };
        }
        self
    }

    /// So many consumers that read from leaders.
    #[must_use]
    pub fn consumers(mut self, count: usize) -> Self {
        self.mix.consumers = count;
        self
    }

    /// All clients stand in this rack: in the zone of its name, if the network knows one, and
    /// consumers say so (`client.rack`).
    #[must_use]
    pub fn rack(mut self, rack: &str) -> Self {
        self.rack = Some(rack.into());
        self
    }

    /// So many consumers that read from whichever replica they come upon (KIP-392).
    #[must_use]
    pub fn follower_consumers(mut self, count: usize) -> Self {
        self.mix.follower_consumers = count;
        self
    }

    /// So many clients that ask where the log ends.
    #[must_use]
    pub fn pollers(mut self, count: usize) -> Self {
        self.mix.pollers = count;
        self
    }

    /// The pause between two operations of a client, on average.
    #[must_use]
    pub fn pace(mut self, pace: Duration) -> Self {
        self.mix.pace = pace;
        self
    }

    /// Each producer stops after so many records.
    #[must_use]
    pub fn records_max(mut self, count: u64) -> Self {
        self.mix.records_max = Some(count);
        self
    }

    /// What it is called in reports.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.mix.name
    }

    /// The partitions it uses.
    #[must_use]
    pub fn partitions(&self) -> &[TopicPartition] {
        &self.partitions
    }

    /// How many clients it is.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.mix.client_count()
    }

    /// The producers' kinds.
    #[must_use]
    pub fn kinds(&self) -> &[ProducerKind] {
        &self.mix.producers
    }

    pub(crate) fn place(&self) -> Option<&Arc<str>> {
        self.rack.as_ref()
    }

    pub(crate) fn mix(&self) -> &Mix {
        &self.mix
    }
}

/// What every client of a load shares.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    /// Where the history is written.
    pub(crate) recorder: Recorder,
    /// True time, for the history.
    pub(crate) timeline: Timeline,
    /// `host:port` of every broker.
    pub(crate) bootstrap: Vec<Arc<str>>,
    /// Where the clients say that they are.
    pub(crate) rack: Option<Arc<str>>,
    /// The partitions in use.
    pub(crate) partitions: Vec<TopicPartition>,
    /// The mean pause between operations.
    pub(crate) pace: Duration,
    /// After so many records a producer stops.
    pub(crate) records_max: Option<u64>,
}

impl Shared {
    pub(crate) fn settings(&self, client_id: &str) -> ClientSettings {
        ClientSettings {
            client_id: client_id.into(),
            bootstrap: self.bootstrap.clone(),
            request_timeout: Duration::from_millis(1500),
            retry_backoff: Duration::from_millis(100),
        }
    }
}

/// `metadata.max.age.ms`, for which a consumer follows a leader's advice: 300 s in Kafka.
pub const LEASE: Duration = Duration::from_secs(10);

/// How a consumer of a load reads.
pub(crate) fn consumer_settings(fetch_bytes_max: u32, rack: Option<Arc<str>>) -> ConsumerSettings {
    ConsumerSettings {
        rack,
        fetch_bytes_max,
        partition_fetch_bytes_max: fetch_bytes_max,
        metadata_age_max: LEASE,
    }
}

/// The history's name of a partition.
#[must_use]
pub fn key(partition: &TopicPartition) -> harness::history::Key {
    partition.to_string().into()
}

/// A record's value in a history, as the bytes that are sent.
pub(crate) fn encode(value: u64) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(&value.to_be_bytes())
}

/// Reads what [`encode`] wrote; `None` for bytes that no client of ours sent.
pub(crate) fn decode(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}
