//! A broker's life in the cluster: it registers, beats, is unfenced, and leaves in order (R19–R21).

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use crate::host::probe::Observation;
use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    self, BrokerHeartbeatRequest, BrokerRegistrationRequest, broker_registration_request,
};
use crate::protocol::request::{Request, Response};
use crate::types::{BrokerEpoch, DirectoryId, Incarnation};

use super::broker::Broker;
use super::channel::ControllerChannel;
use super::message;

/// How this broker stands with the controller.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    state: Mutex<State>,
    /// Told when anything changes.
    pub(crate) changed: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    epoch: Option<BrokerEpoch>,
    unfenced: bool,
    wants_shut_down: bool,
    may_shut_down: bool,
}

impl Standing {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under this lock")
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_waiters();
    }

    /// The epoch that the controller gave, once registered.
    pub(crate) fn epoch(&self) -> Option<BrokerEpoch> {
        self.lock().epoch
    }

    /// Asks to leave in order: leaderships are moved away first.
    pub(crate) fn want_shut_down(&self) {
        self.update(|state| state.wants_shut_down = true);
    }

    /// Waits until the controller says that the broker may leave.
    pub(crate) async fn may_shut_down(&self) {
        loop {
            let changed = self.changed.notified();
            if self.lock().may_shut_down {
                return;
            }
            changed.await;
        }
    }
}

/// Who this broker says it is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// This run of the process.
    pub(crate) incarnation: Incarnation,
    /// What the clean-shutdown marker of the last run said.
    pub(crate) previous_epoch: Option<BrokerEpoch>,
    /// The log directory's identity.
    pub(crate) directory: DirectoryId,
    /// The port that the broker listens on.
    pub(crate) port: u16,
}

/// Registers and beats for ever.
pub(crate) async fn run(
    broker: Arc<Broker>,
    mut identity: Identity,
    mut controller: ControllerChannel,
) {
    let interval = broker.config.broker.heartbeat_interval;
    loop {
        if broker.standing.epoch().is_none() {
            if !register(&broker, &identity, &mut controller).await {
                broker.host.clock.sleep(interval.min(Duration::from_millis(500))).await;
                continue;
            }
            // The marker vouches for the logs as they were at the start, once.
            identity.previous_epoch = None;
        }
        let soon = beat(&broker, &mut controller).await;
        let pause = if soon { interval.min(Duration::from_millis(100)) } else { interval };
        let changed = broker.standing.changed.notified();
        // Woken or not, the next beat is due.
        let _: Option<()> = broker.host.within(pause, changed).await;
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "Kafka may name any of its codes")]
async fn register(
    broker: &Broker,
    identity: &Identity,
    controller: &mut ControllerChannel,
) -> bool {
    let advertised = broker.config.network.advertised.as_ref();
    let host = advertised.map_or("", |endpoint| endpoint.host.as_str());
    let port = advertised.map(|endpoint| endpoint.port).filter(|port| *port != 0);
    let listener = message!(broker_registration_request::Listener {
        name: "PLAINTEXT".into(),
        host: host.into(),
        port: port.unwrap_or(identity.port),
    });
    let request = message!(BrokerRegistrationRequest {
        broker_id: broker.id.0,
        cluster_id: broker.cluster_id.as_str().into(),
        incarnation_id: identity.incarnation.into(),
        listeners: vec![listener],
        rack: broker.config.broker.rack.as_deref().map(Into::into),
        log_dirs: vec![identity.directory.into()],
        previous_broker_epoch: identity.previous_epoch.map_or(-1, |epoch| epoch.0),
    });
    match controller.call(&Request::BrokerRegistration(request), Duration::ZERO).await {
        Ok(Response::BrokerRegistration(response)) => {
            match ErrorCode::from_code(response.error_code) {
                ErrorCode::None => {
                    let broker_epoch = BrokerEpoch(response.broker_epoch);
                    tracing::info!(%broker_epoch, "registered");
                    broker.host.probe.observe(Observation::Registered { broker_epoch });
                    broker.standing.update(|state| state.epoch = Some(broker_epoch));
                    return true;
                }
                ErrorCode::NotController => controller.moved(None),
                ErrorCode::DuplicateBrokerRegistration => tracing::info!(
                    "another run of this broker is registered, still heard of or later than this"
                ),
                error => tracing::debug!(%error, "registration refused; trying again"),
            }
        }
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "registration failed; trying again"),
    }
    false
}

/// Sends one heartbeat; says whether the next is due soon.
#[expect(clippy::wildcard_enum_match_arm, reason = "Kafka may name any of its codes")]
async fn beat(broker: &Broker, controller: &mut ControllerChannel) -> bool {
    let state = *broker.standing.lock();
    let Some(broker_epoch) = state.epoch else { return true };
    let request = message!(BrokerHeartbeatRequest {
        broker_id: broker.id.0,
        broker_epoch: broker_epoch.0,
        current_metadata_offset: broker.metadata.offset().0,
        want_shut_down: state.wants_shut_down,
    });
    match controller.call(&Request::BrokerHeartbeat(request), Duration::ZERO).await {
        Ok(Response::BrokerHeartbeat(response)) => {
            match ErrorCode::from_code(response.error_code) {
                ErrorCode::None => return heard(broker, state, &response),
                ErrorCode::NotController => controller.moved(None),
                // Another run of this broker holds the id, or nobody does. If that run is alive the
                // controller refuses this one; if it was a straggler of the dead, this one is back.
                ErrorCode::BrokerIdNotRegistered | ErrorCode::StaleBrokerEpoch => {
                    tracing::warn!(%broker_epoch, "the broker epoch is not current; registering anew");
                    broker.standing.update(|state| state.epoch = None);
                }
                error => tracing::warn!(%error, "heartbeat refused"),
            }
            true
        }
        Ok(_) => true,
        Err(error) => {
            tracing::debug!(%error, "heartbeat failed");
            true
        }
    }
}

fn heard(broker: &Broker, before: State, response: &messages::BrokerHeartbeatResponse) -> bool {
    if !before.unfenced && !response.is_fenced {
        tracing::info!("Transitioning from RECOVERY to RUNNING");
    }
    if before.unfenced && response.is_fenced {
        tracing::warn!("fenced by the controller");
    }
    let mut state = broker.standing.lock();
    let news =
        state.unfenced == response.is_fenced || state.may_shut_down != response.should_shut_down;
    state.unfenced = !response.is_fenced;
    state.may_shut_down = response.should_shut_down;
    drop(state);
    if news {
        broker.standing.changed.notify_waiters();
    }
    response.is_fenced || before.wants_shut_down
}
