//! The EDN reader: bytes to forms, one at a time, within bounds.

use std::io::{self, BufRead};

use crate::history::Unreadable;

use super::{DEPTH_MAX, FORM_MAX, Form, Value};

/// Reads the forms of a file: those at its top, or the items of a vector that stands there, which
/// is how a history as one form is read without ever having it whole. After an error it ends.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    line: u64,
    /// Bytes of the present form so far.
    taken: usize,
    /// What closes the vector at the top, while inside of it.
    unclosed: Option<u8>,
    ended: bool,
}

/// What a byte in front of a form begins.
enum Begun {
    Form(Value),
    /// A comment or a discarded form: nothing.
    Nothing,
}

impl<R: BufRead> Reader<R> {
    /// Reads from here on.
    pub fn new(from: R) -> Self {
        Self { from, line: 1, taken: 0, unclosed: None, ended: false }
    }

    fn top(&mut self) -> Result<Option<Form>, Unreadable> {
        loop {
            self.taken = 0;
            let Some(byte) = self.peek_after_blank()? else {
                return match self.unclosed {
                    None => Ok(None),
                    Some(_) => Err(self.wrong("the file ends inside a vector")),
                };
            };
            match byte {
                b'[' | b'(' if self.unclosed.is_none() => {
                    self.next()?;
                    self.unclosed = Some(closing(byte));
                }
                _ if self.unclosed == Some(byte) => {
                    self.next()?;
                    self.unclosed = None;
                }
                _ => {
                    let line = self.line;
                    if let Begun::Form(value) = self.begun(DEPTH_MAX)? {
                        return Ok(Some(Form { line, value }));
                    }
                }
            }
        }
    }

    /// The next form inside of another; the file must not end before it.
    fn form(&mut self, depth: usize) -> Result<Value, Unreadable> {
        loop {
            if self.peek_after_blank()?.is_none() {
                return Err(self.wrong("the file ends inside a form"));
            }
            if let Begun::Form(value) = self.begun(depth)? {
                return Ok(value);
            }
        }
    }

    /// What begins at the next byte, which is not blank. `depth` is how much deeper forms may nest.
    fn begun(&mut self, depth: usize) -> Result<Begun, Unreadable> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.wrong(format!("forms nest more than {DEPTH_MAX} deep")));
        };
        let byte = self.next()?.unwrap_or_default();
        Ok(Begun::Form(match byte {
            b'(' | b'[' => Value::Vector(self.items(closing(byte), depth)?),
            b'{' => self.map(depth)?,
            b'"' => Value::Text(self.text()?),
            b'\\' => self.character()?,
            b'#' => return self.dispatched(depth),
            b'^' => {
                // Metadata says nothing about what happened.
                self.form(depth)?;
                self.form(depth)?
            }
            b')' | b']' | b'}' => {
                return Err(self.wrong(format!("'{}' closes nothing", char::from(byte))));
            }
            _ => {
                let token = self.token(byte)?;
                self.atom(token)?
            }
        }))
    }

    /// What follows `#`.
    fn dispatched(&mut self, depth: usize) -> Result<Begun, Unreadable> {
        match self.peek()? {
            Some(b'{') => {
                self.next()?;
                Ok(Begun::Form(Value::Set(self.items(b'}', depth)?)))
            }
            Some(b'_') => {
                self.next()?;
                self.form(depth)?;
                Ok(Begun::Nothing)
            }
            Some(b'#') => {
                let token = self.token(b'#')?;
                Ok(Begun::Form(Value::Symbol(token)))
            }
            Some(byte) if is_token(byte) => {
                self.next()?;
                let tag = self.token(byte)?;
                let value = self.form(depth)?;
                Ok(Begun::Form(Value::Tagged(tag, Box::new(value))))
            }
            Some(_) | None => Err(self.wrong("'#' is followed by no tag")),
        }
    }

    fn items(&mut self, close: u8, depth: usize) -> Result<Vec<Value>, Unreadable> {
        let mut items = Vec::new();
        loop {
            match self.peek_after_blank()? {
                None => return Err(self.wrong("the file ends inside a form")),
                Some(byte) if byte == close => {
                    self.next()?;
                    return Ok(items);
                }
                Some(_) => match self.begun(depth)? {
                    Begun::Form(item) => items.push(item),
                    Begun::Nothing => {}
                },
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Unreadable> {
        let items = self.items(b'}', depth)?;
        if items.len() % 2 == 1 {
            return Err(self.wrong("a map has a key without a value"));
        }
        let mut entries = Vec::with_capacity(items.len() / 2);
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            entries.push((key, value));
        }
        Ok(Value::Map(entries))
    }

    /// The rest of a text whose opening quote was read.
    fn text(&mut self) -> Result<String, Unreadable> {
        let mut bytes = Vec::new();
        loop {
            match self.next()? {
                None => return Err(self.wrong("the file ends inside a text")),
                Some(b'"') => return self.utf8(bytes),
                Some(b'\\') => {
                    let c = self.escape()?;
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(byte) => bytes.push(byte),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Unreadable> {
        Ok(match self.next()? {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'u') => {
                let mut code = 0;
                for _ in 0..4 {
                    let digit = self.next()?.and_then(|byte| char::from(byte).to_digit(16));
                    let Some(digit) = digit else {
                        return Err(self.wrong("\\u is followed by fewer than four hex digits"));
                    };
                    code = code * 16 + digit;
                }
                // Half a surrogate pair says nothing by itself.
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            Some(_) | None => return Err(self.wrong("a text has an unknown escape")),
        })
    }

    /// A character, of which only its notation is kept.
    fn character(&mut self) -> Result<Value, Unreadable> {
        match self.next()? {
            None => Err(self.wrong("the file ends inside a character")),
            // `\(` and `\space` alike: the first byte may be anything.
            Some(byte) => Ok(Value::Symbol(format!("\\{}", self.token(byte)?))),
        }
    }

    /// The token that begins with this byte, which was read.
    fn token(&mut self, first: u8) -> Result<String, Unreadable> {
        let mut bytes = vec![first];
        while let Some(byte) = self.peek()?.filter(|byte| is_token(*byte)) {
            bytes.push(byte);
            self.next()?;
        }
        self.utf8(bytes)
    }

    fn atom(&self, token: String) -> Result<Value, Unreadable> {
        if let Some(name) = token.strip_prefix(':') {
            if name.is_empty() {
                return Err(self.wrong("':' is followed by no name"));
            }
            return Ok(Value::Keyword(name.to_owned()));
        }
        Ok(match token.as_str() {
            "nil" => Value::Nil,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => match token.strip_suffix('N').unwrap_or(&token).parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Symbol(token),
            },
        })
    }

    fn utf8(&self, bytes: Vec<u8>) -> Result<String, Unreadable> {
        String::from_utf8(bytes).map_err(|_| self.wrong("there is something that is not UTF-8"))
    }

    /// The next byte that is neither blank nor part of a comment.
    fn peek_after_blank(&mut self) -> Result<Option<u8>, Unreadable> {
        let mut comment = false;
        loop {
            match self.peek()? {
                Some(b'\n') => comment = false,
                Some(b';') => comment = true,
                Some(byte) if comment || byte == b',' || byte.is_ascii_whitespace() => {}
                other => return Ok(other),
            }
            // Blanks and comments hold no memory, however long they are.
            let taken = self.taken;
            self.next()?;
            self.taken = taken;
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, Unreadable> {
        loop {
            match self.from.fill_buf() {
                Ok(bytes) => return Ok(bytes.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Unreadable::Io { line: self.line, error }),
            }
        }
    }

    fn next(&mut self) -> Result<Option<u8>, Unreadable> {
        let Some(byte) = self.peek()? else {
            return Ok(None);
        };
        self.taken += 1;
        if self.taken > FORM_MAX {
            return Err(self.wrong(format!("a form is longer than {FORM_MAX} bytes")));
        }
        self.from.consume(1);
        self.line += u64::from(byte == b'\n');
        Ok(Some(byte))
    }

    fn wrong(&self, reason: impl Into<String>) -> Unreadable {
        Unreadable::Line { line: self.line, reason: reason.into() }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Form, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.top().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

const fn closing(open: u8) -> u8 {
    if open == b'(' { b')' } else { b']' }
}

/// Whether this byte belongs to a symbol, keyword or number.
fn is_token(byte: u8) -> bool {
    !byte.is_ascii_whitespace()
        && !matches!(byte, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b';' | b',' | b'\\')
}
