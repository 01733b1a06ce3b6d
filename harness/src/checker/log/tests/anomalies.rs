//! Each anomaly as a story of a few operations. The numbers in brackets are operations: every
//! line of a story is two, an invocation and a completion.

use expect_test::expect;

use super::story;
use crate::checker::log::{Duplicates, Guarantee};

/// Two replicas lead at once, and both let readers see what they hold.
#[test]
fn inconsistent_offsets_two_readers_see_two_values() {
    story()
        .sent(1, 10, 0)
        .timed_out(2, &[20])
        .polled_from("n1", 3, &[(0, 10)])
        .polled_from("n2", 4, &[(0, 20)])
        .check(expect![[r#"
            invalid
              inconsistent-offsets: offset 0 of orders-0 was read as 10 and as 20 [5, 7]
        "#]]);
}

/// A durable record was acknowledged by a replica that was not the only one to give out offset 0.
#[test]
fn inconsistent_offsets_two_acknowledgements_of_one_offset() {
    story().sent(1, 10, 0).sent(2, 20, 0).sent(1, 30, 1).polled(3, &[(1, 30)]).check(expect![[
        r#"
        invalid
          inconsistent-offsets: offset 0 of orders-0 was acknowledged for 10 and for 20 [1, 3]
    "#
    ]]);
}

/// The retry of an idempotent send was appended again, because the new epoch forgot its sequence.
#[test]
fn duplicate_of_an_idempotent_send() {
    story().resent_idempotent(1, 10, 0).polled(2, &[(0, 10), (1, 10)]).check(expect![[r#"
        invalid
          duplicate: idempotent value 10 is at offsets 0 and 1 of orders-0 [1, 3]
    "#]]);
}

/// The client sent it once, and the log has it twice.
#[test]
fn duplicate_without_a_retry() {
    story().sent(1, 10, 0).sent(1, 20, 1).polled(2, &[(0, 10), (1, 20), (2, 10)]).check(expect![[
        r#"
            invalid
              duplicate: value 10 is at offsets 0 and 2 of orders-0 [1, 5]
        "#
    ]]);
}

/// The contract may forbid duplicates for those who send again, too.
#[test]
fn duplicate_where_the_contract_forbids_it() {
    story()
        .under(|contract| contract.duplicates = Duplicates::Never)
        .resent(1, 10, 1)
        .polled(2, &[(0, 10), (1, 10)])
        .check(expect![[r#"
            invalid
              duplicate: value 10 is at offsets 0 and 1 of orders-0 [1, 3]
        "#]]);
}

/// A replica that lacked the record came to lead. The next record took another place, and readers
/// went past.
#[test]
fn lost_write_readers_went_past() {
    story().sent(1, 10, 0).sent(1, 20, 1).assigned(2, 0).polled(2, &[(1, 20)]).check(expect![[r#"
        invalid
          lost-write: durable value 10, acknowledged at offset 0 of orders-0, is not there, though a reader went past its place [1, 7]
        lost 1 of 2 durable, 0 explained, 1 not
    "#]]);
}

/// The same, and another record took the very offset.
#[test]
fn lost_write_replaced_by_another_value() {
    story().sent(1, 10, 0).timed_out(2, &[20]).polled(3, &[(0, 20)]).check(expect![[r#"
        invalid
          inconsistent-offsets: offset 0 of orders-0 was acknowledged for 10 and read as 20 [1, 5]
          lost-write: durable value 10, acknowledged at offset 0 of orders-0, is not there, though a reader went past its place [1, 5]
        lost 1 of 1 durable, 0 explained, 1 not
    "#]]);
}

/// A read by a poll that broke off does not discharge the promise: one that did not was led past.
#[test]
fn lost_write_seen_only_by_a_poll_that_broke_off() {
    story()
        .sent_together(1, &[(10, 0), (20, 1)])
        .assigned(2, 0)
        .poll_broke_off(2, &[(0, 10)])
        .assigned(3, 0)
        .polled(3, &[(1, 20)])
        .check(expect![[r#"
            invalid
              lost-write: durable value 10, acknowledged at offset 0 of orders-0, is not there, though a reader went past its place [1, 9]
              poll-skip: process 3 stood at offset 0 of orders-0 and was given 1, though there is a record at 0 [5, 9]
            lost 1 of 2 durable, 0 explained, 1 not
        "#]]);
}

/// The tail was cut off when the epoch changed, and nothing came after it.
#[test]
fn unseen_the_last_record_is_gone() {
    story()
        .sent(1, 10, 0)
        .sent(1, 20, 1)
        .finally("n1", &[(0, 10)])
        .finally("n2", &[(0, 10)])
        .check(expect![[r#"
            invalid
              unseen: durable value 20, acknowledged at offset 1 of orders-0, is in none of the final reads [3, 7]
            lost 1 of 2 durable, 0 explained, 1 not
        "#]]);
}

/// One replica never got the record that all in-sync replicas are said to have.
#[test]
fn unseen_on_one_replica() {
    story()
        .sent(1, 10, 0)
        .sent(1, 20, 1)
        .finally("n1", &[(0, 10)])
        .finally("n2", &[(0, 10), (1, 20)])
        .check(expect![[r#"
            invalid
              unseen: value 20 was acknowledged at offset 1 of orders-0, but the final read of n1 does not have it [3, 5]
        "#]]);
}

/// Half of a batch was cut off.
#[test]
fn unseen_half_of_a_send_that_appears_whole_or_not_at_all() {
    story()
        .under(|contract| contract.atomic_sends = true)
        .sent(1, 5, 0)
        .timed_out(1, &[10, 20])
        .polled(2, &[(0, 5), (1, 10)])
        .finally("n1", &[(0, 5), (1, 10)])
        .check(expect![[r#"
            invalid
              unseen: value 20, sent to orders-0 together with one that was read, is in none of the final reads [3, 7]
        "#]]);
}

/// Nobody can say why a volatile record is gone.
#[test]
fn an_unexplained_loss_is_an_error_even_of_a_volatile_send() {
    story()
        .sent(1, 10, 0)
        .volatile(1, 20, 1)
        .volatile(1, 30, 1)
        .fired(1, 40)
        .because(20, "its replica was cut off")
        .finally("n1", &[(0, 10)])
        .check(expect![[r#"
            invalid
              unseen (one of 2): volatile value 30, acknowledged at offset 1 of orders-0, is in none of the final reads [5, 9]
              unseen (one of 2): fire-and-forget value 40, sent to orders-0, is in none of the final reads [7, 9]
            lost 2 of 2 volatile, 1 explained, 1 not
            lost 1 of 1 fire-and-forget, 0 explained, 1 not
              1 because its replica was cut off
        "#]]);
}

/// Recovery read bytes that were never written.
#[test]
fn phantom_of_a_torn_disk() {
    story().sent(1, 10, 0).polled(2, &[(0, 10), (1, 4_919_131)]).check(expect![[r#"
        invalid
          phantom: value 4919131 was read at offset 1 of orders-0, but nobody sent it [3]
    "#]]);
}

/// A record was appended to the wrong log.
#[test]
fn phantom_of_another_log() {
    story()
        .sent(1, 10, 0)
        .on("payments-0")
        .sent(1, 20, 0)
        .polled(2, &[(0, 20), (1, 10)])
        .on("orders-0")
        .polled(3, &[(0, 10)])
        .check(expect![[r#"
            invalid
              phantom: value 10 was read at offset 1 of payments-0, but it was sent to orders-0 [5]
        "#]]);
}

/// The client was told that too few replicas were in sync and that nothing was appended.
#[test]
fn aborted_read_of_a_refused_send() {
    story().sent(1, 10, 0).refused(1, 20).polled(2, &[(0, 10), (1, 20)]).check(expect![[r#"
        invalid
          aborted-read: value 20 was read at offset 1 of orders-0, but its send had failed [3, 5]
    "#]]);
}

/// A value was there before anybody sent it.
#[test]
fn precommitted_read_from_the_future() {
    story().sent(1, 10, 0).polled(2, &[(0, 10), (1, 20)]).sent(1, 20, 1).check(expect![[r#"
        invalid
          precommitted-read: value 20 was read at offset 1 of orders-0 before it was sent [3, 4]
    "#]]);
}

/// A fetch left out a batch in the middle.
#[test]
fn int_poll_skip_of_a_batch() {
    story()
        .sent_together(1, &[(10, 0), (20, 1), (30, 2)])
        .polled(2, &[(0, 10), (1, 20)])
        .polled(3, &[(0, 10), (2, 30)])
        .check(expect![[r#"
            invalid
              int-poll-skip: process 3 stood at offset 1 of orders-0 and was given 2, though there is a record at 1 [3, 5]
        "#]]);
}

/// A fetch returned two segments in the wrong order.
#[test]
fn int_nonmonotonic_poll_of_two_segments() {
    story()
        .sent_together(1, &[(10, 0), (20, 1), (30, 2)])
        .polled(2, &[(1, 20), (2, 30), (0, 10)])
        .check(expect![[r#"
            invalid
              int-nonmonotonic-poll: one poll returned offset 0 of orders-0 after offset 2 [3]
        "#]]);
}

/// The reader was moved to another replica, which sent it on too far.
#[test]
fn poll_skip_across_replicas() {
    story()
        .sent_together(1, &[(10, 0), (20, 1), (30, 2)])
        .polled_from("n1", 2, &[(0, 10)])
        .polled_from("n2", 2, &[])
        .polled_from("n2", 2, &[(2, 30)])
        .polled(3, &[(1, 20)])
        .check(expect![[r#"
            invalid
              poll-skip: process 2 stood at offset 1 of orders-0 and was given 2, though there is a record at 1 [9, 7]
        "#]]);
}

/// A reader that was assigned to the start of the log began in its middle.
#[test]
fn poll_skip_after_an_assignment() {
    story()
        .sent_together(1, &[(10, 0), (20, 1)])
        .polled(2, &[(0, 10)])
        .assigned(3, 0)
        .polled(3, &[(1, 20)])
        .check(expect![[r#"
            invalid
              poll-skip: process 3 stood at offset 0 of orders-0 and was given 1, though there is a record at 0 [3, 7]
        "#]]);
}

/// The reader was moved to another replica, which served it a batch that it had.
#[test]
fn nonmonotonic_poll_reads_again() {
    story()
        .sent_together(1, &[(10, 0), (20, 1)])
        .polled_from("n1", 2, &[(0, 10), (1, 20)])
        .polled_from("n2", 2, &[(1, 20)])
        .check(expect![[r#"
            invalid
              nonmonotonic-poll: process 2 stood at offset 2 of orders-0 and was given 1 [3, 5]
        "#]]);
}

/// Batches of one pipelined send were appended in the wrong order.
#[test]
fn int_nonmonotonic_send_of_a_pipeline() {
    story()
        .sent_together(1, &[(10, 1), (20, 0)])
        .polled(2, &[(0, 20), (1, 10)])
        .check(expect![[r#"
            invalid
              int-nonmonotonic-send: one send put value 10 at offset 1 of orders-0, and then value 20 at 0 [1, 3]
        "#]]);
}

/// A process sent one thing after the other, and the log has them the other way round.
#[test]
fn nonmonotonic_send_of_one_process() {
    story().sent(1, 10, 1).sent(1, 20, 0).polled(2, &[(0, 20), (1, 10)]).check(expect![[r#"
        invalid
          nonmonotonic-send: value 10 was acknowledged at offset 1 of orders-0 before value 20 was sent, which landed at 0 [1, 2, 3]
    "#]]);
}

/// Also volatile sends keep their order if both of them are there in the end.
#[test]
fn nonmonotonic_send_of_volatile_values_that_survive() {
    story()
        .volatile(1, 10, 1)
        .volatile(1, 20, 0)
        .polled(2, &[(0, 20), (1, 10)])
        .check(expect![[r#"
            invalid
              nonmonotonic-send: value 10 was acknowledged at offset 1 of orders-0 before value 20 was sent, which landed at 0 [1, 2, 3]
        "#]]);
}

/// A deposed replica acknowledged what it alone had, into the past of what others had been told.
#[test]
fn realtime_inversion_of_two_processes() {
    story()
        .begins(1, 10)
        .acked(1, 10, 1)
        .begins(2, 20)
        .acked(2, 20, 0)
        .polled(3, &[(0, 20), (1, 10)])
        .check(expect![[r#"
            invalid
              realtime-inversion: value 10 was acknowledged at offset 1 of orders-0 before value 20 was sent, which landed at 0 [1, 2, 3]
        "#]]);
}

/// An answer went to the wrong request.
#[test]
fn offset_mismatch_of_two_answers() {
    story()
        .begins(1, 10)
        .begins(2, 20)
        .acked(1, 10, 1)
        .acked(2, 20, 0)
        .polled(3, &[(0, 10), (1, 20)])
        .check(expect![[r#"
            invalid
              offset-mismatch (one of 2): value 10 was acknowledged at offset 1 of orders-0 and read at 0 [2, 5]
              offset-mismatch (one of 2): value 20 was acknowledged at offset 0 of orders-0 and read at 1 [3, 5]
        "#]]);
}

/// A retry was acknowledged at an offset where there is something else.
#[test]
fn offset_mismatch_of_a_retry() {
    story()
        .resent(1, 10, 1)
        .begins(2, 20)
        .acked(2, 20, 2)
        .finally("n1", &[(0, 10), (2, 20)])
        .check(expect![[r#"
            invalid
              offset-mismatch: value 10 was acknowledged at offset 1 of orders-0 and read at 0 [1, 5]
        "#]]);
}

/// A reader was shown what was not yet safe, and a new epoch cut it off.
#[test]
fn consumed_then_changed_a_read_record_is_gone() {
    story()
        .sent(1, 10, 0)
        .timed_out(1, &[20])
        .polled(2, &[(0, 10), (1, 20)])
        .finally("n1", &[(0, 10)])
        .check(expect![[r#"
            invalid
              consumed-then-changed: value 20 was read at offset 1 of orders-0, but the final read of n1 does not have it [5, 7]
        "#]]);
}

/// A replica that did not cut off its tail differs from the others for ever.
#[test]
fn consumed_then_changed_a_replica_differs() {
    story()
        .sent(1, 10, 0)
        .timed_out(2, &[20])
        .finally("n1", &[(0, 10)])
        .finally("n2", &[(0, 20)])
        .check(expect![[r#"
            invalid
              inconsistent-offsets: offset 0 of orders-0 was read as 10 and as 20 [5, 7]
              consumed-then-changed: value 10 was read at offset 0 of orders-0, but the final read of n2 has 20 there [5, 7]
        "#]]);
}

/// A replica that had just come to lead answered before it knew what was committed.
#[test]
fn latest_backwards_in_a_newer_epoch() {
    story().sent(1, 10, 0).polled(2, &[(0, 10)]).ends(2, 1, 4).ends(3, 0, 5).check(expect![[r#"
        invalid
          latest-backwards: orders-0 ended at offset 1 in epoch 4, and later at 0 in epoch 5 [5, 6, 7]
    "#]]);
}

/// Every client was cut off from the beginning.
#[test]
fn vacuous_nothing_happened() {
    story().timed_out(1, &[10]).polled(2, &[]).check(expect![[r#"
        invalid
          vacuous (one of 2): nothing was acknowledged
          vacuous (one of 2): nothing was read back
    "#]]);
}

/// Not an anomaly, but no pass either: without a final read, nobody knows.
#[test]
fn unknown_while_late_cannot_be_told_from_lost() {
    story().sent(1, 10, 0).polled(2, &[(0, 10)]).sent(1, 20, 1).check(expect![[r#"
        unknown: 1 of the acknowledged values of orders-0 were never read, and no final read tells late from lost
    "#]]);
}

/// A value that is sent twice names no call.
#[test]
fn unknown_when_the_history_contradicts_itself() {
    story()
        .sent(1, 10, 0)
        .sent(1, 20, 1)
        .sent(1, 20, 2)
        .polled(2, &[(0, 10), (1, 20), (2, 20)])
        .acked(7, 30, 3)
        .check(expect![[r#"
            unknown: the history contradicts itself: operation 8: process 7 has no call open (and 1 more); 1 of the acknowledged values of orders-0 were never read, and no final read tells late from lost
        "#]]);
}

/// Examples are capped, counts are not.
#[test]
fn a_thousand_anomalies_are_counted_and_few_are_told() {
    let phantoms: Vec<(i64, u64)> = (1..1001_u32).map(|n| (n.into(), n.into())).collect();
    let judged = story().sent(1, 0, 0).polled(2, &[(0, 0)]).polled(2, &phantoms).judged();
    assert_eq!(judged.verdict.anomalies().len(), 8);
    assert!(judged.verdict.anomalies().iter().all(|anomaly| anomaly.total == 1000));
    assert_eq!(judged.counts.anomalies.values().sum::<u64>(), 1000);
}

/// Where even reads may be undone, only what has no reason is an error.
#[test]
fn undone_reads_are_excused_only_for_a_reason() {
    let weak = || {
        story()
            .under(|contract| {
                contract.durable = Guarantee::LossExplained;
                contract.reads = Guarantee::LossExplained;
            })
            .sent(1, 10, 0)
            .sent(1, 20, 1)
            .polled(2, &[(0, 10), (1, 20)])
            .sent(1, 30, 1)
            .polled(2, &[(1, 30)])
            .finally("n1", &[(0, 10), (1, 30)])
    };
    weak().because(20, "a replica out of sync was elected").check(expect![[r#"
        valid
        note nonmonotonic-poll: process 2 stood at offset 2 of orders-0 and was given 1 [5, 9]
        lost 1 of 3 durable, 1 explained, 0 not
          1 because a replica out of sync was elected
    "#]]);
    weak().check(expect![[r#"
        invalid
          inconsistent-offsets: offset 1 of orders-0 was read as 20 and as 30 [5, 9]
          consumed-then-changed: value 20 was read at offset 1 of orders-0, but the final read of n1 has 30 there [5, 11]
        note nonmonotonic-poll: process 2 stood at offset 2 of orders-0 and was given 1 [5, 9]
        lost 1 of 3 durable, 0 explained, 1 not
    "#]]);
}
