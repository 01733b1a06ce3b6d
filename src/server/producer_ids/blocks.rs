//! **Pure.** Which ids are left to give, and when the next block of them is wanted.
//!
//! ```text
//! Unwanted ──nine tenths given──> Wanted ──ask──> Asked ──answered──> Here ──give──> Unwanted
//!                                    ^              │
//!                                    └────failed────┘
//! ```
//!
//! There is one way into `Asked`, and it leads out of `Wanted` only: no second request is under way,
//! however many producers wait. And no block is ever given up for another: the next one waits until
//! the one before it is used up.

use std::ops::Range;

use crate::types::ProducerId;

/// The ids of this broker.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// What is left of the block that ids are given from.
    rest: Range<i64>,
    /// The id before which the next block is wanted.
    want_at: i64,
    next: Next,
}

/// The block after the one that ids are given from.
#[derive(Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Unwanted,
    Wanted,
    Asked,
    Here(Range<i64>),
}

impl Blocks {
    /// An id that was not given before; `None` if there is none at present. As Kafka's brokers do,
    /// wants the next block once nine tenths of this one are given, so that nobody has to wait.
    pub(super) fn give(&mut self) -> Option<ProducerId> {
        if self.rest.is_empty()
            && let Next::Here(block) = &mut self.next
        {
            self.rest = std::mem::take(block);
            self.want_at = self.rest.end - (self.rest.end - self.rest.start) / 10;
            self.next = Next::Unwanted;
        }
        let given = self.rest.next();
        if self.next == Next::Unwanted && self.rest.start >= self.want_at {
            self.next = Next::Wanted;
        }
        given.map(ProducerId)
    }

    /// Whether the controller should be asked.
    pub(super) fn is_wanted(&self) -> bool {
        self.next == Next::Wanted
    }

    /// Whether the controller is to be asked now; if so, it counts as asked.
    pub(super) fn ask(&mut self) -> bool {
        let is_wanted = self.is_wanted();
        if is_wanted {
            self.next = Next::Asked;
        }
        is_wanted
    }

    /// The controller gave a block, which is not empty.
    pub(super) fn answered(&mut self, block: Range<i64>) {
        assert_eq!(self.next, Next::Asked, "an answer follows a request");
        self.next = Next::Here(block);
    }

    /// The controller gave none; the next [`Blocks::ask`] asks again.
    pub(super) fn failed(&mut self) {
        assert_eq!(self.next, Next::Asked, "a failure follows a request");
        self.next = Next::Wanted;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What happens to the ids of a broker.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Give,
        Ask,
        Answered { count: i64 },
        Failed,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => Just(Step::Give),
            2 => Just(Step::Ask),
            2 => (1..25_i64).prop_map(|count| Step::Answered { count }),
            1 => Just(Step::Failed),
        ];
        vec(step, 0..300)
    }

    fn given(blocks: &mut Blocks, count: usize) -> Vec<Option<i64>> {
        (0..count).map(|_| blocks.give().map(|id| id.0)).collect()
    }

    /// A broker that has asked and has this block before it.
    fn with(block: Range<i64>) -> Blocks {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.give(), None);
        assert!(blocks.ask());
        blocks.answered(block);
        blocks
    }

    #[test]
    fn nothing_is_asked_for_until_a_producer_comes() {
        let mut blocks = Blocks::default();
        assert!(!blocks.ask());
        assert_eq!(blocks.give(), None);
        assert!(blocks.ask());
    }

    #[test]
    fn next_block_is_wanted_once_nine_tenths_are_given() {
        let mut blocks = with(1000..2000);
        assert_eq!(given(&mut blocks, 899).last(), Some(&Some(1898)));
        assert!(!blocks.is_wanted());
        assert_eq!(given(&mut blocks, 1), [Some(1899)]);
        assert!(blocks.is_wanted());
    }

    #[test]
    fn next_block_waits_until_this_one_is_used_up() {
        let mut blocks = with(0..10);
        assert_eq!(given(&mut blocks, 9).last(), Some(&Some(8)));
        assert!(blocks.ask());
        blocks.answered(70..80);
        assert!(!blocks.ask());
        assert_eq!(given(&mut blocks, 3), [Some(9), Some(70), Some(71)]);
    }

    #[test]
    fn late_answer_is_as_good_as_an_early_one() {
        let mut blocks = with(0..10);
        assert_eq!(given(&mut blocks, 10).last(), Some(&Some(9)));
        assert!(blocks.ask());
        assert_eq!(given(&mut blocks, 3), [None; 3]);
        blocks.answered(10..20);
        assert_eq!(given(&mut blocks, 1), [Some(10)]);
    }

    #[test]
    fn failure_is_asked_again() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.give(), None);
        assert!(blocks.ask());
        assert!(!blocks.ask());
        blocks.failed();
        assert!(blocks.ask());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_id_is_given_twice_and_no_two_requests_are_under_way(steps in steps()) {
            let mut blocks = Blocks::default();
            let (mut under_way, mut end, mut seen) = (false, 0, BTreeSet::new());
            for step in steps {
                match step {
                    Step::Give => match blocks.give() {
                        Some(id) => prop_assert!(seen.insert(id.0) && id.0 < end, "{id:?} again"),
                        // Whoever finds none can rely on it that one is on its way.
                        None => prop_assert!(under_way || blocks.is_wanted()),
                    },
                    Step::Ask => {
                        let asked = blocks.ask();
                        prop_assert!(!asked || !under_way);
                        under_way |= asked;
                    }
                    Step::Answered { count } if under_way => {
                        blocks.answered(end..end + count);
                        (end, under_way) = (end + count, false);
                    }
                    Step::Failed if under_way => {
                        blocks.failed();
                        under_way = false;
                    }
                    Step::Answered { .. } | Step::Failed => {}
                }
            }
            // No block is given up for another: whatever was answered is given in the end.
            while blocks.give().is_some_and(|id| seen.insert(id.0)) {}
            prop_assert!(seen.into_iter().eq(0..end));
        }
    }
}
