//! What can be wrong with a disk, and the tally of what really went wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A trouble that a disk can be put into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskFault {
    /// So many reads of a thousand fail with EIO.
    FailReads {
        /// Of a thousand.
        per_mille: u32,
    },
    /// So many writes of a thousand fail with EIO; a part of the bytes may have been written.
    FailWrites {
        /// Of a thousand.
        per_mille: u32,
    },
    /// So many fsyncs of a thousand fail with EIO. What they covered reads well and is never
    /// written, however many later fsyncs succeed.
    FailSyncs {
        /// Of a thousand.
        per_mille: u32,
    },
    /// Only so much space is left; what does not fit fails with ENOSPC.
    Full {
        /// Bytes left when the fault begins.
        free_bytes: u64,
    },
    /// An fsync takes so many times as long.
    SlowSyncs {
        /// How many times.
        factor: u32,
    },
    /// One bit of one durable byte turns around, somewhere.
    FlipBit,
    /// The power goes after so many more operations that change the disk.
    CutAfter {
        /// Writes, cuts, creations, renames, removals and completed syncs.
        operations: u64,
    },
}

impl DiskFault {
    /// Whether the fault lasts until it is mended. A turned bit stays turned.
    #[must_use]
    pub fn lasts(&self) -> bool {
        match self {
            Self::FailReads { .. }
            | Self::FailWrites { .. }
            | Self::FailSyncs { .. }
            | Self::Full { .. }
            | Self::SlowSyncs { .. } => true,
            Self::FlipBit | Self::CutAfter { .. } => false,
        }
    }
}

impl DiskFault {
    /// Whether the two are of one kind, of which only the latest is in force.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for DiskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FailReads { per_mille } => write!(f, "fail {per_mille} of 1000 reads"),
            Self::FailWrites { per_mille } => write!(f, "fail {per_mille} of 1000 writes"),
            Self::FailSyncs { per_mille } => write!(f, "fail {per_mille} of 1000 fsyncs"),
            Self::Full { free_bytes } => write!(f, "leave {free_bytes} bytes of disk"),
            Self::SlowSyncs { factor } => write!(f, "slow fsyncs {factor} times"),
            Self::FlipBit => write!(f, "flip a bit on disk"),
            Self::CutAfter { operations } => {
                write!(f, "cut power after {operations} disk operations")
            }
        }
    }
}

/// How often each trouble really struck. An injected fault that no operation met counts nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskTally {
    /// Reads that failed.
    pub reads_failed: u64,
    /// Writes and changes of names that failed with EIO.
    pub writes_failed: u64,
    /// Operations that found no space.
    pub writes_refused_full: u64,
    /// Fsyncs that failed with something to lose.
    pub syncs_failed: u64,
    /// Fsyncs that took longer than they should.
    pub syncs_slowed: u64,
    /// Bits turned around.
    pub bits_flipped: u64,
    /// Power cuts of the whole node.
    pub power_cuts: u64,
    /// Unsynced writes and cuts of which a power cut left nothing.
    pub changes_lost: u64,
    /// Unsynced writes of which a power cut left a part.
    pub writes_torn: u64,
    /// Unsynced creations, renames and removals that a power cut took back.
    pub names_lost: u64,
}

impl DiskTally {
    /// How many operations failed, for whatever reason.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.reads_failed + self.writes_failed + self.writes_refused_full + self.syncs_failed
    }
}

/// The troubles in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Troubles {
    pub(super) fail_reads: u32,
    pub(super) fail_writes: u32,
    pub(super) fail_syncs: u32,
    pub(super) space_limit: Option<u64>,
    pub(super) slow: Option<u32>,
    pub(super) operations_left: Option<u64>,
}

impl Troubles {
    /// Begins a fault. (A bit is turned by the disk itself.)
    pub(super) fn begin(&mut self, fault: &DiskFault, used: u64) {
        match fault {
            DiskFault::FailReads { per_mille } => self.fail_reads = *per_mille,
            DiskFault::FailWrites { per_mille } => self.fail_writes = *per_mille,
            DiskFault::FailSyncs { per_mille } => self.fail_syncs = *per_mille,
            DiskFault::Full { free_bytes } => {
                self.space_limit = Some(used.saturating_add(*free_bytes));
            }
            DiskFault::SlowSyncs { factor } => self.slow = Some(*factor),
            DiskFault::CutAfter { operations } => self.operations_left = Some(*operations),
            DiskFault::FlipBit => {}
        }
    }

    /// Whether any of them may make an operation fail or cut the power.
    pub(super) fn may_bring_down(&self) -> bool {
        self.fail_reads > 0
            || self.fail_writes > 0
            || self.fail_syncs > 0
            || self.space_limit.is_some()
            || self.operations_left.is_some()
    }

    /// Each trouble as the fault that would bring it about now, with `used` bytes on the disk.
    pub(super) fn in_force(&self, used: u64) -> Vec<DiskFault> {
        let strikes = |per_mille: u32| (per_mille > 0).then_some(per_mille);
        let all = [
            strikes(self.fail_reads).map(|per_mille| DiskFault::FailReads { per_mille }),
            strikes(self.fail_writes).map(|per_mille| DiskFault::FailWrites { per_mille }),
            strikes(self.fail_syncs).map(|per_mille| DiskFault::FailSyncs { per_mille }),
            self.space_limit
                .map(|limit| DiskFault::Full { free_bytes: limit.saturating_sub(used) }),
            self.slow.map(|factor| DiskFault::SlowSyncs { factor }),
            self.operations_left.map(|operations| DiskFault::CutAfter { operations }),
        ];
        all.into_iter().flatten().collect()
    }

    /// Ends all faults of this kind.
    pub(super) fn end(&mut self, fault: &DiskFault) {
        match fault {
            DiskFault::FailReads { .. } => self.fail_reads = 0,
            DiskFault::FailWrites { .. } => self.fail_writes = 0,
            DiskFault::FailSyncs { .. } => self.fail_syncs = 0,
            DiskFault::Full { .. } => self.space_limit = None,
            DiskFault::SlowSyncs { .. } => self.slow = None,
            DiskFault::CutAfter { .. } => self.operations_left = None,
            DiskFault::FlipBit => {}
        }
    }
}
