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
    connection: Option<(String, Connection)>,
}

/// Why a call failed. Whether it took effect is not known unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChannelError {
    /// The address could not be connected to; nothing was sent.
    #[error("cannot connect to {address}: {error}")]
    Connect {
        /// Where to.
        address: String,
        /// What the network said.
        error: String,
    },
    /// No answer within the deadline.
    #[error("{address} did not answer within {deadline:?}")]
    TimedOut {
        /// Who.
        address: String,
        /// How long was waited.
        deadline: Duration,
    },
    /// The call failed otherwise.
    #[error("calling {address}: {error}")]
    Call {
        /// Who.
        address: String,
        /// What went wrong.
        error: CallError,
    },
    /// No address is known.
    #[error("the address is not known")]
    Unknown,
}

impl Channel {
    /// A channel that has not connected yet.
    pub(crate) fn new(host: Host, client_id: impl Into<String>) -> Self {
        Self { host, client_id: client_id.into(), connection: None }
    }

    /// Sends a request and waits for its answer, for at most `deadline` in all.
    pub(crate) async fn call(
        &mut self,
        address: &str,
        request: &Request,
        deadline: Duration,
    ) -> Result<Response, ChannelError> {
        let host = self.host.clone();
        // The connection goes back only after a call that ended well.
        let kept = self.connection.take();
        let client_id = self.client_id.clone();
        let exchange = async {
            let mut connection = match kept {
                Some((to, connection)) if to == address => connection,
                Some(_) | None => Connection::connect(&host, address, &client_id).await.map_err(
                    |error| ChannelError::Connect {
                        address: address.to_owned(),
                        error: error.to_string(),
                    },
                )?,
            };
            let response = connection.call(request).await.map_err(|error| ChannelError::Call {
                address: address.to_owned(),
                error,
            })?;
            Ok((connection, response))
        };
        let (connection, response) = host.within(deadline, exchange).await.unwrap_or_else(|| {
            Err(ChannelError::TimedOut { address: address.to_owned(), deadline })
        })?;
        self.connection = Some((address.to_owned(), connection));
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
    /// usual. A failure moves on to the next voter.
    pub(crate) async fn call(
        &mut self,
        request: &Request,
        extra: Duration,
    ) -> Result<Response, ChannelError> {
        self.tried = self.active.address();
        let called = self.channel.call(&self.tried, request, self.deadline + extra).await;
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
