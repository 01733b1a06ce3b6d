//! Numbers, times and columns, so that every report looks the same.

use std::fmt;
use std::time::Duration;

use crate::report::counts::{self, Counts};

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Simulated time, to the millisecond: `21.377s`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.3}s", time.as_secs_f64())
}

/// A seed as it is written everywhere: `0x2a`.
pub(crate) fn seed(number: u64) -> String {
    format!("{number:#x}")
}

/// `1 seed`, `2 seeds`.
pub(crate) fn plural(number: u64, one: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {one}{s}", grouped(number))
}

/// `text` on one line, without anything that a terminal would obey. Payloads and panic messages
/// end up in reports, and neither is under our control.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    without_control(&words.join(" "))
}

/// The lines of `text`, indentation kept, without anything that a terminal would obey.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| without_control(line.trim_end()))
}

/// As [`one_line`], and no longer than `width`.
pub(crate) fn clipped(text: &str, width: usize) -> String {
    // Blanks may align columns, so they are kept where there is only one line.
    let line = if text.trim().lines().count() > 1 { one_line(text) } else { without_control(text) };
    if line.chars().count() <= width {
        return line;
    }
    let kept: String = line.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// As [`lines`], each broken between words so that none is longer than `width`, unless a single
/// word is. What is continued is indented by two more.
pub(crate) fn wrapped(text: &str, width: usize) -> impl Iterator<Item = String> {
    lines(text).flat_map(move |line| {
        let indentation: String = line.chars().take_while(|c| *c == ' ').collect();
        if line.chars().count() <= width {
            return vec![line];
        }
        let mut wrapped = Vec::new();
        let mut current = indentation.clone();
        let mut length = 0;
        // Runs of blanks align columns; a break may swallow one, the rest keeps them.
        for word in line[indentation.len()..].split(' ') {
            let more = word.chars().count() + 1;
            if length > 0 && current.chars().count() + more > width {
                wrapped.push(current.trim_end().to_owned());
                current = format!("{indentation}  ");
                length = 0;
            }
            if length > 0 {
                current.push(' ');
            }
            current.push_str(word);
            length += more;
        }
        wrapped.push(current);
        wrapped
    })
}

fn without_control(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_control() { clean.extend(c.escape_default()) } else { clean.push(c) }
    }
    clean
}

/// Labels on the left, numbers on the right, aligned.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    rows: Vec<(String, String)>,
}

impl Listing {
    /// One line.
    pub(crate) fn row(&mut self, label: &str, value: u64) {
        self.rows.push((label.to_owned(), grouped(value)));
    }

    /// The sum of the counts, and below it each of them.
    pub(crate) fn counts(&mut self, label: &str, counts: &Counts) {
        self.row(label, counts::total(counts));
        self.parts(counts);
    }

    /// A title, and below it counts that are not parts of a whole. Nothing if there are none.
    pub(crate) fn group(&mut self, label: &str, counts: &Counts) {
        if !counts.is_empty() {
            self.rows.push((label.to_owned(), String::new()));
            self.parts(counts);
        }
    }

    fn parts(&mut self, counts: &Counts) {
        for (name, count) in counts {
            self.rows.push((format!("  {}", one_line(name)), grouped(*count)));
        }
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| text.chars().count()).max().unwrap_or_default()
        };
        let labels = width(&mut self.rows.iter().map(|(label, _)| label));
        let values = width(&mut self.rows.iter().map(|(_, value)| value));
        for (label, value) in &self.rows {
            let line = format!("{label:<labels$}  {value:>values$}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        let texts = [0, 999, 1_000, 12_345, 999_999, 1_000_000].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "12,345", "999,999", "1,000,000"]);
    }

    #[test]
    fn terminal_escapes_in_foreign_text_are_shown_and_not_obeyed() {
        assert_eq!(one_line(" a\n\t b\u{1b}[2J\r\nc "), "a b\\u{1b}[2J c");
        let kept: Vec<String> = lines("one\n  two\u{7} \n").collect();
        assert_eq!(kept, ["one", "  two\\u{7}"]);
    }

    #[test]
    fn long_text_is_clipped_or_continued_below() {
        assert_eq!(clipped("one two three", 9), "one two…");
        assert_eq!(clipped("one two", 7), "one two");
        let text = "short\n  a  list of words that is long\nabcdefghijklmnopqrstuvwxyz";
        let lines: Vec<String> = wrapped(text, 16).collect();
        let expected = [
            "short",
            "  a  list of",
            "    words that",
            "    is long",
            "abcdefghijklmnopqrstuvwxyz",
        ];
        assert_eq!(lines, expected);
    }

    proptest! {
        #[test]
        fn wrapping_keeps_every_word(text in "[a-z \n]{0,200}", width in 8_usize..40) {
            let kept: Vec<String> = wrapped(&text, width).collect();
            let kept = kept.join("\n");
            let words = |text: &str| -> Vec<String> {
                text.split_whitespace().map(str::to_owned).collect()
            };
            prop_assert_eq!(words(&kept), words(&text));
        }

        #[test]
        fn one_line_is_one_line(text in any::<String>()) {
            prop_assert!(!one_line(&text).chars().any(char::is_control));
        }
    }
}
