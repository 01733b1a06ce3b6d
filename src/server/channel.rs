//! Calls from this node to others: to the active controller, wherever it is, and to brokers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::{CallError, Connection};
use crate::host::Host;
use crate::protocol::request::{Request, Response};
use crate::types::NodeId;

/// One connection to one address, opened when needed and dropped on the first sign of trouble.
///
/// A stream that was cut may look alive for ever, so every call has a deadline, and a call that
/// misses it takes the connection with it.
#[derive(Debug)]
pub(crate) struct Channel {
    host: Host,
    client_id: String,
    connection: Option<Connection>,
}

impl Channel {
    /// A channel that has not connected yet.
    pub(crate) fn new(host: Host, client_id: impl Into<String>) -> Self {
        Self { host, client_id: client_id.into(), connection: None }
    }

    /// Sends a request and waits for its answer; connecting and answering may take `deadline` each.
    pub(crate) async fn call(
        &mut self,
        address: &str,
        request: &Request,
        deadline: Duration,
    ) -> Result<Response, CallError> {
        self.call_patiently(address, request, (deadline, Duration::ZERO)).await
    }

    /// As [`Channel::call`], but the answer alone may take `extra` longer: what a request has done
    /// can be lost with its answer, and nothing is lost with an attempt to connect.
    async fn call_patiently(
        &mut self,
        address: &str,
        request: &Request,
        (deadline, extra): (Duration, Duration),
    ) -> Result<Response, CallError> {
        // The connection goes back only after a call that ended well.
        let mut connection = match self.connection.take() {
            Some(kept) if kept.address() == address && kept.is_usable() => kept,
            Some(_) | None => {
                Connection::connect_within(&self.host, address, &self.client_id, deadline).await?
            }
        };
        let response = connection.call(request, deadline + extra).await?;
        self.connection = Some(connection);
        Ok(response)
    }
}

/// Where the active controller is believed to be; shared by all who call it.
#[derive(Debug)]
pub(crate) struct ActiveController {
    voters: Vec<(NodeId, String)>,
    guess: Mutex<usize>,
}

impl ActiveController {
    /// Knows the voters' addresses and nothing else. `voters` is not empty.
    pub(crate) fn new(voters: Vec<(NodeId, String)>) -> Arc<Self> {
        assert!(!voters.is_empty(), "a validated configuration names at least one voter");
        Arc::new(Self { voters, guess: Mutex::new(0) })
    }

    /// The address to try.
    pub(crate) fn address(&self) -> String {
        let guess = *self.guess.lock().expect("nothing panics under this lock");
        self.voters[guess].1.clone()
    }

    /// The controller at `tried` is not the active one; `hint` may be.
    pub(crate) fn moved(&self, tried: &str, hint: Option<NodeId>) {
        let mut guess = self.guess.lock().expect("nothing panics under this lock");
        if self.voters[*guess].1 != tried {
            return; // Somebody else has moved on already.
        }
        let hinted = hint.and_then(|hint| self.voters.iter().position(|(id, _)| *id == hint));
        *guess = match hinted {
            Some(hinted) if hinted != *guess => hinted,
            Some(_) | None => (*guess + 1) % self.voters.len(),
        };
    }
}

/// A channel to the active controller.
#[derive(Debug)]
pub(crate) struct ControllerChannel {
    channel: Channel,
    active: Arc<ActiveController>,
    deadline: Duration,
    tried: String,
}

impl ControllerChannel {
    /// A channel whose calls last at most `deadline`.
    pub(crate) fn new(channel: Channel, active: Arc<ActiveController>, deadline: Duration) -> Self {
        Self { channel, active, deadline, tried: String::new() }
    }

    /// Asks whoever is believed to be the active controller, waiting at most `extra` longer than
    /// usual for the answer. A failure moves on to the next voter.
    pub(crate) async fn call(
        &mut self,
        request: &Request,
        extra: Duration,
    ) -> Result<Response, CallError> {
        self.tried = self.active.address();
        let limits = (self.deadline, extra);
        let called = self.channel.call_patiently(&self.tried, request, limits).await;
        if called.is_err() {
            self.active.moved(&self.tried, None);
        }
        called
    }

    /// The last one asked said that it is not the active controller.
    pub(crate) fn moved(&self, hint: Option<NodeId>) {
        self.active.moved(&self.tried, hint);
    }
}
