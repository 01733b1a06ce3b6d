//! What objects hold, and what is said about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::edn::Value;

/// A value in the history of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Datum {
    /// Nothing.
    #[default]
    Nil,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond 2^63-1.
    Large(u64),
    /// A text.
    Text(String),
    /// Several.
    List(Vec<Self>),
}

impl Datum {
    /// Whether it is nothing.
    pub const fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// What an EDN form says; keywords and symbols are texts.
    pub(super) fn of(form: &Value) -> Result<Self, String> {
        let wrong = || format!("{} is no value of an object", form.quote(60));
        Ok(match form {
            Value::Nil => Self::Nil,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Integer(_) => match (form.number(), form.number()) {
                (Some(number), _) => Self::Int(number),
                (None, Some(number)) => Self::Large(number),
                (None, None) => return Err(wrong()),
            },
            Value::Symbol(text) | Value::Text(text) => Self::Text(text.clone()),
            Value::Keyword(name) => Self::Text(format!(":{name}")),
            Value::Vector(items) | Value::Set(items) => {
                Self::List(items.iter().map(Self::of).collect::<Result<_, _>>()?)
            }
            // Clojure prints a tuple of an independent key as a tagged vector in some versions.
            Value::Tagged(_, value) => Self::of(value)?,
            Value::Map(_) => return Err(wrong()),
        })
    }
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nothing"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Large(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(items) => match items.len() {
                0..=8 => {
                    let items: Vec<_> = items.iter().map(Self::to_string).collect();
                    write!(f, "[{}]", items.join(", "))
                }
                many => write!(f, "a list of {many}"),
            },
        }
    }
}
