//! Monitoring as in production: a scraper, the operator's alert rules, and when each alert fired.
//!
//! The rules are the file that is given to Prometheus, `src/monitoring/alerts.yml`; the numbers are
//! the pages that it would be given, fetched over the simulated network from every node, every
//! fifteen seconds. A broker that is paused does not answer, one that is cut off cannot be reached:
//! so an alert is worth here what it is worth at night.
//!
//! [`rules`] reads the file, [`expression`] the part of PromQL that it uses, [`exposition`] the pages.
//! [`Evaluator`] puts them together, [`monitor`] has the words of a story. [`at_rest`] asks more of
//! the same pages: what every gauge must say once nothing is wrong any more.
//!
//! Values are floating point numbers, since that is what Prometheus calculates with.

pub mod at_rest;
pub mod evaluate;
pub mod exposition;
pub mod expression;
pub mod monitor;
pub mod rules;
pub mod series;
pub mod yaml;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use exposition::Labels;
use rules::{Rule, Rules, Severity};
use series::{Scrape, Series};

/// An alert that has fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The rule's name.
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about; empty if the rule sums everything up.
    pub labels: Labels,
    /// The rule's value when it fired.
    pub value: f64,
    /// When the condition was first seen.
    pub since: Duration,
    /// When it had held for long enough.
    pub fired_at: Duration,
    /// When it was first seen not to hold any more; `None` while it fires.
    pub resolved_at: Option<Duration>,
}

impl Alert {
    /// Whether it fires now.
    #[must_use]
    pub fn is_firing(&self) -> bool {
        self.resolved_at.is_none()
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, severity, value, .. } = self;
        write!(f, "{:.0}s {severity} {name}", self.fired_at.as_secs_f64())?;
        for (label, value) in &self.labels {
            write!(f, " {label}={value}")?;
        }
        write!(f, " at {value}")?;
        match self.resolved_at {
            Some(at) => write!(f, ", resolved at {:.0}s", at.as_secs_f64()),
            None => f.write_str(", still firing"),
        }
    }
}

/// Evaluates rules on scrapes as they come.
#[derive(Debug)]
pub struct Evaluator {
    rules: Rules,
    series: Series,
    /// By rule and labels, while the condition holds: since when, and where it is in `alerts` once
    /// it has fired.
    active: BTreeMap<(usize, Labels), (Duration, Option<usize>)>,
    alerts: Vec<Alert>,
}

impl Evaluator {
    /// Nothing has been scraped yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let series = Series::new(rules.longest_range());
        Self { rules, series, active: BTreeMap::new(), alerts: Vec::new() }
    }

    /// Every alert that has fired, in order.
    #[must_use]
    pub fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// When the last scrape began.
    #[must_use]
    pub fn scraped_at(&self) -> Option<Duration> {
        self.series.newest_at()
    }

    /// Takes a scrape in and evaluates every rule. Scrapes come in order of time.
    pub fn take(&mut self, scrape: Scrape) {
        let now = scrape.at;
        self.series.push(scrape);
        for index in 0..self.rules.rules.len() {
            self.evaluate(index, now);
        }
    }

    fn evaluate(&mut self, index: usize, now: Duration) {
        let rule = &self.rules.rules[index];
        let found = evaluate::vector(&rule.expression, &self.series, now);
        let held: Vec<Labels> =
            self.active.keys().filter(|key| key.0 == index).map(|key| key.1.clone()).collect();
        for labels in held {
            if found.iter().all(|(other, _)| *other != labels)
                && let Some((_, Some(fired))) = self.active.remove(&(index, labels))
            {
                self.alerts[fired].resolved_at = Some(now);
            }
        }
        for (labels, value) in found {
            let key = (index, labels);
            let (since, fired) = self.active.entry(key.clone()).or_insert((now, None));
            if fired.is_none() && now - *since >= rule.lasts {
                *fired = Some(self.alerts.len());
                self.alerts.push(fire(rule, key.1, value, (*since, now)));
            }
        }
    }
}

fn fire(rule: &Rule, labels: Labels, value: f64, (since, now): (Duration, Duration)) -> Alert {
    Alert {
        name: rule.name.clone(),
        severity: rule.severity,
        labels,
        value,
        since,
        fired_at: now,
        resolved_at: None,
    }
}

#[cfg(test)]
mod tests;
