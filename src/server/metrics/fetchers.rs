//! What concerns the fetchers of this broker's followers: `ReplicaFetcherManager`,
//! `FetcherLagMetrics` and `FetcherStats`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::replication::Role;
use crate::server::broker::Broker;
use crate::types::{BrokerId, Millis, TopicPartition};

use super::Counter;
use super::page::{Labels, Page, number};

/// Over how long a rate is taken.
const RATE_WINDOW: Duration = Duration::from_secs(60);

/// Every fetcher that was ever started, by leader and index.
#[derive(Debug, Default)]
pub(crate) struct Fetchers {
    all: Mutex<BTreeMap<(BrokerId, usize), Arc<FetcherStats>>>,
}

/// What one fetcher did.
#[derive(Debug, Default)]
pub(crate) struct FetcherStats {
    /// Fetches sent.
    requests: Counter,
    /// Bytes of records received.
    pub(crate) bytes: Counter,
    rate: Mutex<Rate>,
}

/// Events a minute, counted in whole windows.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    begun: Millis,
    current: u64,
    /// The last window's count, once there was one.
    previous: Option<u64>,
}

impl Rate {
    fn rotate(&mut self, now: Millis) {
        let filled = now - self.begun;
        if filled >= RATE_WINDOW {
            let was_long_ago = filled >= RATE_WINDOW * 2;
            self.previous = Some(if was_long_ago { 0 } else { self.current });
            self.current = 0;
            self.begun = now;
        }
    }

    fn per_minute(self) -> u64 {
        self.previous.unwrap_or(self.current)
    }
}

impl Fetchers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(BrokerId, usize), Arc<FetcherStats>>> {
        self.all.lock().expect("nothing panics under this lock")
    }

    /// The statistics of a fetcher that starts; it counts as alive while it holds them.
    pub(crate) fn start(&self, leader: BrokerId, index: usize) -> Arc<FetcherStats> {
        self.lock().entry((leader, index)).or_default().clone()
    }
}

impl FetcherStats {
    fn rate(&self) -> MutexGuard<'_, Rate> {
        self.rate.lock().expect("nothing panics under this lock")
    }

    /// A fetch is sent.
    pub(crate) fn requested(&self, now: Millis) {
        self.requests.one_more();
        let mut rate = self.rate();
        rate.rotate(now);
        rate.current += 1;
    }

    fn per_minute(&self, now: Millis) -> u64 {
        let mut rate = self.rate();
        rate.rotate(now);
        rate.per_minute()
    }
}

pub(super) fn write(page: &mut Page<'_>, broker: &Broker, now: Millis) -> fmt::Result {
    lags(page, broker)?;
    let all: Vec<_> =
        broker.fetchers.lock().iter().map(|(key, stats)| (*key, stats.clone())).collect();
    // One reference is the list's, one is this look's, one the fetcher's own.
    let dead = all.iter().filter(|(_, stats)| Arc::strong_count(stats) < 3).count();
    page.gauges(
        "kafka_server_replicafetchermanager_deadthreadcount",
        "Fetchers that have ended although they never should",
        [(replica(), number(dead))],
    )?;
    // Only those that have something to fetch: the others are idle, not slow.
    let leaders = broker.orders.leaders();
    let busy = all.iter().filter(|((leader, _), _)| leaders.contains(leader));
    let slowest = busy.map(|(_, stats)| stats.per_minute(now)).min().unwrap_or(0);
    let slowest = f64::from(u32::try_from(slowest).unwrap_or(u32::MAX));
    page.fraction(
        ("kafka_server_replicafetchermanager_minfetchrate", &replica()),
        "Fetches a second of the slowest fetcher, over a minute",
        slowest / f64::from(u32::try_from(RATE_WINDOW.as_secs()).unwrap_or(u32::MAX)),
    )?;
    stats(page, broker, &all)
}

fn replica() -> Labels {
    vec![("clientid", "Replica".to_owned())]
}

/// How far followers are behind what their leaders have committed, as of the last answer.
fn lags(page: &mut Page<'_>, broker: &Broker) -> fmt::Result {
    let mut lags: Vec<(TopicPartition, BrokerId, u64)> = Vec::new();
    let mut failed = 0;
    let image = broker.metadata.image();
    for partition in broker.replicas.all() {
        let name = &partition.name;
        let role = partition.lock().replica.role();
        match role {
            Role::Follower { leader, .. } => lags.push((name.clone(), leader, partition.lag())),
            Role::Failed => {
                let record = image.partition(&name.topic, name.partition);
                failed += u64::from(record.is_some_and(|p| p.leader != Some(broker.id)));
            }
            Role::Leader { .. } | Role::Idle => {}
        }
    }
    page.gauges(
        "kafka_server_replicafetchermanager_maxlag",
        "Committed records that the slowest follower here lacks",
        [(replica(), lags.iter().map(|(_, _, lag)| *lag).max().unwrap_or(0))],
    )?;
    page.gauges(
        "kafka_server_replicafetchermanager_failedpartitionscount",
        "Partitions that are not fetched any more because their device has failed",
        [(replica(), failed)],
    )?;
    let fetchers = broker.config.replication.fetchers;
    page.gauges(
        "kafka_server_fetcherlagmetrics_consumerlag",
        "Committed records that the follower here lacks",
        lags.into_iter().map(|(name, leader, lag)| {
            let index = crate::server::fetcher::fetcher_of(&name, fetchers);
            let labels = vec![
                ("clientid", client_id(leader, index)),
                ("topic", name.topic.to_string()),
                ("partition", name.partition.to_string()),
            ];
            (labels, lag)
        }),
    )
}

/// Kafka's name of a fetcher.
fn client_id(leader: BrokerId, index: usize) -> String {
    format!("ReplicaFetcherThread-{index}-{leader}")
}

type Started = ((BrokerId, usize), Arc<FetcherStats>);

fn stats(page: &mut Page<'_>, broker: &Broker, all: &[Started]) -> fmt::Result {
    let image = broker.metadata.image();
    let labels = |(leader, index): (BrokerId, usize)| {
        let found = image.brokers.get(&leader);
        let host = found.map_or(String::new(), |record| record.host.to_string());
        let port = found.map_or(String::new(), |record| record.port.to_string());
        vec![("clientid", client_id(leader, index)), ("brokerhost", host), ("brokerport", port)]
    };
    page.counters(
        "kafka_server_fetcherstats_requests",
        "Fetches sent to the leader",
        all.iter().map(|(key, stats)| (labels(*key), stats.requests.get())),
    )?;
    page.counters(
        "kafka_server_fetcherstats_bytes",
        "Bytes of records received from the leader",
        all.iter().map(|(key, stats)| (labels(*key), stats.bytes.get())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_whole_minute() {
        let stats = FetcherStats::default();
        for second in 0..60 {
            stats.requested(Millis(second * 1000));
            stats.requested(Millis(second * 1000 + 500));
        }
        assert_eq!(stats.per_minute(Millis(59_999)), 120, "nothing better is known yet");
        stats.requested(Millis(60_000));
        assert_eq!(stats.per_minute(Millis(61_000)), 120);
        assert_eq!(stats.per_minute(Millis(120_000)), 1);
        assert_eq!(stats.per_minute(Millis(400_000)), 0, "it stands still");
        assert_eq!(stats.requests.get(), 121);
    }
}
