//! PromQL's words, numbers and signs.

use std::fmt;
use std::time::Duration;

use super::{ExpressionError, duration};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Number(f64),
    Duration(Duration),
    Text(String),
    Symbol(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Number(number) => write!(f, "{number}"),
            Self::Duration(duration) => write!(f, "{duration:?}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Symbol(symbol) => f.write_str(symbol),
        }
    }
}

/// Longer ones first, so that `>=` is not read as `>`.
const SYMBOLS: [&str; 20] = [
    ">=", "<=", "==", "!=", "=~", "!~", ">", "<", "=", "+", "-", "*", "/", "(", ")", "{", "}", "[",
    "]", ",",
];

/// Takes a text apart.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first.is_ascii_digit() {
            number(rest)?
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = length_of(rest, |c| c.is_ascii_alphanumeric() || c == '_');
            (Token::Word(rest[..length].to_owned()), length)
        } else if let Some(quoted) = rest.strip_prefix('"') {
            // Values with quotes in them are not needed.
            let end = quoted.find(['"', '\\']).filter(|end| quoted[*end..].starts_with('"'));
            let end = end.ok_or(ExpressionError::Character('"'))?;
            (Token::Text(quoted[..end].to_owned()), end + 2)
        } else {
            let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol));
            let symbol = symbol.ok_or(ExpressionError::Character(first))?;
            (Token::Symbol(symbol), symbol.len())
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn length_of(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn number(text: &str) -> Result<(Token, usize), ExpressionError> {
    let length = length_of(text, |c| c.is_ascii_alphanumeric() || c == '.');
    let word = &text[..length];
    let token =
        word.parse().map(Token::Number).ok().or_else(|| duration(word).map(Token::Duration));
    let expected = "a number or a duration";
    let token = token.ok_or(ExpressionError::Unexpected { found: word.to_owned(), expected })?;
    Ok((token, length))
}
