//! Which form a history has, by its first bytes: names of files prove nothing.

use std::fmt;

/// A form in which histories come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// JSON Lines of our own: [`file`](super::file) or [`object`](super::object).
    JsonLines,
    /// EDN, as Jepsen writes it: [`jepsen`](super::jepsen) or [`object`](super::object).
    Edn,
    /// The text formats of Porcupine's test data: [`recorded`](super::recorded).
    Porcupine,
}

/// How much of a file is enough to tell.
pub const START: usize = 4096;

impl Format {
    /// The form of a file that begins with these bytes, or `None` if it is none of ours.
    pub fn recognise(start: &[u8]) -> Option<Self> {
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
        let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match start.first()? {
            b'{' if start[1..].trim_ascii_start().starts_with(b"\"") => Some(Self::JsonLines),
            // Jepsen's own operations have no :key beside their :value.
            b'{' if contains(line, b":process") && contains(line, b":key ") && texts(line) => {
                Some(Self::Porcupine)
            }
            b'{' | b'[' | b'(' | b'#' | b';' => Some(Self::Edn),
            _ if contains(start, b"jepsen.util - ") => Some(Self::Porcupine),
            _ => None,
        }
    }
}

/// Whether the line does something with texts by key.
fn texts(line: &[u8]) -> bool {
    [&b":f :get,"[..], b":f :put,", b":f :append,"].iter().any(|f| contains(line, f))
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::JsonLines => "jsonl",
            Self::Edn => "edn",
            Self::Porcupine => "porcupine",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_told_by_content() {
        let cases: [(&str, Option<Format>); 12] = [
            ("{\"history\":2}\n", Some(Format::JsonLines)),
            ("\u{feff} { \"history\":2}\n", Some(Format::JsonLines)),
            ("{:index 0, :type :invoke}\n", Some(Format::Edn)),
            ("[{:index 0, :type :invoke}]", Some(Format::Edn)),
            ("#jepsen.history.Op{:index 0}", Some(Format::Edn)),
            ("; by hand\n{:index 0}", Some(Format::Edn)),
            (
                "{:process 0, :type :invoke, :f :get, :key \"0\", :value nil}",
                Some(Format::Porcupine),
            ),
            ("{:process 0, :type :invoke, :f :read, :key \"0\", :value nil}", Some(Format::Edn)),
            ("INFO  jepsen.util - 0\t:invoke\t:read\tnil\n", Some(Format::Porcupine)),
            ("file,operations,verdict\n", None),
            ("", None),
            ("\0\0\0", None),
        ];
        for (start, expected) in cases {
            assert_eq!(Format::recognise(start.as_bytes()), expected, "{start:?}");
        }
    }
}
