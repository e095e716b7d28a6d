//! How the fold of a log is read: the newest checkpoint, and the entries behind it.

use std::collections::BTreeSet;

use super::{Body, Checkpoint, Entry, Lake, LakeError, State};

impl State {
    /// Reads the newest checkpoint, and the log from there on.
    pub async fn load(lake: &Lake) -> Result<State, LakeError> {
        let checkpoint = Checkpoint::newest(lake).await?;
        let mut state = checkpoint.map_or_else(State::default, |checkpoint| checkpoint.state);
        lake.know_archives(&state.archives);
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
        let lying: BTreeSet<u64> = listed.iter().filter_map(|meta| lake.names.log_of(&meta.location)).collect();
        self.lacks = self.next.checked_sub(1).filter(|known| !lying.contains(known));
        if let Some(known) = self.lacks
            && lake.packed_entry(known).await?.is_some()
        {
            self.lacks = None;
        }
        let last = lying.last().copied();
        // Which archives the log names is not known before it was read.
        if lying.first().is_some_and(|first| *first > self.next) {
            lake.find_archives().await?;
        }
        while last.is_some_and(|last| self.next <= last) {
            let entry = match lying.contains(&self.next) {
                true => lake.entry(self.next).await,
                false => lake.packed_entry(self.next).await,
            };
            let entry = entry.map_err(|error| match error {
                LakeError::Record { url, reason } if last == Some(self.next) => LakeError::LastEntry { url, reason },
                other => other,
            })?;
            let Some(entry) = entry else { return Err(self.what_lacks(lake, &lying).await?) };
            let at = entry.at.clone();
            self.apply(entry.body, &at);
        }
        lake.know_archives(&self.archives);
        Ok(())
    }

    /// The next entry is not there: it is missing, or the archive is in which the log has it.
    async fn what_lacks(&self, lake: &Lake, lying: &BTreeSet<u64>) -> Result<LakeError, LakeError> {
        for &number in lying.range(self.next..) {
            let Some(Entry { body: Body::Packed(archive), .. }) = lake.entry(number).await? else { continue };
            if (archive.first..=archive.last).contains(&self.next) {
                let url = lake.names.url(&lake.names.inside(&archive.name));
                return Ok(LakeError::Archive { url, reason: "it is missing".to_owned() });
            }
        }
        Ok(LakeError::Gap { url: lake.names.url(&lake.names.log(self.next)) })
    }
}
