//! The machine is judged three ways: by transcripts, each telling one story; by random events
//! against one replica; and by three replicas, a toy controller and a network that does as it likes.

mod bench;
mod cluster;
mod fetching;
mod following;
mod in_sync;
mod judge;
mod leading;
mod model;
mod properties;
mod reigns;
mod toy_controller;
