//! EDN, the notation of Clojure programs, as far as histories are written in it.
//!
//! A reader of our own, because a history may come from anywhere and be as long as its run. It
//! takes one form at a time from a stream, knows the line of each, and is bounded: a form nests at
//! most [`DEPTH_MAX`] deep and is at most [`FORM_MAX`] bytes long, so neither the stack nor the
//! memory follows the file. What only a Clojure program could evaluate is kept as text.

mod reader;
#[cfg(test)]
mod tests;

pub use reader::Reader;

use std::fmt;

/// How deep forms may nest; operations nest about six deep, stack traces a little more.
pub const DEPTH_MAX: usize = 64;

/// How long one form may be, in bytes; a poll of half a million records is as long.
pub const FORM_MAX: usize = 1 << 24;

/// One form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `nil`
    Nil,
    /// `true` or `false`
    Bool(bool),
    /// A whole number, with or without the `N` of big ones.
    Integer(i128),
    /// Another number, character or symbol, as it is written: `0.5`, `1/2`, `\a`, `foo/bar`.
    Symbol(String),
    /// `:name`, without its colon.
    Keyword(String),
    /// `"text"`, with escapes resolved.
    Text(String),
    /// `[..]` or `(..)`; histories do not tell them apart.
    Vector(Vec<Self>),
    /// `#{..}`, in the order in which it is written.
    Set(Vec<Self>),
    /// `{..}`, in the order in which it is written.
    Map(Vec<(Self, Self)>),
    /// `#tag form`
    Tagged(String, Box<Self>),
}

/// A form at the top of a file, or inside the one vector of which the file consists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The form.
    pub value: Value,
}

impl Value {
    /// The keyword of that name.
    pub fn keyword(name: &str) -> Self {
        Self::Keyword(name.to_owned())
    }

    /// What a map (or a tagged map: a record) holds under this keyword.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => {
                let is_it = |(key, _): &&(Self, Self)| matches!(key, Self::Keyword(k) if k == name);
                entries.iter().find(is_it).map(|(_, value)| value)
            }
            Self::Tagged(_, record) => record.get(name),
            Self::Nil
            | Self::Bool(_)
            | Self::Integer(_)
            | Self::Symbol(_)
            | Self::Keyword(_)
            | Self::Text(_)
            | Self::Vector(_)
            | Self::Set(_) => None,
        }
    }

    /// The items of a vector or list.
    pub fn items(&self) -> Option<&[Self]> {
        if let Self::Vector(items) = self { Some(items) } else { None }
    }

    /// The name of a keyword.
    pub fn name(&self) -> Option<&str> {
        if let Self::Keyword(name) = self { Some(name) } else { None }
    }

    /// The number, if it is whole and of that type.
    pub fn number<N: TryFrom<i128>>(&self) -> Option<N> {
        if let Self::Integer(number) = self { N::try_from(*number).ok() } else { None }
    }

    /// The form as it is written, cut after `length` characters: to be quoted in a complaint.
    pub fn quote(&self, length: usize) -> String {
        let mut start = Start { text: String::new(), left: length };
        match fmt::write(&mut start, format_args!("{self}")) {
            Ok(()) => start.text,
            Err(fmt::Error) => start.text + "…",
        }
    }
}

/// The start of a long text. It refuses the rest, so that quoting a huge form costs little.
struct Start {
    text: String,
    left: usize,
}

impl fmt::Write for Start {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        for c in more.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(c);
        }
        Ok(())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(truth) => write!(f, "{truth}"),
            // Clojure prints what does not fit its long with an N.
            Self::Integer(number) if i64::try_from(*number).is_err() => write!(f, "{number}N"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Symbol(text) => f.write_str(text),
            Self::Keyword(name) => write!(f, ":{name}"),
            Self::Text(text) => write_text(f, text),
            Self::Vector(items) => write_items(f, ("[", items, "]")),
            Self::Set(items) => write_items(f, ("#{", items, "}")),
            Self::Map(entries) => {
                f.write_str("{")?;
                for (number, (key, value)) in entries.iter().enumerate() {
                    let before = if number == 0 { "" } else { ", " };
                    write!(f, "{before}{key} {value}")?;
                }
                f.write_str("}")
            }
            Self::Tagged(tag, value) => write!(f, "#{tag} {value}"),
        }
    }
}

fn write_items(
    f: &mut fmt::Formatter<'_>,
    (open, items, close): (&str, &[Value], &str),
) -> fmt::Result {
    f.write_str(open)?;
    for (number, item) in items.iter().enumerate() {
        let before = if number == 0 { "" } else { " " };
        write!(f, "{before}{item}")?;
    }
    f.write_str(close)
}

/// No character is left that could end the line: one operation stays on one line.
fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}
