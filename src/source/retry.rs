//! How often, and for how long, something is tried again that may succeed later. Every policy stands here.
//!
//! ```text
//! a request ── of a client of S3 ── Retries::REQUEST
//!   └─ a read, whose body broke off or whose server failed for long ── Retries::READ
//!   └─ a write, whose connection broke ── Retries::OUTAGE
//!   └─ a record that is created once, and that a store refused without having it ── Retries::CLASH
//! ```

use std::time::Duration;

use object_store::{BackoffConfig, RetryConfig};
use tokio::time::{Instant, sleep};

/// How long a request is tried: a server may be away for that long. Retries are not signed anew, so that this stays
/// below the fifteen minutes that a signature holds.
const RETRY_TIMEOUT: Duration = Duration::from_secs(180);

/// The longest pause between two tries of a request.
const BACKOFF_LAST: Duration = Duration::from_secs(10);

/// How long a write is begun anew whose connection breaks; the last one may wait as long again for a server that is
/// away.
const OUTAGE_MAX: Duration = Duration::from_secs(180);

/// A store gives up on a request within minutes; a busy or briefly absent server gets longer.
const READS_MAX: u32 = 3;

/// Each pause is so much longer than the one before.
const GROWTH: u32 = 4;

/// A policy.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// Tries, the first one among them.
    tries_max: u32,
    /// No pause begins later than this after the first try began.
    time_max: Duration,
    pause_first: Duration,
    pause_max: Duration,
}

impl Retries {
    /// More tries than fit into the time. The client draws its pauses at random, up to those of the policy.
    const REQUEST: Retries = Retries {
        tries_max: 1_001,
        time_max: RETRY_TIMEOUT,
        pause_first: Duration::from_millis(100),
        pause_max: BACKOFF_LAST,
    };

    /// Three tries in all, with pauses of 2 and 8 seconds: the client of S3 has retried each request for long already.
    pub const READ: Retries = Retries {
        tries_max: READS_MAX,
        time_max: Duration::MAX,
        pause_first: Duration::from_secs(2),
        pause_max: Duration::from_secs(8),
    };

    /// A request whose connection broke is not repeated by the client where a second one might do more than the first.
    /// None of a lake's does: an upload replaces what is there, a copy is of one file, and a record is created once.
    pub const OUTAGE: Retries = Retries {
        tries_max: u32::MAX,
        time_max: OUTAGE_MAX,
        pause_first: Duration::from_millis(500),
        pause_max: Duration::from_millis(500),
    };

    /// Writers that meet at one name are done within moments.
    pub const CLASH: Retries = Retries {
        tries_max: 5,
        time_max: Duration::MAX,
        pause_first: Duration::from_millis(20),
        pause_max: Duration::from_secs(1),
    };

    /// The first try begins now.
    pub fn begin(self) -> Trying {
        Trying { retries: self, began: Instant::now(), tries: 1 }
    }

    /// How long to wait after so many tries and so much time; `None` if that was all.
    fn pause(&self, tries: u32, elapsed: Duration) -> Option<Duration> {
        let is_over = tries >= self.tries_max || elapsed > self.time_max;
        let grown = GROWTH.saturating_pow(tries - 1);
        (!is_over).then(|| self.pause_first.saturating_mul(grown).min(self.pause_max))
    }

    /// What the client of S3 is told.
    pub(super) fn of_requests() -> RetryConfig {
        let Retries { tries_max, time_max, pause_first, pause_max } = Retries::REQUEST;
        RetryConfig {
            backoff: BackoffConfig { init_backoff: pause_first, max_backoff: pause_max, base: f64::from(GROWTH) },
            max_retries: tries_max as usize - 1,
            retry_timeout: time_max,
        }
    }
}

/// Something that is tried until it is done:
///
/// ```text
/// let mut trying = Retries::READ.begin();
/// loop {
///     let done = work().await;
///     if !passes(&done) || !trying.again().await {
///         return done;
///     }
/// }
/// ```
///
/// (A function that takes the work would ask more of it than a caller on another thread can promise: `AsyncFnMut` has
/// no word for futures that are `Send`.)
#[derive(Debug)]
pub struct Trying {
    retries: Retries,
    began: Instant,
    tries: u32,
}

impl Trying {
    /// Waits until it is time for another try; `false` if that was all.
    pub async fn again(&mut self) -> bool {
        let Some(pause) = self.retries.pause(self.tries, self.began.elapsed()) else { return false };
        tracing::debug!(attempt = self.tries, wait_ms = pause.as_millis() as u64, "tried again after the wait");
        sleep(pause).await;
        self.tries += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(retries: &Retries) -> Vec<u64> {
        let pauses = (1..).map_while(|tries| retries.pause(tries, Duration::ZERO));
        pauses.take(8).map(|pause| pause.as_millis() as u64).collect()
    }

    #[test]
    fn pauses_grow_to_the_longest_until_patience_ends() {
        assert_eq!(pauses(&Retries::READ), [2_000, 8_000]);
        assert_eq!(pauses(&Retries::CLASH), [20, 80, 320, 1_000]);
        assert_eq!(pauses(&Retries::OUTAGE), [500; 8]);
        let last = Retries::OUTAGE.pause(400, OUTAGE_MAX);
        assert_eq!(last, Some(Duration::from_millis(500)));
        assert_eq!(Retries::OUTAGE.pause(400, OUTAGE_MAX + Duration::from_nanos(1)), None);
        assert_eq!(Retries::OUTAGE.pause(u32::MAX - 1, Duration::ZERO), last);
    }

    #[tokio::test]
    async fn a_try_follows_each_pause() {
        let mut trying = Retries { pause_first: Duration::ZERO, ..Retries::READ }.begin();
        let mut tries = 1;
        while trying.again().await {
            tries += 1;
        }
        assert_eq!((tries, trying.again().await), (3, false));
    }
}
