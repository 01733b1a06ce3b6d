//! The stories: what is done to a cluster, and what it must keep. One module per kind of hardship.

mod alerts;
mod clocks;
mod controllers;
mod crashes;
mod partitions;
mod pauses;
mod power_cuts;
mod regressions;
mod slow_network;
mod torn_disks;
