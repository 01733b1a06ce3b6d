//! The shells: tasks that feed the pure rooms and perform what they decide.
//!
//! [`run`] is a whole node, from its data directory to its last fsync. Everything it needs from
//! outside comes in its [`Host`](crate::host::Host); it returns when it has been asked to stop, or when it cannot
//! keep its promises any longer.

mod broker;
mod channel;
mod committed;
mod connection;
mod controller;
mod fetched;
mod fetcher;
mod handlers;
mod lifecycle;
mod meta_properties;
mod metadata;
mod metrics;
mod node;
mod orders;
mod partition;
mod producer_ids;
mod proposer;
mod quorum_log;
mod replica_manager;
mod settings;

pub use controller::ControllerError;
pub use meta_properties::MetaError;
pub use metrics::Metrics;
pub use node::{Left, NodeError, Ready, run};

use std::time::Duration;

use crate::types::BrokerRecord;

/// Writes a message as a literal: Kafka's defaults, and the fields named.
macro_rules! message {
    ($($part:ident)::+ { $($field:ident: $value:expr),* $(,)? }) => {
        crate::protocol::messages::build(|message: &mut $($part)::+| {
            $(message.$field = $value;)*
        })
    };
}
pub(crate) use message;

/// Milliseconds on the wire.
fn wire_ms(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// A number of bytes on the wire.
fn wire_size(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

/// Where a broker is reached.
fn address(broker: &BrokerRecord) -> String {
    if broker.host.contains(':') {
        format!("[{}]:{}", broker.host, broker.port)
    } else {
        format!("{}:{}", broker.host, broker.port)
    }
}
