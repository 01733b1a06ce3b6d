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

    /// The versions that a client is told; `None` for requests among brokers and controllers.
    ///
    /// Produce is told from 0 although versions below 3 are refused: an old librdkafka that sees a
    /// higher minimum sends compressed batches uncompressed (KAFKA-18659).
    #[must_use]
    pub fn advertised(self) -> Option<(i16, i16)> {
        let (min, max) = self.versions();
        match self {
            Self::Produce => Some((0, max)),
            Self::Fetch
            | Self::ListOffsets
            | Self::Metadata
            | Self::ApiVersions
            | Self::CreateTopics
            | Self::InitProducerId
            | Self::OffsetForLeaderEpoch
            | Self::ElectLeaders => Some((min, max)),
            Self::AlterPartition
            | Self::BrokerRegistration
            | Self::BrokerHeartbeat
            | Self::AllocateProducerIds
            | Self::FetchMetadata
            | Self::QuorumMessage => None,
        }
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

/// The whole answer to ApiVersions: every request that clients are told about.
#[must_use]
pub fn advertised_versions() -> ApiVersionsResponse {
    build(|response: &mut ApiVersionsResponse| {
        response.api_keys = VERSIONS
            .iter()
            .filter_map(|&(api, _, _)| api.advertised().map(|range| version_range(api, range)))
            .collect();
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
        let (_, table) = readme.split_once("| request | versions |").expect("a table");
        let (table, _) = table.split_once("\n\n").expect("its end");
        let cells = table.lines().skip(2).flat_map(|line| line.split('|'));
        let told = cells.filter(|cell| !cell.trim().is_empty()).count();
        // What only Highwater speaks has keys that Kafka will not use.
        let kafkas = VERSIONS.iter().filter(|(api, _, _)| api.code() < 10_000);
        assert_eq!(told, 2 * kafkas.clone().count());
        for (api, min, max) in kafkas {
            let versions = if min == max { min.to_string() } else { format!("{min}–{max}") };
            assert!(table.contains(&format!("| {api} | {versions} |")), "{api} {versions}");
        }
    }

    #[test]
    fn clients_are_told_what_we_speak_and_nothing_else() {
        let told: String = advertised_versions()
            .api_keys
            .iter()
            .map(|line| {
                let api = ApiKey::from_code(line.api_key).expect("a key of ours");
                format!("{api} {}-{}\n", line.min_version, line.max_version)
            })
            .collect();
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
        .assert_eq(&told);
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
