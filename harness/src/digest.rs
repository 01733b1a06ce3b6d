//! Digests: one short word that two runs share if and only if they did the same.
//!
//! A digest must not depend on the build, the process or the machine. So nothing is hashed by its
//! memory or by its debug text: every piece is written in one fixed form, numbers as eight
//! big-endian bytes, texts and lists behind their length, variants behind a tag. Two different
//! sequences of pieces therefore never feed the same bytes.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What a run did, in 32 bytes; printed as its first 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// All 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl From<Digest> for String {
    /// All 64 hexadecimal digits, so that a digest in a file can be compared exactly.
    fn from(digest: Digest) -> Self {
        digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A text that is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 64 hexadecimal digits, not `{0}`")]
pub struct NotADigest(String);

impl TryFrom<String> for Digest {
    type Error = NotADigest;

    fn try_from(text: String) -> Result<Self, NotADigest> {
        let hexadecimal = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !hexadecimal {
            return Err(NotADigest(text));
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16)
                .expect("two hexadecimal digits fit a byte");
        }
        Ok(Self(bytes))
    }
}

/// Takes in the pieces of a run, one after the other, and ends in their [`Digest`].
///
/// ```
/// use harness::digest::Digester;
///
/// let mut one = Digester::new();
/// one.text("ab").text("c");
/// let mut other = Digester::new();
/// other.text("a").text("bc");
/// assert_ne!(one.finish(), other.finish());
/// ```
#[derive(Clone, Default)]
pub struct Digester(Sha256);

impl Digester {
    /// A digester that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which variant the following pieces belong to.
    pub fn tag(&mut self, tag: u8) -> &mut Self {
        self.0.update([tag]);
        self
    }

    /// A number, as eight big-endian bytes.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(number.to_be_bytes());
        self
    }

    /// A number that may be negative, as eight big-endian bytes.
    pub fn signed(&mut self, number: i64) -> &mut Self {
        self.0.update(number.to_be_bytes());
        self
    }

    /// A yes or no.
    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.tag(u8::from(flag))
    }

    /// How many pieces follow.
    pub fn length(&mut self, length: usize) -> &mut Self {
        self.number(u64::try_from(length).expect("a length in memory fits 64 bits"))
    }

    /// Bytes behind their length.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.length(bytes.len());
        self.0.update(bytes);
        self
    }

    /// A text, as its UTF-8 bytes behind their length.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// The digest of all pieces so far; more may follow.
    pub fn finish(&self) -> Digest {
        Digest(self.0.clone().finalize().into())
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digester({})", self.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_same_in_every_build() {
        let mut digester = Digester::new();
        digester.tag(3).number(7).signed(-1).flag(true).text("orders-0");
        // Computed once, by hand, from the bytes that the encoding prescribes.
        let mut expected = Sha256::new();
        expected.update([3]);
        expected.update([0, 0, 0, 0, 0, 0, 0, 7]);
        expected.update([255; 8]);
        expected.update([1]);
        expected.update([0, 0, 0, 0, 0, 0, 0, 8]);
        expected.update(b"orders-0");
        assert_eq!(digester.finish().bytes()[..], expected.finalize()[..]);
        assert_eq!(Digester::new().finish().to_string(), "e3b0c44298fc1c14");
    }

    #[test]
    fn a_digest_survives_its_text() {
        let digest = Digester::new().text("x").finish();
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json.len(), 66);
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"e3b0\"").is_err());
        assert!(Digest::try_from("é".repeat(32)).is_err());
    }
}
