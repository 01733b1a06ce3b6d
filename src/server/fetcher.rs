//! Followers fetch: one loop per leader and fetcher, each with one fetch outstanding (R9, R34).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::client::CallError;
use crate::host::Host;
use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    FetchRequest, ListOffsetsRequest, Uuid, fetch_request, fetch_response, list_offsets_request,
};
use crate::protocol::request::{Request, Response};
use crate::replication::{FetchAnswer, FetchIdentity, FetchedBatches};
use crate::types::{
    BrokerId, EpochEndOffset, LeaderEpoch, Millis, Offset, TopicId, TopicPartition,
};

use super::broker::Broker;
use super::channel::Channel;
use super::fetched;
use super::message;
use super::metrics::FetcherStats;
use super::orders::FetchOrder;
use super::partition::{NextFetch, Partition};

/// How long an idle fetcher sleeps before it looks for work unasked.
const IDLE: Duration = Duration::from_secs(1);

/// Starts a fetcher for every leader that something is to be fetched from. Never returns.
pub(crate) async fn supervise(broker: Arc<Broker>) {
    let mut running = BTreeSet::new();
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let changed = broker.orders.fetch_changed.notified();
        for leader in broker.orders.leaders() {
            if running.insert(leader) {
                for index in 0..broker.config.replication.fetchers.max(1) {
                    tasks.spawn(Fetcher::new(broker.clone(), leader, index).run());
                }
            }
        }
        changed.await;
    }
}

/// One loop.
struct Fetcher {
    broker: Arc<Broker>,
    host: Host,
    leader: BrokerId,
    index: usize,
    channel: Channel,
    rotation: usize,
    stats: Arc<FetcherStats>,
}

/// One partition of one fetch.
struct Asked {
    partition: Arc<Partition>,
    next: NextFetch,
}

impl Fetcher {
    fn new(broker: Arc<Broker>, leader: BrokerId, index: usize) -> Self {
        let host = broker.host.clone();
        let client_id = format!("broker-{}-fetcher-{index}", broker.id);
        let channel = Channel::new(host.clone(), client_id);
        let stats = broker.fetchers.start(leader, index);
        Self { broker, host, leader, index, channel, rotation: 0, stats }
    }

    async fn run(mut self) {
        loop {
            let broker = self.broker.clone();
            let changed = broker.orders.fetch_changed.notified();
            let now = self.host.clock.now();
            let mine = self.my_orders();
            let (due, later): (Vec<_>, Vec<_>) =
                mine.into_iter().partition(|(_, order)| order.not_before <= now);
            if due.is_empty() {
                let wake = later.iter().map(|(_, order)| order.not_before).min();
                let wait = wake.map_or(IDLE, |wake: Millis| wake - now).min(IDLE);
                // Woken or not, the orders are read again.
                let _: Option<()> = self.host.within(wait, changed).await;
                continue;
            }
            self.ask_bounds(&due).await;
            self.fetch(due).await;
        }
    }

    fn my_orders(&self) -> Vec<(TopicPartition, FetchOrder)> {
        let fetchers = self.broker.config.replication.fetchers.max(1);
        let mut mine = self.broker.orders.fetches_from(self.leader);
        mine.retain(|(name, _)| fetcher_of(name, fetchers) == self.index);
        mine
    }

    fn address(&self) -> Option<String> {
        self.broker.metadata.image().brokers.get(&self.leader).map(super::address)
    }

    /// `None` if the leader's address is not known yet.
    async fn call(&mut self, request: &Request) -> Option<Result<Response, CallError>> {
        let address = self.address()?;
        let deadline = self.broker.config.replication.socket_timeout;
        Some(self.channel.call(&address, request, deadline).await)
    }

    async fn fetch(&mut self, mut due: Vec<(TopicPartition, FetchOrder)>) {
        // Every fetch begins with another partition, so that a full answer starves nobody (R34).
        self.rotation = self.rotation.wrapping_add(1);
        let first = self.rotation % due.len();
        due.rotate_left(first);
        let mut asked = Vec::new();
        for (name, order) in due {
            if let Some(partition) = self.broker.replicas.get(&name) {
                let next = partition.next_fetch(order.leader_epoch);
                asked.push(((partition.topic_id, name.partition), Asked { partition, next }));
            }
        }
        let request = Request::Fetch(self.request(&asked));
        let asked: BTreeMap<_, _> = asked.into_iter().collect();
        self.stats.requested(self.host.clock.now());
        match self.call(&request).await {
            Some(Ok(Response::Fetch(response))) if response.error_code == 0 => {
                self.answered(asked, response.responses).await;
            }
            Some(Ok(_)) => fail(asked, FetchAnswer::Retry),
            None => fail(asked, FetchAnswer::Unreachable),
            Some(Err(error)) => {
                tracing::debug!(leader = %self.leader, %error, "fetch failed");
                fail(asked, FetchAnswer::Unreachable);
            }
        }
    }

    /// In the order given: the leader fills its answer from the front. A topic may come twice, at
    /// the beginning with some of its partitions and at the end with the others.
    fn request(&self, asked: &[((TopicId, i32), Asked)]) -> FetchRequest {
        let settings = &self.broker.config.replication;
        let mut topics: Vec<fetch_request::FetchTopic> = Vec::new();
        for ((topic_id, index), Asked { partition, next }) in asked {
            let part = message!(fetch_request::FetchPartition {
                partition: *index,
                current_leader_epoch: next.identity.leader_epoch.0,
                fetch_offset: next.identity.fetch_offset.0,
                last_fetched_epoch: next.last_fetched_epoch.map_or(-1, |epoch| epoch.0),
                log_start_offset: next.log_start_offset.0,
                partition_max_bytes: super::wire_size(settings.fetch_bytes_max),
            });
            let topic_id = Uuid::from(*topic_id);
            match topics.last_mut() {
                Some(topic) if topic.topic_id == topic_id => topic.partitions.push(part),
                Some(_) | None => topics.push(message!(fetch_request::FetchTopic {
                    topic: partition.name.topic.as_ref().into(),
                    topic_id: topic_id,
                    partitions: vec![part],
                })),
            }
        }
        message!(FetchRequest {
            replica_state: message!(fetch_request::ReplicaState {
                replica_id: self.broker.id.0,
                replica_epoch: self.broker.standing.epoch().map_or(-1, |epoch| epoch.0),
            }),
            max_wait_ms: super::wire_ms(settings.fetch_wait_max),
            min_bytes: super::wire_size(settings.fetch_bytes_min),
            max_bytes: super::wire_size(settings.fetch_response_bytes_max),
            topics: topics,
        })
    }

    async fn answered(
        &mut self,
        mut asked: BTreeMap<(TopicId, i32), Asked>,
        answered: Vec<fetch_response::FetchableTopicResponse>,
    ) {
        for topic in answered {
            let topic_id = TopicId::from(topic.topic_id);
            for data in topic.partitions {
                let Some(Asked { partition, next }) =
                    asked.remove(&(topic_id, data.partition_index))
                else {
                    continue;
                };
                let identity = next.identity;
                let (answer, records) = read_answer(&data, identity);
                let bytes = records.as_ref().map_or(0, Bytes::len);
                self.stats.bytes.add(u64::try_from(bytes).unwrap_or(u64::MAX));
                partition.fetch_answered(identity, answer, records);
                // The next fetch proves that this replica holds the records, so they are made as
                // durable as the settings ask before it is sent.
                partition.flush_if_due().await;
            }
        }
        fail(asked, FetchAnswer::Retry);
    }

    /// Asks where the leader's log starts and ends, for the partitions that want to know (R11).
    async fn ask_bounds(&mut self, due: &[(TopicPartition, FetchOrder)]) {
        for (name, order) in due.iter().filter(|(_, order)| order.ask_bounds) {
            let Some(partition) = self.broker.replicas.get(name) else { continue };
            let identity = partition.next_fetch(order.leader_epoch).identity;
            self.broker.orders.bounds_asked(name);
            let earliest = self.bound(name, order.leader_epoch, -2).await;
            let latest = self.bound(name, order.leader_epoch, -1).await;
            let answer = match (earliest, latest) {
                (Some(log_start_offset), Some(log_end_offset)) => {
                    FetchAnswer::LeaderBounds { log_start_offset, log_end_offset }
                }
                (_, None) | (None, _) => FetchAnswer::Retry,
            };
            partition.fetch_answered(identity, answer, None);
        }
    }

    async fn bound(
        &mut self,
        name: &TopicPartition,
        leader_epoch: LeaderEpoch,
        timestamp: i64,
    ) -> Option<Offset> {
        let part = message!(list_offsets_request::ListOffsetsPartition {
            partition_index: name.partition,
            current_leader_epoch: leader_epoch.0,
            timestamp: timestamp,
        });
        let topic = message!(list_offsets_request::ListOffsetsTopic {
            name: name.topic.as_ref().into(),
            partitions: vec![part],
        });
        let request =
            message!(ListOffsetsRequest { replica_id: self.broker.id.0, topics: vec![topic] });
        match self.call(&Request::ListOffsets(request)).await? {
            Ok(Response::ListOffsets(response)) => {
                let part = response.topics.first()?.partitions.first()?;
                (part.error_code == 0).then_some(Offset(part.offset))
            }
            Ok(_) => None,
            Err(error) => {
                tracing::debug!(leader = %self.leader, %error, "asking for bounds failed");
                None
            }
        }
    }
}

/// Which of `fetchers` loops a partition belongs to; a stable hash (R34).
pub(crate) fn fetcher_of(name: &TopicPartition, fetchers: usize) -> usize {
    crc32c::crc32c(name.to_string().as_bytes()) as usize % fetchers.max(1)
}

fn fail(asked: BTreeMap<(TopicId, i32), Asked>, answer: FetchAnswer) {
    for Asked { partition, next } in asked.into_values() {
        partition.fetch_answered(next.identity, answer, None);
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "Kafka may name any of its codes")]
fn read_answer(
    data: &fetch_response::PartitionData,
    asked: FetchIdentity,
) -> (FetchAnswer, Option<Bytes>) {
    match ErrorCode::from_code(data.error_code) {
        ErrorCode::None => {}
        ErrorCode::OffsetOutOfRange => return (FetchAnswer::OffsetOutOfRange, None),
        ErrorCode::FencedLeaderEpoch => return (FetchAnswer::FencedLeaderEpoch, None),
        other => {
            tracing::debug!(error = %other, "the leader refused a fetch");
            return (FetchAnswer::Retry, None);
        }
    }
    if data.diverging_epoch.epoch >= 0 {
        let diverging = EpochEndOffset {
            epoch: LeaderEpoch(data.diverging_epoch.epoch),
            end_offset: Offset(data.diverging_epoch.end_offset),
        };
        return (FetchAnswer::Diverging(diverging), None);
    }
    let records = data.records.clone().unwrap_or_default();
    let Ok(summary) = fetched::summarise(&records, asked.fetch_offset) else {
        tracing::warn!("the leader sent records that cannot be read");
        return (FetchAnswer::Retry, None);
    };
    let answer = FetchAnswer::Records(FetchedBatches {
        base_offset: summary.base_offset,
        end_offset: summary.end_offset,
        leader_epoch_max: summary.leader_epoch_max,
        high_watermark: Offset(data.high_watermark),
        log_start_offset: Offset(data.log_start_offset),
    });
    (answer, Some(records))
}
