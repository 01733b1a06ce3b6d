//! The stories: what is done to a cluster, and what it must keep. One module per kind of hardship.

mod alerts;
mod clocks;
mod controllers;
mod crashes;
mod fetch_limits;
mod last_resort;
mod partitions;
mod pauses;
mod power_cuts;
mod preferred_leaders;
mod racks;
mod regions;
mod regressions;
mod replication_factor;
mod slow_network;
mod torn_disks;
