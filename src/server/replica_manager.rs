//! Every replica on this broker's disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::config::Config;
use crate::controller::MetadataImage;
use crate::host::Host;
use crate::host::probe::Observation;
use crate::log::{Log, LogConfig, RecoveryHints, checkpoint, partition_metadata};
use crate::replication::{Assignment, Replica};
use crate::types::{BrokerId, Offset, TopicId, TopicPartition};

use super::metadata::{self, Touched};
use super::metrics::ReplicaCounters;
use super::orders::Orders;
use super::partition::Partition;
use super::settings;

/// Kafka's name of the file with every replica's high watermark.
pub(crate) const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
/// Kafka's name of the file with every log's recovery point.
pub(crate) const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
/// Kafka's name of the file with every log's start.
pub(crate) const LOG_STARTS: &str = "log-start-offset-checkpoint";

/// The replicas, by name.
#[derive(Debug)]
pub(crate) struct ReplicaManager {
    host: Host,
    config: Arc<Config>,
    orders: Arc<Orders>,
    /// What happens to the replicas, counted.
    pub(crate) counters: Arc<ReplicaCounters>,
    checkpoints: Checkpoints,
    was_clean: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    partitions: BTreeMap<TopicPartition, Arc<Partition>>,
    assignments: BTreeMap<TopicPartition, Assignment>,
    /// Logs whose `partition.metadata` is still to be written.
    unnamed: Vec<(String, TopicId)>,
    /// A log was less than the clean stop had left.
    is_damaged: bool,
    /// The controller has been told that the logs are what the clean stop had left.
    is_vouched_for: bool,
}

/// What the checkpoint files said when the broker started.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    high_watermarks: BTreeMap<TopicPartition, Offset>,
    recovery_points: BTreeMap<TopicPartition, Offset>,
    log_starts: BTreeMap<TopicPartition, Offset>,
}

impl Checkpoints {
    /// Reads all three files; a damaged one counts as empty, which is always safe (R32).
    pub(crate) fn read(host: &Host) -> Self {
        let read = |path: &str| {
            checkpoint::read(host.storage.as_ref(), path).unwrap_or_else(|error| {
                tracing::warn!(path, %error, "the checkpoint cannot be read; recovering without it");
                BTreeMap::new()
            })
        };
        Self {
            high_watermarks: read(HIGH_WATERMARKS),
            recovery_points: read(RECOVERY_POINTS),
            log_starts: read(LOG_STARTS),
        }
    }

    fn hints(&self, name: &TopicPartition, clean: bool) -> RecoveryHints {
        let offset =
            |map: &BTreeMap<TopicPartition, Offset>| map.get(name).copied().unwrap_or(Offset::ZERO);
        RecoveryHints {
            clean,
            recovery_point: offset(&self.recovery_points),
            log_start_offset: offset(&self.log_starts),
        }
    }
}

impl ReplicaManager {
    /// Knows no replica yet. `was_clean` says that the last run left a clean-shutdown marker.
    pub(crate) fn new(
        host: Host,
        config: Arc<Config>,
        orders: Arc<Orders>,
        was_clean: bool,
    ) -> Self {
        Self {
            checkpoints: Checkpoints::read(&host),
            host,
            config,
            orders,
            counters: Arc::default(),
            was_clean,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic under this lock is a bug that ends the broker")
    }

    /// The replica of that name, if this broker has it.
    pub(crate) fn get(&self, name: &TopicPartition) -> Option<Arc<Partition>> {
        self.lock().partitions.get(name).cloned()
    }

    /// Every replica, in order of name.
    pub(crate) fn all(&self) -> Vec<Arc<Partition>> {
        self.lock().partitions.values().cloned().collect()
    }

    /// Applies an image: opens the logs of new replicas and feeds every changed assignment.
    pub(crate) fn apply(&self, image: &MetadataImage, touched: &Touched, me: BrokerId) {
        let default = self.config.topics.min_in_sync_replicas;
        for (name, (topic_id, assignment)) in metadata::assignments(image, touched, me, default) {
            let configs = image.topics.get(&topic_id).map(|topic| &topic.record.configs);
            let log_config =
                settings::log(&self.config, configs.expect("the assignment comes from this image"));
            let Some(partition) = self.get_or_open(&name, topic_id, log_config.clone()) else {
                continue;
            };
            // A log that was found on the disk was opened before its topic's settings were known.
            partition.configure(log_config);
            let known = self.lock().assignments.insert(name, assignment.clone());
            if known.as_ref() != Some(&assignment) {
                partition.apply(assignment);
            }
        }
    }

    fn get_or_open(
        &self,
        name: &TopicPartition,
        topic_id: TopicId,
        config: LogConfig,
    ) -> Option<Arc<Partition>> {
        if let Some(partition) = self.get(name) {
            return Some(partition);
        }
        match self.open(name, topic_id, config) {
            Ok(partition) => {
                let mut state = self.lock();
                state.partitions.insert(name.clone(), partition.clone());
                state.unnamed.push((name.to_string(), topic_id));
                Some(partition)
            }
            Err(error) => {
                tracing::error!(partition = %name, %error, "the log cannot be opened");
                self.orders.halt(format!("{name}: {error}"));
                self.host.probe.observe(Observation::StorageFailed {
                    partition: name.clone(),
                    error: error.to_string(),
                });
                None
            }
        }
    }

    fn open(
        &self,
        name: &TopicPartition,
        topic_id: TopicId,
        config: LogConfig,
    ) -> Result<Arc<Partition>, crate::log::LogError> {
        let hints = self.checkpoints.hints(name, self.was_clean);
        let directory = name.to_string();
        let (log, recovery) = Log::open(self.host.storage.clone(), directory, config, hints)?;
        for note in &recovery.notes {
            tracing::warn!(partition = %name, note, "mended while opening the log");
        }
        if let Some(reason) = &recovery.reason {
            tracing::warn!(partition = %name, bytes_cut = recovery.bytes_cut, reason, "recovered");
            self.found_damaged(name);
        }
        let checkpointed =
            self.checkpoints.high_watermarks.get(name).copied().unwrap_or(Offset::ZERO);
        let high_watermark = checkpointed.clamp(log.log_start_offset(), log.log_end_offset());
        self.host.probe.observe(Observation::LogOpened {
            partition: name.clone(),
            log_start_offset: log.log_start_offset(),
            batches: log.batches()?,
            high_watermark,
            bytes_cut: recovery.bytes_cut,
        });
        let replica = Replica::new(settings::replica(&self.config), high_watermark);
        let outside = (self.host.clone(), self.orders.clone(), self.counters.clone());
        Ok(Partition::new(name.clone(), topic_id, (log, replica), outside))
    }

    /// A log had to be cut. After a clean stop that is a loss which nobody expects: a replica that
    /// may have led, or was eligible to, holds less than it did. If the controller has been told
    /// otherwise already, the broker halts, since its next start counts as unclean.
    fn found_damaged(&self, name: &TopicPartition) {
        if !self.was_clean {
            return;
        }
        let mut state = self.lock();
        state.is_damaged = true;
        if state.is_vouched_for {
            self.orders.halt(format!("{name}: damaged although the last stop was clean"));
        }
    }

    /// Opens every log that is on the disk, so that what recovery finds is known before the broker
    /// registers. Logs of topics that the metadata does not name stay untouched.
    ///
    /// Says whether the logs are what a clean stop had left: otherwise the broker must not register
    /// as one that was stopped cleanly, marker or not (KIP-966).
    pub(crate) fn open_existing(&self) -> bool {
        let are_all_open = self.open_all();
        let mut state = self.lock();
        state.is_vouched_for = self.was_clean && are_all_open && !state.is_damaged;
        state.is_vouched_for
    }

    /// A log on the disk that has not been opened since a stop that was not clean. What it lost then
    /// nobody knows yet, so that the next stop must not vouch for it, however orderly it is.
    pub(crate) fn unrecovered(&self) -> Option<String> {
        if self.was_clean {
            return None;
        }
        match self.host.storage.list("") {
            Ok(names) => {
                let state = self.lock();
                let is_unknown = |name| !state.partitions.contains_key(&name);
                names.into_iter().find(|name| replica_directory(name).is_some_and(is_unknown))
            }
            Err(error) => Some(format!("one in a data directory that cannot be listed ({error})")),
        }
    }

    fn open_all(&self) -> bool {
        let names = match self.host.storage.list("") {
            Ok(names) => names,
            Err(error) => {
                tracing::error!(%error, "the data directory cannot be listed");
                return false;
            }
        };
        let mut are_all_open = true;
        for directory in names {
            let Some(name) = replica_directory(&directory) else { continue };
            match partition_metadata::read(self.host.storage.as_ref(), &directory) {
                Ok(Some(topic_id)) => {
                    let config = settings::log(&self.config, &BTreeMap::new());
                    are_all_open &= self.get_or_open(&name, topic_id, config).is_some();
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(directory, %error, "partition.metadata cannot be read");
                    are_all_open = false;
                }
            }
        }
        are_all_open
    }

    /// Writes down which topic each new log belongs to (KIP-516), so that it can be opened before
    /// the metadata is known. Nothing rests on it: without the file a log is opened later.
    async fn name_new_logs(&self) {
        let unnamed = std::mem::take(&mut self.lock().unnamed);
        for (directory, topic_id) in unnamed {
            let storage = self.host.storage.as_ref();
            if let Err(error) = partition_metadata::write(storage, &directory, topic_id).await {
                tracing::warn!(directory, %error, "partition.metadata could not be written");
            }
        }
    }

    /// Writes the checkpoint of every high watermark (R32).
    pub(crate) async fn checkpoint_high_watermarks(&self) {
        self.name_new_logs().await;
        let offsets = self
            .all()
            .iter()
            .map(|partition| {
                let high_watermark = partition.lock().replica.high_watermark();
                (partition.name.clone(), high_watermark)
            })
            .collect();
        self.checkpoint(HIGH_WATERMARKS, &offsets).await;
    }

    /// Writes the checkpoints of every recovery point and log start (R32).
    pub(crate) async fn checkpoint_logs(&self) {
        let mut recovery_points = BTreeMap::new();
        let mut log_starts = BTreeMap::new();
        for partition in self.all() {
            let state = partition.lock();
            recovery_points.insert(partition.name.clone(), state.log.recovery_point());
            log_starts.insert(partition.name.clone(), state.log.log_start_offset());
        }
        self.checkpoint(RECOVERY_POINTS, &recovery_points).await;
        self.checkpoint(LOG_STARTS, &log_starts).await;
    }

    async fn checkpoint(&self, path: &str, offsets: &BTreeMap<TopicPartition, Offset>) {
        if let Err(error) = checkpoint::write(self.host.storage.as_ref(), path, offsets).await {
            // The old file stays; a checkpoint that lags is only slower to recover from.
            tracing::warn!(path, %error, "the checkpoint could not be written");
        }
    }
}

/// Reads `topic-partition`; `None` for anything else.
fn replica_directory(name: &str) -> Option<TopicPartition> {
    let (topic, partition) = name.rsplit_once('-')?;
    if topic.is_empty() || topic == "__cluster_metadata" {
        return None;
    }
    Some(TopicPartition::new(topic, partition.parse().ok().filter(|index| *index >= 0)?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host::OpenMode;
    use crate::host::tokio::TokioHost;

    /// Starts on `path` after a stop that was clean, and opens what is there.
    fn start(path: &std::path::Path) -> (ReplicaManager, bool) {
        start_after(path, true)
    }

    /// The same after a stop that was clean or not.
    fn start_after(path: &std::path::Path, was_clean: bool) -> (ReplicaManager, bool) {
        let host = TokioHost::new(path).unwrap();
        let config = Arc::new(Config::embedded("unused"));
        let orders = Orders::new(host.clone(), Duration::from_secs(1));
        let replicas = ReplicaManager::new(host, config, orders, was_clean);
        let is_vouched_for = replicas.open_existing();
        (replicas, is_vouched_for)
    }

    #[tokio::test]
    async fn a_clean_stop_does_not_vouch_for_a_log_that_is_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let name = TopicPartition::new("orders", 0);
        let (replicas, _) = start(directory.path());
        let config = settings::log(&replicas.config, &BTreeMap::new());
        replicas.get_or_open(&name, TopicId([7; 16]), config.clone()).unwrap();
        replicas.checkpoint_high_watermarks().await;
        drop(replicas);
        let (replicas, is_vouched_for) = start(directory.path());
        assert!(is_vouched_for);
        // Another log comes to light only when the metadata names it: too late to be told.
        let storage = replicas.host.storage.clone();
        storage.create_dir_all("orders-1").unwrap();
        let segment = "00000000000000000000.log";
        for log in ["orders-0", "orders-1"] {
            let file = storage.open(&format!("{log}/{segment}"), OpenMode::Create).unwrap();
            file.write_at(0, &[b"this is no batch"]).unwrap();
        }
        replicas.get_or_open(&TopicPartition::new("orders", 1), TopicId([7; 16]), config).unwrap();
        let why = replicas.orders.halted().await;
        assert_eq!(why, "orders-1: damaged although the last stop was clean");
        drop((replicas, storage));
        let (_, is_vouched_for) = start(directory.path());
        assert!(!is_vouched_for);
    }

    #[tokio::test]
    async fn a_log_that_nobody_opened_is_unrecovered_unless_the_last_stop_was_clean() {
        let directory = tempfile::tempdir().unwrap();
        let (replicas, _) = start(directory.path());
        replicas.host.storage.create_dir_all("orders-0").unwrap();
        // The last stop vouched for it, and nothing has happened to it since.
        assert_eq!(replicas.unrecovered(), None);
        drop(replicas);
        let (replicas, _) = start_after(directory.path(), false);
        assert_eq!(replicas.unrecovered(), Some("orders-0".to_owned()));
        let config = settings::log(&replicas.config, &BTreeMap::new());
        let name = TopicPartition::new("orders", 0);
        replicas.get_or_open(&name, TopicId([7; 16]), config).unwrap();
        assert_eq!(replicas.unrecovered(), None);
    }

    #[test]
    fn a_replica_directory_is_a_topic_and_a_partition() {
        assert_eq!(replica_directory("orders-eu-7"), Some(TopicPartition::new("orders-eu", 7)));
        assert_eq!(replica_directory("meta.properties"), None);
        assert_eq!(replica_directory("__cluster_metadata-0"), None);
        assert_eq!(replica_directory("-1"), None);
    }
}
