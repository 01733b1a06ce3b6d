//! What the protocol promises in a cell, by its rules and not by measurement.
//!
//! A measured cell is held against this. Where nothing may be lost, one lost record is a bug. Where
//! records may be lost, a cell in which none was proves nothing, and is marked.

use std::fmt;

use harness::history::Promise;
use serde::{Deserialize, Serialize};

use super::{Cell, Hardship, Tally};

/// What a cell promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promised {
    /// Nothing that was acknowledged is lost.
    NoLoss,
    /// Acknowledged records may be lost.
    MayLose,
}

/// What was promised, why, and for how long writes cannot be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theory {
    /// What is promised.
    pub promised: Promised,
    /// Why, in one sentence.
    pub because: &'static str,
}

/// What a cell came to, held against what it promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// Nothing may be lost, and nothing was.
    Kept,
    /// Records may be lost, and some were; each loss is explained.
    Exercised,
    /// Records may be lost, and none was: nothing is proved.
    NotExercised,
    /// A promise was broken, a loss is unexplained, or a run came to nothing.
    Broken,
}

impl Finding {
    /// Its words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Exercised => "loses",
            Self::NotExercised => "not exercised",
            Self::Broken => "BROKEN",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

/// What a cell promises.
///
/// The arguments are those of the protocol's description, section 4: a record is safe as long as
/// one replica that may still be elected has it, and a killed process keeps its files.
#[must_use]
pub fn theory(cell: &Cell) -> Theory {
    match cell.promise {
        Promise::FireAndForget => may_lose("nobody has answered for an acks=0 record"),
        Promise::Volatile => volatile(cell),
        Promise::Durable => durable(cell),
    }
}

/// Holds what was measured against what is promised.
#[must_use]
pub fn judge(cell: &Cell, tally: &Tally) -> Finding {
    let unexplained = match cell.promise {
        Promise::FireAndForget => 0,
        Promise::Durable | Promise::Volatile => tally.lost_unexplained,
    };
    if tally.failed > 0 || unexplained > 0 || tally.acknowledged == 0 {
        return Finding::Broken;
    }
    match (theory(cell).promised, tally.lost()) {
        (Promised::NoLoss, 0) => Finding::Kept,
        (Promised::NoLoss, _) => Finding::Broken,
        (Promised::MayLose, 0) => Finding::NotExercised,
        (Promised::MayLose, _) => Finding::Exercised,
    }
}

fn durable(cell: &Cell) -> Theory {
    let alone = cell.row.replication_factor == 1;
    let everybody = cell.row.replication_factor == cell.row.min_in_sync_replicas;
    match cell.hardship {
        Hardship::LeaderCrash | Hardship::FollowerCrash | Hardship::RackLoss => {
            no_loss("a killed process keeps its files, and whoever is in sync has the record")
        }
        Hardship::Isolation | Hardship::Split => {
            no_loss("the leader cannot commit without those that it does not hear")
        }
        Hardship::RollingRestart => no_loss("a clean stop syncs, and hands leadership on first"),
        Hardship::SlowDisk => no_loss("an acknowledgement does not rest on the disk"),
        Hardship::ClockJump => no_loss("lag and sessions are measured with a monotonic clock"),
        Hardship::CrashOfRequired if cell.row.unclean && !everybody => {
            may_lose("a replica that lacks the record is elected rather than nobody")
        }
        Hardship::CrashOfRequired => no_loss("nobody leads until one that has the record is back"),
        Hardship::PowerCutOfOne if alone => {
            may_lose("the only replica loses what it had not synced")
        }
        Hardship::PowerCutOfOne => no_loss("all other replicas were in sync"),
        Hardship::PowerCutOfAllButOneRequired => {
            no_loss("of the min.insync.replicas that had the record, one keeps it")
        }
        Hardship::PowerCutOfRequired => {
            may_lose("every replica that had the record loses what it had not synced")
        }
        Hardship::PowerCutOfAll => may_lose("every replica loses what it had not synced"),
    }
}

fn volatile(cell: &Cell) -> Theory {
    let alone = cell.row.replication_factor == 1;
    match cell.hardship {
        Hardship::FollowerCrash => no_loss("the leader stays, and it has the record"),
        Hardship::SlowDisk => no_loss("the leader stays, and it has the record"),
        Hardship::ClockJump => no_loss("nobody's leadership depends on a wall clock"),
        Hardship::LeaderCrash
        | Hardship::Isolation
        | Hardship::Split
        | Hardship::RackLoss
        | Hardship::RollingRestart
        | Hardship::CrashOfRequired
            if alone =>
        {
            no_loss("the only replica keeps its files, and nobody else can lead")
        }
        Hardship::LeaderCrash | Hardship::RackLoss | Hardship::CrashOfRequired => {
            may_lose("the next leader lacks what it had not fetched")
        }
        Hardship::RollingRestart => {
            may_lose("leadership moves before the last records were fetched")
        }
        Hardship::Isolation | Hardship::Split => {
            may_lose("a deposed leader goes on acknowledging until it hears of it")
        }
        Hardship::PowerCutOfOne
        | Hardship::PowerCutOfAllButOneRequired
        | Hardship::PowerCutOfRequired
        | Hardship::PowerCutOfAll => may_lose("the leader loses what it had not synced"),
    }
}

const fn no_loss(because: &'static str) -> Theory {
    Theory { promised: Promised::NoLoss, because }
}

const fn may_lose(because: &'static str) -> Theory {
    Theory { promised: Promised::MayLose, because }
}
