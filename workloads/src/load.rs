//! Clients that use the cluster while it suffers, and write down what they asked and were told.
//!
//! A [`Workload`] says how many clients of each kind there are; one file per kind says what they
//! do. Values are unique in a run, so that every record that is read is known by its value.

mod consumer;
mod drain;
mod poller;
mod producer;

use std::sync::Arc;
use std::time::Duration;

use harness::clock::Timeline;
use harness::history::Recorder;
use highwater::client::{ClientSettings, ConsumerSettings};
use highwater::types::{Acks, TopicPartition};

pub(crate) use consumer::consume;
pub(crate) use drain::{Drained, drain};
pub(crate) use poller::poll_latest;
pub(crate) use producer::{produce, produce_last};

/// How producers of one kind send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    name: &'static str,
    partitions: Vec<TopicPartition>,
    producers: Vec<ProducerKind>,
    consumers: usize,
    follower_consumers: usize,
    pollers: usize,
    pace: Duration,
}

/// Producers append with acks=all, a consumer reads along: the plainest use of a log.
#[must_use]
pub fn append_read(partitions: &[TopicPartition]) -> Workload {
    Workload {
        name: "append-read",
        partitions: partitions.to_vec(),
        producers: vec![ProducerKind { acks: Acks::All, idempotent: true }; 2],
        consumers: 1,
        follower_consumers: 0,
        pollers: 0,
        pace: Duration::from_millis(50),
    }
}

/// Producers with acks 0, 1 and all side by side, idempotent and not; consumers on leaders and on
/// followers; somebody who asks where the log ends.
#[must_use]
pub fn acks_mix(partitions: &[TopicPartition]) -> Workload {
    let kind = |acks, idempotent| ProducerKind { acks, idempotent };
    Workload {
        name: "acks-mix",
        partitions: partitions.to_vec(),
        producers: vec![
            kind(Acks::All, true),
            kind(Acks::All, false),
            kind(Acks::Leader, false),
            kind(Acks::None, false),
        ],
        consumers: 1,
        follower_consumers: 1,
        pollers: 1,
        pace: Duration::from_millis(50),
    }
}

impl Workload {
    /// So many producers, of the kinds it has in turn.
    #[must_use]
    pub fn producers(mut self, count: usize) -> Self {
        self.producers = self.producers.iter().copied().cycle().take(count).collect();
        self
    }

    /// Producers of these kinds, one each.
    #[must_use]
    pub fn producer_kinds(mut self, kinds: &[ProducerKind]) -> Self {
        self.producers = kinds.to_vec();
        self
    }

    /// All producers wait for these acknowledgements; only acks=all stays idempotent.
    #[must_use]
    pub fn acks(mut self, acks: Acks) -> Self {
        for kind in &mut self.producers {
            *kind = ProducerKind { acks, idempotent: kind.idempotent && acks == Acks::All };
        }
        self
    }

    /// So many consumers that read from leaders.
    #[must_use]
    pub fn consumers(mut self, count: usize) -> Self {
        self.consumers = count;
        self
    }

    /// So many consumers that read from whichever replica they come upon (KIP-392).
    #[must_use]
    pub fn follower_consumers(mut self, count: usize) -> Self {
        self.follower_consumers = count;
        self
    }

    /// So many clients that ask where the log ends.
    #[must_use]
    pub fn pollers(mut self, count: usize) -> Self {
        self.pollers = count;
        self
    }

    /// The pause between two operations of a client, on average.
    #[must_use]
    pub fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// What it is called in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The partitions it uses.
    #[must_use]
    pub fn partitions(&self) -> &[TopicPartition] {
        &self.partitions
    }

    /// How many clients it is.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.producers.len() + self.consumers + self.follower_consumers + self.pollers
    }

    /// The producers' kinds.
    #[must_use]
    pub fn kinds(&self) -> &[ProducerKind] {
        &self.producers
    }

    pub(crate) fn consumer_counts(&self) -> (usize, usize, usize) {
        (self.consumers, self.follower_consumers, self.pollers)
    }

    pub(crate) fn mean_pause(&self) -> Duration {
        self.pace
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
    /// The partitions in use.
    pub(crate) partitions: Vec<TopicPartition>,
    /// The mean pause between operations.
    pub(crate) pace: Duration,
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

/// How a consumer of a load reads.
pub(crate) fn consumer_settings(fetch_bytes_max: u32) -> ConsumerSettings {
    ConsumerSettings {
        rack: None,
        fetch_bytes_max,
        partition_fetch_bytes_max: fetch_bytes_max,
        metadata_age_max: Duration::from_secs(10),
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
