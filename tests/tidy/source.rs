//! A Rust file, as text and as code without comments and literals.

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// From the root of the workspace, with `/` between parts.
    pub(crate) path: String,
    /// The file as it is.
    pub(crate) text: String,
    /// The same text with blanks in place of comments and of what is inside literals, so that
    /// positions and lines agree.
    pub(crate) code: String,
    /// Lines that only tests see, by index.
    test_lines: Vec<bool>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = code_only(text);
        let in_test_file = path.ends_with("/tests.rs") || path.contains("/tests/");
        let test_lines = test_lines(&code, in_test_file);
        Self { path: path.to_owned(), text: text.to_owned(), code, test_lines }
    }

    /// The line on which a byte of the text lies, from 1.
    pub(crate) fn line_of(&self, position: usize) -> usize {
        1 + self.text.as_bytes()[..position].iter().filter(|byte| **byte == b'\n').count()
    }

    /// Whether only tests see a line.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.test_lines.get(line - 1).copied().unwrap_or(false)
    }

    /// The modules that this file declares for tests only, as the beginning of their files' paths.
    pub(crate) fn test_modules(&self) -> Vec<String> {
        let directory = self.path.trim_end_matches(".rs").trim_end_matches("/lib");
        let lines = self.code.lines().enumerate().filter(|(index, _)| self.is_test(index + 1));
        let names = lines.filter_map(|(_, line)| {
            line.trim().trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(';')
        });
        names.map(|name| format!("{directory}/{name}")).collect()
    }

    /// Says that only tests see the file.
    pub(crate) fn set_test(&mut self) {
        self.test_lines.fill(true);
    }

    /// Every identifier and keyword of the code, with its position.
    pub(crate) fn identifiers(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut rest = 0;
        std::iter::from_fn(move || {
            let start = rest + self.code[rest..].find(is_word)?;
            let len = self.code[start..].find(|c| !is_word(c)).unwrap_or(self.code.len() - start);
            rest = start + len;
            Some((start, &self.code[start..rest]))
        })
    }

    /// Where `phrase` stands in the code as whole words, for example `std::fs` or `tokio`.
    pub(crate) fn find_phrase(&self, phrase: &str) -> Vec<usize> {
        let whole = |at: &usize| {
            let before = self.code[..*at].chars().next_back();
            let after = self.code[at + phrase.len()..].chars().next();
            let ends_in_word = phrase.ends_with(is_word);
            !before.is_some_and(|c| is_word(c) && phrase.starts_with(is_word))
                && !after.is_some_and(|c| is_word(c) && ends_in_word)
        };
        self.code.match_indices(phrase).map(|(at, _)| at).filter(whole).collect()
    }
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Blanks out comments and literals. Every byte stays where it was.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word_before = code.chars().next_back().is_some_and(is_word);
        match literal_or_comment(rest, word_before) {
            Some(len) => {
                for c in rest[..len].chars() {
                    let blank = if c == '\n' { "\n" } else { " " };
                    code.push_str(&blank.repeat(c.len_utf8()));
                }
                rest = &rest[len..];
            }
            None => {
                code.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    code
}

/// The length of the comment or literal that `text` begins with.
fn literal_or_comment(text: &str, word_before: bool) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    if let Some(inside) = text.strip_prefix('"') {
        return Some(1 + quoted(inside, '"'));
    }
    if let Some(inside) = text.strip_prefix('\'') {
        let mut letters = inside.chars();
        let first = letters.next()?;
        // A lifetime has no second quote right behind its first letter.
        let is_character = first == '\\' || letters.next() == Some('\'');
        return is_character.then(|| 1 + quoted(inside, '\''));
    }
    if !word_before {
        let raw = ["r", "br", "cr"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let inside = raw[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = inside.find(&close).map_or(inside.len(), |at| at + close.len());
        return Some(text.len() - inside.len() + end);
    }
    None
}

/// The length up to and including the closing quote.
fn quoted(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        if !escaped && c == quote {
            return at + 1;
        }
        escaped = !escaped && c == '\\';
    }
    inside.len()
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Marks what stands behind `#[cfg(test)]`, up to the brace that closes it.
fn test_lines(code: &str, whole_file: bool) -> Vec<bool> {
    let mut lines = Vec::new();
    let mut until: Option<String> = None;
    for line in code.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if until.is_none() && line.trim_start().starts_with("#[cfg(test)]") {
            until = Some(format!("{indent}}}"));
        }
        lines.push(whole_file || until.is_some());
        let closes = until.as_deref() == Some(line.trim_end());
        let is_one_statement = line.trim_end().ends_with(';')
            && until.as_ref().is_some_and(|brace| brace.len() == indent.len() + 1);
        if closes || is_one_statement {
            until = None;
        }
    }
    lines
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = r##"use a; // use b
/* c /* d */ e */ let f = "g \" h"; let i = 'j'; let k: &'l str = r#"m " n"#; '\''; o"##;
    let code = code_only(text);
    assert_eq!(code.len(), text.len());
    let words: Vec<&str> = code.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect();
    assert_eq!(words, ["use", "a", "let", "f", "let", "i", "let", "k", "l", "str", "o"]);
}

#[test]
fn test_modules_are_told_apart() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n\
                #[cfg(test)]\nmod more;\nfn d() {}\n";
    let source = Source::new("src/x.rs", text);
    let tests: Vec<usize> = (1..=10).filter(|line| source.is_test(*line)).collect();
    assert_eq!(tests, [2, 3, 4, 5, 6, 8, 9]);
    assert_eq!(source.test_modules(), ["src/x/more"]);
    assert!(Source::new("src/x/tests.rs", "fn a() {}").is_test(1));
    let one = Source::new("src/x.rs", "#[cfg(test)]\nuse a;\nuse b;\n");
    assert!(one.is_test(2) && !one.is_test(3));
}

#[test]
fn phrases_are_whole_words() {
    let source = Source::new("src/x.rs", "use tokio::net; use tokio_util; // tokio\nmy_tokio");
    assert_eq!(source.find_phrase("tokio"), [4]);
    assert_eq!(source.find_phrase("tokio::net"), [4]);
    assert_eq!(source.line_of(source.code.find("my_tokio").expect("there")), 2);
}
