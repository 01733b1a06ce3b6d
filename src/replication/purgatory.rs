//! The produce requests with acks=all that wait for the high watermark (R27).
//!
//! Every entry belongs to the current leader epoch (LS8): whoever ends a reign empties it.

use std::collections::{BTreeMap, BTreeSet};

use crate::types::Offset;

use super::step::Step;
use super::{CompletedProduce, Effect, ProduceOutcome, ProduceTicket};

/// Waiting requests, in the order in which the high watermark passes them.
#[derive(Debug, Default)]
pub(super) struct Purgatory {
    by_offset: BTreeSet<(Offset, ProduceTicket)>,
    by_ticket: BTreeMap<ProduceTicket, Offset>,
}

impl Purgatory {
    /// Lets a request wait until the record at `last_offset` is committed.
    pub(super) fn wait(&mut self, ticket: ProduceTicket, last_offset: Offset) {
        self.remove(ticket);
        self.by_ticket.insert(ticket, last_offset);
        self.by_offset.insert((last_offset, ticket));
    }

    /// Answers every request whose last record lies below the high watermark.
    pub(super) fn complete(&mut self, step: &mut Step<'_>, outcome: ProduceOutcome) {
        while let Some(&(last_offset, ticket)) = self.by_offset.first() {
            if last_offset >= step.common.high_watermark {
                break;
            }
            self.remove(ticket);
            answer(step, ticket, outcome);
        }
    }

    /// Answers one request, if it still waits.
    pub(super) fn expire(&mut self, step: &mut Step<'_>, ticket: ProduceTicket) {
        if self.remove(ticket) {
            answer(step, ticket, ProduceOutcome::TimedOut);
        }
    }

    /// Answers them all: the reign is over.
    pub(super) fn fail_all(self, step: &mut Step<'_>, outcome: ProduceOutcome) {
        for (_, ticket) in self.by_offset {
            answer(step, ticket, outcome);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_ticket.len()
    }

    fn remove(&mut self, ticket: ProduceTicket) -> bool {
        match self.by_ticket.remove(&ticket) {
            Some(last_offset) => self.by_offset.remove(&(last_offset, ticket)),
            None => false,
        }
    }
}

/// Answers a produce request.
pub(super) fn answer(step: &mut Step<'_>, ticket: ProduceTicket, outcome: ProduceOutcome) {
    step.emit(Effect::CompleteProduce(CompletedProduce { ticket, outcome }));
}
