//! Which requests we speak, and in which versions: one table, written by hand.
//!
//! By hand, because what a generated message can carry and what a broker does are two things: a
//! version in this table is a promise of behaviour.

use super::messages::{ApiVersionsResponse, api_versions_response, build};

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ApiKey {
    /// Appends records.
    Produce = 0,
    /// Reads records, for consumers and followers.
    Fetch = 1,
    /// Asks for offsets by time, and for the ends of a log.
    ListOffsets = 2,
    /// Asks which brokers lead what.
    Metadata = 3,
    /// Asks which requests are spoken.
    ApiVersions = 18,
    /// Creates topics.
    CreateTopics = 19,
    /// Asks for a producer id.
    InitProducerId = 22,
    /// Asks where a leader epoch ends (R3).
    OffsetForLeaderEpoch = 23,
    /// Demands elections (KIP-460).
    ElectLeaders = 43,
    /// A leader asks the controller for a new in-sync set (KIP-497).
    AlterPartition = 56,
    /// A broker registers with the controller (KIP-631).
    BrokerRegistration = 62,
    /// A broker tells the controller that it is alive (KIP-631).
    BrokerHeartbeat = 63,
    /// A broker asks the controller for a block of producer ids (KIP-730).
    AllocateProducerIds = 67,
    /// Our own: a broker asks a controller for committed metadata.
    FetchMetadata = 10_000,
    /// Our own: one raft message between controllers.
    QuorumMessage = 10_001,
}

/// A node's listeners by what is said on them, as in KRaft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenerKind {
    /// Where clients and other brokers come to a broker.
    Broker,
    /// Where brokers and other controllers come to a controller.
    Controller,
}

impl ListenerKind {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Broker, Self::Controller];
}

impl std::fmt::Display for ListenerKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Broker => "broker",
            Self::Controller => "controller",
        })
    }
}

/// Every request we speak with its lowest and highest version, both included, ordered by key.
pub const VERSIONS: [(ApiKey, i16, i16); 15] = [
    (ApiKey::Produce, 3, 11),
    (ApiKey::Fetch, 4, 17),
    (ApiKey::ListOffsets, 1, 10),
    (ApiKey::Metadata, 0, 13),
    (ApiKey::ApiVersions, 0, 4),
    (ApiKey::CreateTopics, 2, 7),
    (ApiKey::InitProducerId, 0, 5),
    (ApiKey::OffsetForLeaderEpoch, 2, 4),
    (ApiKey::ElectLeaders, 0, 2),
    (ApiKey::AlterPartition, 2, 3),
    (ApiKey::BrokerRegistration, 0, 4),
    (ApiKey::BrokerHeartbeat, 0, 1),
    (ApiKey::AllocateProducerIds, 0, 0),
    (ApiKey::FetchMetadata, 0, 0),
    (ApiKey::QuorumMessage, 0, 0),
];

impl ApiKey {
    /// The key on the wire.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Reads the key on the wire; `None` for a request that we do not speak.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        VERSIONS.iter().map(|&(api, _, _)| api).find(|api| api.code() == code)
    }

    /// The lowest and the highest version we speak, both included.
    #[must_use]
    pub fn versions(self) -> (i16, i16) {
        VERSIONS
            .iter()
            .find(|&&(api, _, _)| api == self)
            .map(|&(_, min, max)| (min, max))
            .expect("the table names every kind of request")
    }

    /// The highest version we speak: what our own client and brokers send.
    #[must_use]
    pub fn latest(self) -> i16 {
        self.versions().1
    }

    /// Whether we speak this version.
    #[must_use]
    pub fn supports(self, version: i16) -> bool {
        let (min, max) = self.versions();
        (min..=max).contains(&version)
    }

    /// Whether the request is served on a listener of this kind. On another one it closes the
    /// connection, as in Kafka.
    #[must_use]
    pub const fn is_served_on(self, listener: ListenerKind) -> bool {
        match self {
            Self::Produce
            | Self::Fetch
            | Self::ListOffsets
            | Self::Metadata
            | Self::InitProducerId
            | Self::OffsetForLeaderEpoch => matches!(listener, ListenerKind::Broker),
            // Clients send these to brokers, which hand them on to the active controller.
            Self::ApiVersions | Self::CreateTopics | Self::ElectLeaders => true,
            Self::AlterPartition
            | Self::BrokerRegistration
            | Self::BrokerHeartbeat
            | Self::AllocateProducerIds
            | Self::FetchMetadata
            | Self::QuorumMessage => matches!(listener, ListenerKind::Controller),
        }
    }

    /// The versions that whoever asks is told.
    ///
    /// Produce is told from 0 although versions below 3 are refused: an old librdkafka that sees a
    /// higher minimum sends compressed batches uncompressed (KAFKA-18659).
    #[must_use]
    pub fn advertised(self) -> (i16, i16) {
        let (min, max) = self.versions();
        (if self == Self::Produce { 0 } else { min }, max)
    }
}

impl std::fmt::Display for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Produce => "Produce",
            Self::Fetch => "Fetch",
            Self::ListOffsets => "ListOffsets",
            Self::Metadata => "Metadata",
            Self::ApiVersions => "ApiVersions",
            Self::CreateTopics => "CreateTopics",
            Self::InitProducerId => "InitProducerId",
            Self::OffsetForLeaderEpoch => "OffsetForLeaderEpoch",
            Self::ElectLeaders => "ElectLeaders",
            Self::AlterPartition => "AlterPartition",
            Self::BrokerRegistration => "BrokerRegistration",
            Self::BrokerHeartbeat => "BrokerHeartbeat",
            Self::AllocateProducerIds => "AllocateProducerIds",
            Self::FetchMetadata => "FetchMetadata",
            Self::QuorumMessage => "QuorumMessage",
        })
    }
}

/// The whole answer to ApiVersions: every request that is served on a listener of this kind.
#[must_use]
pub fn advertised_versions(listener: ListenerKind) -> ApiVersionsResponse {
    let served = VERSIONS.iter().map(|&(api, _, _)| api).filter(|api| api.is_served_on(listener));
    build(|response: &mut ApiVersionsResponse| {
        response.api_keys = served.map(|api| version_range(api, api.advertised())).collect();
    })
}

/// One line of an answer to ApiVersions.
pub(super) fn version_range(
    api: ApiKey,
    (min, max): (i16, i16),
) -> api_versions_response::ApiVersion {
    build(|line: &mut api_versions_response::ApiVersion| {
        line.api_key = api.code();
        line.min_version = min;
        line.max_version = max;
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn readme_has_the_same_table() {
        let readme = include_str!("../../README.md");
        let (_, table) = readme.split_once("| request | versions | listener |").expect("a table");
        let (table, _) = table.split_once("\n\n").expect("its end");
        let cells = table.lines().skip(2).flat_map(|line| line.split('|'));
        let told = cells.filter(|cell| !cell.trim().is_empty()).count();
        // What only Highwater speaks has keys that Kafka will not use.
        let kafkas = VERSIONS.iter().filter(|(api, _, _)| api.code() < 10_000);
        assert_eq!(told, 3 * kafkas.clone().count());
        for (api, min, max) in kafkas {
            let versions = if min == max { min.to_string() } else { format!("{min}–{max}") };
            let served = ListenerKind::ALL.map(|listener| api.is_served_on(listener));
            let on = ["controller", "broker", "both"]
                [usize::from(served[0]) * (1 + usize::from(served[1]))];
            let row = format!("| {api} | {versions} | {on} |");
            assert!(table.contains(&row), "{row}");
        }
    }

    fn told_on(listener: ListenerKind) -> String {
        let line = |line: &api_versions_response::ApiVersion| {
            let api = ApiKey::from_code(line.api_key).expect("a key of ours");
            format!("{api} {}-{}\n", line.min_version, line.max_version)
        };
        advertised_versions(listener).api_keys.iter().map(line).collect()
    }

    #[test]
    fn clients_are_told_what_brokers_serve_and_nothing_else() {
        expect![[r#"
            Produce 0-11
            Fetch 4-17
            ListOffsets 1-10
            Metadata 0-13
            ApiVersions 0-4
            CreateTopics 2-7
            InitProducerId 0-5
            OffsetForLeaderEpoch 2-4
            ElectLeaders 0-2
        "#]]
        .assert_eq(&told_on(ListenerKind::Broker));
    }

    #[test]
    fn a_controllers_listener_has_requests_of_its_own() {
        expect![[r#"
            ApiVersions 0-4
            CreateTopics 2-7
            ElectLeaders 0-2
            AlterPartition 2-3
            BrokerRegistration 0-4
            BrokerHeartbeat 0-1
            AllocateProducerIds 0-0
            FetchMetadata 0-0
            QuorumMessage 0-0
        "#]]
        .assert_eq(&told_on(ListenerKind::Controller));
    }

    #[test]
    fn every_request_is_served_somewhere() {
        for (api, _, _) in VERSIONS {
            assert!(ListenerKind::ALL.iter().any(|listener| api.is_served_on(*listener)), "{api}");
        }
    }

    #[test]
    fn every_key_is_found_by_its_code_and_produce_below_3_is_refused() {
        for (api, min, max) in VERSIONS {
            assert_eq!(ApiKey::from_code(api.code()), Some(api));
            assert!(api.supports(min) && api.supports(max));
            assert!(!api.supports(min - 1) && !api.supports(max + 1));
        }
        assert_eq!(ApiKey::from_code(8), None, "OffsetCommit is not spoken");
        assert!(!ApiKey::Produce.supports(2));
    }
}
