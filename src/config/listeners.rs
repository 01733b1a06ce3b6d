//! Where a node listens and where others find it: `NAME://host:port` and `id@host:port`.

use std::fmt;

use crate::types::NodeId;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// A name or an address; an IPv6 address without its brackets. Empty on a listener that takes
    /// every interface.
    pub host: String,
    /// The port; 0 on a listener that takes any free one.
    pub port: u16,
}

/// One entry of `listeners` or `advertised.listeners`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name, in capitals.
    pub name: String,
    /// Where it listens.
    pub endpoint: Endpoint,
}

/// One entry of `controller.quorum.voters`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// The controller's `node.id`.
    pub id: NodeId,
    /// Where the other controllers and the brokers reach it.
    pub endpoint: Endpoint,
}

impl Endpoint {
    /// `host:port`, with brackets around an IPv6 address: what one connects to.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// What a socket is bound to: [`Endpoint::address`], or every interface if no host is named.
    #[must_use]
    pub fn bind_address(&self) -> String {
        if self.host.is_empty() { format!("0.0.0.0:{}", self.port) } else { self.address() }
    }

    /// Whether others can be told to connect here.
    pub(super) fn is_routable(&self) -> bool {
        !matches!(self.host.as_str(), "" | "0.0.0.0" | "::")
    }

    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(open) => open.strip_suffix(']')?,
            None if host.contains(':') => return None,
            None => host,
        };
        if host.chars().any(|c| c.is_whitespace() || matches!(c, '/' | '@' | '[' | ']')) {
            return None;
        }
        Some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }
}

impl Listener {
    /// Reads `NAME://host:port`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, endpoint) = text.split_once("://")?;
        if name.is_empty() {
            return None;
        }
        Some(Self { name: name.to_uppercase(), endpoint: Endpoint::parse(endpoint)? })
    }
}

impl Voter {
    /// Reads `id@host:port`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (id, endpoint) = text.split_once('@')?;
        let id = id.trim().parse().ok().filter(|id| *id >= 0)?;
        let endpoint = Endpoint::parse(endpoint.trim())?;
        endpoint.is_routable().then_some(Self { id: NodeId(id), endpoint })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address())
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.name, self.endpoint)
    }
}

impl fmt::Display for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read_and_printed_in_kafkas_form() {
        for text in
            ["PLAINTEXT://127.0.0.1:9092", "CONTROLLER://node-1:0", "PLAINTEXT://[::1]:9092"]
        {
            assert_eq!(Listener::parse(text).map(|l| l.to_string()).as_deref(), Some(text));
        }
        let everywhere = Listener::parse("plaintext://:9092").expect("an empty host is allowed");
        assert_eq!(everywhere.endpoint.bind_address(), "0.0.0.0:9092");
        assert_eq!(everywhere.name, "PLAINTEXT");
    }

    #[test]
    fn malformed_listeners_are_refused() {
        for text in ["127.0.0.1:9092", "://a:1", "A://a", "A://a:65536", "A://::1:9", "A://[::1:9"]
        {
            assert_eq!(Listener::parse(text), None, "{text}");
        }
    }

    #[test]
    fn voters_need_an_id_and_a_place_to_be_reached() {
        let voter = Voter::parse("3@node-3:9093").expect("well formed");
        assert_eq!((voter.id, voter.endpoint.address()), (NodeId(3), "node-3:9093".to_owned()));
        for text in ["node-3:9093", "-1@a:1", "x@a:1", "1@:9093", "1@0.0.0.0:9093", "1@a"] {
            assert_eq!(Voter::parse(text), None, "{text}");
        }
    }
}
