//! The names of a log's files, as Kafka gives them: an offset in 20 digits and a suffix.

use crate::types::Offset;

/// Epochs of the log's leaders, beside the segments.
pub(super) const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";

/// What a file named by an offset holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FileKind {
    /// Batches.
    Log,
    /// Offsets to positions.
    Index,
    /// Timestamps to offsets.
    TimeIndex,
    /// The producers' state before that offset.
    Snapshot,
    /// Nothing: the name alone says where a cut began. Ours, not Kafka's.
    Cut,
}

impl FileKind {
    /// The files that make up a segment; the log goes first when a segment is removed, for without
    /// it the others mean nothing.
    pub(super) const SEGMENT: [Self; 3] = [Self::Log, Self::Index, Self::TimeIndex];

    const ALL: [Self; 5] = [Self::Log, Self::Index, Self::TimeIndex, Self::Snapshot, Self::Cut];

    fn suffix(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Index => "index",
            Self::TimeIndex => "timeindex",
            Self::Snapshot => "snapshot",
            Self::Cut => "cut",
        }
    }

    /// The path of the file of this kind for `offset`.
    pub(super) fn path(self, directory: &str, offset: Offset) -> String {
        format!("{directory}/{:020}.{}", offset.0, self.suffix())
    }

    /// What the file called `name` is; `None` for every other file.
    pub(super) fn parse(name: &str) -> Option<(Self, Offset)> {
        let (digits, suffix) = name.split_once('.')?;
        let kind = Self::ALL.into_iter().find(|kind| kind.suffix() == suffix)?;
        if digits.len() != 20 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok().map(|offset| (kind, Offset(offset)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas() {
        let path = FileKind::TimeIndex.path("orders-0", Offset(4711));
        assert_eq!(path, "orders-0/00000000000000004711.timeindex");
        assert_eq!(
            FileKind::parse("00000000000000004711.timeindex"),
            Some((FileKind::TimeIndex, Offset(4711)))
        );
    }

    #[test]
    fn other_files_are_left_alone() {
        for name in [
            "leader-epoch-checkpoint",
            "4711.log",
            "00000000000000004711.log.deleted",
            "-0000000000000004711.log",
            "99999999999999999999.log",
            "",
        ] {
            assert_eq!(FileKind::parse(name), None, "{name}");
        }
    }
}
