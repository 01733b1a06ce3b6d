//! The part of PromQL that the alert rules use, read into a tree.
//!
//! `sum`, `min`, `max` and `count`, with or without `by`; `rate`, `increase` and `absent`; selectors
//! with `=` and `!=`; arithmetic and comparisons with a number; `or`. Whatever else Prometheus
//! knows is refused, so that no rule means one thing there and another here.

mod tokens;

use std::time::Duration;

use tokens::{Token, tokens};

/// Which series are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The metric.
    pub name: String,
    /// Labels that must be so (`true`) or must not.
    pub matchers: Vec<(String, bool, String)>,
}

/// How many values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// Their sum.
    Sum,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// How many there are.
    Count,
}

/// What is made of the values of a counter in a range of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverTime {
    /// By how much it grew, per second.
    Rate,
    /// By how much it grew.
    Increase,
}

/// What is done with a vector and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Multiplies.
    Times,
    /// Divides.
    By,
    /// Adds.
    Plus,
    /// Subtracts.
    Minus,
    /// Keeps what is greater.
    Greater,
    /// Keeps what is greater or equal.
    AtLeast,
    /// Keeps what is less.
    Less,
    /// Keeps what is less or equal.
    AtMost,
    /// Keeps what is equal.
    Equal,
    /// Keeps what is not equal.
    Unequal,
}

/// An expression; its value is a vector: a number for each set of labels.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// The newest values.
    Select(Selector),
    /// Growth within a range of time.
    OverTime(OverTime, Selector, Duration),
    /// 1 if there is nothing, and nothing otherwise.
    Absent(Box<Self>),
    /// Values with the same labels of those named become one.
    Aggregate(Aggregation, Vec<String>, Box<Self>),
    /// A vector on the left, a number on the right.
    Scalar(Operator, Box<Self>, f64),
    /// Everything on the left, and what has other labels on the right.
    Or(Box<Self>, Box<Self>),
}

/// Why an expression is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// A character that begins nothing.
    #[error("{0:?} is not understood")]
    Character(char),
    /// Something else was expected.
    #[error("found {found}, expected {expected}")]
    Unexpected {
        /// What is there.
        found: String,
        /// What could be there.
        expected: &'static str,
    },
}

impl Expression {
    /// How far back it looks.
    #[must_use]
    pub fn longest_range(&self) -> Duration {
        match self {
            Self::Select(_) => Duration::ZERO,
            Self::OverTime(_, _, range) => *range,
            Self::Absent(of) | Self::Aggregate(_, _, of) | Self::Scalar(_, of, _) => {
                of.longest_range()
            }
            Self::Or(left, right) => left.longest_range().max(right.longest_range()),
        }
    }

    /// The metrics that it names.
    #[must_use]
    pub fn metrics(&self) -> Vec<&str> {
        match self {
            Self::Select(selector) | Self::OverTime(_, selector, _) => vec![&selector.name],
            Self::Absent(of) | Self::Aggregate(_, _, of) | Self::Scalar(_, of, _) => of.metrics(),
            Self::Or(left, right) => [left.metrics(), right.metrics()].concat(),
        }
    }
}

/// Reads a duration: `15s`, `5m`, `1h`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let (number, seconds) = if let Some(number) = text.strip_suffix('s') {
        (number, 1)
    } else if let Some(number) = text.strip_suffix('m') {
        (number, 60)
    } else {
        (text.strip_suffix('h')?, 3600)
    };
    let number: u64 = number.parse().ok()?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

/// Reads an expression.
///
/// # Errors
/// The first thing that is not understood.
pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let expression = parser.either()?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.unexpected("the end")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

/// Operators by how closely they bind, the loosest first; `or` is looser still.
const LEVELS: [&[(&str, Operator)]; 3] = [
    &[
        (">=", Operator::AtLeast),
        ("<=", Operator::AtMost),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
    ],
    &[("+", Operator::Plus), ("-", Operator::Minus)],
    &[("*", Operator::Times), ("/", Operator::By)],
];

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn unexpected(&self, expected: &'static str) -> ExpressionError {
        let found = self.peek().map_or("the end".to_owned(), ToString::to_string);
        ExpressionError::Unexpected { found, expected }
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol);
        self.at += usize::from(there);
        there
    }

    fn must_take(&mut self, symbol: &'static str) -> Result<(), ExpressionError> {
        if self.takes(symbol) { Ok(()) } else { Err(self.unexpected(symbol)) }
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.at += usize::from(there);
        there
    }

    fn word(&mut self, expected: &'static str) -> Result<String, ExpressionError> {
        let Some(Token::Word(word)) = self.peek() else { return Err(self.unexpected(expected)) };
        let word = word.clone();
        self.at += 1;
        Ok(word)
    }

    fn either(&mut self) -> Result<Expression, ExpressionError> {
        let mut left = self.level(0)?;
        while self.takes_word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.level(0)?));
        }
        Ok(left)
    }

    fn level(&mut self, level: usize) -> Result<Expression, ExpressionError> {
        let Some(operators) = LEVELS.get(level) else { return self.vector() };
        let mut left = self.level(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(symbol, _)| self.takes(symbol)) {
            let Some(Token::Number(number)) = self.peek() else {
                return Err(self.unexpected("a number on the right"));
            };
            left = Expression::Scalar(*operator, Box::new(left), *number);
            self.at += 1;
        }
        Ok(left)
    }

    fn vector(&mut self) -> Result<Expression, ExpressionError> {
        if self.takes("(") {
            let inside = self.either()?;
            self.must_take(")")?;
            return Ok(inside);
        }
        let word = self.word("a metric, a function or (")?;
        match word.as_str() {
            "sum" => self.aggregate(Aggregation::Sum),
            "min" => self.aggregate(Aggregation::Min),
            "max" => self.aggregate(Aggregation::Max),
            "count" => self.aggregate(Aggregation::Count),
            "rate" => self.over_time(OverTime::Rate),
            "increase" => self.over_time(OverTime::Increase),
            "absent" => {
                self.must_take("(")?;
                let of = Box::new(self.either()?);
                self.must_take(")")?;
                Ok(Expression::Absent(of))
            }
            _ => Ok(Expression::Select(self.selector(word)?)),
        }
    }

    fn aggregate(&mut self, how: Aggregation) -> Result<Expression, ExpressionError> {
        let mut by = Vec::new();
        if self.takes_word("by") {
            self.must_take("(")?;
            while !self.takes(")") {
                by.push(self.word("a label")?);
                self.takes(",");
            }
        }
        self.must_take("(")?;
        let of = Box::new(self.either()?);
        self.must_take(")")?;
        Ok(Expression::Aggregate(how, by, of))
    }

    fn over_time(&mut self, what: OverTime) -> Result<Expression, ExpressionError> {
        self.must_take("(")?;
        let name = self.word("a metric")?;
        let selector = self.selector(name)?;
        self.must_take("[")?;
        let Some(Token::Duration(range)) = self.peek() else {
            return Err(self.unexpected("a duration"));
        };
        let range = *range;
        self.at += 1;
        self.must_take("]")?;
        self.must_take(")")?;
        Ok(Expression::OverTime(what, selector, range))
    }

    fn selector(&mut self, name: String) -> Result<Selector, ExpressionError> {
        let mut matchers = Vec::new();
        if self.takes("{") {
            while !self.takes("}") {
                let label = self.word("a label")?;
                let equal = self.takes("=");
                if !equal {
                    self.must_take("!=")?;
                }
                let Some(Token::Text(value)) = self.peek() else {
                    return Err(self.unexpected("a value in quotes"));
                };
                matchers.push((label, equal, value.clone()));
                self.at += 1;
                self.takes(",");
            }
        }
        Ok(Selector { name, matchers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(name: &str) -> Box<Expression> {
        Box::new(Expression::Select(Selector { name: name.to_owned(), matchers: Vec::new() }))
    }

    #[test]
    fn operators_bind_as_in_promql() {
        let expression = parse("sum by (x, y) (a) * 60 + 1 > 2 or absent(b)").unwrap();
        let sum =
            Expression::Aggregate(Aggregation::Sum, vec!["x".into(), "y".into()], select("a"));
        let times = Expression::Scalar(Operator::Times, Box::new(sum), 60.0);
        let plus = Expression::Scalar(Operator::Plus, Box::new(times), 1.0);
        let greater = Expression::Scalar(Operator::Greater, Box::new(plus), 2.0);
        let absent = Expression::Absent(select("b"));
        assert_eq!(expression, Expression::Or(Box::new(greater), Box::new(absent)));
        assert_eq!(expression.metrics(), ["a", "b"]);
    }

    #[test]
    fn selectors_have_matchers_and_ranges() {
        let expression = parse("rate(a_total{job=\"x\", b!=\"\"}[5m])").unwrap();
        let matchers = vec![("job".into(), true, "x".into()), ("b".into(), false, String::new())];
        let selector = Selector { name: "a_total".into(), matchers };
        let range = Duration::from_secs(300);
        assert_eq!(expression, Expression::OverTime(OverTime::Rate, selector, range));
        assert_eq!(expression.longest_range(), range);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "a >",
            "a > b",
            "1 > a",
            "a and b",
            "rate(a)",
            "rate(a[x])",
            "sum(a",
            "a{b=~\"c\"}",
            "a{b=c}",
            "avg_over_time(a[5m])",
            "a > 0 $",
            "sum(a) by",
            "a offset 5m",
            "a > bool 1",
        ] {
            assert!(parse(text).is_err(), "{text:?}: {:?}", parse(text));
        }
    }
}
