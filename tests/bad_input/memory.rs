//! How large a process has been, as Linux tells it; on other systems nothing is known.
//!
//! An allocator that counts would need unsafe code, which the house forbids, and would count the
//! test's own memory beside the broker's. The broker is a process of its own instead, with one
//! heap, and the kernel keeps its high-water marks: of what it ever mapped (`VmPeak`), which sees
//! a huge reservation that nobody touches, and of what it ever held (`VmHWM`).

/// Both marks of a process, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peak {
    /// Ever mapped at once.
    pub(crate) mapped: u64,
    /// Ever held in memory at once.
    pub(crate) held: u64,
}

impl Peak {
    /// `None` where there is no `/proc`, and if the process has gone.
    pub(crate) fn of(process: u32) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.trim().parse().ok()
        };
        Some(Self { mapped: field("VmPeak:")?, held: field("VmHWM:")? })
    }
}
