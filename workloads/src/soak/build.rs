//! Which code it is: a seed means something only together with it.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::path::Path;

use harness::digest::Digester;
use serde::{Deserialize, Serialize};

/// Of a program that may be hundreds of megabytes large, so much at a time.
const CHUNK: usize = 64 * 1024;

/// The code that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The package's version.
    pub version: String,
    /// What the variable `HIGHWATER_COMMIT` was when the program was compiled. Machines that each
    /// compile the program for themselves need it, since no two of them make the same file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// A digest of the program's file.
    pub program: String,
}

impl Build {
    /// The program that runs.
    ///
    /// # Errors
    /// Its own file cannot be read.
    pub fn this() -> io::Result<Self> {
        let program = digest_of(&std::env::current_exe()?)?;
        let commit = option_env!("HIGHWATER_COMMIT").filter(|commit| !commit.is_empty());
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit.map(str::to_owned),
            program,
        })
    }

    /// Whether a seed means the same in both: the same commit if both know theirs, else the same
    /// program to the byte.
    #[must_use]
    pub fn is_same_code(&self, other: &Self) -> bool {
        let same = match (&self.commit, &other.commit) {
            (Some(one), Some(other)) => one == other,
            (Some(_) | None, Some(_) | None) => self.program == other.program,
        };
        same && self.version == other.version
    }

    /// `0.1.0, commit 1f2e3d`, or the beginning of the program's digest.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.commit {
            Some(commit) => format!("{}, commit {}", self.version, short(commit)),
            None => format!("{}, program {}", self.version, short(&self.program)),
        }
    }
}

fn short(name: &str) -> &str {
    name.get(..12).unwrap_or(name)
}

fn digest_of(path: &Path) -> io::Result<String> {
    let mut file = OpenOptions::new().read(true).open(path)?;
    let mut digester = Digester::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(digester.finish().to_string()),
            count => digester.bytes(&chunk[..count]),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(commit: Option<&str>, program: &str) -> Build {
        let commit = commit.map(str::to_owned);
        Build { version: "1.0.0".to_owned(), commit, program: program.to_owned() }
    }

    #[test]
    fn commits_count_where_both_are_known_and_programs_elsewhere() {
        assert!(build(Some("a"), "x").is_same_code(&build(Some("a"), "y")));
        assert!(!build(Some("a"), "x").is_same_code(&build(Some("b"), "x")));
        assert!(build(None, "x").is_same_code(&build(Some("b"), "x")));
        assert!(!build(None, "x").is_same_code(&build(None, "y")));
        let newer = Build { version: "1.0.1".to_owned(), ..build(None, "x") };
        assert!(!newer.is_same_code(&build(None, "x")));
    }

    #[test]
    fn a_program_knows_itself() {
        let this = Build::this().unwrap();
        assert_eq!(this, Build::this().unwrap());
        assert_eq!(this.program.len(), 16);
        assert!(this.words().starts_with(env!("CARGO_PKG_VERSION")));
    }
}
