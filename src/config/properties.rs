//! Java's `.properties` format, and the two other ways in which settings arrive.
//!
//! ```text
//! # a comment, as is a line that begins with !
//! key=value      key: value      key value
//! long = one \
//!        two                     (the value is `one two`)
//! escaped\ key = caf\u00e9
//! ```

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// Settings as text: names and values, not yet understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    entries: BTreeMap<String, String>,
}

/// Text that is not in Java's format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: \\u must be followed by four hexadecimal digits")]
pub struct PropertiesError {
    /// The line on which the setting begins, from 1.
    pub line: usize,
}

/// An override that is not of the form `name=value`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("override '{0}' must have the form name=value")]
pub struct OverrideError(pub String);

/// What Kafka's container image sets for its launch script; not settings of the broker.
const NOT_SETTINGS: &[&str] = &[
    "KAFKA_VERSION",
    "KAFKA_OPTS",
    "KAFKA_HEAP_OPTS",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_GC_LOG_OPTS",
    "KAFKA_JMX_OPTS",
    "KAFKA_JMX_PORT",
    "KAFKA_LOG4J_OPTS",
    "KAFKA_LOG4J_LOGGERS",
    "KAFKA_LOG4J_ROOT_LOGLEVEL",
    "KAFKA_TOOLS_LOG4J_LOGLEVEL",
];

impl Properties {
    /// Reads a file's text. Of two settings with the same name the later one counts.
    ///
    /// # Errors
    /// A `\u` escape without its four digits; everything else means something.
    pub fn parse(text: &str) -> Result<Self, PropertiesError> {
        let mut properties = Self::default();
        for (line, logical) in logical_lines(text) {
            let (key, value) = split(&logical).ok_or(PropertiesError { line })?;
            properties.entries.insert(key, value);
        }
        Ok(properties)
    }

    /// Reads settings from environment variables, as containers pass them: `KAFKA_NODE_ID` is
    /// `node.id`, a doubled underscore is an underscore and a tripled one a hyphen.
    #[must_use]
    pub fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let entries = variables
            .into_iter()
            .filter(|(name, _)| !NOT_SETTINGS.contains(&name.as_str()))
            .filter_map(|(name, value)| Some((setting_name(name.strip_prefix("KAFKA_")?), value)))
            .filter(|(name, _)| !name.is_empty())
            .collect();
        Self { entries }
    }

    /// Sets one setting, replacing what was there.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.entries.insert(name.into(), value.into());
    }

    /// Applies one `--override name=value`.
    ///
    /// # Errors
    /// There is no `=`, or no name before it.
    pub fn apply_override(&mut self, text: &str) -> Result<(), OverrideError> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                self.set(name.trim(), value.trim());
                Ok(())
            }
            Some(_) | None => Err(OverrideError(text.to_owned())),
        }
    }

    /// Lays `other` over these settings; where both have one, `other` counts.
    pub fn merge(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// The value of a setting.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.get(name).map(String::as_str)
    }

    /// Every name and value, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn setting_name(variable: &str) -> String {
    let lower = variable.to_lowercase();
    let marked = lower.replace("___", "-").replace("__", "\0");
    marked.replace('_', ".").replace('\0', "_")
}

/// Joins continued lines and drops comments and blanks. Each line comes with its number.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, natural) in text.split('\n').enumerate() {
        let natural = natural.strip_suffix('\r').unwrap_or(natural).trim_start_matches(is_blank);
        if open.is_none() && (natural.is_empty() || natural.starts_with(['#', '!'])) {
            continue;
        }
        let (content, goes_on) = match natural.strip_suffix('\\') {
            // An even number of backslashes at the end are escaped ones.
            Some(content) if trailing_backslashes(content).is_multiple_of(2) => (content, true),
            Some(_) | None => (natural, false),
        };
        let (start, mut line) = open.take().unwrap_or((index + 1, String::new()));
        line.push_str(content);
        if goes_on {
            open = Some((start, line));
        } else {
            lines.push((start, line));
        }
    }
    lines.extend(open);
    lines
}

fn trailing_backslashes(text: &str) -> usize {
    text.chars().rev().take_while(|c| *c == '\\').count()
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Splits a line at the first `=`, `:` or blank that is not escaped.
fn split(line: &str) -> Option<(String, String)> {
    let mut chars = line.chars().peekable();
    let mut key = String::new();
    while let Some(c) = chars.next_if(|c| !is_blank(*c) && !matches!(c, '=' | ':')) {
        push(&mut key, c, &mut chars)?;
    }
    while chars.next_if(|c| is_blank(*c)).is_some() {}
    if chars.next_if(|c| matches!(c, '=' | ':')).is_some() {
        while chars.next_if(|c| is_blank(*c)).is_some() {}
    }
    let mut value = String::new();
    while let Some(c) = chars.next() {
        push(&mut value, c, &mut chars)?;
    }
    Some((key, value))
}

/// Adds one character, or what an escape that begins with it stands for.
fn push(text: &mut String, c: char, rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    if c != '\\' {
        text.push(c);
        return Some(());
    }
    match rest.next() {
        Some('t') => text.push('\t'),
        Some('n') => text.push('\n'),
        Some('r') => text.push('\r'),
        Some('f') => text.push('\u{c}'),
        Some('u') => text.push(unicode(rest)?),
        Some(other) => text.push(other),
        None => {}
    }
    Some(())
}

/// Reads the digits of one UTF-16 unit, and of its second half if it is the first of a pair.
/// A half without its other half becomes the replacement character.
fn unicode(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    let unit = hexadecimal(rest)?;
    if !(0xd800..0xdc00).contains(&unit) {
        return Some(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    let mut ahead = rest.clone();
    if (ahead.next(), ahead.next()) != (Some('\\'), Some('u')) {
        return Some(char::REPLACEMENT_CHARACTER);
    }
    let low = hexadecimal(&mut ahead)?;
    if !(0xdc00..0xe000).contains(&low) {
        return Some(char::REPLACEMENT_CHARACTER);
    }
    *rest = ahead;
    Some(
        char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
            .expect("a pair of halves is a character above U+FFFF"),
    )
}

fn hexadecimal(rest: &mut Peekable<Chars<'_>>) -> Option<u32> {
    (0..4).try_fold(0, |number, _| Some(number * 16 + rest.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests;
