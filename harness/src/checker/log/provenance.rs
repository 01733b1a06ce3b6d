//! Where values come from: `phantom`, `aborted-read`, `precommitted-read`.
//!
//! A value may be read long before its send is acknowledged, and after a send whose fate nobody
//! knows. It may never be read if nobody sent it, if its send certainly failed, or too early: before
//! its send began, or by the very call that sends it. For what a call of several parts sends is
//! shown to nobody, not even to itself, before the call is done.
//!
//! These hold for whatever a poll returned, also one that did not end well: no reader may ever be
//! shown what is not safe.

use crate::history::{Key, Phase};
use crate::verdict::AnomalyKind;

use super::calls::Call;
use super::ledger::{Ledger, Log, Sighting};
use super::{Case, Found};

pub(super) fn judge(case: &Case<'_>, found: &mut Found) {
    for (key, log) in &case.ledger.logs {
        for (offset, sightings) in &log.places {
            for sighting in sightings {
                if !log.ambiguous.contains(&sighting.value) {
                    origin(case, Place { key, log, offset: *offset, sighting }, found);
                }
            }
        }
    }
    for (number, call) in case.ledger.calls.iter().enumerate().filter(|(_, c)| c.is_several()) {
        own_values(case, (number, call), found);
    }
}

/// A call that polls what it sends itself.
fn own_values(case: &Case<'_>, (number, call): (usize, &Call<'_>), found: &mut Found) {
    let own = |key: &Key, value: u64| {
        case.ledger.sent(key, value).is_some_and(|sent| sent.call == number)
    };
    for (key, records) in call.polls().flat_map(|poll| poll.records) {
        for (offset, value) in records.iter().filter(|(_, value)| own(key, *value)) {
            let operations = [case.ledger.index(call.began), case.ledger.proof(number)];
            found.errors.report(AnomalyKind::PrecommittedRead, Some(key), &operations, || {
                format!(
                    "value {value} was read at offset {offset} of {key} by the call that sends it"
                )
            });
        }
    }
}

struct Place<'h> {
    key: &'h Key,
    log: &'h Log<'h>,
    offset: i64,
    sighting: &'h Sighting,
}

fn origin(case: &Case<'_>, place: Place<'_>, found: &mut Found) {
    let Place { key, log, offset, sighting } = place;
    let value = sighting.value;
    let ledger = &case.ledger;
    let read = ledger.index(sighting.first);
    let Some(sent) = log.sends.get(&value) else {
        found.errors.report(AnomalyKind::Phantom, Some(key), &[read], || {
            let elsewhere = sent_elsewhere(ledger, value);
            format!("value {value} was read at offset {offset} of {key}, {elsewhere}")
        });
        return;
    };
    let call = &ledger.calls[sent.call];
    if call.began > sighting.first {
        let operations = [read, ledger.index(call.began)];
        found.errors.report(AnomalyKind::PrecommittedRead, Some(key), &operations, || {
            format!("value {value} was read at offset {offset} of {key} before it was sent")
        });
    } else if sent.outcome == Phase::Fail {
        let operations = [ledger.proof(sent.call), read];
        found.errors.report(AnomalyKind::AbortedRead, Some(key), &operations, || {
            format!("value {value} was read at offset {offset} of {key}, but its send had failed")
        });
    }
}

fn sent_elsewhere(ledger: &Ledger<'_>, value: u64) -> String {
    match ledger.logs.iter().find(|(_, log)| log.sends.contains_key(&value)) {
        None => "but nobody sent it".to_owned(),
        Some((key, _)) => format!("but it was sent to {key}"),
    }
}
