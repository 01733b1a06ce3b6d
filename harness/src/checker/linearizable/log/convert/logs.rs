//! The logs of a history, packed.

use std::collections::BTreeMap;

use crate::checker::log::calls::{self, Call, Contradictions, SendPart};
use crate::checker::log::{Duplicates, Guarantee};
use crate::history::{Action, History, Key, Phase};

use super::super::{Append, Fate, LogHistory, Moment, Options, Reach, Read, Record, Span};
use super::{Counts, EndOffsets, LogContract};

/// One log, and what its numbers stand for.
#[derive(Default)]
pub(super) struct OneLog {
    pub(super) history: LogHistory,
    pub(super) counts: Counts,
    /// Records by value.
    records: BTreeMap<u64, Record>,
    /// Values by record.
    values: BTreeMap<Record, u64>,
    /// The first value that was sent twice, which no longer names a record.
    pub(super) doubled: Option<u64>,
    /// Whether transactions wrote to it.
    transactional: bool,
    /// By operation: the indices of the call's two halves.
    indices: Vec<(u64, u64)>,
}

impl OneLog {
    /// What a record is called in a summary.
    pub(super) fn name(&self, record: Record) -> String {
        match self.values.get(&record) {
            Some(value) => format!("value {value}"),
            None => "a record of unknown value".to_owned(),
        }
    }

    /// What kind of log it is.
    pub(super) fn options(&self, contract: &LogContract<'_>) -> Options {
        let sparse = contract.options.sparse || self.transactional;
        Options { sparse, ..contract.options }
    }

    /// The indices of a packed operation.
    pub(super) fn indices(&self, operation: u32) -> impl Iterator<Item = u64> + use<> {
        let at = usize::try_from(operation).ok();
        let pair = at.and_then(|at| self.indices.get(at)).copied();
        pair.into_iter().flat_map(|(began, ended)| [began, ended])
    }

    /// The record of a value; one that nobody appended if nobody sent it.
    fn record(&mut self, value: u64) -> Record {
        if let Some(record) = self.records.get(&value) {
            return *record;
        }
        let record = self.history.stranger();
        self.name_as(record, value);
        record
    }

    fn name_as(&mut self, record: Record, value: u64) {
        self.records.insert(value, record);
        self.values.insert(record, value);
    }

    /// Notes whose operations were entered since.
    fn entered(&mut self, indices: (u64, u64)) {
        self.indices.resize(self.history.len(), indices);
    }
}

/// All logs of a history.
pub(super) struct Logs<'h> {
    history: &'h History,
    logs: BTreeMap<&'h Key, OneLog>,
    contradiction: Option<String>,
}

impl<'h> Logs<'h> {
    pub(super) fn new(history: &'h History, contract: &LogContract<'_>) -> Self {
        let mut contradictions = Contradictions::default();
        let calls = calls::pair(history.operations(), &mut contradictions);
        let contradiction = contradictions.told();
        let mut logs = Self { history, logs: BTreeMap::new(), contradiction };
        // Records must be known before they are read.
        for call in &calls {
            for send in call.sends() {
                logs.enter_send(contract, call, send);
            }
        }
        for call in &calls {
            for poll in call.polls() {
                for (key, records) in poll.records {
                    let is_final = poll.last && call.outcome == Phase::Ok;
                    logs.enter_poll(contract, call, (key, records, is_final));
                }
            }
            if let Action::Latest { key, end_offset: Some(end), .. } = call.action
                && call.outcome == Phase::Ok
            {
                logs.enter_end(call, (key, *end), contract.ends);
            }
        }
        logs
    }

    /// Why the history cannot be trusted, if it contradicts itself.
    pub(super) fn contradiction(&self) -> Option<&str> {
        self.contradiction.as_deref()
    }

    /// The indices of a call's invocation and of its completion.
    fn indices(&self, call: &Call<'_>) -> (u64, u64) {
        let index = |moment: usize| self.history.operations()[moment].index;
        (index(call.began), index(call.last()))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'h Key, &OneLog)> {
        self.logs.iter().map(|(key, log)| (*key, log))
    }

    fn log(&mut self, key: &'h Key) -> &mut OneLog {
        let log = self.logs.entry(key).or_default();
        log.counts.logs = 1;
        log
    }

    fn enter_send(&mut self, contract: &LogContract<'_>, call: &Call<'h>, send: SendPart<'h>) {
        let whole = contract.promises.atomic_sends;
        let together = if whole { send.values.len().max(1) } else { 1 };
        for (from, values) in (0..).step_by(together).zip(send.values.chunks(together)) {
            let told = |at: usize| send.offsets.get(from + at).copied().flatten();
            let told = |at: usize| told(at).filter(|offset| *offset >= 0);
            self.enter_batch(contract, call, (SendPart { values, ..send }, &told));
        }
    }

    /// Enters values that appear together; `told` knows where each of them landed.
    fn enter_batch(
        &mut self,
        contract: &LogContract<'_>,
        call: &Call<'h>,
        (send, told): (SendPart<'h>, &dyn Fn(usize) -> Option<i64>),
    ) {
        let SendPart { key, values, .. } = send;
        let first = (0..values.len())
            .zip(0_i64..)
            .find_map(|(at, inside)| told(at).and_then(|offset| offset.checked_sub(inside)));
        let (fate, repeats) = fate(contract, call, (send, first));
        let indices = self.indices(call);
        let log = self.log(key);
        log.transactional |= call.is_several();
        match fate {
            Fate::Acknowledged { .. } | Fate::AcknowledgedSomewhere => log.counts.acknowledged += 1,
            Fate::Unknown | Fate::UnknownAt { .. } => log.counts.unknown += 1,
            Fate::Failed => {}
        }
        let span = span(call);
        let records = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let record = log.history.append(Append { span, records, fate, repeats });
        for (record, value) in (record.0..).map(Record).zip(values) {
            if log.records.contains_key(value) {
                log.doubled.get_or_insert(*value);
            }
            log.name_as(record, *value);
        }
        if matches!(fate, Fate::Acknowledged { .. }) && !repeats {
            // If the offsets are not side by side, somebody saw the batch torn.
            for (at, value) in values.iter().enumerate().skip(1) {
                if let Some(offset) = told(at) {
                    let records = &[log.records[value]];
                    log.history.read(Read { span, offset, records, reach: Reach::Prefix });
                }
            }
        }
        log.entered(indices);
    }

    fn enter_poll(
        &mut self,
        contract: &LogContract<'_>,
        call: &Call<'h>,
        (key, records, is_final): (&'h Key, &[(i64, u64)], bool),
    ) {
        let indices = self.indices(call);
        let log = self.log(key);
        let span = span(call);
        let follows =
            |(one, _): &(i64, u64), (next, _): &(i64, u64)| one.checked_add(1) == Some(*next);
        // In a sparse log, control batches may follow what was read last.
        let is_dense = !log.options(contract).sparse;
        let is_tail = is_final && is_dense && contract.promises.replicas_converge;
        let mut runs = records.chunk_by(follows).peekable();
        while let Some(run) = runs.next() {
            let found: Vec<Record> = run.iter().map(|(_, value)| log.record(*value)).collect();
            let reach = if is_tail && runs.peek().is_none() { Reach::Tail } else { Reach::Prefix };
            let offset = run.first().map_or(0, |(offset, _)| *offset);
            log.history.read(Read { span, offset, records: &found, reach });
            log.counts.reads += 1;
        }
        log.entered(indices);
    }

    fn enter_end(&mut self, call: &Call<'h>, (key, end): (&'h Key, i64), ends: EndOffsets) {
        let indices = self.indices(call);
        let log = self.log(key);
        let reach = match ends {
            EndOffsets::Prefix => Reach::Prefix,
            EndOffsets::Linearizable => Reach::Tail,
        };
        log.history.read(Read { span: span(call), offset: end, records: &[], reach });
        log.counts.ends += 1;
        log.entered(indices);
    }
}

/// What a send claims, and whether it may have taken effect more than once.
fn fate(
    contract: &LogContract<'_>,
    call: &Call<'_>,
    (send, offset): (SendPart<'_>, Option<i64>),
) -> (Fate, bool) {
    let promises = contract.promises;
    // A client that gave up may have a retry under way that it never told of.
    let retried = send.retried || call.outcome == Phase::Info;
    let repeats = retried && !send.idempotent && promises.duplicates == Duplicates::IfRetried;
    let is_kept = match promises.guarantee(send.promise) {
        Guarantee::Kept => true,
        Guarantee::LossExplained | Guarantee::LossCounted => false,
    };
    let fate = match (call.outcome, offset) {
        (Phase::Fail, _) => return (Fate::Failed, false),
        (Phase::Ok, Some(offset)) if is_kept => Fate::Acknowledged { offset },
        (Phase::Ok, None) if is_kept => Fate::AcknowledgedSomewhere,
        // The copy that was acknowledged may have been cut off, and another one stay.
        (Phase::Ok, Some(offset)) if !retried => Fate::UnknownAt { offset },
        (Phase::Ok | Phase::Info | Phase::Invoke, _) => Fate::Unknown,
    };
    (fate, repeats)
}

fn span(call: &Call<'_>) -> Span {
    // The end of time stands for what does not fit; no history in memory is that long.
    let moment = |at: usize| Moment(u32::try_from(at).unwrap_or(u32::MAX));
    match call.ended {
        Some(ended) => Span::new(moment(call.began), moment(ended)),
        None => Span::open(moment(call.began)),
    }
}
