//! From `history.edn` to a history.

use std::collections::BTreeMap;
use std::io::BufRead;

use crate::history::edn::{Form, Reader, Value};
use crate::history::{Action, History, Key, Operation, Phase, Promise, Unreadable};

use super::common::Common;
use super::final_polls::{self, Beginning};
use super::names::Names;
use super::{Assumptions, Imported, QUOTED, Skipped};

/// The replica where a file names none.
const NOWHERE: &str = "unknown";

/// Reads the history of a run of Jepsen's Kafka workload.
///
/// # Errors
/// The first line that cannot be read, and why.
pub fn read(from: impl BufRead, assumptions: &Assumptions) -> Result<Imported, Unreadable> {
    read_forms(Reader::new(from), assumptions)
}

/// The same for whoever has the forms already.
///
/// # Errors
/// As [`read`].
pub fn read_forms(
    forms: impl IntoIterator<Item = Result<Form, Unreadable>>,
    assumptions: &Assumptions,
) -> Result<Imported, Unreadable> {
    let mut scribe = Scribe::new(assumptions);
    for form in forms {
        let Form { line, value } = form?;
        scribe.operation(line, &value)?;
    }
    let Scribe { mut operations, skipped, beginnings, .. } = scribe;
    if assumptions.final_polls {
        final_polls::tell(&mut operations, &beginnings);
    }
    Ok(Imported { history: History::from(operations), skipped })
}

struct Scribe<'a> {
    assumptions: &'a Assumptions,
    names: Names,
    operations: Vec<Operation>,
    skipped: Skipped,
    /// What each process asked and does not know the answer to.
    open: BTreeMap<u64, Action>,
    /// Where each process reads on, as far as it was told.
    positions: BTreeMap<u64, BTreeMap<Key, i64>>,
    /// The assignments that sent a reader to the beginning of its logs.
    beginnings: Vec<Beginning>,
    previous: Option<u64>,
}

impl<'a> Scribe<'a> {
    fn new(assumptions: &'a Assumptions) -> Self {
        Self {
            assumptions,
            names: Names::default(),
            operations: Vec::new(),
            skipped: Skipped::default(),
            open: BTreeMap::new(),
            positions: BTreeMap::new(),
            beginnings: Vec::new(),
            previous: None,
        }
    }

    fn operation(&mut self, line: u64, form: &Value) -> Result<(), Unreadable> {
        let common = Common::new(line, form, &mut self.previous)?;
        self.enter(common, form).map_err(|reason| Unreadable::Line { line, reason })
    }

    fn enter(&mut self, common: Common, form: &Value) -> Result<(), String> {
        let Common { index, time, phase, process: Some(process) } = common else {
            self.skipped.nemesis += 1;
            return Ok(());
        };
        let function = form.get("f").ok_or_else(|| "an operation has no :f".to_owned())?;
        let Some(action) = self.action(form, function, (process, phase))? else {
            let name = function.name().map_or_else(|| function.quote(QUOTED), str::to_owned);
            *self.skipped.others.entry(name).or_default() += 1;
            return Ok(());
        };
        let error = match form.get("error") {
            None | Some(Value::Nil) => None,
            Some(Value::Text(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
        };
        self.follow((process, phase), form, &action);
        self.operations.push(Operation { index, time, process, phase, action, error });
        Ok(())
    }

    /// What the operation does, or `None` if it moves no record.
    fn action(
        &mut self,
        form: &Value,
        function: &Value,
        (process, phase): (u64, Phase),
    ) -> Result<Option<Action>, String> {
        let value = form.get("value").unwrap_or(&Value::Nil);
        let ours = form.get("latest?") == Some(&Value::Bool(true));
        let moves = match function.name() {
            Some("debug-topic-partitions") => ours,
            Some("send" | "poll" | "txn" | "assign" | "subscribe") => true,
            Some(_) | None => false,
        };
        if !moves {
            return Ok(None);
        }
        if phase != Phase::Invoke
            && let Some(asked) = self.open.remove(&process)
            && *value == Value::Nil
        {
            // Nothing was learned, and what was asked is not repeated.
            return Ok(Some(asked));
        }
        let action = match function.name() {
            Some("assign") => self.assign(form, value, process)?,
            Some("subscribe") => Action::Subscribe { keys: self.keys(value)? },
            Some("debug-topic-partitions") => self.latest(value)?,
            Some(_) | None => self.parts(form, value, phase)?,
        };
        if phase == Phase::Invoke {
            self.open.insert(process, action.clone());
        }
        Ok(Some(action))
    }

    /// Follows where the process stands.
    fn follow(&mut self, (process, phase): (u64, Phase), form: &Value, action: &Action) {
        if phase != Phase::Ok {
            return;
        }
        let positions = self.positions.entry(process).or_default();
        match action {
            Action::Assign { positions: new, .. } => {
                positions.clone_from(new);
                if seeks(form) {
                    let keys = new.keys().cloned().collect();
                    self.beginnings.push(Beginning { at: self.operations.len(), process, keys });
                }
            }
            Action::Subscribe { keys } => positions.retain(|key, _| keys.contains(key)),
            Action::Poll { .. } | Action::Several { .. } => {
                for part in action.parts() {
                    let Action::Poll { records, last: false, .. } = part else {
                        continue;
                    };
                    for (key, records) in records {
                        if let Some((offset, _)) = records.last() {
                            positions.insert(key.clone(), offset.saturating_add(1));
                        }
                    }
                }
            }
            Action::Send { .. } | Action::Latest { .. } => {}
        }
    }

    fn keys(&mut self, value: &Value) -> Result<Vec<Key>, String> {
        let (Value::Vector(keys) | Value::Set(keys)) = value else {
            return Err(format!("{} is no list of keys", value.quote(QUOTED)));
        };
        keys.iter().map(|key| self.names.key(key)).collect()
    }

    fn assign(&mut self, form: &Value, value: &Value, process: u64) -> Result<Action, String> {
        let keys = self.keys(value)?;
        let told = form.get("positions");
        let stands = self.positions.get(&process);
        let mut positions = BTreeMap::new();
        for key in keys {
            let known =
                if seeks(form) { Some(0) } else { stands.and_then(|s| s.get(&key).copied()) };
            positions.insert(key, known.unwrap_or(-1));
        }
        if let Some(Value::Map(told)) = told {
            for (key, position) in told {
                let position = position.number().ok_or_else(|| {
                    format!(":positions holds {}, which is no offset", position.quote(QUOTED))
                })?;
                positions.insert(self.names.key(key)?, position);
            }
        }
        Ok(Action::Assign { positions, source: source(form) })
    }

    /// `[k]` when it is asked, `{k {:end-offset 12, :epoch 3}}` when it is answered.
    fn latest(&mut self, value: &Value) -> Result<Action, String> {
        let (key, answer) = match (value, value.items()) {
            (_, Some([key])) => (key, &Value::Nil),
            (Value::Map(answers), _) if answers.len() == 1 => (&answers[0].0, &answers[0].1),
            _ => return Err(format!("{} asks for no log's end", value.quote(QUOTED))),
        };
        let end_offset = answer.get("end-offset").and_then(Value::number);
        let epoch = answer.get("epoch").and_then(Value::number);
        Ok(Action::Latest { key: self.names.key(key)?, end_offset, epoch })
    }

    /// The micro-operations of a send, a poll or a transaction.
    fn parts(&mut self, form: &Value, value: &Value, phase: Phase) -> Result<Action, String> {
        let parts = value
            .items()
            .ok_or_else(|| format!(":value {} is no list of parts", value.quote(QUOTED)))?;
        let mut actions = Vec::new();
        for part in parts {
            let wrong = || format!("{} is neither a send nor a poll", part.quote(QUOTED));
            match part.items().ok_or_else(wrong)? {
                [Value::Keyword(name), key, value] if name == "send" => {
                    let key = self.names.key(key)?;
                    self.send(&mut actions, (key, value), form, phase)?;
                }
                [Value::Keyword(name)] if name == "poll" => {
                    actions.push(self.poll(form, &Value::Nil)?);
                }
                [Value::Keyword(name), records] if name == "poll" => {
                    actions.push(self.poll(form, records)?);
                }
                _ => return Err(wrong()),
            }
        }
        match <[Action; 1]>::try_from(actions) {
            Ok([action]) => Ok(action),
            Err(actions) => Ok(Action::several(actions)),
        }
    }

    /// Adds a send, to the one before it if that went to the same key.
    fn send(
        &self,
        to: &mut Vec<Action>,
        (to_key, value): (Key, &Value),
        form: &Value,
        phase: Phase,
    ) -> Result<(), String> {
        let (landed, value) = match value.items() {
            Some([offset, value]) => (Some(offset_of(offset)?), value_of(value)?),
            Some(_) => return Err(format!("{} is no offset and value", value.quote(QUOTED))),
            None => (None, value_of(value)?),
        };
        match to.last_mut() {
            Some(Action::Send { key, values, offsets, .. }) if *key == to_key => {
                enter_offset(offsets, values.len(), landed);
                values.push(value);
            }
            Some(_) | None => {
                let mut offsets = Vec::new();
                enter_offset(&mut offsets, 0, landed);
                to.push(Action::Send {
                    key: to_key,
                    values: vec![value],
                    offsets,
                    promise: promise(form)?.unwrap_or(self.assumptions.promise),
                    idempotent: flag(form, "idempotent?").unwrap_or(self.assumptions.idempotent),
                    retried: flag(form, "retried?")
                        .unwrap_or(phase != Phase::Invoke && self.assumptions.retried),
                });
            }
        }
        Ok(())
    }

    fn poll(&mut self, form: &Value, records: &Value) -> Result<Action, String> {
        let records = self.records(records)?;
        let last = flag(form, "final?").unwrap_or(false);
        let mut rebalanced = Vec::new();
        for event in form.get("rebalance-log").and_then(Value::items).unwrap_or_default() {
            if let Some(keys) = event.get("keys") {
                rebalanced.extend(self.keys(keys)?);
            }
        }
        Ok(Action::Poll { source: source(form), records, last, rebalanced })
    }

    fn records(&mut self, form: &Value) -> Result<BTreeMap<Key, Vec<(i64, u64)>>, String> {
        let mut records = BTreeMap::new();
        if *form == Value::Nil {
            return Ok(records);
        }
        let Value::Map(entries) = form else {
            return Err(format!("a poll returned {}", form.quote(QUOTED)));
        };
        for (key, pairs) in entries {
            let key = self.names.key(key)?;
            let wrong = || format!("{} is no list of offsets and values", pairs.quote(QUOTED));
            let mut read = Vec::new();
            for pair in pairs.items().ok_or_else(wrong)? {
                let Some([offset, value]) = pair.items() else {
                    return Err(format!("{} is no offset and value", pair.quote(QUOTED)));
                };
                let offset = offset_of(offset)?
                    .ok_or_else(|| format!("a record of {key} was read at no offset"))?;
                read.push((offset, value_of(value)?));
            }
            if records.insert(key.clone(), read).is_some() {
                return Err(format!("a poll returned {key} twice"));
            }
        }
        Ok(records)
    }
}

/// Notes where a value landed. Where nothing was said of any value, there are no offsets at all.
fn enter_offset(offsets: &mut Vec<Option<i64>>, values: usize, landed: Option<Option<i64>>) {
    if landed.is_some() || !offsets.is_empty() {
        offsets.resize(values, None);
        offsets.push(landed.flatten());
    }
}

fn promise(form: &Value) -> Result<Option<Promise>, String> {
    let Some(acks) = form.get("acks") else {
        return Ok(None);
    };
    match (acks.name(), acks.number::<i64>()) {
        (Some("all"), _) | (_, Some(-1)) => Ok(Some(Promise::Durable)),
        (_, Some(1)) => Ok(Some(Promise::Volatile)),
        (_, Some(0)) => Ok(Some(Promise::FireAndForget)),
        _ => Err(format!(":acks {} is none of :all, 1 and 0", acks.quote(QUOTED))),
    }
}

fn seeks(form: &Value) -> bool {
    flag(form, "seek-to-beginning?").unwrap_or(false)
}

fn flag(form: &Value, name: &str) -> Option<bool> {
    if let Some(Value::Bool(truth)) = form.get(name) { Some(*truth) } else { None }
}

fn source(form: &Value) -> String {
    match form.get("source") {
        Some(Value::Text(source)) => source.clone(),
        Some(_) | None => NOWHERE.to_owned(),
    }
}

fn offset_of(form: &Value) -> Result<Option<i64>, String> {
    if *form == Value::Nil {
        return Ok(None);
    }
    form.number().map(Some).ok_or_else(|| format!("{} is no offset", form.quote(QUOTED)))
}

fn value_of(form: &Value) -> Result<u64, String> {
    form.number()
        .ok_or_else(|| format!("value {} is no whole number from 0 to 2^64-1", form.quote(QUOTED)))
}
