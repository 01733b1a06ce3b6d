//! The rules between settings.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Config;
use super::error::ConfigError;
use super::settings::Roles;

/// Every rule that `config` breaks.
pub(super) fn conflicts(config: &Config) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    voters(config, &mut errors);
    listeners(config, &mut errors);
    times(config, &mut errors);
    errors
}

/// A controller votes, a plain broker does not, and nobody votes twice.
fn voters(config: &Config, errors: &mut Vec<ConfigError>) {
    const NAME: &str = "controller.quorum.voters";
    let all: Vec<String> = config.quorum.voters.iter().map(ToString::to_string).collect();
    let value = all.join(",");
    if all.is_empty() {
        errors.push(ConfigError::missing(NAME, "id@host:port, with commas between several"));
        return;
    }
    let ids: BTreeSet<_> = config.quorum.voters.iter().map(|voter| voter.id).collect();
    if ids.len() != all.len() {
        errors.push(ConfigError::new(NAME, &value, "a list that names each id once"));
    }
    let allowed = match (config.roles, ids.contains(&config.node_id)) {
        (Roles::Controller | Roles::BrokerAndController, false) => "a list with",
        (Roles::Broker, true) => "a list without",
        (Roles::Controller | Roles::BrokerAndController, true) | (Roles::Broker, false) => return,
    };
    let allowed = format!("{allowed} node.id {}, given process.roles", config.node_id);
    errors.push(ConfigError::new(NAME, value, allowed));
}

/// Each role has its listener, and clients are told a place that they can reach.
fn listeners(config: &Config, errors: &mut Vec<ConfigError>) {
    let network = &config.network;
    let roles = [
        (config.roles.is_broker(), network.broker_listener.is_some(), "for clients"),
        (config.roles.is_controller(), network.controller_listener.is_some(), "for controllers"),
    ];
    for (wanted, found, what) in roles {
        if wanted != found {
            let count = if wanted { "one" } else { "no" };
            let allowed = format!("a list with {count} listener {what}, given process.roles");
            errors.push(ConfigError::missing("listeners", allowed));
        }
    }
    const ADVERTISED: &str = "advertised.listeners";
    const ALLOWED: &str = "a host that clients can connect to, since listeners takes every one";
    match &network.advertised {
        Some(endpoint) if !endpoint.is_routable() => {
            errors.push(ConfigError::new(ADVERTISED, endpoint.address(), ALLOWED));
        }
        None if network.broker_listener.is_some() => {
            errors.push(ConfigError::missing(ADVERTISED, ALLOWED));
        }
        Some(_) | None => {}
    }
}

/// Of two times that wait for each other, the longer one is the longer one.
fn times(config: &Config, errors: &mut Vec<ConfigError>) {
    let wait = ("replica.fetch.wait.max.ms", config.replication.fetch_wait_max);
    let heartbeat = ("broker.heartbeat.interval.ms", config.broker.heartbeat_interval);
    let one = Duration::from_millis(1);
    let rules = [
        ("replica.lag.time.max.ms", config.replication.replica_lag_max, wait, Duration::ZERO),
        ("replica.socket.timeout.ms", config.replication.socket_timeout, wait, Duration::ZERO),
        ("broker.session.timeout.ms", config.controller.session_timeout, heartbeat, one),
    ];
    for (property, longer, (than, shorter), margin) in rules {
        if longer < shorter + margin {
            let allowed = format!("at least {}, given {than}", (shorter + margin).as_millis());
            errors.push(ConfigError::new(property, longer.as_millis().to_string(), allowed));
        }
    }
}
