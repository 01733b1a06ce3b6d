//! What the final reads say of each replica: `consumed-then-changed`, and `unseen` on one of them.
//!
//! During a run, a reader that gets less than another is merely behind. After it, when the
//! replicas have come to rest, each is read whole, and late can no longer be confused with lost:
//! whatever anybody was ever shown must be there, and so must whatever was durably acknowledged.
//! Only what was known when the final read began is held against it.

use crate::history::Key;
use crate::verdict::AnomalyKind;

use super::ledger::{FinalRead, Log, Sighting};
use super::{Case, Found};

pub(super) fn judge(case: &Case<'_>, found: &mut Found) {
    for (key, log) in &case.ledger.logs {
        for (source, read) in &log.final_reads {
            let end = match read.records.last_key_value() {
                _ if case.contract.replicas_converge => i64::MAX,
                Some((end, _)) => *end,
                None => continue,
            };
            for (offset, sightings) in log.places.range(..=end) {
                for sighting in sightings {
                    if read.records.get(offset) != Some(&sighting.value) {
                        let gone = Gone { key, log, source, read, offset: *offset, sighting };
                        gone.judge(case, found);
                    }
                }
            }
        }
    }
}

/// A record that somebody was shown and that this final read does not have.
struct Gone<'h> {
    key: &'h Key,
    log: &'h Log<'h>,
    source: &'h str,
    read: &'h FinalRead,
    offset: i64,
    sighting: &'h Sighting,
}

impl Gone<'_> {
    fn judge(&self, case: &Case<'_>, found: &mut Found) {
        let Self { key, log, source, read, offset, sighting } = *self;
        let (value, ledger) = (sighting.value, &case.ledger);
        let ended = ledger.index(read.ended);
        if sighting.first < read.began {
            if case.read_forgiven(key, offset, value) {
                return;
            }
            let operations = [ledger.index(sighting.first), ended];
            found.errors.report(AnomalyKind::ConsumedThenChanged, Some(key), &operations, || {
                let instead = match read.records.get(&offset) {
                    None => "does not have it".to_owned(),
                    Some(other) => format!("has {other} there"),
                };
                format!(
                    "value {value} was read at offset {offset} of {key}, but the final read of \
                     {source} {instead}"
                )
            });
            return;
        }
        let Some(sent) = log.sends.get(&value) else {
            return;
        };
        let acknowledged = case.kept(sent) && sent.offset == Some(offset);
        if acknowledged && case.kept_since(sent) < read.began {
            let operations = [ledger.proof(sent.call), ended];
            found.errors.report(AnomalyKind::Unseen, Some(key), &operations, || {
                format!(
                    "value {value} was acknowledged at offset {offset} of {key}, but the final \
                     read of {source} does not have it"
                )
            });
        }
    }
}
