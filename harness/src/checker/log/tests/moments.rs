//! Calls that are one moment: completions of calls that nobody began. Such a history is undecided
//! at best, and nothing in it is before or after itself.

use std::collections::BTreeMap;

use expect_test::expect;

use super::{read, send, story};
use crate::history::{Action, Key, Phase, Promise};

/// What ended with a final read was not there before that began.
#[test]
fn a_final_read_does_not_owe_what_its_own_call_did() {
    let last = |records: &[(i64, u64)]| {
        let records = BTreeMap::from([(Key::from("orders-0"), records.to_vec())]);
        Action::last_poll("n1").polled(records)
    };
    let resent = Action::send("orders-0", vec![40], Promise::Durable, false);
    let resent = resent.sent(vec![Some(7)], true);
    let [found, unread] = [send("orders-0", 20, 1), send("orders-0", 30, 9)];
    let shown = read("orders-0", &[(0, 10)]);
    story()
        .begins(2, 10)
        .closes(1, Phase::Ok, &[found, resent, unread, shown, last(&[])])
        .acked(2, 10, 0)
        .polled(3, &[(0, 10), (1, 20), (3, 40)])
        .check(expect![[r#"
            unknown: the history contradicts itself: operation 1: process 1 has no call open; 1 of the acknowledged values of orders-0 were never read, and no final read tells late from lost
        "#]]);
}

/// It sends what it reads, which is wrong already, but it does not read before it sends.
#[test]
fn a_call_is_not_before_itself() {
    story()
        .closes(1, Phase::Ok, &[send("orders-0", 10, 0), read("orders-0", &[(0, 10)])])
        .check(expect![[r#"
            invalid
              precommitted-read: value 10 was read at offset 0 of orders-0 by the call that sends it [0]
        "#]]);
}
