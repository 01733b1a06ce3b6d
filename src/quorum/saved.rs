//! The durable state: how changes add up to it, and what is made of it after damage.

use super::{Change, HardState, Saved};

impl Saved {
    /// Adds one change, in the order of its fields.
    pub fn apply(&mut self, change: Change) {
        if change.snapshot.is_some() {
            self.snapshot = change.snapshot;
            self.entries.clear();
        }
        if let Some(first) = change.entries.first() {
            let index = first.index;
            self.entries.retain(|entry| entry.index < index);
        }
        self.entries.extend(change.entries);
        if let Some(hard_state) = change.hard_state {
            self.hard_state = hard_state;
        }
    }

    /// Cuts the entries at the first one that cannot follow the one before, and brings vote and
    /// commit position into the bounds that remain. Intact state comes back as it was.
    pub(super) fn mended(mut self) -> Self {
        self.snapshot = self.snapshot.filter(|(index, epoch, _)| *index > 0 && *epoch > 0);
        let (mut index, mut epoch) =
            self.snapshot.as_ref().map_or((0, 0), |(index, epoch, _)| (*index, *epoch));
        let first = index;
        let entries = self.entries.into_iter().skip_while(|entry| entry.index <= first);
        self.entries = entries
            .take_while(|entry| {
                let follows = entry.index == index + 1 && entry.epoch >= epoch.max(1);
                (index, epoch) = (entry.index, entry.epoch);
                follows
            })
            .collect();
        let last = self.entries.last();
        let last_index = last.map_or(first, |entry| entry.index);
        let snapshot_epoch = self.snapshot.as_ref().map_or(0, |(_, epoch, _)| *epoch);
        let last_epoch = last.map_or(snapshot_epoch, |entry| entry.epoch);
        let HardState { epoch, vote, commit } = self.hard_state;
        self.hard_state = HardState {
            epoch: epoch.max(last_epoch),
            vote: if epoch >= last_epoch { vote } else { 0 },
            commit: commit.clamp(first, last_index),
        };
        self
    }
}
