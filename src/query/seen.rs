//! How far a lake's ledger had grown when it was last looked at, so that a session that stays open sees new commits.

use std::time::{Duration, Instant};

use crate::lake::{Lake, LakeError, State};

/// How long what was read of the ledger is taken for new.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// One look at the ledger. To miss nothing, look first and then open a session: what is committed in between is found
/// by the next look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    at: Instant,
    /// The number of the next log entry, and the commits of plans that are not sealed: they change with every commit.
    mark: (u64, usize),
}

impl Seen {
    pub(crate) async fn of(lake: &Lake) -> Result<Seen, LakeError> {
        let state = State::load(lake).await?;
        state.born(lake)?;
        let mut commits = 0;
        for plan in state.open_plans() {
            commits += lake.committed(plan).await?.len();
        }
        Ok(Seen { at: Instant::now(), mark: (state.next, commits) })
    }

    /// Another look, `None` if this one was made just now.
    pub(crate) async fn again(&self, lake: &Lake) -> Result<Option<Seen>, LakeError> {
        if self.at.elapsed() < LOOK_AGAIN_AFTER {
            return Ok(None);
        }
        Ok(Some(Seen::of(lake).await?))
    }

    /// Whether something was committed between the two looks.
    pub(crate) fn differs(&self, other: &Seen) -> bool {
        self.mark != other.mark
    }
}
