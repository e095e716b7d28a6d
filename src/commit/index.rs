//! The index of live data files by date, brought up to a checkpoint: only dates that changed are written.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};

use super::checkpoint::PUTS_IN_FLIGHT_MAX;
use super::{CommitError, Ledger};
use crate::lake::index::{self, DateOf};
use crate::lake::{Checkpoint, CommitHead, FileOfTask, Index, Relative, State, changed_files, decode_lines};

/// An index, and the lists that were written for it.
type Written = (Index, Vec<Relative>);

impl Ledger {
    /// Files the live data files as they are at the checkpoint of `state`, whose heads are filed; `heads` are those
    /// that no earlier checkpoint filed. `None` if the lake can have no index: one whose records do not come to its
    /// seals, or with files that no list takes.
    pub(super) async fn file_live(
        &self,
        state: &State,
        heads: Vec<CommitHead>,
    ) -> Result<Option<Written>, CommitError> {
        let lake = &self.writer.lake;
        let changed = match &state.filed.live {
            Some(before) if self.has_all_lists(before).await? => {
                changed_files(lake, before, heads, None).await?.map(|changed| (before.clone(), changed))
            }
            _ => None,
        };
        let (mut index, changed) = match changed {
            Some(changed) => changed,
            None => {
                let filed = state.filed.heads.as_ref().expect("the heads are filed first");
                let heads: Vec<CommitHead> = lake.filed(filed, |bytes| decode_lines(&bytes)).await?;
                let Some(whole) = index::by_date(state.live_of(heads)) else { return Ok(None) };
                (Index::default(), whole)
            }
        };
        if index.rows_with(changed.iter()) != state.totals.rows {
            return Ok(None);
        }
        let is_new = |(date, files): &(DateOf, Vec<FileOfTask>)| !files.is_empty() || index.name(*date).is_some();
        let mut lists = Vec::new();
        for (date, files) in changed.into_iter().filter(is_new) {
            let bytes = index::encode(&files);
            // What a reader would refuse is not written.
            if index::decode(bytes.clone().into(), date).is_ok_and(|read| read == files) {
                lists.push((date, files, bytes));
            } else {
                return Ok(None);
            }
        }
        let through = state.filed.through.expect("a checkpoint is of an entry");
        let puts = lists.into_iter().map(|(date @ (table, day), files, bytes)| async move {
            let name = lake.names.filed_live(table, day, through, &blake3::hash(&bytes).to_hex());
            self.writer.put(&name, bytes.into()).await?;
            Ok::<_, CommitError>((date, name, files))
        });
        let written: Vec<_> = futures::stream::iter(puts).buffered(PUTS_IN_FLIGHT_MAX).try_collect().await?;
        let names = written.iter().map(|(_, name, _)| name.clone()).collect();
        index.put(written);
        Ok(Some((index, names)))
    }

    /// Whether every list of an index is there.
    async fn has_all_lists(&self, index: &Index) -> Result<bool, CommitError> {
        let names = &self.writer.lake.names;
        let listed = self.writer.lake.list(&names.all_filed_live()).await?;
        let there: BTreeSet<Relative> = listed.iter().filter_map(|meta| names.named(&meta.location)).collect();
        Ok(index.names().all(|name| there.contains(name)))
    }

    /// Removes the lists that are older than the oldest checkpoint that is kept, and that none of these names.
    pub(super) async fn prune_live(&self, kept: &[u64], oldest_kept: u64) -> Result<(), CommitError> {
        let lake = &self.writer.lake;
        let listed = lake.list(&lake.names.all_filed_live()).await?;
        let is_old = |path| lake.names.filed_live_of(path).is_some_and(|(_, _, number)| number < oldest_kept);
        let old = listed.iter().map(|meta| &meta.location).filter(|path| is_old(path));
        let mut old: BTreeSet<Relative> = old.filter_map(|path| lake.names.named(path)).collect();
        let mut leave = |index: &Index| {
            for name in index.names() {
                old.remove(name);
            }
        };
        self.state.filed.live.iter().for_each(&mut leave);
        for &number in kept {
            // One that is gone by now was removed by a rival, who looked for himself.
            if let Some(checkpoint) = Checkpoint::read(lake, number).await? {
                checkpoint.state.filed.live.iter().for_each(&mut leave);
            }
        }
        for name in &old {
            self.writer.delete(name).await?;
        }
        Ok(())
    }
}
