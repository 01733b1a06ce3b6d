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

    /// A broken broker of the catalogue: one safety mechanism removed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Mutant {
        /// Truncate to the high watermark on becoming a follower (before KIP-101).
        A01,
        /// Answer acks=all at the leader's append.
        B01,
        /// Elect any active replica when no clean candidate is left, whatever the setting says.
        D01,
    }

    impl Mutant {
        /// Every mutant, in the catalogue's order.
        pub const ALL: [Self; 3] = [Self::A01, Self::B01, Self::D01];

        /// What the mutant does, in one line. Also the marker by which a test recognises a build
        /// that contains switches.
        #[must_use]
        pub fn describe(self) -> &'static str {
            match self {
                Self::A01 => "highwater-mutant A01: truncate to the high watermark",
                Self::B01 => "highwater-mutant B01: acks=all answered at leader append",
                Self::D01 => "highwater-mutant D01: unclean election silently on",
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
