//! Logs in which a control batch may be anywhere, so that only what is named has a place.

use expect_test::{Expect, expect};

use super::cases::{Case, append, case, lost, read};
use crate::checker::linearizable::log::Outcome;

/// So far away that what lies before is not kept; too far for a brute force.
const FAR: i64 = 1 << 40;

fn illegal(case: &Case, expected: &Expect) {
    expected.assert_eq(&case.told());
}

/// Whoever reads one record of a batch says where the others are.
#[test]
fn a_batch_is_bound_beyond_what_was_read_of_it() {
    let batch = |called| lost(called, &[10, 20, 30]);
    illegal(
        &case(vec![lost(0, &[1, 2, 3, 4, 5, 6, 7]), batch(5), read((0, 1), FAR, &[20])]).sparse(),
        &expect![[r#"
        read too early: offset 1099511627776 was read before value 10 was sent, which is at 1099511627775 [2, 1]
    "#]],
    );
    illegal(
        &case(vec![append((0, 9), &[40], FAR + 2), batch(0), read((1, 2), FAR, &[10])]).sparse(),
        &expect![[r#"
            disagreement: offset 1099511627778 holds value 40 and value 30 [0, 2]
        "#]],
    );
    illegal(
        &case(vec![append((0, 9), &[40], FAR - 2), batch(0), read((1, 2), FAR, &[30])]).sparse(),
        &expect![[r#"
            disagreement: offset 1099511627774 holds value 40 and value 10 [0, 2]
        "#]],
    );
    let whole = vec![batch(0), read((1, 2), FAR, &[20]), read((1, 3), FAR - 1, &[10, 20, 30])];
    assert_eq!(case(whole).sparse().judged().outcome, Outcome::Linearizable);
}
