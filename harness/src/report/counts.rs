//! Counts by name, as reports and sweeps carry them.

use std::collections::BTreeMap;

/// How often something happened, by what it is called.
pub type Counts = BTreeMap<String, u64>;

/// Adds the counts of `more` to `sum`, name by name. Saturates.
pub fn add(sum: &mut Counts, more: &Counts) {
    for (name, count) in more {
        let entry = sum.entry(name.clone()).or_default();
        *entry = entry.saturating_add(*count);
    }
}

/// The sum over all names. Saturates.
#[must_use]
pub fn total(counts: &Counts) -> u64 {
    counts.values().fold(0, |sum, count| sum.saturating_add(*count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_name_by_name_and_never_wrap() {
        let mut sum = Counts::from([("cut".to_owned(), 1), ("kill".to_owned(), u64::MAX)]);
        add(&mut sum, &Counts::from([("kill".to_owned(), 2), ("slow".to_owned(), 3)]));
        let expected =
            [("cut".to_owned(), 1), ("kill".to_owned(), u64::MAX), ("slow".to_owned(), 3)];
        assert_eq!(sum, Counts::from(expected));
        assert_eq!(total(&sum), u64::MAX);
        assert_eq!(total(&Counts::new()), 0);
    }
}
