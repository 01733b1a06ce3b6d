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
use crate::types::BrokerId;

use super::channel::{ActiveController, Channel, ControllerChannel};
use super::lifecycle::Standing;
use super::metadata::{MetadataCache, Touched};
use super::orders::Orders;
use super::producer_ids::ProducerIds;
use super::replica_manager::ReplicaManager;

/// How long a broker lets the controller hold an answer while there is no news.
const METADATA_WAIT: Duration = Duration::from_millis(500);
/// The pause after a controller could not be reached.
const METADATA_BACKOFF: Duration = Duration::from_millis(100);

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
        loop {
            let request = Request::FetchMetadata(FetchMetadataRequest {
                after: self.metadata.offset(),
                max_wait_ms: u32::try_from(METADATA_WAIT.as_millis()).unwrap_or(u32::MAX),
            });
            match controller.call(&request, METADATA_WAIT).await {
                Ok(Response::FetchMetadata(response)) => {
                    if !self.metadata_answered(&controller, response) {
                        self.host.clock.sleep(METADATA_BACKOFF).await;
                    }
                }
                Ok(_) => self.host.clock.sleep(METADATA_BACKOFF).await,
                Err(error) => {
                    tracing::debug!(%error, "fetching metadata failed");
                    self.host.clock.sleep(METADATA_BACKOFF).await;
                }
            }
        }
    }

    /// Applies an answer; says whether to ask again at once.
    fn metadata_answered(
        &self,
        controller: &ControllerChannel,
        response: FetchMetadataResponse,
    ) -> bool {
        match response.outcome {
            FetchMetadataOutcome::NotController { hint } => {
                controller.moved(hint);
                false
            }
            FetchMetadataOutcome::Batches { batches, .. } => {
                if batches.is_empty() {
                    return true;
                }
                let mut image = MetadataImage::clone(&self.metadata.image());
                let mut touched = Touched::default();
                for (offset, records) in &batches {
                    if *offset > image.offset {
                        touched.add(records);
                        image.apply(*offset, records);
                    }
                }
                self.publish(image, &touched);
                true
            }
            FetchMetadataOutcome::Snapshot(image) => {
                match postcard::from_bytes::<MetadataImage>(&image) {
                    Ok(image) if image.offset > self.metadata.offset() => {
                        self.publish(image, &Touched::everything());
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::error!(%error, "the metadata snapshot cannot be read");
                        return false;
                    }
                }
                true
            }
        }
    }

    /// Applies an image to the replicas and publishes it. The replicas come first, so that nobody
    /// who reads the image finds a replica that does not know it yet.
    fn publish(&self, image: MetadataImage, touched: &Touched) {
        let offset = image.offset;
        self.replicas.apply(&image, touched, self.id);
        self.metadata.publish(Arc::new(image));
        self.host.probe.observe(Observation::MetadataApplied { offset });
    }
}
