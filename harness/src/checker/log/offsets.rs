//! What lies where: `inconsistent-offsets`, `duplicate`, `offset-mismatch`.
//!
//! An acknowledged offset is a fact only if the contract keeps the promise behind it. A volatile
//! record may be acknowledged, cut off, and its offset given to another value: the first is a loss
//! then (see `losses`), and nothing here is inconsistent, since nobody ever read it. What was
//! *read* at an offset is a fact for ever.

use std::collections::BTreeMap;

use crate::history::{Key, Phase};
use crate::verdict::AnomalyKind;

use super::contract::{Duplicates, Guarantee};
use super::ledger::{Log, Sent, Sighting};
use super::{Case, Found};

pub(super) fn judge(case: &Case<'_>, found: &mut Found) {
    for (key, log) in &case.ledger.logs {
        read_twice(case, (key, log), found);
        acknowledged_over(case, (key, log), found);
        for (value, sent) in &log.sends {
            if sent.outcome != Phase::Fail {
                duplicate(case, Subject { key, log, value: *value, sent }, found);
                mismatch(case, Subject { key, log, value: *value, sent }, found);
            }
        }
    }
}

struct Subject<'h> {
    key: &'h Key,
    log: &'h Log<'h>,
    value: u64,
    sent: &'h Sent,
}

impl Case<'_> {
    /// Whether this acknowledgement is a fact: the value is at its offset and stays there. If the
    /// fate of its call was unknown, but the call proved to be real, so did what it was told.
    pub(super) fn kept(&self, sent: &Sent) -> bool {
        let real = sent.outcome == Phase::Ok || self.proven(sent).is_some();
        real && self.contract.guarantee(sent.promise) == Guarantee::Kept
    }

    /// The moment at which a call of unknown fate proved to be real, as long as what was read
    /// stays.
    pub(super) fn proven(&self, sent: &Sent) -> Option<usize> {
        sent.proven.filter(|_| self.contract.reads == Guarantee::Kept)
    }

    /// The moment from which a kept acknowledgement holds.
    pub(super) fn kept_since(&self, sent: &Sent) -> usize {
        let ended = self.ledger.calls[sent.call].last();
        sent.proven.map_or(ended, |proven| proven.max(ended))
    }

    /// Whether the value may legally be found twice.
    pub(super) fn may_repeat(&self, sent: &Sent) -> bool {
        self.contract.duplicates == Duplicates::IfRetried && sent.retried && !sent.idempotent
    }

    /// Whether the contract lets a record that was read be contradicted or gone.
    pub(super) fn read_forgiven(&self, key: &Key, offset: i64, value: u64) -> bool {
        match self.contract.reads {
            Guarantee::Kept => false,
            Guarantee::LossExplained => self.explain.explain(key, Some(offset), value).is_some(),
            Guarantee::LossCounted => true,
        }
    }
}

/// Two values were read at one offset.
fn read_twice(case: &Case<'_>, (key, log): (&Key, &Log<'_>), found: &mut Found) {
    for (offset, sightings) in &log.places {
        if sightings.len() < 2 {
            continue;
        }
        let stands = |s: &&Sighting| !case.read_forgiven(key, *offset, s.value);
        let mut standing: Vec<&Sighting> = sightings.iter().filter(stands).collect();
        if standing.len() < 2 {
            continue;
        }
        standing.sort_by_key(|sighting| sighting.first);
        let operations: Vec<u64> =
            standing.iter().map(|sighting| case.ledger.index(sighting.first)).collect();
        found.errors.report(AnomalyKind::InconsistentOffsets, Some(key), &operations, || {
            let values: Vec<_> = standing.iter().map(|s| s.value.to_string()).collect();
            format!("offset {offset} of {key} was read as {}", values.join(" and as "))
        });
    }
}

/// A kept acknowledgement names an offset at which another value was read or acknowledged.
///
/// If the value itself was found elsewhere, that is `offset-mismatch`, and is not told twice.
fn acknowledged_over(case: &Case<'_>, (key, log): (&Key, &Log<'_>), found: &mut Found) {
    let mut claims: BTreeMap<i64, (u64, &Sent)> = BTreeMap::new();
    for (value, sent) in &log.sends {
        let Some(offset) = sent.offset.filter(|_| case.kept(sent) && sent.seen.is_empty()) else {
            continue;
        };
        let acknowledged = case.ledger.proof(sent.call);
        let stands = |s: &&Sighting| !case.read_forgiven(key, offset, s.value);
        let read = log.places.get(&offset).and_then(|place| place.iter().find(stands));
        if let Some(read) = read {
            let operations = [acknowledged, case.ledger.index(read.first)];
            found.errors.report(AnomalyKind::InconsistentOffsets, Some(key), &operations, || {
                let other = read.value;
                format!("offset {offset} of {key} was acknowledged for {value} and read as {other}")
            });
        } else if let Some((other, first)) = claims.insert(offset, (*value, sent)) {
            let operations = [case.ledger.proof(first.call), acknowledged];
            found.errors.report(AnomalyKind::InconsistentOffsets, Some(key), &operations, || {
                format!("offset {offset} of {key} was acknowledged for {other} and for {value}")
            });
        }
    }
}

/// One value was read at two offsets.
fn duplicate(case: &Case<'_>, subject: Subject<'_>, found: &mut Found) {
    let Subject { key, log, value, sent } = subject;
    if sent.seen.len() < 2 {
        return;
    }
    let stands = |offset: &&i64| !case.read_forgiven(key, **offset, value);
    let standing: Vec<i64> = sent.seen.iter().filter(stands).copied().collect();
    if standing.len() < 2 {
        return;
    }
    let mut operations = vec![case.ledger.proof(sent.call)];
    let sightings = standing.iter().filter_map(|offset| log.sighting(*offset, value));
    operations.extend(sightings.map(|sighting| case.ledger.index(sighting.first)));
    let to = if case.may_repeat(sent) { &mut found.notes } else { &mut found.errors };
    to.report(AnomalyKind::Duplicate, Some(key), &operations, || {
        let offsets: Vec<_> = standing.iter().map(i64::to_string).collect();
        let sort = if sent.idempotent { "idempotent " } else { "" };
        format!("{sort}value {value} is at offsets {} of {key}", offsets.join(" and "))
    });
}

/// A value was found, but not where it was acknowledged.
///
/// Without a kept promise, the acknowledged copy of a value that was sent twice may be cut off
/// while the other one survives. With one, the other copy may merely have been found first.
fn mismatch(case: &Case<'_>, subject: Subject<'_>, found: &mut Found) {
    let Subject { key, log, value, sent } = subject;
    let (Some(offset), Some(elsewhere)) = (sent.offset, sent.seen.first()) else {
        return;
    };
    let acknowledged = sent.outcome == Phase::Ok || case.kept(sent);
    if !acknowledged || sent.seen.contains(&offset) {
        return;
    }
    let since = case.kept_since(sent);
    let looked =
        log.places.contains_key(&offset) || log.final_reads.values().any(|read| read.began > since);
    let certain = if case.kept(sent) { !case.may_repeat(sent) || looked } else { !sent.retried };
    if !certain || case.read_forgiven(key, *elsewhere, value) {
        return;
    }
    let mut operations = vec![case.ledger.proof(sent.call)];
    operations.extend(log.sighting(*elsewhere, value).map(|s| case.ledger.index(s.first)));
    found.errors.report(AnomalyKind::OffsetMismatch, Some(key), &operations, || {
        format!(
            "value {value} was acknowledged at offset {offset} of {key} and read at {elsewhere}"
        )
    });
}
