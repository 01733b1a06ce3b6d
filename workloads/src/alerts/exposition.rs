//! Reads a page of metrics: OpenMetrics' text format, as far as a broker writes it.

use std::collections::BTreeMap;

/// What tells the samples of one name apart.
pub type Labels = BTreeMap<String, String>;

/// One number of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// Why a page cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A line is none of the format's.
    #[error("line {line} is no sample: {text:?}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// The page does not end with `# EOF`, so part of it is missing.
    #[error("the page does not end with # EOF")]
    CutShort,
}

/// Reads a page.
///
/// # Errors
/// A line that is neither a comment nor a sample, or a page that was cut short.
pub fn parse(page: &str) -> Result<Vec<Sample>, PageError> {
    if !page.ends_with("# EOF\n") {
        return Err(PageError::CutShort);
    }
    let mut samples = Vec::new();
    for (index, text) in page.lines().enumerate().filter(|(_, text)| !text.starts_with('#')) {
        let bad = || PageError::Line { line: index + 1, text: text.to_owned() };
        samples.push(sample(text).ok_or_else(bad)?);
    }
    Ok(samples)
}

fn sample(text: &str) -> Option<Sample> {
    let end = text.find(['{', ' '])?;
    let (name, rest) = text.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Labels::new(), rest),
    };
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then(|| Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// Reads labels up to the closing brace, and says what follows it.
fn labels(mut rest: &str) -> Option<(Labels, &str)> {
    let mut labels = Labels::new();
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let (value, behind) = quoted_value(quoted)?;
        labels.insert(name.to_owned(), value);
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
}

/// Reads up to the closing quote, and says what follows it.
fn quoted_value(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    loop {
        match chars.next()? {
            (at, '"') => return Some((value, &quoted[at + 1..])),
            (_, '\\') => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            (_, other) => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_with_their_labels() {
        let page = "# HELP a_b Words, \"quoted\".\n# TYPE a_b counter\n\
                    a_b_total 7\na_c{x=\"1\",y=\"} \\\" \\\\ \\n\"} 0.5\na_d{} -1\n# EOF\n";
        let samples = parse(page).unwrap();
        assert_eq!(
            samples[0],
            Sample { name: "a_b_total".into(), labels: Labels::new(), value: 7.0 }
        );
        assert_eq!(samples[1].labels["y"], "} \" \\ \n");
        assert_eq!(samples[1].value, 0.5);
        assert_eq!(samples[2].value, -1.0);
    }

    #[test]
    fn a_page_that_is_damaged_is_refused() {
        assert_eq!(parse("a 1\n"), Err(PageError::CutShort));
        for text in ["a", "a x", "a{x=\"1\" 2", "a{x=1} 2", " 1", "a-b 1", "a{x=\"1} 2"] {
            let page = format!("# TYPE a gauge\n{text}\n# EOF\n");
            assert_eq!(parse(&page), Err(PageError::Line { line: 2, text: text.into() }));
        }
    }
}
