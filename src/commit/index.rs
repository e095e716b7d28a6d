//! The index of live data files by date, brought up to a checkpoint: only dates that changed are written.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};

use super::checkpoint::PUTS_IN_FLIGHT_MAX;
use super::{CommitError, Ledger};
use crate::lake::index::{self, DateOf};
use crate::lake::{CommitHead, FileOfTask, Index, Relative, State, changed_files, decode_lines};

impl Ledger {
    /// Files the live data files as they are at the checkpoint of `state`, whose heads are filed; `heads` are those
    /// that no earlier checkpoint filed. `None` if the lake can have no index: one of an earlier program whose records
    /// do not come to its seals, or with files in places of others.
    pub(super) async fn file_live(&self, state: &State, heads: Vec<CommitHead>) -> Result<Option<Index>, CommitError> {
        let lake = &self.writer.lake;
        let (mut index, changed) = match &state.filed.live {
            Some(before) => (before.clone(), changed_files(lake, before, heads).await?),
            None => {
                let heads: Vec<CommitHead> = match &state.filed.heads {
                    Some(relative) => lake.filed(relative, |bytes| decode_lines(&bytes)).await?,
                    None => heads,
                };
                (Index::default(), index::by_date(state.live_of(heads)))
            }
        };
        let Some(changed) = changed else { return Ok(None) };
        let through = state.filed.through.expect("a checkpoint is of an entry");
        let is_new = |(date, files): &(DateOf, Vec<FileOfTask>)| !files.is_empty() || index.name(*date).is_some();
        let changed: Vec<_> = changed.into_iter().filter(is_new).collect();
        let puts = changed.into_iter().map(|(date, files)| async move {
            let bytes = index::encode(&files);
            let (table, day) = date;
            let name = lake.names.filed_live(table, day, through, &blake3::hash(&bytes).to_hex());
            self.writer.put(&name, bytes.into()).await?;
            Ok::<_, CommitError>((date, name, files))
        });
        let written: Vec<_> = futures::stream::iter(puts).buffered(PUTS_IN_FLIGHT_MAX).try_collect().await?;
        index.put(written);
        Ok((index.rows() == state.totals.rows).then_some(index))
    }

    /// The lists of live files that this checkpoint wrote.
    pub(super) fn filed_live_now(&self, state: &State) -> Vec<Relative> {
        let names = &self.writer.lake.names;
        let is_new = |name: &&Relative| {
            names.filed_live_of(&names.inside(name)).is_some_and(|(_, _, number)| Some(number) == state.filed.through)
        };
        state.filed.live.iter().flat_map(Index::names).filter(is_new).cloned().collect()
    }

    /// Removes the lists of live files in whose place another one stood already at the oldest checkpoint that is kept.
    pub(super) async fn prune_live(&self, oldest_kept: u64) -> Result<(), CommitError> {
        let lake = &self.writer.lake;
        let mut dates: BTreeMap<DateOf, Vec<(u64, Relative)>> = BTreeMap::new();
        for meta in lake.list(&lake.names.all_filed_live()).await? {
            let of = lake.names.filed_live_of(&meta.location).zip(lake.names.named(&meta.location));
            if let Some(((table, day, number), name)) = of {
                dates.entry((table, day)).or_default().push((number, name));
            }
        }
        for files in dates.values() {
            // The newest one that the oldest kept checkpoint, or one before it, wrote is still named.
            let newest = files.iter().map(|(number, _)| *number).filter(|number| *number <= oldest_kept).max();
            for (_, name) in files.iter().filter(|(number, _)| newest.is_some_and(|newest| *number < newest)) {
                self.writer.delete(name).await?;
            }
        }
        Ok(())
    }
}
