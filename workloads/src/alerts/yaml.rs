//! A YAML document as a tree, without anchors and tags: what a file of alert rules needs,
//! and one that starts jobs elsewhere.

use saphyr_parser::{Event, Parser};

/// A node of the tree. Scalars stay text: it is the reader who knows what they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Yaml {
    /// Anything that is neither list nor map.
    Text(String),
    /// Its items.
    List(Vec<Self>),
    /// Its keys and values, in the order of the text.
    Map(Vec<(String, Self)>),
}

impl Yaml {
    /// Reads the first document of a text.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser::new_from_str(text);
        let mut event = next(&mut parser)?;
        while matches!(event, Event::StreamStart | Event::DocumentStart(_) | Event::Nothing) {
            event = next(&mut parser)?;
        }
        Self::node(event, &mut parser)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "anything else cannot begin a node")]
    fn node<'text>(event: Event<'text>, parser: &mut Events<'text>) -> Result<Self, String> {
        match event {
            Event::Scalar(text, ..) => Ok(Self::Text(text.into_owned())),
            Event::SequenceStart(..) => {
                let mut list = Vec::new();
                loop {
                    match next(parser)? {
                        Event::SequenceEnd => return Ok(Self::List(list)),
                        event => list.push(Self::node(event, parser)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut map = Vec::new();
                loop {
                    match next(parser)? {
                        Event::MappingEnd => return Ok(Self::Map(map)),
                        Event::Scalar(key, ..) => {
                            let event = next(parser)?;
                            map.push((key.into_owned(), Self::node(event, parser)?));
                        }
                        other => return Err(format!("{other:?} cannot be a key")),
                    }
                }
            }
            other => Err(format!("{other:?} is not understood")),
        }
    }

    /// The value of a key of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(map) = self else { return None };
        map.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The keys of a map.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let map = if let Self::Map(map) = self { map.as_slice() } else { &[] };
        map.iter().map(|(name, _)| name.as_str())
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The items of a list.
    #[must_use]
    pub fn list(&self) -> Option<&[Self]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }
}

type Events<'text> = Parser<'text, saphyr_parser::StrInput<'text>>;

fn next<'text>(parser: &mut Events<'text>) -> Result<Event<'text>, String> {
    match parser.next_event() {
        Some(Ok((event, _))) => Ok(event),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the document ends too early".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_a_tree() {
        let yaml = Yaml::parse("# c\na:\n  - b: '1'\n    c: >-\n      x\n      y\n  - z\nd: {}\n")
            .unwrap();
        let list = yaml.get("a").and_then(Yaml::list).unwrap();
        assert_eq!(list[0].get("b").and_then(Yaml::text), Some("1"));
        assert_eq!(list[0].get("c").and_then(Yaml::text), Some("x y"));
        assert_eq!(list[1], Yaml::Text("z".into()));
        assert_eq!(yaml.keys().collect::<Vec<_>>(), ["a", "d"]);
        assert_eq!(yaml.get("d").unwrap().get("e"), None);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["a: [1", "a: *b", "", "? [a]\n: b", "a: b: c"] {
            assert!(Yaml::parse(text).is_err(), "{text:?}: {:?}", Yaml::parse(text));
        }
    }
}
