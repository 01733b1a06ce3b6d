//! One operation of a history: who did what, when, and how it ended.
//!
//! The vocabulary is that of replicated logs: values are sent to a key's log and read back at
//! offsets. Values are unique per key, so that a value that is read names the call that sent it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::Digester;

/// Names one log, for example `orders-0`. Logs are independent: nothing is promised across keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Arc<str>);

impl Key {
    /// The log of that name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

/// Half a call: its invocation or its completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// The operation's number in its history; strictly growing. Anomalies quote it.
    pub index: u64,
    /// Virtual time in microseconds since the run began.
    pub time: u64,
    /// Who did it. A process has at most one call open; after `Info` its client goes on under a
    /// new number.
    pub process: u64,
    /// Which half this is, and how the call ended.
    pub phase: Phase,
    /// What was asked; in a completion, with what was learned (offsets, records).
    pub action: Action,
    /// Why it failed or is unknown, in the client's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It was asked.
    Invoke,
    /// It took effect.
    Ok,
    /// It certainly had no effect, and never will. A client that is not sure must say `Info`.
    Fail,
    /// Nobody knows: it may have taken effect, may still do so, or never.
    Info,
}

/// What acknowledgement a send asked for, and so what its `Ok` is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// Acknowledged by as many replicas as the system needs to never lose it.
    Durable,
    /// Acknowledged by one replica.
    Volatile,
    /// Not acknowledged at all: `Ok` says only that it left the client.
    FireAndForget,
}

impl Promise {
    /// All of them, strongest first.
    pub const ALL: [Self; 3] = [Self::Durable, Self::Volatile, Self::FireAndForget];
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Durable => "durable",
            Self::Volatile => "volatile",
            Self::FireAndForget => "fire-and-forget",
        })
    }
}

/// What a call does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Appends values to a key's log, in this order.
    Send {
        /// The log.
        key: Key,
        /// The values; each is sent to this key once in a history.
        values: Vec<u64>,
        /// Where each value landed, as far as the client was told; parallel to `values`, and empty
        /// in an invocation.
        #[serde(default)]
        offsets: Vec<Option<i64>>,
        /// What the acknowledgement is worth.
        promise: Promise,
        /// Whether the log is asked to recognise a value that is sent twice.
        idempotent: bool,
        /// Whether the client sent it more than once; known when the call completes.
        #[serde(default)]
        retried: bool,
    },
    /// Reads on from the process's positions, or reads a whole replica at the end.
    Poll {
        /// The replica that answered.
        source: String,
        /// Offset and value of each record, per key, as returned. A key that was read and held
        /// nothing has an empty list.
        records: BTreeMap<Key, Vec<(i64, u64)>>,
        /// A final read: after the last fault and when the replicas had come to rest, these keys
        /// were read in this one call, on this replica, from the start of the log to its last
        /// committed record, whatever the process's positions are.
        last: bool,
        /// The keys that others gave to this reader or took from it while it polled. Between such
        /// a poll and those around it in the same call, it may be moved anywhere.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rebalanced: Vec<Key>,
    },
    /// Replaces the keys that the process reads. Other keys are dropped. Whenever anything but a
    /// poll moves a reader (it fell off the log and starts again elsewhere), this is recorded
    /// again: between assignments, a reader may neither skip nor go back. A key that is dropped
    /// and assigned again may be read from anywhere.
    Assign {
        /// The offset that is read next, per key. Negative where the client names none: a key that
        /// it was assigned before goes on where it was, another begins anywhere.
        positions: BTreeMap<Key, i64>,
        /// The replica that the process means to read from.
        source: String,
    },
    /// Asks for a share of the keys; which of them, and from where, others decide.
    Subscribe {
        /// The keys.
        keys: Vec<Key>,
    },
    /// Asks where a key's log ends.
    Latest {
        /// The log.
        key: Key,
        /// The offset after the last committed record; unknown in an invocation.
        end_offset: Option<i64>,
        /// The epoch in which the answer was given.
        epoch: Option<i32>,
    },
    /// Several sends and polls as one call, one after the other: a transaction. The call's outcome
    /// is that of all its parts, and what it sends is shown to nobody before its last part is
    /// done. Offsets in a call whose fate is unknown were acknowledged, each for its send; what a
    /// client was told together with an error is left out.
    Several {
        /// Sends and polls only, in the order in which the client made them. A file that holds
        /// anything else here is refused; a history made by hand is `Unknown` to the checkers.
        actions: Vec<Self>,
    },
}

impl Action {
    /// Several sends and polls as one call.
    pub const fn several(actions: Vec<Self>) -> Self {
        Self::Several { actions }
    }

    /// The parts of which a call consists, in order: those of `Several`, else the action itself.
    pub fn parts(&self) -> impl Iterator<Item = &Self> {
        match self {
            Self::Several { actions } => actions,
            Self::Send { .. }
            | Self::Poll { .. }
            | Self::Assign { .. }
            | Self::Subscribe { .. }
            | Self::Latest { .. } => std::slice::from_ref(self),
        }
        .iter()
    }

    /// The first part that may not be there: in a call of several, anything but a send or a poll.
    pub(crate) fn misplaced(&self) -> Option<&Self> {
        let Self::Several { actions } = self else {
            return None;
        };
        actions.iter().find(|part| !matches!(part, Self::Send { .. } | Self::Poll { .. }))
    }

    /// What sort of action it is, in a word.
    pub(crate) const fn sort(&self) -> &'static str {
        match self {
            Self::Send { .. } => "send",
            Self::Poll { .. } => "poll",
            Self::Assign { .. } => "assign",
            Self::Subscribe { .. } => "subscribe",
            Self::Latest { .. } => "latest",
            Self::Several { .. } => "several",
        }
    }

    /// A send as it is invoked: nothing is known about its fate.
    pub fn send(key: impl Into<Key>, values: Vec<u64>, promise: Promise, idempotent: bool) -> Self {
        let key = key.into();
        Self::Send { key, values, offsets: Vec::new(), promise, idempotent, retried: false }
    }

    /// The same send when it completes: where the values landed, as far as the client was told,
    /// and whether it sent them more than once. Other actions are returned unchanged.
    #[must_use]
    pub fn sent(mut self, landed: Vec<Option<i64>>, again: bool) -> Self {
        if let Self::Send { offsets, retried, .. } = &mut self {
            *offsets = landed;
            *retried = again;
        }
        self
    }

    /// A poll as it is invoked: nothing has been read yet.
    pub fn poll(source: impl Into<String>) -> Self {
        let (source, records, rebalanced) = (source.into(), BTreeMap::new(), Vec::new());
        Self::Poll { source, records, last: false, rebalanced }
    }

    /// The final read of a whole replica as it is invoked.
    pub fn last_poll(source: impl Into<String>) -> Self {
        let (source, records, rebalanced) = (source.into(), BTreeMap::new(), Vec::new());
        Self::Poll { source, records, last: true, rebalanced }
    }

    /// The same poll when it completes. Other actions are returned unchanged.
    #[must_use]
    pub fn polled(mut self, read: BTreeMap<Key, Vec<(i64, u64)>>) -> Self {
        if let Self::Poll { records, .. } = &mut self {
            *records = read;
        }
        self
    }

    /// The same poll, during which others moved its reader. Other actions are returned unchanged.
    #[must_use]
    pub fn rebalanced(mut self, keys: Vec<Key>) -> Self {
        if let Self::Poll { rebalanced, .. } = &mut self {
            *rebalanced = keys;
        }
        self
    }

    /// The question for a log's end.
    pub fn latest(key: impl Into<Key>) -> Self {
        Self::Latest { key: key.into(), end_offset: None, epoch: None }
    }

    /// The answer to it. Other actions are returned unchanged.
    #[must_use]
    pub fn answered(mut self, end: i64, in_epoch: i32) -> Self {
        if let Self::Latest { end_offset, epoch, .. } = &mut self {
            *end_offset = Some(end);
            *epoch = Some(in_epoch);
        }
        self
    }
}

impl Operation {
    pub(super) fn digest(&self, to: &mut Digester) {
        to.number(self.index).number(self.time).number(self.process);
        to.tag(match self.phase {
            Phase::Invoke => 0,
            Phase::Ok => 1,
            Phase::Fail => 2,
            Phase::Info => 3,
        });
        self.action.digest(to);
        match &self.error {
            None => to.tag(0),
            Some(error) => to.tag(1).text(error),
        };
    }
}

impl Action {
    fn digest(&self, to: &mut Digester) {
        match self {
            Self::Send { key, values, offsets, promise, idempotent, retried } => {
                to.tag(0).text(key.as_str()).length(values.len());
                for value in values {
                    to.number(*value);
                }
                to.length(offsets.len());
                for offset in offsets {
                    optional(to, *offset);
                }
                to.tag(match promise {
                    Promise::Durable => 0,
                    Promise::Volatile => 1,
                    Promise::FireAndForget => 2,
                });
                to.flag(*idempotent).flag(*retried);
            }
            Self::Poll { source, records, last, rebalanced } => {
                to.tag(1).text(source).flag(*last).length(records.len());
                for (key, records) in records {
                    to.text(key.as_str()).length(records.len());
                    for (offset, value) in records {
                        to.signed(*offset).number(*value);
                    }
                }
                // Nothing at all for none: older histories keep their digest. Neither an action
                // nor the rest of an operation begins with this tag.
                if !rebalanced.is_empty() {
                    to.tag(6).length(rebalanced.len());
                    rebalanced.iter().for_each(|key| {
                        to.text(key.as_str());
                    });
                }
            }
            Self::Assign { positions, source } => {
                to.tag(2).text(source).length(positions.len());
                for (key, position) in positions {
                    to.text(key.as_str()).signed(*position);
                }
            }
            Self::Subscribe { keys } => {
                to.tag(3).length(keys.len());
                for key in keys {
                    to.text(key.as_str());
                }
            }
            Self::Latest { key, end_offset, epoch } => {
                to.tag(4).text(key.as_str());
                optional(to, *end_offset);
                optional(to, epoch.map(i64::from));
            }
            Self::Several { actions } => {
                to.tag(5).length(actions.len());
                for part in actions {
                    part.digest(to);
                }
            }
        }
    }
}

fn optional(to: &mut Digester, number: Option<i64>) {
    match number {
        None => to.tag(0),
        Some(number) => to.tag(1).signed(number),
    };
}
