//! How much memory the process has, for those who let it run over night.

use serde::{Deserialize, Serialize};

/// At the start and at the end of a soak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Bytes resident when the first seed was begun.
    pub start_bytes: u64,
    /// Bytes resident after the last.
    pub end_bytes: u64,
}

/// Bytes of this process that are in memory; `None` where the system does not say.
#[must_use]
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    resident_in(&status)
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_the_systems_page() {
        let page = "Name:\tfaults\nVmPeak:\t  900 kB\nVmRSS:\t    640 kB\n";
        assert_eq!(resident_in(page), Some(640 * 1024));
        assert_eq!(resident_in("Name:\tfaults\n"), None);
        if cfg!(target_os = "linux") {
            assert!(resident().is_some_and(|bytes| bytes > 1 << 20));
        }
    }
}
