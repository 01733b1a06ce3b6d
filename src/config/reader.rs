//! Takes typed values out of [`Properties`] and remembers everything that was wrong on the way.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::{ConfigError, Warning};
use super::ignored::is_ignored_broker_setting;
use super::properties::Properties;

/// Kafka's `int`, from a smallest value on.
pub(super) const fn at_least(min: i64) -> RangeInclusive<i64> {
    min..=i32::MAX as i64
}

/// Reads settings one by one. A value that cannot be used is an error to be reported at the end;
/// the default stands in for it until then.
#[derive(Debug)]
pub(super) struct Reader<'p> {
    properties: &'p Properties,
    read: BTreeSet<&'static str>,
    errors: Vec<ConfigError>,
}

impl<'p> Reader<'p> {
    pub(super) fn new(properties: &'p Properties) -> Self {
        Self { properties, read: BTreeSet::new(), errors: Vec::new() }
    }

    /// The trimmed text of a setting; one that is blank counts as not set.
    pub(super) fn text(&mut self, name: &'static str) -> Option<&'p str> {
        self.read.insert(name);
        self.properties.get(name).map(str::trim).filter(|text| !text.is_empty())
    }

    /// Reads a whole number.
    ///
    /// # Panics
    /// `T` does not hold every number of `range`: a mistake in the caller.
    pub(super) fn number<T: TryFrom<i64>>(
        &mut self,
        name: &'static str,
        default: i64,
        range: RangeInclusive<i64>,
    ) -> T {
        let number = match self.text(name) {
            None => default,
            Some(text) => match parse_number(name, text, &range) {
                Ok(number) => number,
                Err(error) => {
                    self.refuse(error);
                    default
                }
            },
        };
        let Ok(number) = T::try_from(number) else { panic!("{name}: the type holds the range") };
        number
    }

    /// Reads a number of milliseconds, of Kafka's `long` or `int`.
    pub(super) fn millis(&mut self, name: &'static str, default: i64, min: i64) -> Duration {
        Duration::from_millis(self.number(name, default, at_least(min)))
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&mut self, name: &'static str, default: bool) -> bool {
        let Some(text) = self.text(name) else { return default };
        parse_flag(name, text).unwrap_or_else(|error| {
            self.refuse(error);
            default
        })
    }

    /// Reads a list with commas between its entries.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        default: &'static str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let text = self.text(name).unwrap_or(default);
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let parsed: Option<Vec<T>> = entries.map(parse).collect();
        parsed.unwrap_or_else(|| {
            self.refuse(ConfigError::new(name, text, allowed));
            Vec::new()
        })
    }

    /// Reports a setting that cannot be used. The first thing that is wrong with it is enough.
    pub(super) fn refuse(&mut self, error: ConfigError) {
        if !self.is_refused(&error.property) {
            self.errors.push(error);
        }
    }

    /// Whether a setting turned out to be unusable.
    pub(super) fn is_refused(&self, name: &str) -> bool {
        self.errors.iter().any(|error| error.property == name)
    }

    /// All errors, and a warning for each setting that nobody read.
    pub(super) fn finish(self) -> (Vec<ConfigError>, Vec<Warning>) {
        let unread = self.properties.iter().filter(|(name, _)| !self.read.contains(name));
        let warnings = unread.map(|(name, _)| {
            let property = name.to_owned();
            if is_ignored_broker_setting(name) {
                Warning::Ignored { property }
            } else {
                Warning::Unknown { property }
            }
        });
        (self.errors, warnings.collect())
    }
}

/// Reads a number that must lie in `range`.
pub(super) fn parse_number(
    name: &str,
    text: &str,
    range: &RangeInclusive<i64>,
) -> Result<i64, ConfigError> {
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        ConfigError::new(name, text, allowed)
    })
}

/// Reads `true` or `false`, in any case, as Kafka does.
pub(super) fn parse_flag(name: &str, text: &str) -> Result<bool, ConfigError> {
    match text.to_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ConfigError::new(name, text, "true or false")),
    }
}
