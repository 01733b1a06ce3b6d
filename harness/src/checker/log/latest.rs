//! Where a log ends: `latest-backwards`.
//!
//! An answer given in an older epoch may be lower than one that somebody else has had already:
//! a deposed replica does not know better. But among answers that follow one another in real time
//! and come from epochs that do not fall, the end never goes back. An answer without its epoch
//! cannot be judged.

use std::collections::BTreeMap;

use crate::history::{Action, Key, Phase};
use crate::verdict::AnomalyKind;

use super::contract::Guarantee;
use super::{Case, Found};

/// The highest end so far, per epoch; ends grow with epochs, since lower ones are forgotten.
type Stairs = BTreeMap<i32, (i64, usize)>;

pub(super) fn judge(case: &Case<'_>, found: &mut Found) {
    let mut moments: Vec<(usize, &Key, Answer)> = Vec::new();
    for call in &case.ledger.calls {
        if let (
            Action::Latest { key, end_offset: Some(end), epoch: Some(epoch) },
            Phase::Ok,
            Some(ended),
        ) = (call.action, call.outcome, call.ended)
        {
            let answer = Answer { end: *end, epoch: *epoch, began: call.began, ended };
            moments.push((call.began, key, answer));
            moments.extend((ended != call.began).then_some((ended, key, answer)));
        }
    }
    moments.sort_unstable_by_key(|(moment, ..)| *moment);
    let mut stairs: BTreeMap<&Key, Stairs> = BTreeMap::new();
    for (moment, key, answer) in moments {
        let stairs = stairs.entry(key).or_default();
        if moment == answer.began {
            compare(case, (key, stairs, answer), found);
        }
        if moment == answer.ended {
            climb(stairs, answer);
        }
    }
}

#[derive(Clone, Copy)]
struct Answer {
    end: i64,
    epoch: i32,
    began: usize,
    ended: usize,
}

fn compare(case: &Case<'_>, (key, stairs, answer): (&Key, &Stairs, Answer), found: &mut Found) {
    let Some((epoch, (end, moment))) = stairs.range(..=answer.epoch).next_back() else {
        return;
    };
    if *end <= answer.end {
        return;
    }
    let stays = case.contract.reads == Guarantee::Kept;
    let to = if stays { &mut found.errors } else { &mut found.notes };
    let operations = [*moment, answer.began, answer.ended].map(|moment| case.ledger.index(moment));
    to.report(AnomalyKind::LatestBackwards, Some(key), &operations, || {
        let Answer { end: now, epoch: now_in, .. } = answer;
        format!(
            "{key} ended at offset {end} in epoch {epoch}, and later at {now} in epoch {now_in}"
        )
    });
}

fn climb(stairs: &mut Stairs, answer: Answer) {
    let below = stairs.range(..=answer.epoch).next_back();
    if below.is_some_and(|(_, (end, _))| *end >= answer.end) {
        return;
    }
    while let Some((epoch, (end, _))) = stairs.range(answer.epoch..).next() {
        if *end > answer.end {
            break;
        }
        let epoch = *epoch;
        stairs.remove(&epoch);
    }
    stairs.insert(answer.epoch, (answer.end, answer.ended));
}
