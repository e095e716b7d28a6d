//! How the fold of a log is read: the newest checkpoint, and the entries behind it.

use object_store::ObjectMeta;

use super::{Checkpoint, Lake, LakeError, State};

impl State {
    /// Reads the newest checkpoint, and the log from there on.
    pub async fn load(lake: &Lake) -> Result<State, LakeError> {
        let checkpoint = Checkpoint::newest(lake).await?;
        let mut state = checkpoint.map_or_else(State::default, |checkpoint| checkpoint.state);
        state.catch_up(lake).await?;
        Ok(state)
    }

    /// Reads the entries that came since. A gap in the numbers is an error, never an end.
    pub async fn catch_up(&mut self, lake: &Lake) -> Result<(), LakeError> {
        let prefix = lake.names.log_prefix();
        // From the last entry that is known on: it must still be there.
        let listed = match self.next.checked_sub(2) {
            Some(before) => lake.list_after(&prefix, &lake.names.log(before)).await?,
            None => lake.list(&prefix).await?,
        };
        let is_known =
            |meta: &ObjectMeta| Some(self.next) == lake.names.log_of(&meta.location).map(|number| number + 1);
        self.lacks = self.next.checked_sub(1).filter(|_| !listed.iter().any(is_known));
        let last = listed.iter().filter_map(|meta| lake.names.log_of(&meta.location)).max();
        while last.is_some_and(|last| self.next <= last) {
            let path = lake.names.log(self.next);
            let entry = lake.entry(self.next).await.map_err(|error| match error {
                LakeError::Record { url, reason } if last == Some(self.next) => LakeError::LastEntry { url, reason },
                other => other,
            })?;
            let entry = entry.ok_or_else(|| LakeError::Gap { url: lake.names.url(&path) })?;
            let at = entry.at.clone();
            self.apply(entry.body, &at);
        }
        Ok(())
    }
}
