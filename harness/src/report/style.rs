//! Colour, if the caller wants it.
//!
//! Nothing here looks at the terminal while it writes: the caller decides once, and a report
//! written to a file is the same on every machine.

use std::fmt;
use std::io::IsTerminal;

use crate::exit::OutcomeVerdict;

/// Whether a report is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI colours.
    Coloured,
}

/// What a piece of text is, from which its colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be: a valid verdict, a healed fault.
    Good,
    /// A broken promise.
    Bad,
    /// A fault, or something that could not be decided.
    Doubt,
    /// The title of a section.
    Heading,
    /// What is skipped on a first reading.
    Faint,
    /// Ordinary text.
    Normal,
}

impl Style {
    /// Coloured if `stream` is a terminal and the variable `NO_COLOR` is unset or empty.
    #[must_use]
    pub fn of(stream: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if stream.is_terminal() && !refused { Self::Coloured } else { Self::Plain }
    }

    /// `text` in the colour of `tone`. Pad before painting: colours have no width on the screen
    /// but have one in the string.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "1;32",
            Tone::Bad => "1;31",
            Tone::Doubt => "33",
            Tone::Heading => "1",
            Tone::Faint => "2",
            Tone::Normal => return text.to_owned(),
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured if text.is_empty() => String::new(),
            Self::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    /// `value`, to be displayed in this style.
    pub const fn show<T>(self, value: &T) -> Styled<'_, T> {
        Styled { value, style: self }
    }
}

impl From<OutcomeVerdict> for Tone {
    fn from(verdict: OutcomeVerdict) -> Self {
        match verdict {
            OutcomeVerdict::Valid => Self::Good,
            OutcomeVerdict::Unknown => Self::Doubt,
            OutcomeVerdict::Invalid => Self::Bad,
        }
    }
}

/// Something that is displayed in a style. Made by [`Style::show`].
#[derive(Clone, Copy, Debug)]
pub struct Styled<'a, T> {
    pub(crate) value: &'a T,
    pub(crate) style: Style,
}

impl<T> Styled<'_, T> {
    /// The line at the top and at the bottom: the verdict, then why.
    pub(crate) fn verdict_line(
        &self,
        f: &mut fmt::Formatter<'_>,
        verdict: OutcomeVerdict,
        why: &str,
    ) -> fmt::Result {
        let word = format!("{:<7}", verdict.word().to_uppercase());
        writeln!(f, "{}  {why}", self.style.paint(verdict.into(), &word))
    }

    /// The title of a section, behind an empty line.
    pub(crate) fn heading(&self, f: &mut fmt::Formatter<'_>, title: &str) -> fmt::Result {
        writeln!(f, "\n{}", self.style.paint(Tone::Heading, title))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_escapes() {
        for tone in [Tone::Good, Tone::Bad, Tone::Doubt, Tone::Heading, Tone::Faint] {
            assert_eq!(Style::Plain.paint(tone, "text"), "text");
            let coloured = Style::Coloured.paint(tone, "text");
            assert!(coloured.starts_with("\u{1b}[") && coloured.ends_with("\u{1b}[0m"));
        }
        assert_eq!(Style::Coloured.paint(Tone::Normal, "text"), "text");
        assert_eq!(Style::Coloured.paint(Tone::Bad, ""), "");
    }

    #[test]
    fn file_is_never_coloured() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(Style::of(&file), Style::Plain);
    }
}
