//! The flags that choose a profile.

use std::time::Duration;

use clap::{Args, ValueEnum};
use workloads::profile::{Clients, Profile};
use workloads::settings::brokers;

/// Which cluster, which clients, which faults.
#[derive(Debug, Args)]
pub(crate) struct ProfileFlags {
    /// How many brokers; the first three are controllers too.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=15))]
    brokers: u8,
    /// How many partitions the topic has.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=100))]
    partitions: i32,
    /// Which clients use it.
    #[arg(long, value_enum, default_value_t = WorkloadFlag::AcksMix)]
    workload: WorkloadFlag,
    /// How many producers, of the workload's kinds in turn; by default as many as it has.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=100))]
    producers: Option<u16>,
    /// The step of the simulation in milliseconds, which is also the grain of the network.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10))]
    tick: u64,
    /// How long faults strike, in simulated seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    storm: u64,
    /// Breaks the broker in a known way (builds with --features mutants only).
    #[arg(long, value_name = "ID")]
    mutant: Option<String>,
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
        let settings = brokers(usize::from(self.brokers)).min_in_sync_replicas(2);
        if self.brokers < 3 {
            return Err(format!(
                "--brokers {}: the topic has three replicas, so there must be three brokers",
                self.brokers
            ));
        }
        let mut profile = Profile::on(settings)
            .with_partitions(self.partitions)
            .tick(Duration::from_millis(self.tick))
            .storm(Duration::from_secs(self.storm))
            .clients(match self.workload {
                WorkloadFlag::AppendRead => Clients::AppendRead,
                WorkloadFlag::AcksMix => Clients::AcksMix,
            });
        if let Some(producers) = self.producers {
            profile = profile.producers(usize::from(producers));
        }
        match &self.mutant {
            None => Ok(profile),
            Some(name) => profile.mutant(name),
        }
    }
}
