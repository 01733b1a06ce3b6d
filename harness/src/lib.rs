//! Deterministic fault injection for anything built on tokio.
//!
//! A program that takes its sockets, files, time and dice from its [`system::NodeEnv`] runs here on
//! simulated machines, on one thread, under a network, disks and clocks that break on command. A
//! whole run follows from one [`seed::Seed`] and repeats to the byte. Clients write down what they
//! asked and were told, and a checker judges the [`history::History`].
//!
//! # Layout, in the order in which a newcomer should meet it
//!
//! - [`system`]: how a program is introduced, and the terms it has to keep.
//! - [`scenario`]: one story told under several seeds; [`prelude`] is what a story imports.
//! - [`cluster`]: the machines and the verbs: run, wait, look, crash, isolate, heal.
//! - [`fault`] and [`nemesis`]: the same hardships as data, drawn from a seed, saved and replayed.
//! - [`disk`], [`net`], [`clock`]: what a process has instead of a machine.
//! - [`history`], [`checker`], [`verdict`], [`digest`]: what the clients saw, and what it proves.
//! - [`sweep`], [`sometimes`], [`report`], [`exit`]: many seeds, what they reached, how it is told.
//! - [`seed`], [`gate`], [`panics`], [`trace`]: what it rests on.

pub mod checker;
pub mod clock;
pub mod cluster;
pub mod digest;
pub mod disk;
pub mod exit;
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
pub mod sometimes;
pub mod sweep;
pub mod system;
pub mod topology;
pub mod trace;
pub mod verdict;
mod watchdog;
