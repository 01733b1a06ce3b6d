//! The broker meets the harness: Highwater's nodes as a system under test, the clients that use
//! them, and what must hold.
//!
//! # Layout, in reading order
//!
//! [`settings`] describes a cluster, [`system`] boots its nodes on the simulated machines through
//! [`sim_host`]. [`watch`] gathers what they observe into a [`picture`], against which
//! [`invariants`] are judged. [`operator`], [`answers`] and
//! [`places`] have the words of a story, [`load`] the
//! clients, [`alerts`] what its monitoring says, [`verdict`] the judgement of what clients saw. A
//! [`profile`] makes a [`plan`] of a seed, [`run`] makes one fault run of that, up to its verdict,
//! [`telling`] tells it while it lasts, and a [`chronicle`] keeps what its page shows.
//! A [`signature`] is what two failures have in common, and [`shrink`] cuts a failing plan down while
//! it keeps it. A [`record`] keeps everything that the nodes did, in [`words`] if need be; a [`moment`]
//! is the cluster when it stands still. [`explain`] tells why a run failed. [`matrix`] measures what each combination of
//! settings keeps. [`rooms`] runs the pure rooms alone, many thousand schedules a second. [`hunt`] goes on until a broker
//! that was broken on purpose is found out. [`swarm`] draws another cluster for each seed, and [`soak`] keeps what many
//! hours of that came to.

pub mod settings;

pub mod sim_host;

pub mod system;

pub mod deeds;

pub mod hunt;

pub mod watch;

pub mod record;

pub mod words;

pub mod moment;

pub mod picture;

pub mod invariants;

pub mod operator;

pub mod alerts;

pub mod answers;

pub mod places;

pub mod load;

pub mod verdict;

pub mod profile;

pub mod plan;

pub mod swarm;

pub mod run;

pub mod signature;

pub mod shrink;

pub mod explain;

pub mod telling;

pub mod chronicle;

pub mod rooms;

pub mod soak;

pub mod matrix;

pub mod prelude;
