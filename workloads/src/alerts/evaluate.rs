//! Evaluates expressions, by Prometheus' rules.

use std::collections::BTreeMap;
use std::time::Duration;

use super::exposition::Labels;
use super::expression::{Aggregation, Expression, Operator, OverTime};
use super::series::{Points, Series};

/// The value of an expression at `now`, the time of the newest scrape: a number for each set of
/// labels, ordered by them.
#[must_use]
pub fn vector(expression: &Expression, series: &Series, now: Duration) -> Vec<(Labels, f64)> {
    match expression {
        Expression::Select(selector) => series.newest(selector),
        Expression::OverTime(what, selector, range) => {
            // A range longer than all time so far begins before it.
            let since = now.checked_sub(*range);
            let found = series.range(selector, since.unwrap_or_default());
            let grown = found.into_iter().filter_map(|(labels, points)| {
                Some((labels, growth(&points, (now, *range), *what)?))
            });
            grown.collect()
        }
        Expression::Absent(of) => match vector(of, series, now).is_empty() {
            true => vec![(Labels::new(), 1.0)],
            false => Vec::new(),
        },
        Expression::Aggregate(how, by, of) => aggregate(*how, by, vector(of, series, now)),
        Expression::Scalar(operator, of, number) => vector(of, series, now)
            .into_iter()
            .filter_map(|(labels, value)| Some((labels, apply(*operator, value, *number)?)))
            .collect(),
        Expression::Or(left, right) => {
            let mut found = vector(left, series, now);
            for (labels, value) in vector(right, series, now) {
                if found.iter().all(|(known, _)| *known != labels) {
                    found.push((labels, value));
                }
            }
            found
        }
    }
}

fn aggregate(how: Aggregation, by: &[String], of: Vec<(Labels, f64)>) -> Vec<(Labels, f64)> {
    let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
    for (mut labels, value) in of {
        labels.retain(|label, _| by.contains(label));
        groups.entry(labels).or_default().push(value);
    }
    let one = |values: Vec<f64>| match how {
        // A group is never empty, so the sum is none of nothing (which would be -0).
        Aggregation::Sum => values.iter().sum(),
        Aggregation::Min => values.into_iter().fold(f64::INFINITY, f64::min),
        Aggregation::Max => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
        Aggregation::Count => values.iter().map(|_| 1.0).sum(),
    };
    groups.into_iter().map(|(labels, values)| (labels, one(values))).collect()
}

/// A comparison keeps the value or drops it.
fn apply(operator: Operator, value: f64, number: f64) -> Option<f64> {
    let keep = |condition: bool| condition.then_some(value);
    #[expect(clippy::float_cmp, reason = "that is what == means to Prometheus")]
    match operator {
        Operator::Times => Some(value * number),
        Operator::By => Some(value / number),
        Operator::Plus => Some(value + number),
        Operator::Minus => Some(value - number),
        Operator::Greater => keep(value > number),
        Operator::AtLeast => keep(value >= number),
        Operator::Less => keep(value < number),
        Operator::AtMost => keep(value <= number),
        Operator::Equal => keep(value == number),
        Operator::Unequal => keep(value != number),
    }
}

/// By how much a counter grew in the `range` that ends `now`. A value that falls is a restart from
/// zero. As Prometheus does, what was seen is stretched towards the ends of the range, though by
/// no more than half a pause between two values if the next value is missing, and not to before
/// the counter was zero.
fn growth(points: &Points, (now, range): (Duration, Duration), what: OverTime) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let seen = (last.0 - first.0).as_secs_f64();
    if points.len() < 2 || seen <= 0.0 {
        return None;
    }
    let mut grown = last.1 - first.1;
    for pair in points.windows(2) {
        if pair[1].1 < pair[0].1 {
            grown += pair[0].1;
        }
    }
    let pauses = u32::try_from(points.len() - 1).unwrap_or(u32::MAX);
    let pause = seen / f64::from(pauses);
    let bounded = |missing: f64| if missing >= pause * 1.1 { pause / 2.0 } else { missing };
    let mut before = bounded(range.as_secs_f64() - (now - first.0).as_secs_f64());
    if grown > 0.0 {
        before = before.min(seen * first.1 / grown);
    }
    let after = bounded((now - last.0).as_secs_f64());
    let increase = grown * (seen + before + after) / seen;
    match what {
        OverTime::Increase => Some(increase),
        OverTime::Rate => Some(increase / range.as_secs_f64()),
    }
}
