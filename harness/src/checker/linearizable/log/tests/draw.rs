//! Random small histories: what a log does in a random run, and the same with things made wrong.

use super::cases::{Case, Op, What};
use crate::checker::linearizable::log::{Fate, Reach};
use crate::seed::Stream;

/// What a run looks like from inside.
struct Run<'d> {
    dice: &'d mut Stream,
    clock: u32,
    /// 0 is a control record.
    log: Vec<u64>,
    values: u64,
    ops: Vec<Op>,
    /// Operations under way, and how often they still take effect.
    open: Vec<(usize, u32)>,
    sparse: bool,
}

/// What a log does, told by up to `most` operations.
pub(super) fn legal(dice: &mut Stream, most: usize) -> Case {
    let sparse = dice.chance(1, 5);
    let count = 1 + dice.index(most);
    let mut run = Run {
        dice,
        clock: 0,
        log: Vec::new(),
        values: 0,
        ops: Vec::new(),
        open: Vec::new(),
        sparse,
    };
    while run.ops.len() < count {
        run.step();
    }
    while !run.open.is_empty() {
        let at = run.dice.index(run.open.len());
        run.advance(at);
    }
    Case { ops: run.ops, sparse }
}

impl Run<'_> {
    fn tick(&mut self) -> u32 {
        self.clock += u32::from(self.dice.chance(3, 4));
        self.clock
    }

    fn length(&self) -> i64 {
        i64::try_from(self.log.len()).unwrap()
    }

    fn step(&mut self) {
        if self.sparse && self.dice.chance(1, 5) {
            self.log.push(0);
        }
        if !self.open.is_empty() && self.dice.chance(1, 2) {
            let at = self.dice.index(self.open.len());
            self.advance(at);
        } else if self.dice.chance(3, 5) {
            self.begin_append();
        } else {
            self.begin_read();
        }
    }

    fn begin_append(&mut self) {
        let called = self.tick();
        let length = *self.dice.pick(&[1, 1, 1, 1, 1, 2, 2, 3]);
        let values: Vec<u64> = (self.values + 1..=self.values + length).collect();
        self.values += length;
        let repeats = self.dice.chance(1, 10);
        let takes_effect = self.dice.chance(4, 5);
        let offset = i64::try_from(self.dice.index(self.log.len() + 2)).unwrap();
        let fate = match (takes_effect, self.dice.range(0..20)) {
            // The offset is filled in when it is known.
            (true, 0..11) => Fate::Acknowledged { offset: -1 },
            (true, 11..13) => Fate::AcknowledgedSomewhere,
            (true, 13..18) => Fate::Unknown,
            (true, _) => Fate::UnknownAt { offset: -1 },
            (false, 0..8) => Fate::Failed,
            (false, 8..16) => Fate::Unknown,
            (false, _) => Fate::UnknownAt { offset },
        };
        let effects = u32::from(takes_effect) * (1 + u32::from(repeats && self.dice.chance(1, 2)));
        self.open.push((self.ops.len(), effects));
        let what = What::Append { values, fate, repeats };
        self.ops.push(Op { called, returned: None, what });
    }

    fn begin_read(&mut self) {
        let called = self.tick();
        let reach = if self.dice.chance(1, 3) { Reach::Tail } else { Reach::Prefix };
        self.open.push((self.ops.len(), 1));
        let what = What::Read { offset: 0, values: Vec::new(), reach };
        self.ops.push(Op { called, returned: None, what });
    }

    /// An open operation takes effect or returns.
    fn advance(&mut self, at: usize) {
        let (number, effects) = self.open[at];
        if effects > 0 {
            self.open[at].1 -= 1;
            self.take_effect(number);
            return;
        }
        self.open.remove(at);
        let returned = self.tick();
        let unknown = match &self.ops[number].what {
            What::Append { fate, .. } => {
                matches!(fate, Fate::Unknown | Fate::UnknownAt { .. })
            }
            What::Read { .. } => false,
        };
        self.ops[number].returned = (!unknown).then_some(returned);
    }

    fn take_effect(&mut self, number: usize) {
        let length = self.length();
        let is_first = match &self.ops[number].what {
            What::Append { values, .. } => !self.log.contains(&values[0]),
            What::Read { .. } => true,
        };
        match &mut self.ops[number].what {
            What::Append { values, fate, .. } => {
                if is_first {
                    match fate {
                        Fate::Acknowledged { offset } | Fate::UnknownAt { offset } => {
                            *offset = length;
                        }
                        Fate::AcknowledgedSomewhere | Fate::Failed | Fate::Unknown => {}
                    }
                }
                self.log.extend(values.iter());
            }
            What::Read { offset, values, reach } => {
                // A run of records between control records; a tail read goes to the end.
                let last = match reach {
                    Reach::Tail => self.log.len(),
                    Reach::Prefix => self.dice.index(self.log.len() + 1),
                };
                let records = self.log[..last].iter().rev().take_while(|value| **value != 0);
                let first = last - self.dice.index(records.count() + 1);
                *offset = i64::try_from(first).unwrap();
                *values = self.log[first..last].to_vec();
            }
        }
    }
}

/// Makes one to four things wrong, or at least different.
pub(super) fn corrupt(dice: &mut Stream, case: &mut Case) {
    for _ in 0..1 + dice.index(4) {
        if case.ops.is_empty() {
            return;
        }
        let at = dice.index(case.ops.len());
        match dice.range(0..10) {
            0..4 => spoil_what(dice, &mut case.ops[at]),
            4 => {
                let op = &mut case.ops[at];
                op.returned = op.returned.map(|_| op.called);
            }
            5 => {
                let op = &mut case.ops[at];
                op.called = op.returned.unwrap_or(op.called + 3);
            }
            6 => {
                let (op, by) = (&mut case.ops[at], 1 + u32::try_from(dice.index(6)).unwrap());
                (op.called, op.returned) = (op.called + by, op.returned.map(|time| time + by));
            }
            7 => {
                let (op, by) = (&mut case.ops[at], 1 + u32::try_from(dice.index(6)).unwrap());
                let by = by.min(op.called);
                (op.called, op.returned) = (op.called - by, op.returned.map(|time| time - by));
            }
            8 => drop(case.ops.remove(at)),
            _ => {
                let other = dice.index(case.ops.len());
                let spans = [at, other].map(|at| (case.ops[at].called, case.ops[at].returned));
                if case.ops[at].returned.is_some() == case.ops[other].returned.is_some() {
                    (case.ops[at].called, case.ops[at].returned) = spans[1];
                    (case.ops[other].called, case.ops[other].returned) = spans[0];
                }
            }
        }
    }
}

fn spoil_what(dice: &mut Stream, op: &mut Op) {
    let by = *dice.pick(&[-2, -1, -1, 1, 1, 2]);
    let any = 1 + dice.range(0..9);
    match &mut op.what {
        What::Append { fate, .. } => match fate {
            Fate::Acknowledged { offset } | Fate::UnknownAt { offset } if dice.chance(2, 3) => {
                *offset += by;
            }
            Fate::Unknown | Fate::UnknownAt { .. } => *fate = Fate::Failed,
            Fate::Failed => *fate = Fate::Unknown,
            Fate::Acknowledged { .. } if dice.chance(1, 2) => *fate = Fate::Unknown,
            Fate::Acknowledged { .. } => *fate = Fate::AcknowledgedSomewhere,
            Fate::AcknowledgedSomewhere => *fate = Fate::Acknowledged { offset: by },
        },
        What::Read { offset, values, reach } => match dice.range(0..6) {
            0 => *offset += by,
            1 => values.truncate(values.len().saturating_sub(1)),
            2 => values.push(any),
            3 if !values.is_empty() => {
                let at = dice.index(values.len());
                values[at] = any;
            }
            _ => *reach = Reach::Tail,
        },
    }
}
