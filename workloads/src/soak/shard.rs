//! Which of all seeds are this machine's: those that leave its number when divided by the number of
//! machines.
//!
//! Schedulers that start many of the same tell each which one it is. What they say is understood:
//!
//! | scheduler | variables |
//! |---|---|
//! | Kubernetes, an indexed Job | `JOB_COMPLETION_INDEX`, and `JOB_COMPLETION_COUNT`, which the manifest has to set |
//! | GitLab CI, `parallel` | `CI_NODE_INDEX` from 1, `CI_NODE_TOTAL` (with `GITLAB_CI`) |
//! | other CI | `CI_NODE_INDEX` from 0, `CI_NODE_TOTAL` |
//! | Slurm, an array | `SLURM_ARRAY_TASK_ID`, `_MIN`, `_COUNT`, and `_STEP` if it is not 1 |

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// More machines than anybody has.
const COUNT_MAX: u64 = 1 << 32;

/// One of several machines that share the seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Shard {
    index: u64,
    count: u64,
}

/// A text or a number that names no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoShard(String);

impl Shard {
    /// All seeds.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// The seeds that leave `index` when divided by `count`.
    ///
    /// # Errors
    /// `index` is not below `count`, or there are more than 2^32.
    pub fn new(index: u64, count: u64) -> Result<Self, NoShard> {
        if index < count && count <= COUNT_MAX {
            return Ok(Self { index, count });
        }
        let why = "shards are numbered from 0, below their count";
        Err(NoShard(format!("{index} of {count}: {why}")))
    }

    /// Which one of all.
    #[must_use]
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many there are.
    #[must_use]
    pub fn count(self) -> u64 {
        self.count
    }

    /// Its first seed from `start` on; `None` if there is none below 2^64.
    #[must_use]
    pub fn first(self, start: u64) -> Option<u64> {
        let ahead = (self.index + self.count - start % self.count) % self.count;
        start.checked_add(ahead)
    }

    /// The shard that the environment names, and the variable that named it.
    ///
    /// # Errors
    /// A variable is set without the one that belongs to it, or makes no sense.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<(Self, &'static str)>, NoShard> {
        const KUBERNETES: &str = "JOB_COMPLETION_INDEX";
        const NODE: &str = "CI_NODE_INDEX";
        const SLURM: &str = "SLURM_ARRAY_TASK_ID";
        let read = Variables(&variable);
        if let Some(index) = read.number(KUBERNETES)? {
            let count = read.beside(KUBERNETES, "JOB_COMPLETION_COUNT")?;
            return read.shard(KUBERNETES, Some(index), count);
        }
        if let Some(index) = read.number(NODE)? {
            let count = read.beside(NODE, "CI_NODE_TOTAL")?;
            // Others count from 0, as the variables of most schedulers do.
            let base = u64::from(variable("GITLAB_CI").is_some());
            return read.shard(NODE, index.checked_sub(base), count);
        }
        if let Some(id) = read.number(SLURM)? {
            let min = read.beside(SLURM, "SLURM_ARRAY_TASK_MIN")?;
            let count = read.beside(SLURM, "SLURM_ARRAY_TASK_COUNT")?;
            let step = read.number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
            let index = id.checked_sub(min).filter(|ahead| ahead.is_multiple_of(step));
            return read.shard(SLURM, index.map(|ahead| ahead / step), count);
        }
        Ok(None)
    }
}

/// Environment variables, read as numbers.
struct Variables<'read>(&'read dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn number(&self, name: &str) -> Result<Option<u64>, NoShard> {
        let Some(text) = (self.0)(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let number = text.trim().parse();
        number.map(Some).map_err(|_| NoShard(format!("{name}={text}: not a whole number")))
    }

    /// A variable without which `name` means nothing.
    fn beside(&self, name: &str, other: &str) -> Result<u64, NoShard> {
        let missing = || NoShard(format!("{name} is set and {other} is not: set it, or --shard"));
        self.number(other)?.ok_or_else(missing)
    }

    fn shard(
        &self,
        name: &'static str,
        index: Option<u64>,
        count: u64,
    ) -> Result<Option<(Shard, &'static str)>, NoShard> {
        let outside = || {
            let text = (self.0)(name).unwrap_or_default();
            NoShard(format!("{name}={text} is none of {count} shards"))
        };
        let shard = index.and_then(|index| Shard::new(index, count).ok()).ok_or_else(outside)?;
        Ok(Some((shard, name)))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    /// `K/N`, K from 0.
    fn from_str(text: &str) -> Result<Self, NoShard> {
        let wrong = || NoShard(format!("`{text}` is not a shard: K/N is, such as 0/4"));
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
        Self::new(number(index)?, number(count)?)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = NoShard;

    fn try_from(text: String) -> Result<Self, NoShard> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(variables: &[(&str, &str)]) -> Result<Option<(Shard, &'static str)>, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Shard::from_environment(variable).map_err(|error| error.to_string())
    }

    fn shard(index: u64, count: u64) -> Shard {
        Shard::new(index, count).unwrap()
    }

    #[test]
    fn schedulers_say_which_one_it_is() {
        assert_eq!(told(&[]), Ok(None));
        let kubernetes = [("JOB_COMPLETION_INDEX", "2"), ("JOB_COMPLETION_COUNT", "8")];
        assert_eq!(told(&kubernetes), Ok(Some((shard(2, 8), "JOB_COMPLETION_INDEX"))));
        let node = [("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "3")];
        assert_eq!(told(&node), Ok(Some((shard(0, 3), "CI_NODE_INDEX"))));
        let gitlab = [("CI_NODE_INDEX", "3"), ("CI_NODE_TOTAL", "3"), ("GITLAB_CI", "true")];
        assert_eq!(told(&gitlab), Ok(Some((shard(2, 3), "CI_NODE_INDEX"))));
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "30"),
            ("SLURM_ARRAY_TASK_MIN", "10"),
            ("SLURM_ARRAY_TASK_STEP", "10"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        assert_eq!(told(&slurm), Ok(Some((shard(2, 4), "SLURM_ARRAY_TASK_ID"))));
    }

    #[test]
    fn half_of_what_is_needed_is_an_error_and_not_a_guess() {
        let message = told(&[("JOB_COMPLETION_INDEX", "2")]).unwrap_err();
        assert!(message.contains("JOB_COMPLETION_COUNT"), "{message}");
        let message = told(&[("CI_NODE_INDEX", "3"), ("CI_NODE_TOTAL", "3")]).unwrap_err();
        assert_eq!(message, "CI_NODE_INDEX=3 is none of 3 shards");
        let first = [("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "3"), ("GITLAB_CI", "true")];
        assert!(told(&first).is_err(), "GitLab counts from 1");
        let message = told(&[("SLURM_ARRAY_TASK_ID", "x")]).unwrap_err();
        assert_eq!(message, "SLURM_ARRAY_TASK_ID=x: not a whole number");
        for text in ["1", "1/1", "-1/2", "a/b", "0/0", "1/"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn each_seed_is_in_exactly_one_shard(start in 0_u64..1_000, count in 1_u64..9, ahead in 0_u64..50) {
            let seed = start + ahead;
            let owners = (0..count).filter(|index| {
                let first = shard(*index, count).first(start).unwrap();
                assert!(first >= start && first < start + count, "within the first round");
                seed >= first && (seed - first).is_multiple_of(count)
            });
            let owners: Vec<u64> = owners.collect();
            prop_assert_eq!(owners, vec![seed % count]);
        }

        #[test]
        fn shard_is_read_as_it_is_written(index in 0_u64..100, more in 1_u64..100) {
            let written = shard(index, index + more);
            prop_assert_eq!(written.to_string().parse(), Ok(written));
        }
    }
}
