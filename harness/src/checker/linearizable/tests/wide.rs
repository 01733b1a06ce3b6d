//! Histories in which more calls are open at once than a mask of one or two words has bits.

use super::super::models::register::Input::{Read, Write};
use super::super::models::register::Output::Value;
use super::super::models::register::Register;
use super::super::{Budget, check, wgl};
use super::{Calls, crashed, list, ok};

/// All judges say so.
fn is_linearizable(calls: &Calls<Register>) -> bool {
    let budget = Budget::steps(1_000_000);
    let found = check(&Register::new(), calls, &budget).is_linearizable();
    assert_eq!(found, wgl::check(&Register::new(), calls, &budget).is_linearizable());
    found
}

/// A write that crashed is of use to a reader that was called long before it, when hundreds were
/// open, and whose bit is in a later word than those of all the others that are still open.
#[test]
fn a_reader_of_long_ago_observes_a_crashed_write() {
    let reads = |value: Option<i64>| {
        let early = (0..70).map(|at| ok(at, 200 + at, Read, Value(None)));
        let late = (70..140).map(|at| ok(at, 500 + at, Read, Value(None)));
        let reader = ok(140, 400, Read, Value(value));
        list(early.chain(late).chain([reader, crashed(300, Write(77))]))
    };
    assert!(is_linearizable(&reads(Some(77))));
    assert!(!is_linearizable(&reads(Some(78))));
}
