//! One falls behind, and those who are ahead leave as it returns.
//!
//! Replicated systems are at their most fragile when the last nodes that hold everything are not
//! the first to be back. Two faults that are drawn apart from each other hardly ever make that: the
//! second must strike those who stayed, must do so before the first has caught up, and must last
//! until they are given up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Aim, ScheduledFault};
use crate::fault::Fault;
use crate::seed::Stream;

/// Who falls behind, and who leaves then; both by role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relay {
    /// The role of which one is away first, long enough to be given up.
    pub behind: String,
    /// The role that is away next. If the system resolves it to several nodes, all of them are.
    pub ahead: String,
}

/// How much time may lie between the end of the first absence and the beginning of the second.
const OVERLAP: Duration = Duration::from_millis(500);

impl Relay {
    /// The faults of one storm that begins at `at`: none in two of three storms.
    pub(super) fn draw(
        &self,
        at: Duration,
        session_timeout: Duration,
        dice: &mut Stream,
    ) -> Vec<ScheduledFault> {
        if !dice.chance(1, 3) {
            return Vec::new();
        }
        let patience = session_timeout.max(Duration::from_millis(100));
        let behind = dice.millis(patience..patience * 3);
        // From somewhat before the return of the first to somewhat after it.
        let ahead_at = (at + behind + dice.millis(Duration::ZERO..2 * OVERLAP))
            .saturating_sub(OVERLAP)
            .max(at);
        let mut absence = |role: &String, at, lasts| ScheduledFault {
            at,
            lasts: Some(lasts),
            fault: dice.pick(&[Fault::Isolate, Fault::IsolateFully, Fault::Pause]).clone(),
            aims: vec![Aim::Role { role: role.clone(), index: dice.index(64) }],
        };
        let first = absence(&self.behind, at, behind);
        let mut second = absence(&self.ahead, ahead_at, Duration::ZERO);
        second.lasts = Some(dice.millis(patience..patience * 3));
        vec![first, second]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nemesis::Nemesis;
    use crate::seed::Seed;

    const SESSION: Duration = Duration::from_secs(3);

    fn relay() -> Relay {
        Relay { behind: "laggard".to_owned(), ahead: "everybody in sync".to_owned() }
    }

    #[test]
    fn those_ahead_leave_about_when_the_first_returns() {
        let mut dice = Seed(1).stream("test");
        let at = Duration::from_secs(7);
        let drawn: Vec<Vec<ScheduledFault>> =
            (0..300).map(|_| relay().draw(at, SESSION, &mut dice)).collect();
        let relays: Vec<_> = drawn.iter().filter(|faults| !faults.is_empty()).collect();
        assert!((60..140).contains(&relays.len()), "{} of 300 storms", relays.len());
        let mut sooner = 0;
        for faults in &relays {
            let [first, second] = &faults[..] else { panic!("a relay is two faults: {faults:?}") };
            let (away, back) = (first.lasts.unwrap(), at + first.lasts.unwrap());
            assert_eq!(first.at, at);
            assert!(away >= SESSION && second.lasts.unwrap() >= SESSION);
            assert!(second.at.abs_diff(back) <= OVERLAP);
            sooner += usize::from(second.at < back);
        }
        assert!(sooner > 20 && relays.len() - sooner > 20, "{sooner} of {}", relays.len());
    }

    #[test]
    fn schedule_with_relays_is_in_order_and_within_its_time() {
        let nemesis = Nemesis::swarm().session_timeout(SESSION).relay(relay());
        for seed in 0..50 {
            let schedule = nemesis.draw(Seed(seed), 5, Duration::from_secs(20));
            assert!(schedule.faults.is_sorted_by_key(|scheduled| scheduled.at));
            assert!(schedule.faults.iter().all(|scheduled| scheduled.at < schedule.lasts));
        }
    }
}
