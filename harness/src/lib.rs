//! Deterministic fault injection for anything built on tokio.
//!
//! The program under test runs unchanged on simulated machines: a network that can be cut, disks
//! that lose what was not synced, clocks that drift. A run follows from one number, the
//! [`seed::Seed`], so a failure can be had again at will. Clients write down what they asked and
//! were told, and a checker judges the [`history::History`].
//!
//! # Layout, in reading order
//!
//! A program is introduced as a [`system::System`] and put on machines by a [`cluster::Cluster`],
//! whose methods are the verbs of hardship. [`scenario`] tells one story under several seeds.
//! [`checker`] judges what the clients saw.

pub mod seed;

pub mod system;

pub mod cluster;

pub mod fault;

pub mod disk;

pub mod clock;

pub mod net;

pub mod scenario;

pub mod history;

pub mod checker;

pub mod verdict;

pub mod digest;

pub mod gate;

mod millis;

pub mod panics;

pub mod trace;

mod watchdog;

pub mod prelude;
