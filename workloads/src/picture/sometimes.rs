//! Noteworthy states, counted. A sweep that never reached one of them tested less than it claims.

use std::collections::BTreeMap;

macro_rules! sometimes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A state that should sometimes be reached.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Sometimes { $($(#[$doc])* $name,)* }

        impl Sometimes {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The state in words.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

sometimes! {
    /// The controllers named a leader in a new epoch.
    LeaderElected = "a leader was elected",
    /// Leadership moved although the old leader stayed in sync.
    LeaderMoved = "leadership moved between in-sync replicas",
    /// The leader was elected from the eligible replicas outside the in-sync set.
    ElectedFromEligible = "an eligible leader replica was elected",
    /// The leader was elected from outside the in-sync and eligible sets.
    ElectedUncleanly = "a leader was elected uncleanly",
    /// A leader took over whose high watermark was below the true one.
    ElectedBehind = "a new leader had a stale high watermark",
    /// A partition was without leader.
    Offline = "a partition was offline",
    /// The in-sync set lost a member.
    InSyncShrank = "the in-sync set shrank",
    /// The in-sync set gained a member.
    InSyncGrew = "the in-sync set grew",
    /// The in-sync set was smaller than required.
    UnderMinInSync = "fewer replicas were in sync than required",
    /// There were eligible leader replicas.
    EligibleRemembered = "eligible leader replicas were remembered",
    /// A leader counted a replica that was not in sync yet.
    ExpansionPending = "an expansion of the in-sync set was pending",
    /// A follower cut its log.
    LogTruncated = "a follower truncated its log",
    /// A replica began its log anew.
    LogRestarted = "a replica restarted its log",
    /// A log was shorter after a power cut than before.
    TailLost = "a power cut took the tail of a log",
    /// A leader of an older epoch appended.
    DeposedAppended = "a deposed leader appended",
    /// A leader of an older epoch raised the true high watermark.
    DeposedCommitted = "a deposed leader committed",
    /// A high watermark went back.
    HighWatermarkFell = "a follower's high watermark went back",
    /// acks=all succeeded.
    AcknowledgedByAll = "acks=all succeeded",
    /// acks=1 succeeded.
    AcknowledgedByLeader = "acks=1 succeeded",
    /// A duplicate was recognised.
    DuplicateAcknowledged = "a duplicate was acknowledged",
    /// A consumer was served by the leader.
    ServedByLeader = "a leader served a consumer",
    /// A consumer was served by a follower.
    ServedByFollower = "a follower served a consumer",
    /// A controller became active.
    ControllerChanged = "a controller became active",
    /// One more unclean stop would end the guarantees.
    BudgetSpent = "the fault budget was spent",
    /// The guarantees ended.
    BudgetExceeded = "the fault budget was exceeded",
}

/// How often each state was reached.
#[derive(Clone, Debug)]
pub struct Tally([u64; Sometimes::ALL.len()]);

impl Default for Tally {
    fn default() -> Self {
        Self([0; Sometimes::ALL.len()])
    }
}

impl Tally {
    pub(super) fn count(&mut self, state: Sometimes) {
        self.0[state as usize] += 1;
    }

    /// How often `state` was reached.
    #[must_use]
    pub fn of(&self, state: Sometimes) -> u64 {
        self.0[state as usize]
    }

    /// All of them, in words.
    #[must_use]
    pub fn in_words(&self) -> BTreeMap<&'static str, u64> {
        Sometimes::ALL.iter().map(|state| (state.words(), self.of(*state))).collect()
    }
}
