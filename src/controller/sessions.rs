//! When each broker was last heard of, and how far it said it had applied the metadata.
//!
//! Only the active controller keeps this. It is not in the metadata log: a new active controller
//! starts with everybody's session fresh and nobody's position known.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::types::{BrokerId, MetadataOffset, Millis};

/// The sessions of all brokers that were heard of.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    timeout: Duration,
    brokers: BTreeMap<BrokerId, Session>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    last_contact: Millis,
    metadata_offset: MetadataOffset,
    /// The metadata that all active brokers must know before this one may exit (R21).
    shutdown_barrier: Option<MetadataOffset>,
}

impl Sessions {
    /// Opens a session for each of `brokers` that begins now.
    pub(super) fn new(
        timeout: Duration,
        brokers: impl Iterator<Item = BrokerId>,
        now: Millis,
    ) -> Self {
        let mut sessions = Self { timeout, brokers: BTreeMap::new() };
        for broker in brokers {
            sessions.open(broker, now);
        }
        sessions
    }

    /// Begins a session, forgetting an earlier one.
    pub(super) fn open(&mut self, broker: BrokerId, now: Millis) {
        let session = Session {
            last_contact: now,
            metadata_offset: MetadataOffset::default(),
            shutdown_barrier: None,
        };
        self.brokers.insert(broker, session);
    }

    /// The broker is alive; its session begins if it had none.
    pub(super) fn touch(&mut self, broker: BrokerId, now: Millis) {
        match self.brokers.get_mut(&broker) {
            Some(session) => session.last_contact = session.last_contact.max(now),
            None => self.open(broker, now),
        }
    }

    /// The broker has applied metadata up to `offset`. A late message does not take it back.
    pub(super) fn applied(&mut self, broker: BrokerId, offset: MetadataOffset) {
        if let Some(session) = self.brokers.get_mut(&broker) {
            session.metadata_offset = session.metadata_offset.max(offset);
        }
    }

    /// Whether the broker was heard of within the session timeout.
    pub(super) fn is_alive(&self, broker: BrokerId, now: Millis) -> bool {
        self.brokers.get(&broker).is_some_and(|session| now - session.last_contact < self.timeout)
    }

    /// How far the broker has applied metadata; 0 if it did not say.
    pub(super) fn metadata_offset(&self, broker: BrokerId) -> MetadataOffset {
        self.brokers.get(&broker).map_or(MetadataOffset::default(), |s| s.metadata_offset)
    }

    /// The metadata that everybody must know before `broker` may exit. Set to `offset` when asked
    /// for the first time: after a failover that is later than necessary, and never too early.
    pub(super) fn shutdown_barrier(
        &mut self,
        broker: BrokerId,
        offset: MetadataOffset,
    ) -> MetadataOffset {
        let session = self.brokers.get_mut(&broker);
        session.map_or(offset, |session| *session.shutdown_barrier.get_or_insert(offset))
    }
}
