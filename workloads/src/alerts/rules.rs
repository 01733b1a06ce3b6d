//! The alert rules, from the file that Prometheus is given.

use std::fmt;
use std::time::Duration;

use super::expression::{self, Expression, ExpressionError};
use super::yaml::Yaml;

/// The operator's file.
pub const FILE: &str = include_str!("../../../src/monitoring/alerts.yml");

/// How bad an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// To be looked at in the morning.
    Warning,
    /// Somebody is woken up.
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}

/// One alert rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The alert's name.
    pub name: String,
    /// Holds where it finds something.
    pub expression: Expression,
    /// How long it must hold before the alert fires (`for`).
    pub lasts: Duration,
    /// How bad it is (the label `severity`).
    pub severity: Severity,
    /// In one line, what is wrong.
    pub summary: String,
    /// What to do.
    pub description: String,
}

/// The rules of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// How often they are evaluated.
    pub interval: Duration,
    /// In the order of the file.
    pub rules: Vec<Rule>,
}

/// Why a file of rules cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// It is not YAML.
    #[error("the file is no YAML: {0}")]
    Yaml(String),
    /// Something is missing, unknown or of another kind.
    #[error("{at}: {what}")]
    Shape {
        /// Where.
        at: String,
        /// What is wrong.
        what: String,
    },
    /// A rule's expression is not understood.
    #[error("{alert}: {error}")]
    Expression {
        /// The rule.
        alert: String,
        /// What is wrong.
        error: ExpressionError,
    },
}

impl Rules {
    /// Reads a file with one group of rules. Everything in it must be understood: what would be
    /// passed over here would mean something to Prometheus.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(file: &str) -> Result<Self, RulesError> {
        let yaml = Yaml::parse(file).map_err(RulesError::Yaml)?;
        only(&yaml, "the file", &["groups"])?;
        let groups = list(&yaml, "the file", "groups")?;
        let [group] = groups else { return Err(shape("groups", "exactly one is understood")) };
        only(group, "the group", &["name", "interval", "rules"])?;
        let interval = duration(group, "the group", "interval")?;
        let rules = list(group, "the group", "rules")?;
        let rules = rules.iter().map(rule).collect::<Result<_, _>>()?;
        Ok(Self { interval, rules })
    }

    /// The operator's own.
    ///
    /// # Panics
    /// Never: a test reads the file.
    #[must_use]
    pub fn of_the_operator() -> Self {
        Self::parse(FILE).expect("a test reads the file")
    }

    /// How far back the rules look.
    #[must_use]
    pub fn longest_range(&self) -> Duration {
        self.rules.iter().map(|rule| rule.expression.longest_range()).max().unwrap_or_default()
    }
}

fn rule(yaml: &Yaml) -> Result<Rule, RulesError> {
    let name = text(yaml, "a rule", "alert")?;
    only(yaml, name, &["alert", "expr", "for", "labels", "annotations"])?;
    let expression = expression::parse(text(yaml, name, "expr")?)
        .map_err(|error| RulesError::Expression { alert: name.to_owned(), error })?;
    let lasts = match yaml.get("for") {
        Some(_) => duration(yaml, name, "for")?,
        None => Duration::ZERO,
    };
    let part = |key: &'static str| yaml.get(key).ok_or_else(|| shape(name, &format!("no {key}")));
    let (labels, annotations) = (part("labels")?, part("annotations")?);
    only(labels, name, &["severity"])?;
    only(annotations, name, &["summary", "description"])?;
    let severity = match text(labels, name, "severity")? {
        "critical" => Severity::Critical,
        "warning" => Severity::Warning,
        other => return Err(shape(name, &format!("unknown severity {other:?}"))),
    };
    Ok(Rule {
        name: name.to_owned(),
        expression,
        lasts,
        severity,
        summary: text(annotations, name, "summary")?.to_owned(),
        description: text(annotations, name, "description")?.to_owned(),
    })
}

fn shape(at: &str, what: &str) -> RulesError {
    RulesError::Shape { at: at.to_owned(), what: what.to_owned() }
}

fn only(yaml: &Yaml, at: &str, known: &[&str]) -> Result<(), RulesError> {
    match yaml.keys().find(|key| !known.contains(key)) {
        Some(key) => Err(shape(at, &format!("unknown key {key:?}"))),
        None => Ok(()),
    }
}

fn text<'yaml>(yaml: &'yaml Yaml, at: &str, key: &str) -> Result<&'yaml str, RulesError> {
    yaml.get(key).and_then(Yaml::text).ok_or_else(|| shape(at, &format!("no text {key:?}")))
}

fn list<'yaml>(yaml: &'yaml Yaml, at: &str, key: &str) -> Result<&'yaml [Yaml], RulesError> {
    yaml.get(key).and_then(Yaml::list).ok_or_else(|| shape(at, &format!("no list {key:?}")))
}

fn duration(yaml: &Yaml, at: &str, key: &str) -> Result<Duration, RulesError> {
    let text = text(yaml, at, key)?;
    expression::duration(text).ok_or_else(|| shape(at, &format!("{key}: no duration {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_operators_file_is_understood_and_says_what_to_do() {
        let rules = Rules::parse(FILE).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(rules.interval, Duration::from_secs(15));
        let told: Vec<String> = rules
            .rules
            .iter()
            .map(|rule| format!("{} {} after {:?}", rule.severity, rule.name, rule.lasts))
            .collect();
        expect_test::expect![[r#"
            critical OfflinePartitions after 30s
            critical UnderMinInSyncReplicas after 30s
            critical UnderReplicatedPartitions after 60s
            critical ActiveControllerCount after 60s
            critical UncleanLeaderElection after 0ns
            critical OfflineLogDirectory after 0ns
            warning BrokerDown after 60s
            warning InSyncReplicasShrink after 60s
            warning ReplicaLag after 120s"#]]
        .assert_eq(&told.join("\n"));
        for rule in &rules.rules {
            assert!(rule.description.len() > 100, "{} does not say what to do", rule.name);
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let rule = |rest: &str| {
            format!("groups: [{{name: a, interval: 15s, rules: [{{alert: A, {rest}}}]}}]")
        };
        for (file, words) in [
            ("a: [".to_owned(), "no YAML"),
            ("other: 1".to_owned(), "unknown key \"other\""),
            ("groups: []".to_owned(), "exactly one"),
            (rule("keep_firing_for: 1m"), "unknown key \"keep_firing_for\""),
            (rule("expr: 'a >'"), "A: "),
            (rule("expr: 'a > 0', for: soon"), "no duration \"soon\""),
            (rule("expr: 'a > 0'"), "no labels"),
            (
                rule("expr: 'a > 0', labels: {severity: bad}, annotations: {}"),
                "unknown severity \"bad\"",
            ),
        ] {
            let error = Rules::parse(&file).expect_err(&file).to_string();
            assert!(error.contains(words), "{file}: {error}");
        }
    }
}
