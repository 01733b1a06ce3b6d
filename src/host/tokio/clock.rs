//! The system's clocks: one that never goes back, and one on the wall.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::host::{BoxFuture, Clock};
use crate::types::Millis;

/// Counts from the moment it was started.
#[derive(Debug)]
pub(super) struct SystemClock {
    started: Instant,
}

impl SystemClock {
    pub(super) fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        Millis(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn wall(&self) -> i64 {
        // A clock set before 1970 is wrong by decades anyway; what is written is only a timestamp.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(::tokio::time::sleep(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn time_passes_while_one_sleeps() {
        let clock = SystemClock::start();
        let (now, wall) = (clock.now(), clock.wall());
        clock.sleep(Duration::from_millis(20)).await;
        assert!(clock.now() - now >= Duration::from_millis(20));
        assert!(clock.wall() > wall);
        assert!(wall > 1_600_000_000_000, "milliseconds, not seconds: {wall}");
    }
}
