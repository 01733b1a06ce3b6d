//! What a story about brokers needs, in one line: `use workloads::prelude::*;`.

pub use harness::history::Promise;
pub use highwater::client::ElectionType;
pub use highwater::types::{Acks, Offset};

pub use crate::alerts::Alert;
pub use crate::alerts::monitor::Monitored;
pub use crate::alerts::rules::Severity;
pub use crate::answers::Answers;
pub use crate::load::{ProducerKind, Workload, acks_mix, append_read};
pub use crate::operator::{Operator, ReplicationFactor, Running, Topic};
pub use crate::picture::Sometimes;
pub use crate::places::{Places, Spread, three_regions};
pub use crate::settings::{ClusterSettings, REPLICA_LAG_MAX, SESSION_TIMEOUT, brokers, golden};
pub use crate::system::Brokers;
pub use crate::verdict::Judged;
