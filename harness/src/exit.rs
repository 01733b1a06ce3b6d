//! How a run, a check or a sweep ended, and what the program tells the shell about it.
//!
//! "Not known" is an answer of its own. It never counts as a pass, but whoever repeats a thousand
//! runs by script wants to tell it from a proof that something is wrong.

use std::fmt;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// What a judgement came to. Ordered by gravity: the maximum of several is the verdict on all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeVerdict {
    /// Everything that was promised was kept, and enough happened to say so.
    Valid,
    /// It was not possible to decide. Not a pass.
    Unknown,
    /// A promise was broken, or the run was vacuous.
    Invalid,
}

impl OutcomeVerdict {
    /// Whether this counts as a pass.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::Valid)
    }

    /// The verdict in small letters, as in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
        }
    }

    /// How a program that came to this verdict exits.
    #[must_use]
    pub const fn exit(self) -> Exit {
        match self {
            Self::Valid => Exit::Valid,
            Self::Unknown => Exit::Unknown,
            Self::Invalid => Exit::Invalid,
        }
    }
}

impl fmt::Display for OutcomeVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The exit codes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: judged valid.
    Valid,
    /// 1: judged invalid.
    Invalid,
    /// 2: not decided.
    Unknown,
    /// 64: the program was called wrongly (`EX_USAGE`), and nothing was judged.
    Usage,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Unknown => 2,
            Self::Usage => 64,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_that_scripts_rely_on() {
        let codes = [Exit::Valid, Exit::Invalid, Exit::Unknown, Exit::Usage].map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 64]);
    }

    #[test]
    fn verdict_on_several_is_the_gravest() {
        use OutcomeVerdict::{Invalid, Unknown, Valid};
        assert_eq!([Valid, Unknown, Valid].into_iter().max(), Some(Unknown));
        assert_eq!([Unknown, Invalid, Valid].into_iter().max(), Some(Invalid));
        assert!(Valid.passes() && !Unknown.passes() && !Invalid.passes());
    }

    #[test]
    fn verdicts_read_the_same_in_json_and_in_text() {
        for verdict in [OutcomeVerdict::Valid, OutcomeVerdict::Unknown, OutcomeVerdict::Invalid] {
            let json = serde_json::to_string(&verdict).unwrap();
            assert_eq!(json, format!("\"{verdict}\""));
        }
    }
}
