//! A [`Moment`] for a terminal: one line for each thing, aligned.

use std::fmt;

use super::{BeliefState, EpochState, Moment, NodeState, PartitionState, ReplicaState};

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the cluster at {:.3}s", self.at.as_secs_f64())?;
        if let Some(violation) = &self.violation {
            writeln!(f, "  {violation}")?;
        }
        writeln!(f, "\nnodes")?;
        self.nodes.iter().try_for_each(|node| writeln!(f, "{node}"))?;
        writeln!(f, "\ncontrollers")?;
        for controller in &self.controllers {
            let role = if controller.active { "active" } else { "standby" };
            write!(f, "  {:<8} {role:<8}", controller.node)?;
            write!(f, "  metadata committed up to {}", told(controller.committed))?;
            match controller.epoch {
                Some(epoch) if controller.active => writeln!(f, ", active in epoch {epoch}")?,
                Some(epoch) => writeln!(f, ", was active in epoch {epoch}")?,
                None => writeln!(f)?,
            }
        }
        self.partitions.iter().try_for_each(|partition| write!(f, "\n{partition}"))?;
        section(f, "faults in force", &self.faults)?;
        section(f, "open calls", &self.open_calls)?;
        section(f, "the journal, last lines", &self.journal)?;
        section(f, "what nodes did last", &self.latest)
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]) -> fmt::Result {
    if lines.is_empty() {
        return writeln!(f, "\n{title}: none");
    }
    writeln!(f, "\n{title}")?;
    lines.iter().try_for_each(|line| writeln!(f, "  {}", line.trim_start()))
}

fn told(number: Option<i64>) -> String {
    number.map_or("-".to_owned(), |number| number.to_string())
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "  {:<8} {:<8}  start {}, registered: {}; knows itself as epoch {}, metadata applied \
             up to {}",
            self.node,
            self.process,
            self.incarnation,
            self.registered,
            told(self.broker_epoch),
            told(self.metadata_applied),
        )?;
        if self.clock_offset_ms != 0 {
            write!(f, "; clock off by {} ms", self.clock_offset_ms)?;
        }
        if self.clock_rate_ppm != 0 {
            write!(f, "; clock fast by {} ppm", self.clock_rate_ppm)?;
        }
        self.disk_troubles.iter().try_for_each(|trouble| write!(f, "; disk: {trouble}"))
    }
}

impl fmt::Display for PartitionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.partition, self.registration)?;
        write!(
            f,
            "  committed up to {}, with at least {} in sync",
            self.committed_end_offset, self.min_in_sync_replicas
        )?;
        if let Some(waived) = &self.waived {
            write!(f, "; losses are excused: {waived}")?;
        }
        writeln!(f)?;
        self.replicas.iter().try_for_each(|replica| writeln!(f, "{replica}"))
    }
}

impl fmt::Display for ReplicaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "  {:<8} {:<28} log {}..{}, high watermark {}, on disk up to {}",
            self.node,
            self.role,
            self.log_start_offset,
            self.log_end_offset,
            self.high_watermark,
            self.flushed_to,
        )?;
        if self.agrees_to < self.log_end_offset {
            write!(f, ", as committed up to {}", self.agrees_to)?;
        }
        if !self.epochs.is_empty() {
            let epochs: Vec<String> = self.epochs.iter().map(ToString::to_string).collect();
            write!(f, "\n  {:<8} {}", "", epochs.join("; "))?;
        }
        self.believes.as_ref().map_or(Ok(()), |belief| write!(f, "\n  {:<8} {belief}", ""))
    }
}

impl fmt::Display for EpochState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { leader_epoch, from, to, batches } = self;
        let es = if *batches == 1 { "" } else { "es" };
        write!(f, "epoch {leader_epoch}: {from}-{to} in {batches} batch{es}")
    }
}

impl fmt::Display for BeliefState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |brokers: &[i32]| {
            let brokers: Vec<String> = brokers.iter().map(ToString::to_string).collect();
            format!("{{{}}}", brokers.join(" "))
        };
        let epoch = self.partition_epoch;
        write!(f, "takes {} for in sync, version {epoch}", set(&self.committed))?;
        if self.committed == self.maximal {
            return Ok(());
        }
        write!(f, "; a proposal is under way, counts {}", set(&self.maximal))
    }
}
