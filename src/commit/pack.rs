//! Old records of the ledger are packed, as they lie, into few archives: a lake that is fed for years would have
//! millions of small objects.
//!
//! ```text
//! old entries, bodies, commits ─▶ archive ─▶ read back and held against them ─▶ entry `packed` ─▶ they are deleted
//! ```
//!
//! Old is what is older than [`PACKED_AFTER`] by the clock of the store, and lies under all checkpoints that are kept:
//! no run reads it, but for a redo, a repair, or who lost the checkpoints. An archive holds a run of entries without a
//! gap, of plans that are over, so that archives are the beginning of the log.
//!
//! A run that dies on the way leaves an archive that no entry names, which the next one makes again under the same
//! name, or records beside the archive that holds them, which the next one deletes. Entries of the log go first: who
//! slept until its plan was packed, and commits then, finds the plan's entry gone ([`create_commit`]). The last entry
//! of an archive, which is no plan, goes at the very end: while it lies, others may.
//!
//! [`create_commit`]: super::once::create_commit

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;

use super::{Appended, CommitError, LakeWriter, Ledger};
use crate::lake::{
    Archive, Body, Commit, Entry, LakeError, PackedRecord, PlanState, Relative, State, TaskRef, check_head,
    decode_lines, pack, unpack,
};

/// Records that are so old are packed.
pub const PACKED_AFTER: TimeDelta = TimeDelta::days(30);
/// Entries of an archive: there are some thousand records in it.
const ENTRIES_PACKED: u64 = 2048;
/// What the records of an archive have together, if its first entry has not more by itself.
const PACKED_BYTES_MAX: u64 = 16 << 20;
/// Body and commits of a plan that have more together stay as they lie: there is little to win.
const PLAN_BYTES_MAX: u64 = 1 << 20;
/// Archives that one run makes: an older lake has many to make.
const ARCHIVES_PER_RUN_MAX: usize = 4;
const IN_FLIGHT_MAX: usize = 16;

/// What is packed.
#[derive(Debug, Clone, Copy)]
pub struct Packing {
    /// Entries of an archive.
    pub entries: u64,
    /// Their age.
    pub after: TimeDelta,
}

impl Default for Packing {
    fn default() -> Packing {
        Packing { entries: ENTRIES_PACKED, after: PACKED_AFTER }
    }
}

impl Ledger {
    /// Packs what is old, behind a checkpoint that was written just now. What cannot be packed stays as it lies, and so
    /// does what may not be deleted: nothing is wrong with the lake.
    pub async fn pack(&mut self, packing: Packing) -> Result<(), CommitError> {
        self.clear_doubles().await?;
        for _ in 0..ARCHIVES_PER_RUN_MAX {
            let Some(last) = self.last_to_pack(packing).await? else { break };
            let Some(records) = self.gather(last).await? else { break };
            if !self.pack_records(records).await? {
                break;
            }
        }
        Ok(())
    }

    /// The last entry that is to be packed, if that many are old and under all checkpoints that are kept, and no plan
    /// of them is open.
    async fn last_to_pack(&self, packing: Packing) -> Result<Option<u64>, CommitError> {
        let (lake, state) = (&self.writer.lake, &self.state);
        let (first, Some(newest)) = (state.first_not_packed(), state.filed.through) else { return Ok(None) };
        let last = first + packing.entries - 1;
        let is_open = state.open_plans().first().is_some_and(|open| *open <= last);
        if is_open || last >= newest {
            return Ok(None);
        }
        let listed = lake.list(&lake.names.checkpoints()).await?;
        let kept = listed.iter().filter_map(|meta| lake.names.checkpoint_of(&meta.location));
        if kept.min().is_none_or(|oldest| last >= oldest) {
            return Ok(None);
        }
        // The checkpoint was written just now: it has the time of the store.
        let now = lake.lies(&lake.names.checkpoint(newest)).await?;
        let written = lake.lies(&lake.names.log(last)).await?;
        let is_old = now.zip(written).is_some_and(|(now, written)| now - written >= packing.after);
        Ok(is_old.then_some(last))
    }

    /// Writes an archive, proves it, says so in the log, and deletes what it holds. `false` if there is no more to be
    /// done now.
    async fn pack_records(&mut self, records: Vec<PackedRecord>) -> Result<bool, CommitError> {
        let names = self.writer.lake.names.clone();
        let entries: Vec<u64> = records.iter().filter_map(|record| names.log_of(&names.inside(&record.name))).collect();
        let (Some(&first), Some(&last)) = (entries.first(), entries.last()) else { return Ok(false) };
        let bytes = Bytes::from(pack(&records));
        let name = names.archive(first, last, &blake3::hash(&bytes).to_hex());
        tracing::debug!(first, last, records = records.len(), bytes = bytes.len(), "archive");
        let archive = Archive { first, last, name, records: records.len() as u64, bytes: bytes.len() as u64 };
        // Whoever packs the same writes the same bytes.
        match self.writer.create(&names.inside(&archive.name), bytes).await {
            Err(error @ CommitError::Denied { .. }) => {
                tracing::warn!("old records stay as they lie: {error}");
                return Ok(false);
            }
            created => created?,
        };
        if !self.is_proven(&archive, &records).await? {
            return Ok(false);
        }
        if let Appended::Lost = self.append(Body::Packed(archive.clone())).await? {
            return Ok(false);
        }
        // Nobody deletes an archive. It is looked at once more all the same: nothing else holds these records from now
        // on.
        if !self.is_proven(&archive, &records).await? {
            return Ok(false);
        }
        self.delete_packed(&archive, &records, false).await
    }

    /// Whether an archive lies there and holds just these records.
    async fn is_proven(&self, archive: &Archive, records: &[PackedRecord]) -> Result<bool, CommitError> {
        let lake = &self.writer.lake;
        let path = lake.names.inside(&archive.name);
        let found = lake.read_lying(&path).await?.map(|(bytes, _)| unpack(&bytes));
        let is_proven = matches!(found, Some(Ok(found)) if found == records);
        if !is_proven {
            tracing::warn!("{} does not hold what was packed: old records stay as they lie", lake.names.url(&path));
        }
        Ok(is_proven)
    }

    /// Deletes what a run left that died after its entry `packed`.
    async fn clear_doubles(&mut self) -> Result<(), CommitError> {
        let lake = &self.writer.lake;
        let Some(archive) = self.state.archives.values().next_back() else { return Ok(()) };
        if lake.lies(&lake.names.log(archive.last)).await?.is_some() {
            let records = lake.records_of(archive).await?;
            self.delete_packed(archive, &records, true).await?;
        }
        Ok(())
    }

    /// Deletes records that an archive holds; `compared`, only those that still have these bytes. `false` if they may
    /// not be deleted.
    async fn delete_packed(
        &self,
        archive: &Archive,
        records: &[PackedRecord],
        compared: bool,
    ) -> Result<bool, CommitError> {
        let names = &self.writer.lake.names;
        let marker = names.relative(&names.log(archive.last));
        let is_entry = |record: &&PackedRecord| names.log_of(&names.inside(&record.name)).is_some();
        let is_marker = |record: &&PackedRecord| record.name.as_str() == marker;
        let (entries, others): (Vec<_>, Vec<_>) = records.iter().partition(is_entry);
        let (last, entries): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_marker);
        for some in [entries, others, last] {
            let lies = |record: PackedRecord| async move { self.is_double(&record).await.map(|is| (record.name, is)) };
            let names: Vec<Relative> = match compared {
                true => {
                    let some = futures::stream::iter(some.into_iter().cloned().map(lies)).buffered(IN_FLIGHT_MAX);
                    some.try_filter_map(async |(name, is)| Ok(is.then_some(name))).try_collect().await?
                }
                false => some.into_iter().map(|record| record.name.clone()).collect(),
            };
            match self.writer.delete_all(&names).await {
                Err(error @ CommitError::Denied { .. }) => {
                    let url = self.writer.lake.names.url(&self.writer.lake.names.inside(&archive.name));
                    tracing::warn!("what {url} holds stays beside it: {error}");
                    return Ok(false);
                }
                deleted => deleted?,
            }
        }
        Ok(true)
    }

    /// Whether a record still lies where it lay, with the same bytes.
    async fn is_double(&self, record: &PackedRecord) -> Result<bool, CommitError> {
        let lake = &self.writer.lake;
        let lies = lake.read_lying(&lake.names.inside(&record.name)).await?;
        Ok(lies.is_some_and(|(bytes, _)| bytes == record.bytes))
    }

    /// The entries from the first one on that is not packed to `last`, or to an earlier one, with the records of their
    /// plans. `None` if one of them cannot be read: `verify` names it.
    async fn gather(&self, last: u64) -> Result<Option<Vec<PackedRecord>>, CommitError> {
        let first = self.state.first_not_packed();
        let names = &self.writer.lake.names;
        let Some(entries) = self.lying((first..=last).map(|number| names.log(number))).await? else { return Ok(None) };
        let mut fold = State::beginning_at(first);
        let mut is_plan = Vec::new();
        for record in &entries {
            let Ok(entry) = Entry::parse(&record.bytes, &record.name) else { return Ok(None) };
            is_plan.push(matches!(entry.body, Body::Plan(_)));
            fold.step(Some(entry));
        }
        let mut of_plans = self.of_plans(&fold, first).await?;
        let (mut bytes, mut end) = (0, 0);
        for (at, record) in entries.iter().enumerate() {
            let of_plan = of_plans.get(&(first + at as u64)).into_iter().flatten();
            bytes += of_plan.chain([record]).map(|record| record.bytes.len() as u64).sum::<u64>();
            if bytes > PACKED_BYTES_MAX && end > 0 {
                break;
            }
            // The last one is no plan.
            if !is_plan[at] {
                end = at + 1;
            }
        }
        of_plans.retain(|plan, _| *plan < first + end as u64);
        let entries = entries.into_iter().take(end);
        Ok(Some(entries.chain(of_plans.into_values().flatten()).collect()))
    }

    /// Bodies and commits of the plans of a fold. Those of a plan of which one is gone or damaged, or that are many,
    /// stay as they lie.
    async fn of_plans(&self, fold: &State, first: u64) -> Result<BTreeMap<u64, Vec<PackedRecord>>, CommitError> {
        let lake = &self.writer.lake;
        let mut listed: BTreeMap<u64, (u64, Vec<Path>)> = BTreeMap::new();
        let folder = |plan| lake.names.commits(plan);
        for meta in lake.list_folders_from(&lake.names.all_commits(), first, folder).await? {
            let Some(task) = lake.names.commit_of(&meta.location) else { continue };
            if fold.plans.contains_key(&task.plan) {
                let of_plan = listed.entry(task.plan).or_default();
                of_plan.0 += meta.size;
                of_plan.1.push(meta.location);
            }
        }
        let read = |(&number, plan)| {
            let (bytes, commits) = listed.remove(&number).unwrap_or_default();
            async move {
                let records = self.of_plan((number, plan), bytes, commits).await?;
                Ok::<_, CommitError>((number, records))
            }
        };
        let mut plans = futures::stream::iter(fold.plans.iter().map(read)).buffered(IN_FLIGHT_MAX);
        let (mut found, mut bytes) = (BTreeMap::new(), 0);
        while let Some((number, records)) = plans.try_next().await? {
            bytes += records.iter().flatten().map(|record| record.bytes.len() as u64).sum::<u64>();
            found.extend(records.map(|records| (number, records)));
            // The archive ends before the next one.
            if bytes > PACKED_BYTES_MAX {
                break;
            }
        }
        Ok(found)
    }

    /// Body and commits of a plan, of which these were listed; `None` if they stay as they lie.
    async fn of_plan(
        &self,
        (number, plan): (u64, &PlanState),
        bytes: u64,
        commits: Vec<Path>,
    ) -> Result<Option<Vec<PackedRecord>>, CommitError> {
        let lake = &self.writer.lake;
        let committed: BTreeSet<u64> =
            commits.iter().filter_map(|path| lake.names.commit_of(path)).map(|task| task.task).collect();
        let is_missing = |task: u64| !committed.contains(&task) && !self.state.is_lost(number, task);
        if bytes > PLAN_BYTES_MAX || !plan.void && (0..plan.plan.tasks).any(is_missing) {
            return Ok(None);
        }
        let body = lake.names.inside(&plan.plan.body);
        let Some(records) = self.lying(std::iter::once(body).chain(commits)).await? else { return Ok(None) };
        let bytes: u64 = records.iter().map(|record| record.bytes.len() as u64).sum();
        let is_packed = bytes <= PLAN_BYTES_MAX && are_sound(&self.writer, number, plan, &records);
        Ok(is_packed.then_some(records))
    }

    /// Records as they lie; `None` if one is not there.
    async fn lying(&self, paths: impl Iterator<Item = Path>) -> Result<Option<Vec<PackedRecord>>, CommitError> {
        let lake = &self.writer.lake;
        let read = |path: Path| async move {
            let Some((bytes, written)) = lake.read_lying(&path).await? else { return Ok(None) };
            let written: DateTime<Utc> = written.trunc_subsecs(0);
            Ok::<_, LakeError>(lake.names.named(&path).map(|name| PackedRecord { name, bytes, written }))
        };
        let records: Vec<Option<PackedRecord>> =
            futures::stream::iter(paths.map(read)).buffered(IN_FLIGHT_MAX).try_collect().await?;
        Ok(records.into_iter().collect())
    }
}

/// Whether the body of a plan, which comes first, and its commits are what they must be: what is damaged is not packed,
/// so that it can be repaired.
fn are_sound(writer: &LakeWriter, number: u64, plan: &PlanState, records: &[PackedRecord]) -> bool {
    let names = &writer.lake.names;
    let Some((body, commits)) = records.split_first() else { return false };
    let is_body = match &plan.plan.mark {
        Some(mark) => blake3::hash(&body.bytes).to_hex().as_str() == mark.hash,
        None => decode_lines::<crate::lake::PlannedTask>(&body.bytes).is_ok(),
    };
    let is_commit = |record: &PackedRecord| {
        let of = names.commit_of(&names.inside(&record.name));
        let commit = Commit::parse(&record.bytes, &record.name);
        of.zip(commit.ok()).is_some_and(|(of, commit)| {
            of.plan == number && check_head(&commit.head, TaskRef { plan: number, task: of.task }, plan).is_ok()
        })
    };
    is_body && commits.iter().all(is_commit)
}
