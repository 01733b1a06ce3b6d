//! Switches that break the broker on purpose, so that the harness can be shown to notice.
//!
//! A build without the feature `mutants` contains no switch: [`mutant!`](crate::mutant) is the constant `false`
//! there and nothing in this module exists. With the feature, the broken behaviour is chosen per
//! thread, because one simulation is one thread and several run side by side.

/// Asks whether a mutant is switched on: `mutant!(A01)`. The constant `false` in a normal build.
#[cfg(feature = "mutants")]
#[macro_export]
macro_rules! mutant {
    ($id:ident) => {
        $crate::mutants::is_on($crate::mutants::Mutant::$id)
    };
}

/// Asks whether a mutant is switched on: `mutant!(A01)`. The constant `false` in a normal build.
#[cfg(not(feature = "mutants"))]
#[macro_export]
macro_rules! mutant {
    ($id:ident) => {
        false
    };
}

#[cfg(feature = "mutants")]
pub use switches::{Mutant, is_on, switch_on};

#[cfg(feature = "mutants")]
mod switches {
    use std::cell::Cell;
    use std::fmt;
    use std::str::FromStr;

    /// A broken broker of the catalogue: one safety mechanism removed, at one place in the code. The
    /// R are the protocol's rules.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Mutant {
        /// A new follower cuts its log to its high watermark and is believed from there. The way
        /// before KIP-101 (KAFKA-1211); breaks R8 and R10.
        A01,
        /// A fetch that is answered with a divergence counts as proof of what the follower holds.
        /// KAFKA-13141; breaks R10d and R12.
        A09,
        /// The leader does not compare epochs, and the follower appends behind what it has. The
        /// strawman before KIP-101; breaks R10d.
        A12,
        /// Answer acks=all at the leader's append. Kafka 0.8's habits (KAFKA-353); breaks R27.
        B01,
        /// A member that the leader has only proposed to put out holds the high watermark back no
        /// more. What KIP-497 (KAFKA-8836) rules out; breaks R13.
        B03,
        /// The high watermark rises with fewer in sync than `min.insync.replicas`. KIP-966
        /// (KAFKA-15583); breaks R13.
        B04,
        /// A new leader takes its whole log for committed. Derived, cf. section 5.4 of the Raft
        /// paper; breaks R7.
        B08,
        /// A leader serves consumers up to its log end. The family of KAFKA-727; breaks R14 and R29.
        B11,
        /// Any fetch lets a follower join the in-sync set, whatever it holds. The rules before
        /// KIP-16; breaks R16.
        C02,
        /// Elect any active replica when no clean candidate is left, whatever the setting says.
        /// KAFKA-1028; breaks R22.
        D01,
        /// The preferred leader is elected without asking whether it is in sync. The contract of
        /// KIP-460 (KAFKA-9866); breaks R22 and R25.
        D02,
        /// An election keeps the leader epoch. What KIP-101 and KIP-320 rest on; breaks R6.
        D04,
        /// No eligible leader replicas: the last in-sync replica keeps the only right to lead, also
        /// after an unclean restart. The way before KIP-966 (KAFKA-15581); breaks R19 and R23.
        D08,
        /// Recovery leaves what follows the last good batch in the file. KAFKA-3919; breaks R33.
        E03,
        /// A batch that an idempotent producer sends again is appended again. The way before KIP-98
        /// (KAFKA-4817); breaks R28.
        F01,
    }

    impl Mutant {
        /// Every mutant, in the catalogue's order.
        pub const ALL: [Self; 15] = [
            Self::A01,
            Self::A09,
            Self::A12,
            Self::B01,
            Self::B03,
            Self::B04,
            Self::B08,
            Self::B11,
            Self::C02,
            Self::D01,
            Self::D02,
            Self::D04,
            Self::D08,
            Self::E03,
            Self::F01,
        ];

        /// What the mutant does, in one line. Also the marker by which a test recognises a build
        /// that contains switches.
        #[must_use]
        pub fn describe(self) -> &'static str {
            match self {
                Self::A01 => "highwater-mutant A01: truncate to the high watermark",
                Self::A09 => "highwater-mutant A09: diverging fetch counts as progress",
                Self::A12 => "highwater-mutant A12: no truncation at all",
                Self::B01 => "highwater-mutant B01: acks=all answered at leader append",
                Self::B03 => "highwater-mutant B03: proposed smaller in-sync set counts at once",
                Self::B04 => "highwater-mutant B04: commit with fewer than min.insync.replicas",
                Self::B08 => "highwater-mutant B08: new leader takes its log end for committed",
                Self::B11 => "highwater-mutant B11: leader serves consumers up to its log end",
                Self::C02 => "highwater-mutant C02: any fetch lets a follower join",
                Self::D01 => "highwater-mutant D01: unclean election silently on",
                Self::D02 => "highwater-mutant D02: preferred election does not ask who is in sync",
                Self::D04 => "highwater-mutant D04: election keeps the leader epoch",
                Self::D08 => "highwater-mutant D08: no eligible leader replicas",
                Self::E03 => "highwater-mutant E03: torn tail not cut in recovery",
                Self::F01 => "highwater-mutant F01: retries are appended again",
            }
        }

        /// Whether the broken place is in a pure room, so that the rooms alone can show it. The
        /// others are in the log, which the rooms' own tests replace by a list.
        #[must_use]
        pub fn is_in_pure_room(self) -> bool {
            match self {
                Self::A01
                | Self::A09
                | Self::A12
                | Self::B01
                | Self::B03
                | Self::B04
                | Self::B08
                | Self::B11
                | Self::C02
                | Self::D01
                | Self::D02
                | Self::D04
                | Self::D08 => true,
                Self::E03 | Self::F01 => false,
            }
        }
    }

    impl fmt::Display for Mutant {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{self:?}")
        }
    }

    impl FromStr for Mutant {
        type Err = String;

        fn from_str(text: &str) -> Result<Self, String> {
            Self::ALL
                .into_iter()
                .find(|mutant| mutant.to_string().eq_ignore_ascii_case(text))
                .ok_or_else(|| format!("unknown mutant {text:?}; this build knows {:?}", Self::ALL))
        }
    }

    thread_local! {
        static ON: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Breaks every broker that runs on this thread in the named way; `None` mends them.
    pub fn switch_on(mutant: Option<Mutant>) {
        ON.set(mutant);
    }

    /// Whether the named mutant is on in this thread.
    #[must_use]
    pub fn is_on(mutant: Mutant) -> bool {
        ON.get() == Some(mutant)
    }
}
