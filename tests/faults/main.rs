//! The stories: what is done to a cluster, and what it must keep. One module per kind of hardship.

mod partitions;
mod regressions;
