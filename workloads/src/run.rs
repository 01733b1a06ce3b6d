//! One fault run, from its seed to its verdict.
//!
//! A cluster is booted, clients are set to work, a schedule of faults strikes, everything is healed.
//! Then the cluster must come to rest in bounded time, every replica is read to its end, and the
//! history is judged. The same seed gives the same run, to the byte of its history.

mod gauges;
mod insight;
mod unrest;
mod words;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use harness::checker::log::Judgement;
use harness::cluster::{Cluster, JournalEntry};
use harness::exit::OutcomeVerdict;
use harness::history::{History, Promise, Recorder};
use harness::nemesis::Strikes;
use harness::panics::{self, run_isolated};
use harness::report::{JournalLine, RunReport, Tone, effects};
use harness::seed::Seed;
use harness::sweep::RunOutcome;
use harness::verdict::Verdict;
use highwater::types::{NodeId, TopicPartition};

use crate::chronicle::{Chronicle, Chronicler};
use crate::operator::{Operator as _, ReplicationFactor, Topic};
use crate::plan::{Plan, TopicPlan};
use crate::profile::{Profile, break_thread};
use crate::signature::Signature;
use crate::system::Brokers;
use crate::telling::{Ear, Telling};
use crate::verdict::Judged;
use crate::watch::Watch;

pub use insight::Insight;

/// A run that is over.
#[derive(Clone, Debug)]
pub struct Ran {
    /// What it came to, for a person.
    pub report: RunReport,
    /// What it came to, for a sweep.
    pub outcome: RunOutcome,
    /// What the clients asked and were told.
    pub history: History,
    /// What it was made of.
    pub plan: Plan,
    /// What was done to the cluster, and when.
    pub journal: Vec<JournalEntry>,
    /// The judgement of the history, unless the run ended before.
    pub judgement: Option<Judgement>,
    /// How many segments nodes and clients sent, as [`Cluster::segments_sent`] counts them.
    pub segments: u64,
    /// What the brokers observed, in words: everything, or nothing, as [`Watching`] says.
    pub observed: Vec<(Duration, NodeId, String)>,
    /// What a page shows beyond the history, if [`Watching`] asked for it.
    pub chronicle: Option<Chronicle>,
    /// The partition in which an invariant broke, if one did and it was one of a partition.
    pub violated: Option<TopicPartition>,
    /// What is known beyond that, for whoever looks into the run.
    pub insight: Insight,
}

/// Seeds that a sweep must have before it is held to reaching every required state.
pub const SEEDS_FOR_ALL_STATES: u64 = 1000;

/// The states that a sweep of the safe profile must reach somewhere. Those that the fault budget
/// rules out (unclean elections) are not among them.
#[must_use]
pub fn required_states() -> Vec<String> {
    use crate::picture::Sometimes;
    let ruled_out =
        [Sometimes::ElectedUncleanly, Sometimes::BudgetExceeded, Sometimes::LogRestarted];
    Sometimes::ALL
        .iter()
        .filter(|state| !ruled_out.contains(state))
        .map(|state| state.words().to_owned())
        .collect()
}

/// How a run is to be watched. None of it changes the run up to where it ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watching {
    /// Keep every observation in words.
    pub everything: bool,
    /// Keep what a page shows: see [`crate::chronicle`].
    pub chronicle: bool,
    /// Keep everything that changed the picture: see [`crate::record`].
    pub record: bool,
    /// An invariant that breaks is noted, and does not end the run.
    pub goes_on: bool,
    /// Leave the run at the step that reaches this moment, and keep the cluster's state there.
    pub until: Option<Duration>,
}

/// A plan, and the command that carries it out again.
#[derive(Clone, Debug)]
pub struct Errand {
    /// What to do.
    pub plan: Plan,
    /// For the report: `cargo faults repro …`.
    pub repeat: String,
}

/// Runs one seed, on a thread of its own.
#[must_use]
pub fn run(seed: Seed, profile: &Profile, watching: Watching) -> Ran {
    carry_out(&profile.errand(seed), watching)
}

/// Carries a plan out, on a thread of its own.
///
/// A plan that [`Plan::check`] refuses ends as a run that came to nothing.
#[must_use]
pub fn carry_out(errand: &Errand, watching: Watching) -> Ran {
    one(errand, watching, None)
}

/// As [`carry_out`], and `ear` is told each event of it as it happens.
#[must_use]
pub fn carry_out_told(errand: &Errand, watching: Watching, ear: Ear) -> Ran {
    one(errand, watching, Some(ear))
}

fn one(errand: &Errand, watching: Watching, ear: Option<Ear>) -> Ran {
    let plan = &errand.plan;
    if let Err(unfit) = plan.check() {
        return Ran::without_result(errand, unfit.to_string());
    }
    let ran = run_isolated(|| {
        break_thread(plan.mutant.as_deref());
        let mut system = plan.system();
        if watching.goes_on {
            system = system.whatever_is_broken();
        }
        let watch = system.watch().clone();
        if watching.record || watching.until.is_some() {
            watch.keep_record();
        }
        let mut cluster = Cluster::new(system, plan.seed, plan.physics.options());
        if watching.everything {
            watch.keep_everything();
        }
        let mut course = Course::new(errand);
        course.chronicler = watching.chronicle.then(|| Chronicler::begin(&cluster));
        course.telling = ear.map(|ear| Telling::begin(ear, &cluster));
        let panics_before = panics::seen();
        let told = catch_unwind(AssertUnwindSafe(|| match watching.until {
            None => course.tell(&mut cluster),
            Some(moment) => cluster.tell_until(moment, |c| course.tell(c)).unwrap_or_default(),
        }));
        if told.is_err() {
            let message = panics::nth(panics_before).map(|panicked| panicked.message);
            course.failure = Some(message.unwrap_or_else(|| "a panic without words".to_owned()));
        }
        course.finish(&cluster, &watch, watching)
    });
    ran.unwrap_or_else(|panicked| Ran::without_result(errand, panicked.message))
}

/// What is known of a run while it lasts.
struct Course<'errand> {
    plan: &'errand Plan,
    repeat: &'errand str,
    strikes: Strikes,
    judged: Option<Judged>,
    history: History,
    liveness: Option<String>,
    failure: Option<String>,
    telling: Option<Telling>,
    chronicler: Option<Chronicler>,
    recorder: Option<Recorder>,
    storm_began: Option<Duration>,
}

impl<'errand> Course<'errand> {
    fn new(errand: &'errand Errand) -> Self {
        Self {
            plan: &errand.plan,
            repeat: &errand.repeat,
            strikes: Strikes::default(),
            judged: None,
            history: History::default(),
            liveness: None,
            failure: None,
            telling: None,
            chronicler: None,
            recorder: None,
            storm_began: None,
        }
    }

    fn say(&self, cluster: &Cluster<Brokers>, what: &str, tone: Tone) {
        if let Some(telling) = &self.telling {
            telling.say(cluster.now(), what, tone);
        }
    }

    /// The run itself. A broken invariant ends it with a panic, which [`run`] catches.
    fn tell(&mut self, cluster: &mut Cluster<Brokers>) {
        self.say(
            cluster,
            &format!("{} start", count(cluster.nodes().len(), "node")),
            Tone::Heading,
        );
        let topic = self.create_topic(cluster);
        let load = cluster.start(self.plan.clients.clone().on(&topic));
        self.recorder = Some(load.recorder().clone());
        if let Some(chronicler) = &self.chronicler {
            chronicler.read_along(load.recorder());
        }
        if let Some(telling) = &self.telling {
            telling.read_along(load.recorder(), cluster.now());
        }
        let clients = count(load.workload().client_count(), "client");
        self.say(cluster, &format!("{clients} start"), Tone::Heading);
        cluster.run_for(self.plan.calm);
        let faults = count(self.plan.schedule.faults.len(), "fault");
        let lasts = self.plan.schedule.lasts.as_secs();
        self.say(cluster, &format!("the storm begins: {faults} in {lasts} s"), Tone::Heading);
        self.storm_began = Some(cluster.now());
        self.strikes = cluster.unleash(&self.plan.schedule);
        self.say(cluster, "the storm is over", Tone::Heading);
        // Clients go on for a while in a healthy cluster: what is lost must be seen to be lost.
        cluster.run_for(self.plan.calm);
        load.stop(cluster);
        if let Some(telling) = &self.telling {
            telling.clients_stopped(cluster.now());
        }
        self.say(
            cluster,
            "the clients have stopped; waiting for the cluster to come to rest",
            Tone::Heading,
        );
        self.come_to_rest(cluster, &topic);
        // What lies still may be stuck: a last record shows that the leader can commit.
        if self.liveness.is_none() {
            let problems = load.write_last_records(cluster);
            self.liveness = problems.first().map(|problem| format!("after the storm {problem}"));
        }
        self.come_to_rest(cluster, &topic);
        // A replica that is still behind would seem to have lost what it has yet to fetch.
        if self.liveness.is_none() {
            self.say(cluster, "every replica is read to its end", Tone::Heading);
            let problems = load.drain(cluster);
            self.liveness = problems
                .first()
                .map(|problem| format!("a replica cannot be read to its end: {problem}"));
        }
        self.history = load.recorder().history();
        self.say(cluster, "the history is judged", Tone::Heading);
        let judged =
            crate::verdict::judge(load.workload(), &self.history, cluster.system().watch());
        self.judged = Some(judged);
        if self.liveness.is_none() {
            let expected = gauges::expected(cluster.system(), &self.plan.schedule);
            self.liveness = gauges::wait_for_rest(cluster, expected).err();
        }
    }

    /// Waits until everything is replicated and committed; once is enough to be late.
    fn come_to_rest(&mut self, cluster: &mut Cluster<Brokers>, topic: &Topic) {
        if self.liveness.is_some() {
            return;
        }
        // The last records' producers may need ids, which only a controller gives.
        let quiet = cluster.try_wait_for("a controller is active, every partition is led by its preferred replica, every replica is in sync and everything is committed on all of them", |c| {
            let has_controller = c.system().watch().active_controller().is_some();
            (has_controller && c.is_quiet(topic) && c.is_led_by_preferred(topic)).then_some(())
        });
        if let Err(waited) = quiet {
            let unrest = cluster.system().watch().look(|picture| unrest::describe(picture, topic));
            self.liveness = Some(format!("{waited}\n{unrest}"));
        }
    }

    fn create_topic(&self, cluster: &mut Cluster<Brokers>) -> Topic {
        let TopicPlan { partitions, replication_factor, on, configs } = &self.plan.topic;
        if !on.is_empty() {
            return cluster.create_topic_on("orders", on);
        }
        let configs: Vec<(&str, &str)> =
            configs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let shape = (*partitions, ReplicationFactor(*replication_factor));
        cluster.create_topic_with("orders", shape, &configs)
    }

    fn finish(mut self, cluster: &Cluster<Brokers>, watch: &Watch, watching: Watching) -> Ran {
        if let (None, Some(recorder)) = (&self.judged, &self.recorder) {
            self.history = recorder.history();
        }
        let insight = self.insight(cluster, watch, watching);
        let report = self.report(cluster, watch);
        let sometimes = watch.look(|picture| {
            let words = picture.tally().in_words();
            words.into_iter().map(|(words, count)| (words.to_owned(), count)).collect()
        });
        let mut outcome = RunOutcome::of(&report, sometimes);
        outcome.signature = Signature::of(&report).map(|signature| signature.tagged());
        Ran {
            report,
            outcome,
            history: self.history,
            plan: self.plan.clone(),
            journal: cluster.journal().entries(),
            judgement: self.judged.map(|judged| judged.judgement),
            segments: cluster.segments_sent(),
            observed: watch.latest(),
            chronicle: self.chronicler.map(|chronicler| chronicler.finish(cluster.now())),
            violated: watch.violation().and_then(|violation| violation.partition),
            insight,
        }
    }

    fn report(&self, cluster: &Cluster<Brokers>, watch: &Watch) -> RunReport {
        let (faults, skipped) = self.counts();
        let (acknowledged, reads) = words::promised(self.judged.as_ref(), &self.history);
        let losses = self.judged.as_ref().map(|judged| &judged.judgement.losses);
        let violation = watch.violation().filter(|_| !self.plan.clients_only);
        let violation = violation.map(|violation| words::told(&violation, watch));
        let mut report = RunReport {
            scenario: self.plan.name(),
            seed: self.plan.seed.0,
            simulated: cluster.now(),
            operations: u64::try_from(self.history.len() / 2).unwrap_or(u64::MAX),
            acknowledged,
            reads,
            linearizable: self.judged.as_ref().map(words::judged_linearizable).unwrap_or_default(),
            faults,
            effects: effects(cluster),
            skipped,
            budget: words::budget(watch),
            journal: cluster
                .journal()
                .entries()
                .iter()
                .map(|entry| JournalLine { at: entry.at, text: entry.event.to_string() })
                .collect(),
            verdict: OutcomeVerdict::Valid,
            anomalies: Vec::new(),
            violation,
            liveness: self.liveness.clone().or_else(|| self.failure.clone()),
            losses_explained: losses
                .map_or(0, |l| l.by_promise.values().map(|toll| toll.explained).sum()),
            // Nobody promised anything for acks=0, so its losses want no explanation.
            losses_unexplained: losses.map_or(0, |losses| {
                let owed = losses.by_promise.iter().filter(|(p, _)| **p != Promise::FireAndForget);
                owed.map(|(_, toll)| toll.unexplained).sum()
            }),
            digest: self.history.digest().to_string(),
            repeat: self.repeat.to_owned(),
        };
        report.verdict = self.verdict(&mut report);
        report
    }

    /// The worst of what was found wins.
    fn verdict(&self, report: &mut RunReport) -> OutcomeVerdict {
        if report.violation.is_some() {
            // The panic that ended the run says the same once more.
            report.liveness = self.liveness.clone();
            return OutcomeVerdict::Invalid;
        }
        let mut verdict = match report.liveness {
            Some(_) => OutcomeVerdict::Invalid,
            None => OutcomeVerdict::Valid,
        };
        match self.judged.as_ref().map(Judged::verdict) {
            Some(Verdict::Invalid(anomalies)) => {
                report.anomalies =
                    anomalies.iter().map(|anomaly| words::proof(anomaly, &self.history)).collect();
                verdict = OutcomeVerdict::Invalid;
            }
            Some(Verdict::Unknown(reason)) if verdict == OutcomeVerdict::Valid => {
                report.liveness = Some(reason.clone());
                verdict = OutcomeVerdict::Unknown;
            }
            Some(Verdict::Unknown(_) | Verdict::Valid) | None => {}
        }
        verdict
    }

    fn counts(&self) -> (Counts, Counts) {
        let mut faults = Counts::new();
        let mut skipped = Counts::new();
        for (class, count) in self.strikes.by_class() {
            faults.insert(class.words().to_owned(), count.struck);
            skipped.insert(class.words().to_owned(), count.skipped);
        }
        faults.retain(|_, count| *count > 0);
        skipped.retain(|_, count| *count > 0);
        (faults, skipped)
    }
}

fn count(number: usize, one: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {one}{s}")
}

type Counts = BTreeMap<String, u64>;

impl Ran {
    fn without_result(errand: &Errand, failure: String) -> Self {
        let Errand { plan, repeat } = errand.clone();
        let seed = plan.seed;
        let outcome = RunOutcome::without_result(seed.0, OutcomeVerdict::Invalid, failure.clone());
        let report = RunReport {
            scenario: plan.name(),
            verdict: OutcomeVerdict::Invalid,
            liveness: Some(failure),
            repeat,
            ..RunReport::blank(seed)
        };
        Self {
            report,
            outcome,
            history: History::default(),
            plan,
            journal: Vec::new(),
            judgement: None,
            segments: 0,
            observed: Vec::new(),
            chronicle: None,
            violated: None,
            insight: Insight::default(),
        }
    }
}
