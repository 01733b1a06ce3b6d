//! What a leader knows about one follower, all of it learnt in its own reign (R4, R12).
//!
//! Nothing here is ever guessed or carried over: a follower that has not fetched in this epoch has
//! no log end offset, and an unknown one holds the high watermark where it is.

use std::time::Duration;

use crate::types::{BrokerEpoch, Millis, Offset};

use super::ReplicaStanding;

/// One fetch of a follower, as far as its leader remembers it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FollowerFetch {
    pub(super) broker_epoch: Option<BrokerEpoch>,
    pub(super) fetch_offset: Offset,
    pub(super) log_start_offset: Offset,
    pub(super) leader_end_offset: Offset,
}

/// A follower seen by its leader.
#[derive(Debug)]
pub(super) struct Progress {
    /// How its broker stands in the metadata.
    pub(super) standing: ReplicaStanding,
    /// Its latest fetch in this reign, and when it came.
    latest: Option<(Millis, FollowerFetch)>,
    /// The last moment at which it is known to have held everything the leader held.
    caught_up_since: Option<Millis>,
}

impl Progress {
    /// A follower that has not fetched in this reign. A member of the in-sync set gets the benefit
    /// of the doubt from `caught_up_since` on (R7).
    pub(super) fn unknown(standing: ReplicaStanding, caught_up_since: Option<Millis>) -> Self {
        Self { standing, latest: None, caught_up_since }
    }

    /// Takes note of a fetch (R12). Answers whether it counts: one that an earlier incarnation of
    /// the follower's broker sent does not.
    pub(super) fn observe(&mut self, now: Millis, fetch: FollowerFetch) -> bool {
        let known = self.broker_epoch().max(self.standing.broker_epoch);
        if fetch.broker_epoch.is_some() && fetch.broker_epoch < known {
            return false;
        }
        // At this fetch the follower held everything; or it now holds what the leader held at its
        // previous one, so it was caught up then. A steady stream of writes thus does not push a
        // follower out that is only ever one round trip behind (KAFKA-4485, KAFKA-9102).
        let caught_up = if fetch.fetch_offset >= fetch.leader_end_offset {
            Some(now)
        } else {
            self.latest
                .filter(|(_, previous)| fetch.fetch_offset >= previous.leader_end_offset)
                .map(|(at, _)| at)
        };
        self.caught_up_since = self.caught_up_since.max(caught_up);
        self.latest = Some((now, fetch));
        true
    }

    /// Its log end offset; may go down when it cuts its log.
    pub(super) fn log_end_offset(&self) -> Option<Offset> {
        self.latest.map(|(_, fetch)| fetch.fetch_offset)
    }

    pub(super) fn log_start_offset(&self) -> Option<Offset> {
        self.latest.map(|(_, fetch)| fetch.log_start_offset)
    }

    /// The broker epoch that its latest fetch carried.
    pub(super) fn broker_epoch(&self) -> Option<BrokerEpoch> {
        self.latest.and_then(|(_, fetch)| fetch.broker_epoch)
    }

    pub(super) fn caught_up_since(&self) -> Option<Millis> {
        self.caught_up_since
    }

    /// Whether it holds everything, or did so not longer than `lag_max` ago (R15). Equality alone
    /// is enough, or an idle partition would lose its replicas.
    pub(super) fn is_caught_up(
        &self,
        now: Millis,
        leader_end_offset: Offset,
        lag_max: Duration,
    ) -> bool {
        self.log_end_offset().is_some_and(|end| end >= leader_end_offset)
            || self.caught_up_since.is_some_and(|since| now - since <= lag_max)
    }

    /// Whether its broker may be in an in-sync set: registered, active (KIP-841), and the very
    /// incarnation that fetched (KIP-903). A fetch without a broker epoch is given the benefit.
    pub(super) fn is_eligible(&self) -> bool {
        self.standing.active
            && self.standing.broker_epoch.is_some()
            && self.broker_epoch().is_none_or(|sent| Some(sent) == self.standing.broker_epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG_MAX: Duration = Duration::from_secs(30);

    fn progress() -> Progress {
        let standing = ReplicaStanding { broker_epoch: Some(BrokerEpoch(7)), active: true };
        Progress::unknown(standing, None)
    }

    fn fetch(offset: i64, leader_end: i64, broker_epoch: i64) -> FollowerFetch {
        FollowerFetch {
            broker_epoch: Some(BrokerEpoch(broker_epoch)),
            fetch_offset: Offset(offset),
            log_start_offset: Offset(0),
            leader_end_offset: Offset(leader_end),
        }
    }

    #[test]
    fn a_follower_one_round_trip_behind_a_steady_writer_is_caught_up() {
        let mut follower = progress();
        for round in 0..100 {
            let now = Millis(1_000 * u64::try_from(round).unwrap());
            assert!(follower.observe(now, fetch(10 * round, 10 * (round + 1), 7)));
        }
        assert_eq!(follower.caught_up_since(), Some(Millis(98_000)));
        assert!(follower.is_caught_up(Millis(99_000), Offset(1_010), LAG_MAX));
    }

    #[test]
    fn a_follower_slower_than_the_writer_is_not_caught_up_however_often_it_fetches() {
        let mut follower = progress();
        assert!(follower.observe(Millis(0), fetch(0, 0, 7)));
        for round in 1..100 {
            let now = Millis(1_000 * u64::try_from(round).unwrap());
            assert!(follower.observe(now, fetch(round, 10 * round, 7)));
        }
        assert_eq!(follower.caught_up_since(), Some(Millis(0)));
        assert!(!follower.is_caught_up(Millis(99_000), Offset(990), LAG_MAX));
    }

    #[test]
    fn a_fetch_of_an_earlier_incarnation_does_not_count() {
        let mut follower = progress();
        assert!(!follower.observe(Millis(0), fetch(9, 9, 6)), "older than the metadata");
        assert_eq!(follower.log_end_offset(), None);
        assert!(follower.observe(Millis(1), fetch(3, 9, 8)), "newer than the metadata");
        assert!(!follower.is_eligible(), "but not a member before the metadata agrees");
        assert!(!follower.observe(Millis(2), fetch(9, 9, 7)), "older than the latest fetch");
        assert_eq!(follower.log_end_offset(), Some(Offset(3)));
    }

    #[test]
    fn a_log_end_offset_may_go_down() {
        let mut follower = progress();
        assert!(follower.observe(Millis(0), fetch(9, 9, 7)));
        assert!(follower.observe(Millis(1), fetch(4, 9, 7)));
        assert_eq!(follower.log_end_offset(), Some(Offset(4)));
    }
}
