//! The `history.edn` of Jepsen's Kafka workload (`jepsen.tests.kafka`), read and written.
//!
//! Such a file has one operation a line (or all of them in one vector), as a map or a record:
//!
//! ```text
//! {:index 0, :time 3200000, :type :invoke, :process 0, :f :send, :value [[:send 7 1]]}
//! {:index 1, :time 9100000, :type :ok, :process 0, :f :send, :value [[:send 7 [0 1]]]}
//! {:index 2, :time 9200000, :type :invoke, :process 1, :f :poll, :value [[:poll]]}
//! {:index 3, :time 9900000, :type :ok, :process 1, :f :poll, :value [[:poll {7 [[0 1]]}]]}
//! ```
//!
//! | theirs | ours |
//! |---|---|
//! | `:f` `:send`, `:poll` or `:txn` | `Send`, `Poll`, or `Several` if there is more than one part; sends to one key that follow each other are one `Send` |
//! | `:f :assign` | `Assign`, from offset 0 with `:seek-to-beginning? true`, else from where the process stands in keys that it keeps, as Kafka's consumer does |
//! | `:f :subscribe` | `Subscribe` |
//! | `:rebalance-log` | `rebalanced` of all polls of the call |
//! | `:process :nemesis`, and any `:f` that moves no record, such as `:crash` | counted as [`Skipped`] |
//! | keys: numbers, texts, keywords | their names: `7`, `orders-0`, `:x`; one name in two forms is refused |
//! | values | whole numbers from 0 to 2^64-1; others are refused |
//! | `:time` in nanoseconds | in microseconds, rounded down |
//! | no `:index` | the number after the last |
//!
//! What our histories say and theirs do not, [`Assumptions`] supplies. The writer adds it under
//! keys that Jepsen ignores: `:acks`, `:idempotent?`, `:retried?` of sends, `:source` and `:final?`
//! of polls, `:positions` of assignments, and `:latest?` where `:debug-topic-partitions` stands for
//! `Latest`. They outrank the assumptions, so a history of ours comes back as it was, but for what
//! EDN cannot tell apart: a call with no part, and sends of one call that differ in their promise.

mod common;
mod final_polls;
mod names;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(super) use common::Common;
pub use read::{read, read_forms};
pub use write::write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{History, Promise};

/// What is taken to be true where a file does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assumptions {
    /// What acknowledgement the producers asked for.
    pub promise: Promise,
    /// Whether the producers were idempotent; then a duplicate is an error.
    pub idempotent: bool,
    /// Whether a producer may have sent a value again without telling. If it was not idempotent
    /// either, duplicates are only noted.
    pub retried: bool,
    /// Whether the readers that started from the beginning and got as far as anybody ever saw have
    /// read everything there was, as Jepsen's final polls do. Then a value that they were not
    /// given is lost; without this it may be late, and the verdict is `Unknown`.
    pub final_polls: bool,
}

impl Assumptions {
    /// What never cries wolf about a system whose producers wait for all replicas, which is Kafka's
    /// default: retries that nobody tells of, and no reader that has certainly read everything.
    pub const fn cautious() -> Self {
        Self { promise: Promise::Durable, idempotent: false, retried: true, final_polls: false }
    }
}

/// A history that was read, and how much of the file is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The operations that send, poll and assign, under the indices of the file.
    pub history: History,
    /// The others.
    pub skipped: Skipped,
}

/// Operations that say nothing about records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Those of the nemesis, and of whatever else has no number.
    pub nemesis: u64,
    /// Those of clients, by their `:f`.
    pub others: BTreeMap<String, u64>,
}

/// How much of a form a complaint quotes.
const QUOTED: usize = 60;

/// The `:f`s that a history of this workload consists of; others may stand beside them.
pub const FUNCTIONS: [&str; 7] =
    ["send", "poll", "txn", "assign", "subscribe", "crash", "debug-topic-partitions"];
