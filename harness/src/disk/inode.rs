//! One file: what a reader sees, and what of it the platter has.
//!
//! Only the volatile content is stored, with an undo record for each change that no fsync covers.
//! So an append costs its bytes and nothing else, an fsync forgets the records, and a power cut
//! walks them backwards to find what the platter held. An append has nothing to undo: its record
//! is a handful of numbers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::damage::{Loss, Survival, Wreck};
use crate::seed::Stream;

/// What the platter writes whole or not at all, in bytes.
pub(super) const SECTOR: usize = 512;

/// A file's bytes and the changes to them that may yet be lost.
#[derive(Debug)]
pub(super) struct Inode {
    content: Vec<u8>,
    changes: VecDeque<Change>,
    next_change: u64,
    used: Arc<AtomicU64>,
}

/// A change to the content that is not, or not simply, on the platter.
#[derive(Debug)]
pub(super) struct Change {
    number: u64,
    pub(super) kind: Kind,
    pub(super) length_before: usize,
    /// The bytes that the change replaced or cut off.
    undo: Vec<u8>,
    pub(super) fate: Fate,
}

/// What was done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Bytes were written at a position.
    Write { position: usize, length: usize },
    /// The file was cut or extended to a length.
    Resize { length: usize },
}

/// What will become of a change when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It may survive, wholly, partly or not at all.
    Dirty,
    /// Its fsync failed: the cache calls it clean, the platter never had it.
    Doomed,
    /// It is on the platter, but comes after a doomed change and so cannot be forgotten.
    Saved,
}

impl Inode {
    pub(super) fn new(used: Arc<AtomicU64>) -> Self {
        Self { content: Vec::new(), changes: VecDeque::new(), next_change: 0, used }
    }

    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    pub(super) fn length(&self) -> usize {
        self.content.len()
    }

    /// By how much the file would grow if it reached to `end`.
    pub(super) fn growth(&self, end: usize) -> usize {
        end.saturating_sub(self.content.len())
    }

    /// Writes the parts one after the other; a gap before `position` reads as zeros.
    pub(super) fn write(&mut self, position: usize, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length == 0 {
            return;
        }
        let before = self.content.len();
        let replaced = position.min(before)..(position + length).min(before);
        let undo = self.content[replaced].to_vec();
        if position + length > before {
            self.content.resize(position.max(before), 0);
        }
        let mut at = position;
        for part in parts {
            let overlap = part.len().min(self.content.len() - at);
            self.content[at..at + overlap].copy_from_slice(&part[..overlap]);
            self.content.extend_from_slice(&part[overlap..]);
            at += part.len();
        }
        self.account(before);
        self.record(Kind::Write { position, length }, before, undo);
    }

    /// Cuts the file or extends it with zeros.
    pub(super) fn resize(&mut self, length: usize) {
        let before = self.content.len();
        if length == before {
            return;
        }
        let undo = self.content.get(length..).unwrap_or_default().to_vec();
        self.content.resize(length, 0);
        self.account(before);
        self.record(Kind::Resize { length }, before, undo);
    }

    fn record(&mut self, kind: Kind, length_before: usize, undo: Vec<u8>) {
        let number = self.next_change;
        self.next_change += 1;
        self.changes.push_back(Change { number, kind, length_before, undo, fate: Fate::Dirty });
    }

    fn account(&self, before: usize) {
        let (before, after) = (count(before), count(self.content.len()));
        if after >= before {
            self.used.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.used.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    /// All changes so far are below this number.
    pub(super) fn mark(&self) -> u64 {
        self.next_change
    }

    /// Whether an fsync would have something to do.
    pub(super) fn is_dirty(&self) -> bool {
        // Fates come in order: a dirty change is never followed by another fate.
        self.changes.back().is_some_and(|change| change.fate == Fate::Dirty)
    }

    /// The changes below `mark` have reached the platter.
    pub(super) fn saved(&mut self, mark: u64) {
        while self.changes.front().is_some_and(|c| c.number < mark && c.fate == Fate::Dirty) {
            self.changes.pop_front();
        }
        // What is left stands behind a doomed change, whose undo record needs the later ones.
        for change in self.changes.iter_mut().take_while(|change| change.number < mark) {
            if change.fate == Fate::Dirty {
                change.fate = Fate::Saved;
            }
        }
    }

    /// The fsync of the changes below `mark` failed. The kernel reports it once, calls the pages
    /// clean, and never writes them: a later fsync succeeds without them.
    pub(super) fn doom(&mut self, mark: u64) {
        for change in self.changes.iter_mut().take_while(|change| change.number < mark) {
            if change.fate == Fate::Dirty {
                change.fate = Fate::Doomed;
            }
        }
    }

    /// Whether the byte at `position` is on the platter as it reads.
    pub(super) fn is_durable(&self, position: usize) -> bool {
        self.changes.iter().all(|change| match change.kind {
            Kind::Write { position: start, length } => {
                position < start || position >= start + length
            }
            Kind::Resize { length } => position < length.min(change.length_before),
        })
    }

    /// Turns one bit around, in the cache and on the platter.
    pub(super) fn flip(&mut self, position: usize, bit: u32) -> bool {
        let Some(byte) = self.content.get_mut(position) else { return false };
        *byte ^= 1 << (bit % 8);
        true
    }

    /// The power goes. What was not fsynced survives as `loss` says, sector by sector.
    pub(super) fn power_cut(&mut self, loss: Loss, dice: &mut Stream) -> Wreck {
        if self.changes.is_empty() {
            return Wreck::default();
        }
        let before = self.content.len();
        let mut changes: Vec<Change> = std::mem::take(&mut self.changes).into();
        let fresh = self.unwind(&mut changes);
        let survival = Survival::draw(&changes, loss, dice);
        let wreck = self.replay(&changes, &fresh, &survival);
        self.account(before);
        wreck
    }

    /// Takes the changes back, newest first, and returns the bytes that each had written.
    fn unwind(&mut self, changes: &mut [Change]) -> Vec<Vec<u8>> {
        let mut fresh = Vec::with_capacity(changes.len());
        for change in changes.iter_mut().rev() {
            match change.kind {
                Kind::Write { position, length } => {
                    fresh.push(self.content[position..position + length].to_vec());
                    self.content.truncate(change.length_before);
                    if !change.undo.is_empty() {
                        let end = position + change.undo.len();
                        self.content[position..end].copy_from_slice(&change.undo);
                    }
                }
                Kind::Resize { length } => {
                    fresh.push(Vec::new());
                    self.content.truncate(length.min(change.length_before));
                    self.content.extend_from_slice(&change.undo);
                }
            }
        }
        fresh.reverse();
        fresh
    }

    /// Does again, on what the platter held, what survives of the changes.
    fn replay(&mut self, changes: &[Change], fresh: &[Vec<u8>], survival: &Survival) -> Wreck {
        let mut wreck = Wreck::default();
        let mut length = self.content.len();
        let mut kept = BTreeMap::new();
        for (index, change) in changes.iter().enumerate() {
            let resized = survival.keeps_length(index, change);
            match change.kind {
                Kind::Resize { length: to } => {
                    if resized {
                        self.content.resize(to, 0);
                        length = to;
                    } else {
                        wreck.changes_lost += 1;
                    }
                }
                Kind::Write { position, length: written } => {
                    let bytes = self.restore(position, &fresh[index], |sector| {
                        survival.keeps_sector(index, change, sector)
                    });
                    kept.insert(index, bytes);
                    if resized {
                        length = length.max(position + written);
                    }
                }
            }
        }
        length = survival.torn_length.map_or(length, |torn| length.min(torn));
        self.content.resize(length, 0);
        for (index, bytes) in kept {
            let Kind::Write { position, length: written } = changes[index].kind else { continue };
            let visible = length.saturating_sub(position).min(written);
            match bytes.min(visible) {
                0 => wreck.changes_lost += 1,
                some if some < written => wreck.writes_torn += 1,
                _ => {}
            }
        }
        wreck
    }

    /// Writes those sectors of `bytes` that survive; says how many bytes they hold.
    fn restore(
        &mut self,
        position: usize,
        bytes: &[u8],
        survives: impl Fn(usize) -> bool,
    ) -> usize {
        let mut kept = 0;
        let mut done = 0;
        while done < bytes.len() {
            let at = position + done;
            let next = ((at / SECTOR + 1) * SECTOR - position).min(bytes.len());
            if survives(at / SECTOR) {
                let end = position + next;
                if self.content.len() < end {
                    self.content.resize(end, 0);
                }
                self.content[at..end].copy_from_slice(&bytes[done..next]);
                kept += next - done;
            }
            done = next;
        }
        kept
    }
}

impl Drop for Inode {
    fn drop(&mut self) {
        self.used.fetch_sub(count(self.content.len()), Ordering::Relaxed);
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).expect("a length fits 64 bits")
}
