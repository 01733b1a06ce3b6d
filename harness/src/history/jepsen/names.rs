//! Names of logs: numbers, texts and keywords there, texts here.

use std::collections::BTreeMap;

use crate::history::Key;
use crate::history::edn::Value;

/// The keys met so far, and the form under which each was first met.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: BTreeMap<String, (Value, Key)>,
}

impl Names {
    /// The log that this form names.
    pub(super) fn key(&mut self, form: &Value) -> Result<Key, String> {
        let name = match form {
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Keyword(name) => format!(":{name}"),
            Value::Nil
            | Value::Bool(_)
            | Value::Symbol(_)
            | Value::Vector(_)
            | Value::Set(_)
            | Value::Map(_)
            | Value::Tagged(..) => {
                return Err(format!("{} is no key: a number, a text or a keyword", form.quote(40)));
            }
        };
        if let Some((first, key)) = self.known.get(&name) {
            if first == form {
                return Ok(key.clone());
            }
            return Err(format!("{form} and {first} would be the same key"));
        }
        let key = Key::new(name.as_str());
        self.known.insert(name, (form.clone(), key.clone()));
        Ok(key)
    }
}

/// The form of a log's name: a number where it is one, since Jepsen's own keys are numbers.
pub(super) fn form(key: &Key) -> Value {
    let name = key.as_str();
    match name.parse::<i64>() {
        Ok(number) if number.to_string() == name => Value::Integer(number.into()),
        Ok(_) | Err(_) => Value::Text(name.to_owned()),
    }
}
