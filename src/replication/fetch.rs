//! What a replica lets others read, and in which epochs it answers at all (R10, R14, R29, R30).
//!
//! Nothing here changes the replica: a fetch that is refused, or that finds its log diverging,
//! teaches the leader nothing (KAFKA-13141).

use std::collections::BTreeSet;

use crate::types::{BrokerId, LeaderEpoch, LogMarkers, Offset};

use super::{FetchRefusal, FetchRequestView, FetchVerdict, Part, Replica};

impl Replica {
    /// Judges a fetch, in the order of R10. A follower's fetch needs the leader; a consumer is
    /// served by any assigned replica, below that replica's own high watermark (KIP-392).
    ///
    /// # Errors
    ///
    /// Says why the fetch is refused.
    pub fn check_fetch(
        &self,
        log: LogMarkers<'_>,
        request: &FetchRequestView,
    ) -> Result<FetchVerdict, FetchRefusal> {
        self.check_epoch(request.current_leader_epoch)?;
        match request.follower {
            Some(follower) => self.check_follower(follower)?,
            None => self.check_serves_consumers()?,
        }
        if let Some(diverging) = check_divergence(log, request)? {
            return Ok(diverging);
        }
        let (start, end) = (log.log_start_offset, log.log_end_offset);
        if request.fetch_offset < start || request.fetch_offset > end {
            return Err(out_of_range(log, request));
        }
        let high_watermark = self.common.high_watermark;
        let end = match request.follower {
            Some(_) => end,
            None if mutant!(B11) && matches!(self.part, Part::Leader(_)) => end,
            None => high_watermark.min(end),
        };
        Ok(FetchVerdict::Read { end, high_watermark })
    }

    /// Whether this replica leads, in the epoch that the asker believes in: for the requests that
    /// only a leader answers (ListOffsets, OffsetForLeaderEpoch). Answers its epoch.
    ///
    /// # Errors
    ///
    /// Says why the request is refused.
    pub fn check_leader_epoch(
        &self,
        asked: Option<LeaderEpoch>,
    ) -> Result<LeaderEpoch, FetchRefusal> {
        self.check_epoch(asked)?;
        match &self.part {
            Part::Leader(_) => Ok(self.common.leader_epoch),
            Part::Unassigned | Part::Leaderless | Part::Follower(_) | Part::Failed => {
                Err(FetchRefusal::NotLeader)
            }
        }
    }

    /// What ListOffsets answers to LATEST at the leader: the high watermark. `None` is
    /// OFFSET_NOT_AVAILABLE: a leader just elected may be behind what its predecessor has told
    /// clients, until the high watermark reaches the start of its epoch (KIP-207). Also `None`
    /// where this replica does not lead.
    #[must_use]
    pub fn latest_offset(&self) -> Option<Offset> {
        match &self.part {
            Part::Leader(leader) if self.common.high_watermark >= leader.start_offset => {
                Some(self.common.high_watermark)
            }
            Part::Leader(_)
            | Part::Unassigned
            | Part::Leaderless
            | Part::Follower(_)
            | Part::Failed => None,
        }
    }

    /// Whom this leader advises a consumer to read from instead, if `near` are the brokers in the
    /// consumer's rack (KIP-392, R30): of those in sync, active, and known to hold `fetch_offset`,
    /// the one that holds most. `None` if the consumer had better stay: this leader is near itself,
    /// nobody near qualifies, or this replica does not lead.
    ///
    /// A follower that has left the in-sync set may fall ever further behind, and a fenced one may
    /// be gone: whoever was sent there would be stuck for as long as the advice is followed
    /// (KAFKA-14372, KAFKA-15390).
    #[must_use]
    pub fn preferred_read_replica(
        &self,
        fetch_offset: Offset,
        near: &BTreeSet<BrokerId>,
    ) -> Option<BrokerId> {
        let leader = self.leader().filter(|_| !near.contains(&self.common.settings.me))?;
        let in_sync = leader.in_sync().committed();
        leader
            .followers
            .iter()
            .filter(|(id, progress)| {
                let starts = progress.log_start_offset();
                let ends = progress.log_end_offset();
                near.contains(id)
                    && in_sync.contains(id)
                    && progress.is_eligible()
                    && starts.is_some_and(|start| start <= fetch_offset)
                    && ends.is_some_and(|end| fetch_offset <= end)
            })
            .max_by_key(|(id, progress)| {
                (progress.log_end_offset(), progress.caught_up_since(), **id)
            })
            .map(|(id, _)| *id)
    }

    fn check_epoch(&self, asked: Option<LeaderEpoch>) -> Result<(), FetchRefusal> {
        if matches!(self.part, Part::Failed) {
            return Err(FetchRefusal::StorageFailed);
        }
        let current = self.common.leader_epoch;
        match asked {
            Some(asked) if asked < current => {
                Err(FetchRefusal::FencedLeaderEpoch { asked, current })
            }
            Some(asked) if asked > current => {
                Err(FetchRefusal::UnknownLeaderEpoch { asked, current })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_follower(&self, follower: BrokerId) -> Result<(), FetchRefusal> {
        match &self.part {
            Part::Leader(leader) if leader.followers.contains_key(&follower) => Ok(()),
            Part::Leader(_) => Err(FetchRefusal::NotAssigned(follower)),
            Part::Unassigned | Part::Leaderless | Part::Follower(_) | Part::Failed => {
                Err(FetchRefusal::NotLeader)
            }
        }
    }

    fn check_serves_consumers(&self) -> Result<(), FetchRefusal> {
        match &self.part {
            Part::Leader(_) | Part::Follower(_) | Part::Leaderless => Ok(()),
            Part::Unassigned | Part::Failed => Err(FetchRefusal::NotLeader),
        }
    }
}

/// Whether the asker's log has left this one (R10d); only for those who say what they hold.
fn check_divergence(
    log: LogMarkers<'_>,
    request: &FetchRequestView,
) -> Result<Option<FetchVerdict>, FetchRefusal> {
    // Before KIP-101 a follower cut to its high watermark and was believed from there.
    let Some(last_fetched) =
        request.last_fetched_epoch.filter(|_| !mutant!(A01)).filter(|_| !mutant!(A12))
    else {
        return Ok(None);
    };
    let common = log.leader_epochs.end_offset(last_fetched, log.log_end_offset);
    let Some(common) = common.filter(|_| request.fetch_offset >= log.log_start_offset) else {
        return Err(out_of_range(log, request));
    };
    let diverging = common.epoch < last_fetched || common.end_offset < request.fetch_offset;
    Ok(diverging.then_some(FetchVerdict::Diverging(common)))
}

fn out_of_range(log: LogMarkers<'_>, request: &FetchRequestView) -> FetchRefusal {
    FetchRefusal::OffsetOutOfRange {
        asked: request.fetch_offset,
        start: log.log_start_offset,
        end: log.log_end_offset,
    }
}
