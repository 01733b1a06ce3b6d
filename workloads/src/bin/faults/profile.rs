//! The flags that choose a profile.

use std::time::Duration;

use clap::{Args, ValueEnum};
use workloads::profile::{Clients, Profile};
use workloads::settings::brokers;

/// Which cluster, which clients, which faults.
#[derive(Debug, Args)]
pub(crate) struct ProfileFlags {
    /// Draws cluster, settings, clients and faults anew for each seed, as a soak does.
    #[arg(long, conflicts_with_all = ["brokers", "partitions", "workload", "storm"])]
    swarm: bool,
    /// How many brokers, of which the first three are controllers too; three or five, as the seed
    /// decides, if this is not said.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=15))]
    brokers: Option<u8>,
    /// How many partitions the topic has.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=100))]
    partitions: i32,
    /// Which clients use it.
    #[arg(long, value_enum, default_value_t = WorkloadFlag::AcksMix)]
    workload: WorkloadFlag,
    /// How long faults strike, in simulated seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    storm: u64,
    /// Breaks the broker in a known way (builds with --features mutants only).
    #[arg(long, value_name = "ID")]
    mutant: Option<String>,
    /// Judges by what clients see alone: a broken invariant does not end the run.
    #[arg(long)]
    clients_only: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WorkloadFlag {
    /// Producers with acks=all, a consumer.
    AppendRead,
    /// Producers with acks 0, 1 and all; consumers on leaders and followers.
    AcksMix,
}

impl ProfileFlags {
    pub(crate) fn profile(&self) -> Result<Profile, String> {
        let profile = match self.brokers {
            None if self.swarm => Profile::swarm(),
            None => Profile::safe(),
            Some(count @ 3..) => Profile::on(brokers(usize::from(count)).min_in_sync_replicas(2)),
            Some(count @ 0..3) => {
                return Err(format!(
                    "--brokers {count}: the topic has three replicas, so there must be three brokers"
                ));
            }
        };
        let profile = profile
            .with_partitions(self.partitions)
            .storm(Duration::from_secs(self.storm))
            .clients(match self.workload {
                WorkloadFlag::AppendRead => Clients::AppendRead,
                WorkloadFlag::AcksMix => Clients::AcksMix,
            });
        let profile = if self.clients_only { profile.clients_only() } else { profile };
        match &self.mutant {
            None => Ok(profile),
            Some(name) => profile.mutant(name),
        }
    }
}
