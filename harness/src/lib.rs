//! Deterministic fault injection for anything built on tokio.
//!
#![doc = include_str!("../README.md")]
//!
//! # The modules, in the order in which a newcomer should meet it
//!
//! - [`system`]: how a program is introduced, and the terms it has to keep.
//! - [`scenario`]: one story told under several seeds; [`prelude`] is what a story imports;
//!   [`command`] makes a program of it.
//! - [`cluster`]: the machines and the verbs: run, wait, look, crash, isolate, heal.
//! - [`fault`] and [`nemesis`]: the same hardships as data, drawn from a seed, saved and replayed.
//! - [`disk`], [`net`], [`clock`]: what a process has instead of a machine.
//! - [`history`], [`checker`], [`verdict`], [`digest`]: what the clients saw, and what it proves.
//! - [`sweep`], [`sometimes`], [`report`], [`exit`]: many seeds, what they reached, how it is told.
//! - [`explain`]: when a failure became inevitable, and which faults it took.
//! - [`shrink`]: a failure cut down to what it needs.
//! - [`seed`], [`gate`], [`panics`], [`trace`]: what it rests on.

pub mod checker;
pub mod clock;
pub mod cluster;
pub mod command;
pub mod digest;
pub mod disk;
pub mod exit;
pub mod explain;
pub mod fault;
pub mod gate;
pub mod history;
pub mod millis;
pub mod nemesis;
pub mod net;
pub mod panics;
pub mod prelude;
pub mod report;
pub mod scenario;
pub mod seed;
pub mod shrink;
pub mod sometimes;
pub mod sweep;
pub mod system;
pub mod topology;
pub mod trace;
pub mod verdict;
mod watchdog;
