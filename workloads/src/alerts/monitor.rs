//! The scraper in the simulated network, and the words of a story for what it makes of it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use harness::cluster::Cluster;
use harness::system::ClientEnv;
use highwater::host::Host;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use super::exposition::{Labels, Sample, parse};
use super::rules::Rules;
use super::series::Scrape;
use super::{Alert, Evaluator};
use crate::settings::{ClusterSettings, METRICS_PORT};
use crate::sim_host;
use crate::system::Brokers;

/// How long a node may take to answer, as in Prometheus.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a story waits for an alert; `for` may be minutes.
const ALERT_MAX: Duration = Duration::from_secs(600);
/// Bytes of an answer that are read at most.
const PAGE_MAX: u64 = 4 * 1024 * 1024;
/// What the scraper calls its targets, as the rules know them.
const JOB: &str = "highwater";

/// A scraper's rules and what came of them; shared by it and whoever looks.
#[derive(Clone, Debug)]
pub struct Monitoring {
    evaluator: Arc<Mutex<Evaluator>>,
}

impl Monitoring {
    fn new(rules: Rules) -> Self {
        Self { evaluator: Arc::new(Mutex::new(Evaluator::new(rules))) }
    }

    fn lock(&self) -> MutexGuard<'_, Evaluator> {
        self.evaluator.lock().expect("evaluating a rule does not panic")
    }
}

/// What an operator's monitoring does and says.
pub trait Monitored {
    /// Starts to scrape every node and to evaluate the operator's rules, as often as they say. The
    /// settings must be [`ClusterSettings::monitored`].
    ///
    /// # Panics
    /// They are not, or monitoring has begun before.
    fn monitor(&mut self);

    /// Every alert that has fired so far, in order.
    ///
    /// # Panics
    /// Nothing is monitored.
    fn alerts(&self) -> Vec<Alert>;

    /// Lets time pass until an alert of that name fires, for at most ten minutes.
    ///
    /// # Panics
    /// It does not fire; the message says what did.
    fn wait_for_alert(&mut self, name: &str) -> Alert;

    /// The sum of a metric over all nodes that run and all its labels, as it is now.
    ///
    /// # Panics
    /// No node has such a metric.
    fn total(&self, metric: &str) -> f64;

    /// Whether an alert of that name fires now.
    fn is_firing(&self, name: &str) -> bool {
        self.alerts().iter().any(|alert| alert.name == name && alert.is_firing())
    }

    /// Whether anything fires now.
    fn is_alarmed(&self) -> bool {
        self.alerts().iter().any(Alert::is_firing)
    }
}

impl Monitored for Cluster<Brokers> {
    fn monitor(&mut self) {
        let settings = self.system().settings();
        assert!(settings.property("metrics.listener").is_some(), "say brokers(..).monitored()");
        assert!(self.system().monitoring().is_none(), "monitoring has begun already");
        let targets: Vec<String> = (0..settings.broker_count())
            .map(|index| format!("{}:{METRICS_PORT}", ClusterSettings::node_name(index)))
            .collect();
        let rules = Rules::of_the_operator();
        let interval = rules.interval;
        let monitoring = Monitoring::new(rules);
        self.system_mut().set_monitoring(monitoring.clone());
        self.client("prometheus", move |env| scrape(env, targets, interval, monitoring));
    }

    fn alerts(&self) -> Vec<Alert> {
        let monitoring = self.system().monitoring();
        monitoring.expect("cluster.monitor() comes first").lock().alerts().to_vec()
    }

    fn wait_for_alert(&mut self, name: &str) -> Alert {
        let deadline = self.now() + ALERT_MAX;
        let mut looked_at = None;
        while self.now() < deadline {
            // Nothing changes between two scrapes.
            let scraped = self.system().monitoring().map(|m| m.lock().scraped_at());
            if scraped != looked_at {
                looked_at = scraped;
                let firing = |alert: &Alert| alert.name == name && alert.is_firing();
                if let Some(alert) = self.alerts().into_iter().find(firing) {
                    return alert;
                }
            }
            self.step();
        }
        let told: Vec<String> = self.alerts().iter().map(ToString::to_string).collect();
        panic!("{name} does not fire; what did: {told:?}");
    }

    fn total(&self, metric: &str) -> f64 {
        let pages = self.system().pages().unwrap_or_else(|error| panic!("{error}"));
        let samples = pages.iter().flat_map(|(_, samples)| samples);
        let values: Vec<f64> =
            samples.filter(|sample| sample.name == metric).map(|sample| sample.value).collect();
        assert!(!values.is_empty(), "no node has {metric}");
        values.iter().sum()
    }
}

/// Scrapes and evaluates for as long as the simulation lasts.
async fn scrape(env: ClientEnv, targets: Vec<String>, interval: Duration, monitoring: Monitoring) {
    let clock = env.clock.clone();
    let host = sim_host::client_host(env);
    let mut next = clock.now();
    loop {
        clock.sleep(next.saturating_sub(clock.now())).await;
        let at = clock.now();
        next = at + interval;
        let mut asked = JoinSet::new();
        for target in &targets {
            asked.spawn(ask(host.clone(), target.clone()));
        }
        let mut answers = asked.join_all().await;
        answers.sort_by(|(one, _), (other, _)| one.cmp(other));
        let samples = answers.into_iter().flat_map(|(target, page)| label(&target, page)).collect();
        monitoring.lock().take(Scrape { at, samples });
    }
}

async fn ask(host: Host, target: String) -> (String, Option<Vec<Sample>>) {
    let page = host.within(TIMEOUT, fetch(&host, &target)).await.flatten();
    (target, page)
}

/// One page; `None` if the node does not answer, or not as it should.
async fn fetch(host: &Host, target: &str) -> Option<Vec<Sample>> {
    let mut stream = host.network.connect(target).await.ok()?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.take(PAGE_MAX).read_to_string(&mut answer).await.ok()?;
    let (head, page) = answer.split_once("\r\n\r\n")?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return None;
    }
    match parse(page) {
        Ok(samples) => Some(samples),
        Err(error) => {
            tracing::warn!(target, %error, "a page of metrics cannot be read");
            None
        }
    }
}

/// A target's samples with the labels that Prometheus adds, and whether it is up.
fn label(target: &str, page: Option<Vec<Sample>>) -> Vec<Sample> {
    let added = [("instance".to_owned(), target.to_owned()), ("job".to_owned(), JOB.to_owned())];
    let value = if page.is_some() { 1.0 } else { 0.0 };
    let up = Sample { name: "up".to_owned(), labels: Labels::from(added.clone()), value };
    let mut samples = page.unwrap_or_default();
    for sample in &mut samples {
        sample.labels.extend(added.clone());
    }
    samples.push(up);
    samples
}
