//! What the clients of a load have been told so far: for stories that go on when their clients do,
//! and that claim something about a stretch of time.
//!
//! Everything here is read from the history, which is also what the verdict goes by.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::cluster::Cluster;
use harness::history::{Action, Operation, Phase, Promise};

use crate::operator::Running;
use crate::system::Brokers;

/// What was answered to calls that began within a stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    acknowledged: BTreeMap<Promise, u64>,
    waited: BTreeMap<Promise, Vec<Duration>>,
    not_acknowledged: BTreeMap<(Promise, String), u64>,
    records_read: u64,
    longest_silence: Duration,
}

impl Answers {
    /// How many records were acknowledged under a promise.
    #[must_use]
    pub fn acknowledged(&self, promise: Promise) -> u64 {
        self.acknowledged.get(&promise).copied().unwrap_or(0)
    }

    /// How many sends under a promise were refused, or left in doubt, with an error that has these
    /// words in it; all of them for no words.
    #[must_use]
    pub fn refused(&self, promise: Promise, words: &str) -> u64 {
        let refused = self.not_acknowledged.iter();
        let refused = refused.filter(|((of, error), _)| *of == promise && error.contains(words));
        refused.map(|(_, count)| count).sum()
    }

    /// How long a send under a promise took until it was acknowledged: the median, and zero if none
    /// was.
    #[must_use]
    pub fn typical_wait(&self, promise: Promise) -> Duration {
        let mut waited = self.waited.get(&promise).cloned().unwrap_or_default();
        waited.sort_unstable();
        waited.get(waited.len() / 2).copied().unwrap_or_default()
    }

    /// How many records were read; one that is read twice counts twice.
    #[must_use]
    pub fn records_read(&self) -> u64 {
        self.records_read
    }

    /// The longest time without an acknowledgement of a durable send, between the beginning and
    /// the last of them.
    #[must_use]
    pub fn longest_silence(&self) -> Duration {
        self.longest_silence
    }

    fn of(since: Duration, operations: &[Operation]) -> Self {
        let mut answers = Self::default();
        let mut begun: BTreeMap<u64, Duration> = BTreeMap::new();
        let mut last_heard = since;
        for operation in operations {
            let at = Duration::from_micros(operation.time);
            if operation.phase == Phase::Invoke {
                begun.insert(operation.process, at);
                continue;
            }
            let begun = begun.remove(&operation.process).filter(|begun| *begun >= since);
            let within = begun.is_some();
            for part in operation.action.parts() {
                match part {
                    Action::Send { promise, values, .. } if operation.phase == Phase::Ok => {
                        if *promise == Promise::Durable && at >= since {
                            answers.longest_silence = answers.longest_silence.max(at - last_heard);
                            last_heard = at;
                        }
                        if let Some(begun) = begun {
                            *answers.acknowledged.entry(*promise).or_default() += count(values);
                            answers.waited.entry(*promise).or_default().push(at - begun);
                        }
                    }
                    Action::Send { promise, .. } if within => {
                        let error = operation.error.clone().unwrap_or_default();
                        *answers.not_acknowledged.entry((*promise, error)).or_default() += 1;
                    }
                    Action::Poll { records, .. } if within && operation.phase == Phase::Ok => {
                        answers.records_read +=
                            records.values().map(|read| count(read)).sum::<u64>();
                    }
                    Action::Send { .. }
                    | Action::Poll { .. }
                    | Action::Assign { .. }
                    | Action::Subscribe { .. }
                    | Action::Latest { .. }
                    | Action::Several { .. } => {}
                }
            }
        }
        answers
    }
}

impl Running {
    /// What was answered to calls that began at `moment` or later.
    #[must_use]
    pub fn answers_since(&self, moment: Duration) -> Answers {
        Answers::of(moment, self.recorder().history().operations())
    }

    /// Lets virtual time pass until so many more durable sends have been acknowledged, each of
    /// which began from now on.
    ///
    /// # Panics
    /// As [`Cluster::wait_for`].
    pub fn wait_for_acknowledgements(&self, cluster: &mut Cluster<Brokers>, wanted: u64) {
        let recorder = self.recorder();
        let mut position = recorder.len();
        let mut operations = Vec::new();
        let since = cluster.now();
        cluster.wait_until(&format!("{wanted} more acknowledgements"), |_| {
            let news = recorder.since(position);
            position += news.len();
            let is_news = !news.is_empty();
            operations.extend(news);
            is_news && Answers::of(since, &operations).acknowledged(Promise::Durable) >= wanted
        });
    }
}

fn count<T>(things: &[T]) -> u64 {
    u64::try_from(things.len()).expect("a length in memory fits 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::history::Recorder;

    const SECOND: Duration = Duration::from_secs(1);

    fn send(value: u64) -> Action {
        Action::send("orders-0", vec![value], Promise::Durable, false)
    }

    #[test]
    fn only_calls_that_began_within_the_stretch_are_counted() {
        let recorder = Recorder::new();
        let (alice, bob) = (recorder.process(), recorder.process());
        let early = alice.invoke(SECOND, send(1));
        let refused = bob.invoke(3 * SECOND, send(2));
        early.ok(4 * SECOND, send(1).sent(vec![Some(0)], false));
        refused.fail(5 * SECOND, "not appended: NOT_ENOUGH_REPLICAS");
        alice.invoke(6 * SECOND, send(3)).ok(9 * SECOND, send(3).sent(vec![Some(1)], false));

        let answers = Answers::of(2 * SECOND, recorder.history().operations());
        assert_eq!(answers.acknowledged(Promise::Durable), 1);
        assert_eq!(answers.acknowledged(Promise::Volatile), 0);
        assert_eq!(answers.refused(Promise::Durable, "NOT_ENOUGH_REPLICAS"), 1);
        assert_eq!(answers.refused(Promise::Durable, "TIMED_OUT"), 0);
        // The answer to a call that began before is a sign of life all the same.
        assert_eq!(answers.longest_silence(), 5 * SECOND);
        assert_eq!(answers.typical_wait(Promise::Durable), 3 * SECOND);
        assert_eq!(answers.typical_wait(Promise::Volatile), Duration::ZERO);
    }
}
