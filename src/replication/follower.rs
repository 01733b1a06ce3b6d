//! A replica that follows (R8, R11): it fetches, appends what it gets, and cuts back what the
//! leader does not have.
//!
//! It never cuts to its high watermark. What it holds beyond may be committed already: the news of
//! a commit reaches it one fetch late, and if it were the next leader the record would be gone
//! (KIP-101). Only the leader's epochs tell what is common to both logs.

use crate::types::{BrokerId, EpochEndOffset, Offset};

use super::step::Step;
use super::{Effect, FetchAnswer, FetchIdentity, FetchedBatches};

/// What a follower has and nobody else.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) leader: BrokerId,
    state: Fetching,
    /// The leader has accepted a fetch of this epoch: the log is a prefix of the leader's, and
    /// stays one while the epoch lasts. An answer that says otherwise is an old one.
    matched: bool,
}

/// What the follower waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fetching {
    /// The answer to a fetch.
    Records,
    /// Where the leader's log starts and ends.
    Bounds,
    /// Newer metadata: the leader already lives in a later epoch.
    Metadata,
}

impl Follower {
    /// Begins to follow `leader` in the new epoch; also if the leader has not changed, since only
    /// a fetch in the new epoch is answered.
    pub(super) fn begin(step: &mut Step<'_>, leader: BrokerId) -> Self {
        let leader_epoch = step.common.leader_epoch;
        let end = step.log.log_end_offset;
        let to = if mutant!(A01) { end.min(step.common.high_watermark) } else { end };
        // A leader of one moment has begun an epoch that got no record. It is nobody's past, so a
        // follower's log must not know of it (LS3).
        let epochs = step.log.leader_epochs;
        if to < end || epochs.latest() != epochs.last_fetched_epoch(end) {
            step.emit(Effect::Truncate { to });
        }
        step.emit(Effect::Fetch { leader, leader_epoch });
        step.emit(Effect::ReportFollower { leader_epoch, leader: Some(leader) });
        step.wake_fetches();
        Self { leader, state: Fetching::Records, matched: false }
    }

    /// The leader answered.
    pub(super) fn fetch_answered(
        &mut self,
        step: &mut Step<'_>,
        request: FetchIdentity,
        answer: FetchAnswer,
    ) {
        let expected = FetchIdentity {
            leader_epoch: step.common.leader_epoch,
            fetch_offset: step.log.log_end_offset,
        };
        if request != expected || self.state == Fetching::Metadata {
            // What was asked no longer matters, so neither does the answer (KAFKA-18991).
            return;
        }
        let asked_bounds = self.state == Fetching::Bounds;
        self.state = Fetching::Records;
        match answer {
            FetchAnswer::Records(batches) => self.append(step, batches),
            FetchAnswer::Diverging(leader_end) => self.cut_divergence(step, leader_end),
            FetchAnswer::OffsetOutOfRange => {
                self.state = Fetching::Bounds;
                step.emit(Effect::AskLeaderBounds);
            }
            FetchAnswer::LeaderBounds { log_start_offset, log_end_offset } => {
                if asked_bounds {
                    self.fit_into(step, log_start_offset, log_end_offset);
                }
            }
            FetchAnswer::FencedLeaderEpoch => {
                self.state = Fetching::Metadata;
                step.emit(Effect::StopFetching);
            }
            FetchAnswer::Retry | FetchAnswer::Unreachable => step.emit(Effect::BackOffFetching),
        }
    }

    fn append(&mut self, step: &mut Step<'_>, batches: FetchedBatches) {
        if !fits_behind(step, &batches) {
            step.emit(Effect::BackOffFetching);
            return;
        }
        self.matched = true;
        if batches.base_offset.is_some() {
            step.emit(Effect::AppendFetched);
        }
        // The leader may know of commits beyond what this log holds.
        let to = batches.high_watermark.min(batches.end_offset).max(step.log.log_start_offset);
        step.move_high_watermark(to);
        let start = batches.log_start_offset.min(to);
        if start > step.log.log_start_offset {
            step.emit(Effect::AdvanceLogStart { to: start });
        }
    }

    /// The leader's log leaves this one at the end of an epoch that both may know (R11). Its answer
    /// says nothing about the high watermark (KAFKA-14704).
    ///
    /// ```text
    /// leader:  1 1 1 1 3 3         asked about epoch 2 at offset 6: (epoch 1, end 4)
    /// here:    1 1 2 2 2 2         epoch 1 ends here at 2: cut to 2, ask about epoch 1
    /// ```
    fn cut_divergence(&self, step: &mut Step<'_>, leader_end: EpochEndOffset) {
        let end = step.log.log_end_offset;
        let to = match step.log.leader_epochs.end_offset(leader_end.epoch, end) {
            None => leader_end.end_offset,
            Some(own) if own.epoch == leader_end.epoch => own.end_offset.min(leader_end.end_offset),
            // This log has nothing of that epoch: the next fetch asks about an older one.
            Some(own) => own.end_offset,
        };
        self.truncate(step, to);
    }

    /// The offset asked for is outside the leader's log, which reaches from `start` to `end`.
    fn fit_into(&self, step: &mut Step<'_>, start: Offset, end: Offset) {
        let own_end = step.log.log_end_offset;
        if start > own_end || end < step.log.log_start_offset {
            // Nothing in common: begin where the leader begins.
            step.emit(Effect::RestartLog { at: start });
            step.move_high_watermark(start);
        } else if end < own_end {
            self.truncate(step, end);
        } else {
            // In range by now, or the leader's metadata is behind; ask again.
            step.emit(Effect::BackOffFetching);
        }
    }

    fn truncate(&self, step: &mut Step<'_>, to: Offset) {
        let end = step.log.log_end_offset;
        if self.matched {
            step.emit(Effect::BackOffFetching);
            return;
        }
        let to = to.min(end).max(step.log.log_start_offset);
        // Also without a cut, so that epochs without records are forgotten (KAFKA-10706).
        step.emit(Effect::Truncate { to });
        step.move_high_watermark(step.common.high_watermark.min(to));
        if to == end {
            // A sound leader does not answer so. Do not spin.
            step.emit(Effect::BackOffFetching);
        }
    }
}

/// Whether the batches continue the log without gap or overlap, and none of them is from an epoch
/// that the fetch did not know of (KAFKA-18723).
fn fits_behind(step: &Step<'_>, batches: &FetchedBatches) -> bool {
    let end = step.log.log_end_offset;
    match batches.base_offset {
        None => batches.end_offset == end,
        Some(base) => {
            base == end
                && batches.end_offset > base
                && batches.leader_epoch_max.is_none_or(|max| max <= step.common.leader_epoch)
        }
    }
}
