//! What can be wrong with settings, and what is only worth a word.

use std::fmt;

/// One setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// Kafka's name of the setting.
    pub property: String,
    /// What it was set to; `None` if it is missing.
    pub value: Option<String>,
    /// What would be allowed.
    pub allowed: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}: must be {}", self.property, self.allowed),
            None => write!(f, "{} is not set: must be {}", self.property, self.allowed),
        }
    }
}

impl ConfigError {
    pub(super) fn new(
        property: &str,
        value: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self { property: property.to_owned(), value: Some(value.into()), allowed: allowed.into() }
    }

    pub(super) fn missing(property: &str, allowed: impl Into<String>) -> Self {
        Self { property: property.to_owned(), value: None, allowed: allowed.into() }
    }
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// A setting that changes nothing. The broker starts anyway, as Kafka does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Neither Kafka nor this broker knows the setting.
    Unknown {
        /// The name given.
        property: String,
    },
    /// Kafka knows the setting; this broker does not act on it.
    Ignored {
        /// Kafka's name of the setting.
        property: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { property } => write!(f, "unknown setting {property} is ignored"),
            Self::Ignored { property } => {
                write!(f, "setting {property} is accepted but changes nothing here")
            }
        }
    }
}
