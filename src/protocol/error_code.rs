//! Kafka's error codes, as far as we send, expect or must recognise them (R35).

use std::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)+) => {
        /// What a response says went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant = $code,)+
        }

        impl ErrorCode {
            /// Every code we know.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Reads the code on the wire. A code we do not know says no more than
            /// UNKNOWN_SERVER_ERROR: the outcome is open.
            #[must_use]
            pub const fn from_code(code: i16) -> Self {
                match code {
                    $($code => Self::$variant,)+
                    _ => Self::UnknownServerError,
                }
            }

            /// Kafka's name of the error.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

error_codes! {
    /// The server met something it has no code for; the request may have taken effect.
    UnknownServerError = -1, "UNKNOWN_SERVER_ERROR";
    /// Nothing went wrong.
    None = 0, "NONE";
    /// A fetch offset outside the log.
    OffsetOutOfRange = 1, "OFFSET_OUT_OF_RANGE";
    /// A batch's checksum or structure is wrong.
    CorruptMessage = 2, "CORRUPT_MESSAGE";
    /// This broker knows no such partition.
    UnknownTopicOrPartition = 3, "UNKNOWN_TOPIC_OR_PARTITION";
    /// The partition has no leader at the moment.
    LeaderNotAvailable = 5, "LEADER_NOT_AVAILABLE";
    /// This replica does not lead, or not any more; what it appended may survive or not.
    NotLeaderOrFollower = 6, "NOT_LEADER_OR_FOLLOWER";
    /// The time limit passed on the server; the request may take effect yet.
    RequestTimedOut = 7, "REQUEST_TIMED_OUT";
    /// The broker is not reachable.
    BrokerNotAvailable = 8, "BROKER_NOT_AVAILABLE";
    /// This broker holds no such replica.
    ReplicaNotAvailable = 9, "REPLICA_NOT_AVAILABLE";
    /// A batch exceeds `message.max.bytes`.
    MessageTooLarge = 10, "MESSAGE_TOO_LARGE";
    /// The server lost a connection of its own on the way.
    NetworkException = 13, "NETWORK_EXCEPTION";
    /// The coordinator is still loading.
    CoordinatorLoadInProgress = 14, "COORDINATOR_LOAD_IN_PROGRESS";
    /// There is no coordinator at the moment.
    CoordinatorNotAvailable = 15, "COORDINATOR_NOT_AVAILABLE";
    /// This broker does not coordinate the group or transaction.
    NotCoordinator = 16, "NOT_COORDINATOR";
    /// A topic name that is not allowed.
    InvalidTopicException = 17, "INVALID_TOPIC_EXCEPTION";
    /// The batches of a request exceed a segment.
    RecordListTooLarge = 18, "RECORD_LIST_TOO_LARGE";
    /// Too few replicas are in sync; nothing was appended.
    NotEnoughReplicas = 19, "NOT_ENOUGH_REPLICAS";
    /// Too few replicas are in sync; the records are in the log nevertheless.
    NotEnoughReplicasAfterAppend = 20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND";
    /// `acks` is none of 0, 1 and -1.
    InvalidRequiredAcks = 21, "INVALID_REQUIRED_ACKS";
    /// The client may not touch the topic.
    TopicAuthorizationFailed = 29, "TOPIC_AUTHORIZATION_FAILED";
    /// The client may not touch the cluster.
    ClusterAuthorizationFailed = 31, "CLUSTER_AUTHORIZATION_FAILED";
    /// A version that is not spoken.
    UnsupportedVersion = 35, "UNSUPPORTED_VERSION";
    /// The topic exists.
    TopicAlreadyExists = 36, "TOPIC_ALREADY_EXISTS";
    /// A number of partitions that is not allowed.
    InvalidPartitions = 37, "INVALID_PARTITIONS";
    /// A replication factor that is not allowed or not possible.
    InvalidReplicationFactor = 38, "INVALID_REPLICATION_FACTOR";
    /// A replica assignment that is not allowed or not possible.
    InvalidReplicaAssignment = 39, "INVALID_REPLICA_ASSIGNMENT";
    /// A setting that is not allowed.
    InvalidConfig = 40, "INVALID_CONFIG";
    /// This node is not the active controller.
    NotController = 41, "NOT_CONTROLLER";
    /// A request that contradicts itself.
    InvalidRequest = 42, "INVALID_REQUEST";
    /// The log's record format cannot carry the request.
    UnsupportedForMessageFormat = 43, "UNSUPPORTED_FOR_MESSAGE_FORMAT";
    /// A policy of the cluster forbids it.
    PolicyViolation = 44, "POLICY_VIOLATION";
    /// A batch's first sequence does not follow the last one (R28).
    OutOfOrderSequenceNumber = 45, "OUT_OF_ORDER_SEQUENCE_NUMBER";
    /// A batch was seen before; current brokers answer such a batch with success instead.
    DuplicateSequenceNumber = 46, "DUPLICATE_SEQUENCE_NUMBER";
    /// A newer incarnation of the producer exists (R28).
    InvalidProducerEpoch = 47, "INVALID_PRODUCER_EPOCH";
    /// The transaction is not in a state that allows it.
    InvalidTxnState = 48, "INVALID_TXN_STATE";
    /// The change was not tried because another one failed.
    OperationNotAttempted = 55, "OPERATION_NOT_ATTEMPTED";
    /// The replica's disk failed.
    KafkaStorageError = 56, "KAFKA_STORAGE_ERROR";
    /// The producer id is unknown to the broker.
    UnknownProducerId = 59, "UNKNOWN_PRODUCER_ID";
    /// The fetch session is unknown.
    FetchSessionIdNotFound = 70, "FETCH_SESSION_ID_NOT_FOUND";
    /// The fetch session is at another request.
    InvalidFetchSessionEpoch = 71, "INVALID_FETCH_SESSION_EPOCH";
    /// The asker's leader epoch is older than the replica's.
    FencedLeaderEpoch = 74, "FENCED_LEADER_EPOCH";
    /// The asker's leader epoch is newer than the replica's.
    UnknownLeaderEpoch = 75, "UNKNOWN_LEADER_EPOCH";
    /// A compression codec that is not allowed.
    UnsupportedCompressionType = 76, "UNSUPPORTED_COMPRESSION_TYPE";
    /// The broker epoch is not the current one.
    StaleBrokerEpoch = 77, "STALE_BROKER_EPOCH";
    /// The new leader does not yet know how far the log is committed (KIP-207).
    OffsetNotAvailable = 78, "OFFSET_NOT_AVAILABLE";
    /// The preferred leader cannot lead.
    PreferredLeaderNotAvailable = 80, "PREFERRED_LEADER_NOT_AVAILABLE";
    /// No replica can lead.
    EligibleLeadersNotAvailable = 83, "ELIGIBLE_LEADERS_NOT_AVAILABLE";
    /// The leader is the one it should be.
    ElectionNotNeeded = 84, "ELECTION_NOT_NEEDED";
    /// A record that the topic does not allow, or a batch that clients may not send.
    InvalidRecord = 87, "INVALID_RECORD";
    /// A newer producer took over the transactional id.
    ProducerFenced = 90, "PRODUCER_FENCED";
    /// The partition epoch is not the current one (KIP-497).
    InvalidUpdateVersion = 95, "INVALID_UPDATE_VERSION";
    /// This broker knows no topic of that id.
    UnknownTopicId = 100, "UNKNOWN_TOPIC_ID";
    /// Another live incarnation holds the broker id.
    DuplicateBrokerRegistration = 101, "DUPLICATE_BROKER_REGISTRATION";
    /// No broker of that id is registered.
    BrokerIdNotRegistered = 102, "BROKER_ID_NOT_REGISTERED";
    /// The topic id is not the one the broker knows.
    InconsistentTopicId = 103, "INCONSISTENT_TOPIC_ID";
    /// The cluster id is another one.
    InconsistentClusterId = 104, "INCONSISTENT_CLUSTER_ID";
    /// A replica that may not join the in-sync set (KIP-841, KIP-903).
    IneligibleReplica = 107, "INELIGIBLE_REPLICA";
    /// The request was carried out, and another leader elected by it.
    NewLeaderElected = 108, "NEW_LEADER_ELECTED";
}

impl ErrorCode {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The error, or `None` if nothing went wrong.
    #[must_use]
    pub fn failure(self) -> Option<Self> {
        (self != Self::None).then_some(self)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::ResponseError;

    use super::*;

    #[test]
    fn codes_are_found_again_and_bear_the_names_of_an_independent_list() {
        for &error in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_code(error.code()), error);
            let theirs = ResponseError::try_from_code(error.code()).map(|e| format!("{e:?}"));
            let ours: String = error.name().chars().filter(|c| *c != '_').collect();
            if error != ErrorCode::None {
                let theirs = theirs.expect("a code of Kafka's");
                assert_eq!(ours.to_lowercase(), theirs.to_lowercase());
            }
        }
        assert_eq!(ErrorCode::from_code(30_000), ErrorCode::UnknownServerError);
    }
}
