//! Election timeouts from a seed instead of the raft crate's own dice.

use raft::{Raft, StateRole, Storage};

use crate::types::SplitMix;

/// The stream of one voter's election timeouts.
#[derive(Debug)]
pub(super) struct Timeouts {
    dice: SplitMix,
    election_ticks: usize,
    current: usize,
    /// What raft was when the current timeout was drawn: role, epoch and leader.
    drawn_for: (StateRole, u64, u64),
}

impl Timeouts {
    pub(super) fn new(seed: u64, id: u64, election_ticks: usize) -> Self {
        // Voters that were given the same seed must not have the same timeouts.
        let mut dice = SplitMix::new(seed ^ SplitMix::new(id).next_u64());
        let current = election_ticks + dice.below(election_ticks);
        Self { dice, election_ticks, current, drawn_for: (StateRole::Follower, 0, 0) }
    }

    /// Sets the timeout that counts. Raft draws one whenever its role, epoch or leader changes, so
    /// a new one is taken from the stream then; the old one is set again otherwise, because raft
    /// may have drawn without that anything changed.
    pub(super) fn enforce<S: Storage>(&mut self, raft: &mut Raft<S>) {
        let now = (raft.state, raft.term, raft.leader_id);
        if now != self.drawn_for {
            self.drawn_for = now;
            self.current = self.election_ticks + self.dice.below(self.election_ticks);
        }
        raft.set_randomized_election_timeout(self.current);
    }
}
