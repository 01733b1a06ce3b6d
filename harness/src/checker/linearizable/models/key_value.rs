//! A store of texts by key, to which texts can be appended.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::super::{Model, Part, Viable};

/// A store of texts by key. A key that was never put holds the empty text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyValue;

/// What is asked of a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Input {
    /// The key that it is about.
    pub key: String,
    /// What is to be done with it.
    pub command: Command,
}

/// What is done with a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// What does it hold?
    Get,
    /// Hold this.
    Put(String),
    /// Hold this behind what is there.
    Append(String),
}

/// What a store answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Output {
    /// To a get: what it holds.
    Text(String),
    /// To a put or an append.
    Done,
}

/// What one key holds. Its hash grows with the text, so that it need not be read again from the
/// beginning after each append.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text {
    hash: u64,
    text: String,
}

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn new(text: &str) -> Self {
        Self::default().followed_by(text)
    }

    #[inline]
    fn followed_by(&self, more: &str) -> Self {
        let mut text = String::with_capacity(self.text.len() + more.len());
        text.push_str(&self.text);
        text.push_str(more);
        // By single bytes: the same text must have the same hash however it was put together.
        let hash = more.bytes().fold(self.hash, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(5)
        });
        Self { hash, text }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl Hash for Text {
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.hash);
    }
}

impl Model for KeyValue {
    /// The state of one key: keys are parts.
    type State = Text;
    type Input = Input;
    type Output = Output;

    fn initial(&self) -> Text {
        Text::default()
    }

    #[inline]
    fn step(&self, state: &Text, input: &Input, output: Option<&Output>) -> Option<Text> {
        match (&input.command, output) {
            (Command::Get, Some(Output::Text(text))) => {
                (state.text == *text).then(|| state.clone())
            }
            (Command::Get, None) => Some(state.clone()),
            (Command::Put(text), Some(Output::Done) | None) => Some(Text::new(text)),
            (Command::Append(text), Some(Output::Done) | None) => Some(state.followed_by(text)),
            (Command::Get, Some(Output::Done))
            | (Command::Put(_) | Command::Append(_), Some(Output::Text(_))) => None,
        }
    }

    #[inline]
    fn part<'i>(&self, input: &'i Input) -> Part<'i> {
        Part::Named(&input.key)
    }

    #[inline]
    fn only_observes(&self, input: &Input, _output: Option<&Output>) -> bool {
        matches!(input.command, Command::Get)
    }

    #[inline]
    fn overwrites(&self, input: &Input, output: Option<&Output>) -> bool {
        matches!((&input.command, output), (Command::Put(_), Some(Output::Done) | None))
    }

    #[inline]
    fn is_blind(&self, input: &Input, output: Option<&Output>) -> bool {
        let is_answer = matches!(output, Some(Output::Done) | None);
        is_answer && matches!(input.command, Command::Put(_) | Command::Append(_))
    }

    /// Without a put, a text only grows at its end.
    #[inline]
    fn viable(&self, state: &Text, input: &Input, output: &Output) -> Viable {
        match (&input.command, output) {
            (Command::Get, Output::Text(text)) if text.starts_with(&state.text) => Viable::Likely,
            (Command::Get, Output::Text(_)) => Viable::Never,
            (Command::Put(_) | Command::Append(_), _) | (_, Output::Done) => Viable::Perhaps,
        }
    }

    #[inline]
    fn viable_after(
        &self,
        state: &Text,
        (blind, _): (&Input, Option<&Output>),
        input: &Input,
        output: &Output,
    ) -> Viable {
        match (&blind.command, &input.command, output) {
            (Command::Append(more), Command::Get, Output::Text(text)) => {
                let rest = text.strip_prefix(&state.text);
                let is_prefix = rest.is_some_and(|rest| rest.starts_with(more));
                if is_prefix { Viable::Likely } else { Viable::Never }
            }
            (Command::Put(_) | Command::Get, ..)
            | (_, Command::Put(_) | Command::Append(_), _)
            | (.., Output::Done) => Viable::Perhaps,
        }
    }

    #[inline]
    fn allows(&self, state: &Text, input: &Input, output: Option<&Output>) -> bool {
        match (&input.command, output) {
            (Command::Get, Some(Output::Text(text))) => state.text == *text,
            (Command::Get | Command::Put(_) | Command::Append(_), None)
            | (Command::Put(_) | Command::Append(_), Some(Output::Done)) => true,
            (Command::Get, Some(Output::Done))
            | (Command::Put(_) | Command::Append(_), Some(Output::Text(_))) => false,
        }
    }

    #[inline]
    fn bytes(&self, state: &Text) -> usize {
        size_of_val(state) + state.text.capacity()
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> String {
        let key = &input.key;
        let asked = match &input.command {
            Command::Get => format!("get {key}"),
            Command::Put(text) => format!("put {text:?} to {key}"),
            Command::Append(text) => format!("append {text:?} to {key}"),
        };
        match output {
            Some(Output::Text(text)) => format!("{asked} -> {text:?}"),
            Some(Output::Done) => asked,
            None => format!("{asked} -> unknown"),
        }
    }
}
