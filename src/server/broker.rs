//! What all parts of a running broker share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::config::Config;
use crate::controller::MetadataImage;
use crate::host::Host;
use crate::host::probe::Observation;
use crate::protocol::messages::{
    FetchMetadataOutcome, FetchMetadataRequest, FetchMetadataResponse,
};
use crate::protocol::request::{Request, Response};
use crate::types::{BrokerId, NodeId};

use super::channel::{ActiveController, Channel, ControllerChannel};
use super::lifecycle::Standing;
use super::metadata::{MetadataCache, Touched};
use super::metrics::Fetchers;
use super::orders::Orders;
use super::producer_ids::ProducerIds;
use super::replica_manager::ReplicaManager;

/// How long a broker lets the controller hold an answer while there is no news.
const METADATA_WAIT: Duration = Duration::from_millis(500);
/// The pause after a controller could not be reached.
const METADATA_BACKOFF: Duration = Duration::from_millis(100);
/// How long something that is due to be flushed waits if nothing is appended behind it.
const FLUSH_INTERVAL: Duration = Duration::from_millis(500);

/// A running broker.
#[derive(Debug)]
pub(crate) struct Broker {
    /// `node.id`.
    pub(crate) id: BrokerId,
    /// The cluster's identity.
    pub(crate) cluster_id: String,
    /// The world outside.
    pub(crate) host: Host,
    /// The settings.
    pub(crate) config: Arc<Config>,
    /// The metadata as applied.
    pub(crate) metadata: MetadataCache,
    /// The replicas on this disk.
    pub(crate) replicas: ReplicaManager,
    /// What the replicas want done.
    pub(crate) orders: Arc<Orders>,
    /// What the fetchers do.
    pub(crate) fetchers: Fetchers,
    /// How this broker stands with the controller.
    pub(crate) standing: Standing,
    /// Producer ids to give out.
    pub(crate) producer_ids: ProducerIds,
    /// Where the active controller is believed to be.
    pub(crate) active_controller: Arc<ActiveController>,
    /// Idle connections to the controller, for requests that are forwarded.
    pub(crate) forwarding: Mutex<Vec<ControllerChannel>>,
}

impl Broker {
    /// A channel to the active controller, for one user.
    pub(crate) fn controller_channel(&self, purpose: &str) -> ControllerChannel {
        let channel = Channel::new(self.host.clone(), format!("broker-{}-{purpose}", self.id));
        let deadline = self.config.quorum.request_timeout;
        ControllerChannel::new(channel, self.active_controller.clone(), deadline)
    }

    /// Forwards a request to the active controller on a connection of the pool.
    pub(crate) async fn forward(&self, request: &Request) -> Option<Response> {
        let kept = self.forwarding.lock().expect("nothing panics under this lock").pop();
        let mut channel = kept.unwrap_or_else(|| self.controller_channel("forward"));
        match channel.call(request, Duration::ZERO).await {
            Ok(response) => {
                self.forwarding.lock().expect("nothing panics under this lock").push(channel);
                Some(response)
            }
            Err(error) => {
                tracing::debug!(%error, "forwarding to the controller failed");
                None
            }
        }
    }

    /// A forwarded request met a controller that is not the active one.
    pub(crate) fn controller_moved(&self) {
        self.active_controller.moved(&self.active_controller.address(), None);
    }

    /// Lets every replica know that time has passed. Never returns.
    pub(crate) async fn tick_replicas(self: Arc<Self>) {
        // R15 asks for half the lag time; proposals that went unanswered are repeated sooner.
        let interval = (self.config.replication.replica_lag_max / 2)
            .min(Duration::from_millis(500))
            .max(Duration::from_millis(10));
        loop {
            self.host.clock.sleep(interval).await;
            for partition in self.replicas.all() {
                partition.tick();
            }
        }
    }

    /// Flushes what nobody else will: what a log held when it was opened, and what other settings
    /// of its topic do not count as committable any more. Never returns.
    pub(crate) async fn flush_replicas(self: Arc<Self>) {
        loop {
            for partition in self.replicas.all() {
                partition.flush_if_due().await;
            }
            self.host.clock.sleep(FLUSH_INTERVAL).await;
        }
    }

    /// Writes checkpoints at Kafka's intervals. Never returns.
    pub(crate) async fn checkpoint(self: Arc<Self>) {
        let often = self.config.log.high_watermark_checkpoint_interval;
        let seldom = self.config.log.recovery_point_checkpoint_interval;
        let mut logs_due = self.host.clock.now() + seldom;
        loop {
            self.host.clock.sleep(often).await;
            self.replicas.checkpoint_high_watermarks().await;
            if self.host.clock.now() >= logs_due {
                logs_due = self.host.clock.now() + seldom;
                self.replicas.checkpoint_logs().await;
            }
        }
    }

    /// Replays the committed metadata, for ever (R5).
    pub(crate) async fn replay_metadata(self: Arc<Self>) {
        let mut controller = self.controller_channel("metadata");
        let mut replay = Replay::default();
        loop {
            let request = Request::FetchMetadata(FetchMetadataRequest {
                after: replay.image.offset,
                max_wait_ms: u32::try_from(METADATA_WAIT.as_millis()).unwrap_or(u32::MAX),
            });
            let went_well = match controller.call(&request, METADATA_WAIT).await {
                Ok(Response::FetchMetadata(response)) => match replay.take(response) {
                    Ok(()) => true,
                    Err(NotReplayed::Controller(hint)) => {
                        controller.moved(hint);
                        false
                    }
                    Err(NotReplayed::Unreadable(error)) => {
                        tracing::error!(error, "the metadata snapshot cannot be read");
                        false
                    }
                },
                Ok(_) => false,
                Err(error) => {
                    tracing::debug!(%error, "fetching metadata failed");
                    false
                }
            };
            self.publish(&mut replay);
            if !went_well {
                self.host.clock.sleep(METADATA_BACKOFF).await;
            }
        }
    }

    /// Applies what has been replayed to the replicas and publishes it.
    ///
    /// Nothing is applied before the broker's own registration: what was decided before it concerns
    /// an earlier incarnation, and a replica that led then may hold less now. The replicas come
    /// before the readers, so that nobody who reads the image finds a replica that does not know it.
    fn publish(&self, replay: &mut Replay) {
        let registered = self.standing.epoch();
        if !replay.is_fresh || registered.is_none_or(|epoch| replay.image.offset.0 < epoch.0) {
            return;
        }
        let image = replay.image.clone();
        let offset = image.offset;
        self.replicas.apply(&image, &std::mem::take(&mut replay.touched), self.id);
        replay.is_fresh = false;
        self.metadata.publish(Arc::new(image));
        self.host.probe.observe(Observation::MetadataApplied { offset });
    }
}

/// The metadata as far as it has been fetched.
#[derive(Debug, Default)]
struct Replay {
    image: MetadataImage,
    touched: Touched,
    is_fresh: bool,
}

/// Why an answer brought no metadata.
enum NotReplayed {
    Controller(Option<NodeId>),
    Unreadable(String),
}

impl Replay {
    fn take(&mut self, response: FetchMetadataResponse) -> Result<(), NotReplayed> {
        match response.outcome {
            FetchMetadataOutcome::NotController { hint } => Err(NotReplayed::Controller(hint)),
            FetchMetadataOutcome::Batches { batches, .. } => {
                for (offset, records) in batches {
                    if offset > self.image.offset {
                        self.touched.add(&records);
                        self.image.apply(offset, &records);
                        self.is_fresh = true;
                    }
                }
                Ok(())
            }
            FetchMetadataOutcome::Snapshot(bytes) => {
                let image: MetadataImage = postcard::from_bytes(&bytes)
                    .map_err(|error| NotReplayed::Unreadable(error.to_string()))?;
                if image.offset > self.image.offset {
                    self.image = image;
                    self.touched = Touched::everything();
                    self.is_fresh = true;
                }
                Ok(())
            }
        }
    }
}
