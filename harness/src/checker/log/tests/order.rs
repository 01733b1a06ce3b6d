//! The order of sends: of one call by acknowledgements alone, and of several processes among which
//! the highest is one's own.

use expect_test::expect;

use super::{send, story};
use crate::history::Phase;
use crate::verdict::AnomalyKind;

/// Nobody has read them yet: the acknowledgements alone contradict the order of the sends.
#[test]
fn int_nonmonotonic_send_of_values_that_nobody_read() {
    story()
        .sent(2, 5, 0)
        .polled(3, &[(0, 5)])
        .sent_together(1, &[(10, 2), (20, 1)])
        .check(expect![[r#"
            invalid
              int-nonmonotonic-send: one send put value 10 at offset 2 of orders-0, and then value 20 at 1 [5]
        "#]]);
}

/// What certainly failed has no order; that it is there at all is told.
#[test]
fn a_call_that_failed_has_no_order() {
    let parts = [send("orders-0", 10, 2), send("orders-0", 20, 1)];
    let judged = story()
        .sent(2, 5, 0)
        .together_but(1, Phase::Fail, &parts)
        .polled(3, &[(0, 5), (1, 20), (2, 10)])
        .judged();
    assert_eq!(judged.counts.anomalies.keys().collect::<Vec<_>>(), [&AnomalyKind::AbortedRead]);
    assert_eq!(judged.notes.findings, []);
}

/// A send that lands below its own process's last one may land below another's as well, whichever
/// of the two is the higher and was acknowledged first.
#[test]
fn realtime_inversion_below_another_when_ones_own_is_higher() {
    let both = [&AnomalyKind::NonmonotonicSend, &AnomalyKind::RealtimeInversion];
    for others_first in [true, false] {
        let begun = story().begins(1, 10).begins(2, 20);
        let acked = if others_first {
            begun.acked(1, 10, 5).acked(2, 20, 7)
        } else {
            begun.acked(2, 20, 7).acked(1, 10, 5)
        };
        let records = [(4, 30), (5, 10), (7, 20)];
        let judged = acked.sent(2, 30, 4).polled(3, &records).judged();
        assert_eq!(judged.counts.anomalies.keys().collect::<Vec<_>>(), both);
    }
}

/// The highest of all other processes counts, not the last.
#[test]
fn realtime_inversion_below_the_highest_of_the_others() {
    let judged = story()
        .begins(1, 10)
        .begins(2, 20)
        .begins(3, 30)
        .acked(1, 10, 9)
        .acked(2, 20, 8)
        .acked(3, 30, 3)
        .sent(1, 40, 6)
        .polled(4, &[(3, 30), (6, 40), (8, 20), (9, 10)])
        .judged();
    let both = [&AnomalyKind::NonmonotonicSend, &AnomalyKind::RealtimeInversion];
    assert_eq!(judged.counts.anomalies.keys().collect::<Vec<_>>(), both);
}
