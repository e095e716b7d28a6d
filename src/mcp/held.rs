//! The lake that all calls of a server ask: opened anew when it has grown, and planned on by one call at a time.
//!
//! A report narrows the tables of a session while it is planned, so that calls plan one after the other. What they
//! planned runs side by side.

use std::sync::Weak;

use tokio::sync::{Mutex, MutexGuard};

use crate::lake::Lake;
use crate::query::{Current, Options, QueryError, Seen, Session};

pub(super) struct Held {
    lake: Lake,
    now: Mutex<Now>,
    current: Current,
}

/// The lake as it was seen last.
struct Now {
    seen: Seen,
    session: Session,
}

impl Held {
    pub async fn open(lake: Lake, options: Options) -> Result<Held, QueryError> {
        // What is committed behind this look is found by the next one.
        let seen = Seen::of(&lake).await?;
        let mut session = Session::open(&lake, options).await?;
        let current = Current::default();
        session.end_joins_with(current.clone());
        Ok(Held { lake, now: Mutex::new(Now { seen, session }), current })
    }

    /// The lake as it is now, for one call to plan on. Its joins end when nobody waits for `statement` any more.
    pub async fn session(&self, statement: Weak<()>) -> Result<Planning<'_>, QueryError> {
        let mut now = self.now.lock().await;
        if let Some(look) = now.seen.again(&self.lake).await? {
            if look.differs(&now.seen) {
                now.session = now.session.reopened().await?;
            }
            now.seen = look;
        }
        self.current.belongs_to(statement);
        Ok(Planning(now))
    }
}

/// Held while a statement is planned; what was planned runs on without it.
pub(super) struct Planning<'a>(MutexGuard<'a, Now>);

impl std::ops::Deref for Planning<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0.session
    }
}
