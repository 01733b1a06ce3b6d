//! A node from start to stop: what is opened, bound and spawned, in which order, and how it leaves.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::host::{Host, Listener};
use crate::log::clean_marker;
use crate::protocol::api::ListenerKind;
use crate::protocol::request::Request;
use crate::quorum::QuorumMessage;
use crate::types::{BrokerId, Incarnation};

use super::broker::Broker;
use super::channel::{ActiveController, Channel};
use super::controller::{ControllerError, ControllerHandle, ControllerShell};
use super::handlers::Node;
use super::lifecycle::{self, Standing};
use super::meta_properties::{Meta, MetaError};
use super::metadata::MetadataCache;
use super::metrics::{Fetchers, Metrics, RequestTimes, listener};
use super::orders::Orders;
use super::producer_ids::ProducerIds;
use super::replica_manager::ReplicaManager;
use super::{connection, fetcher, producer_ids, proposer};

/// Raft messages that may wait for one peer; beyond that they are lost, and raft repeats them.
const PEER_OUTBOX: usize = 64;
/// How long a stopping broker waits to be let go before it leaves all the same.
const SHUT_DOWN_MAX: Duration = Duration::from_secs(60);

/// Why a node cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A listener could not be bound.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// The address.
        address: String,
        /// What the system said.
        error: io::Error,
    },
    /// Whose data directory it is cannot be told, or it is another node's.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The controller cannot go on.
    #[error(transparent)]
    Controller(#[from] ControllerError),
    /// The disk failed under a replica.
    #[error("the log directory failed: {0}")]
    LogDirectory(String),
}

/// How a node left that had been asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Everything is flushed, and a clean-shutdown marker says so.
    Cleanly,
    /// There is no marker: the next start counts as unclean (KIP-966).
    Uncleanly,
}

/// What a node says once it accepts connections.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The port of the listener for clients; that of the controllers' where there is none.
    pub port: u16,
    /// The port of `metrics.listener`, if there is one.
    pub metrics_port: Option<u16>,
    /// The node's numbers, for whoever is in the same process.
    pub metrics: Metrics,
}

/// Runs a node until `stop` resolves, then leaves the cluster in order: leaderships are moved, logs
/// are flushed, the clean-shutdown marker is written last (R21).
///
/// `ready` is called once connections are accepted.
///
/// # Errors
/// The node could not start, or its quorum's log failed.
pub async fn run(
    host: Host,
    config: Config,
    ready: impl FnOnce(Ready),
    stop: impl Future<Output = ()>,
) -> Result<Left, NodeError> {
    let config = Arc::new(config);
    let meta = Meta::open(&host, &config).await?;
    let mut tasks = JoinSet::new();
    let mut controllers = JoinSet::new();
    let controller = match config.roles.is_controller() {
        true => Some(start_controller(&host, &config, (&mut tasks, &mut controllers)).await?),
        false => None,
    };
    let broker_listener = bind(&host, config.network.broker_listener.as_ref()).await?;
    let controller_listener = bind(&host, config.network.controller_listener.as_ref()).await?;
    let mut broker = None;
    if let Some(listener) = &broker_listener {
        broker = Some(start_broker(&host, &config, (meta, listener.port()), &mut tasks).await?);
    }
    let node = Arc::new(Node {
        host: host.clone(),
        config: config.clone(),
        broker: broker.clone(),
        controller,
        requests: RequestTimes::default(),
    });
    let metrics = Metrics::of(&node);
    let metrics_listener = bind(&host, config.network.metrics_listener.as_ref()).await?;
    let metrics_port = metrics_listener.as_ref().map(|listener| listener.port());
    if let Some(listener) = metrics_listener {
        tasks.spawn(listener::accept(host.clone(), metrics.clone(), listener));
    }
    let port = broker_listener.as_ref().or(controller_listener.as_ref()).map_or(0, |l| l.port());
    let listeners =
        [(ListenerKind::Broker, broker_listener), (ListenerKind::Controller, controller_listener)];
    for (kind, listener) in listeners {
        if let Some(listener) = listener {
            tasks.spawn(connection::accept(node.clone(), kind, listener));
        }
    }
    tracing::info!(node = %config.node_id, port, "Kafka Server started");
    ready(Ready { port, metrics_port, metrics });
    tokio::select! {
        biased;
        failure = failure(&mut controllers, broker.as_deref()) => return Err(failure),
        () = stop => {}
    }
    let Some(broker) = broker else { return Ok(Left::Cleanly) };
    tokio::select! {
        biased;
        failure = failure(&mut controllers, Some(&broker)) => Err(failure),
        left = leave(&broker) => Ok(left),
    }
}

/// Waits for whatever makes going on impossible. A controller that cannot write must not vote, and
/// a broker whose disk failed must not lead; the node stops with either.
async fn failure(
    controllers: &mut JoinSet<Result<(), ControllerError>>,
    broker: Option<&Broker>,
) -> NodeError {
    let controller_ended = async {
        match controllers.join_next().await {
            Some(Ok(Err(error))) => NodeError::from(error),
            Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            Some(Ok(Ok(()))) | None => std::future::pending().await,
        }
    };
    let disk_failed = async {
        match broker {
            Some(broker) => NodeError::LogDirectory(broker.orders.halted().await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        error = controller_ended => error,
        error = disk_failed => error,
    }
}

/// Leaves the cluster in order.
async fn leave(broker: &Broker) -> Left {
    tracing::info!("shutting down");
    broker.standing.want_shut_down();
    if broker.host.within(SHUT_DOWN_MAX, broker.standing.may_shut_down()).await.is_none() {
        tracing::warn!("the controller did not let this broker go in time; leaving all the same");
    }
    let mut all_flushed = true;
    for partition in broker.replicas.all() {
        partition.close().await;
        all_flushed &= partition.lock().log.failure().is_none();
    }
    broker.replicas.checkpoint_high_watermarks().await;
    broker.replicas.checkpoint_logs().await;
    let Some(epoch) = broker.standing.epoch().filter(|_| all_flushed) else {
        return Left::Uncleanly;
    };
    if let Some(log) = broker.replicas.unrecovered() {
        tracing::warn!(log, "not recovered since an unclean stop: this one counts as unclean, too");
        return Left::Uncleanly;
    }
    match clean_marker::write(broker.host.storage.as_ref(), "", epoch).await {
        Ok(()) => Left::Cleanly,
        Err(error) => {
            tracing::warn!(%error, "the clean-shutdown marker could not be written");
            Left::Uncleanly
        }
    }
}

async fn bind(
    host: &Host,
    listener: Option<&crate::config::Listener>,
) -> Result<Option<Box<dyn Listener>>, NodeError> {
    let Some(listener) = listener else { return Ok(None) };
    let address = listener.endpoint.bind_address();
    match host.network.bind(&address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) => Err(NodeError::Bind { address, error }),
    }
}

/// Starts the quorum and the controller, and the tasks that carry its messages.
async fn start_controller(
    host: &Host,
    config: &Config,
    (tasks, controllers): (&mut JoinSet<()>, &mut JoinSet<Result<(), ControllerError>>),
) -> Result<ControllerHandle, NodeError> {
    let mut peers = BTreeMap::new();
    for voter in config.quorum.voters.iter().filter(|voter| voter.id != config.node_id) {
        let (outbox, messages) = mpsc::channel(PEER_OUTBOX);
        peers.insert(voter.id, outbox);
        let channel = Channel::new(host.clone(), format!("controller-{}", config.node_id));
        let deadline = config.quorum.request_timeout;
        tasks.spawn(carry_messages(channel, voter.endpoint.address(), deadline, messages));
    }
    let (shell, handle) = ControllerShell::open(host.clone(), config, peers).await?;
    controllers.spawn(shell.run());
    Ok(handle)
}

/// Sends one peer's messages in order. A message that cannot be delivered is lost, with all that
/// wait behind it: they are older than what raft will say next.
async fn carry_messages(
    mut channel: Channel,
    address: String,
    deadline: Duration,
    mut messages: mpsc::Receiver<QuorumMessage>,
) {
    while let Some(message) = messages.recv().await {
        if let Err(error) = channel.call(&address, &Request::Quorum(message), deadline).await {
            tracing::debug!(%address, %error, "a quorum message was lost");
            while messages.try_recv().is_ok() {}
        }
    }
}

/// Recovers the logs and starts everything that a broker does by itself.
async fn start_broker(
    host: &Host,
    config: &Arc<Config>,
    (meta, port): (Meta, u16),
    tasks: &mut JoinSet<()>,
) -> Result<Arc<Broker>, NodeError> {
    let previous_epoch =
        clean_marker::take(host.storage.as_ref(), "").await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the clean-shutdown marker cannot be read; recovering all logs");
            None
        });
    let orders = Orders::new(host.clone(), config.replication.fetch_backoff);
    let was_clean = previous_epoch.is_some();
    let replicas = ReplicaManager::new(host.clone(), config.clone(), orders.clone(), was_clean);
    let are_as_left = replicas.open_existing();
    let voters = config.quorum.voters.iter();
    let voters = voters.map(|voter| (voter.id, voter.endpoint.address())).collect();
    let broker = Arc::new(Broker {
        id: BrokerId::from(config.node_id),
        cluster_id: meta.cluster_id,
        host: host.clone(),
        config: config.clone(),
        metadata: MetadataCache::new(),
        replicas,
        orders,
        fetchers: Fetchers::default(),
        standing: Standing::default(),
        producer_ids: ProducerIds::default(),
        active_controller: ActiveController::new(voters),
        forwarding: Mutex::default(),
    });
    let identity = lifecycle::Identity {
        incarnation: Incarnation::of_run(meta.run, host.dice.next_u64()),
        previous_epoch: previous_epoch.filter(|_| are_as_left),
        directory: meta.directory,
        port,
    };
    tasks.spawn(broker.clone().replay_metadata());
    tasks.spawn(lifecycle::run(broker.clone(), identity, broker.controller_channel("lifecycle")));
    tasks.spawn(proposer::run(broker.clone(), broker.controller_channel("alter-partition")));
    tasks.spawn(producer_ids::replenish(broker.clone(), broker.controller_channel("producer-ids")));
    tasks.spawn(fetcher::supervise(broker.clone()));
    tasks.spawn(broker.clone().tick_replicas());
    tasks.spawn(broker.clone().flush_replicas());
    tasks.spawn(broker.clone().checkpoint());
    Ok(broker)
}
