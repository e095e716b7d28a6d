//! Checkpoints: the fold of the log, written now and then, and the records of sealed plans filed where they are looked
//! for.
//!
//! ```text
//! commits of sealed plans ──▶ receipts by key day (Parquet) ───┐
//!                        ├──▶ live files by date (Parquet) ────┤
//!                        └──▶ heads (one file) ────────────────┴──▶ checkpoint, created last
//! ```
//!
//! What is filed changes nothing of what the lake holds: a run that dies on the way leaves files that no checkpoint
//! names.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};
use object_store::ObjectMeta;

use super::log::written_by;
use super::{CommitError, Created, Ledger, Packing};
use crate::lake::receipts::{self, Filed};
use crate::lake::{Checkpoint, Commit, CommitHead, Day, FORMAT_FIRST, Relative, State, encode_lines};

/// A checkpoint is due when so many log entries would have to be read,
const ENTRIES_MAX: u64 = 64;
/// or the commits of sealed plans with so many objects.
const OBJECTS_MAX: u64 = 100_000;
/// Receipts held in memory before they are filed: those of a plan come together.
const RECEIPTS_HELD_MAX: u64 = 100_000;
/// Files of single days that are written at once.
pub(super) const PUTS_IN_FLIGHT_MAX: usize = 16;
/// Newest checkpoints that stay, for readers that are at it and for people.
const KEPT: usize = 8;

impl Ledger {
    /// Writes a checkpoint if a reader would otherwise have much to read. A rival's is as good as ours.
    pub async fn checkpoint_if_due(&mut self) -> Result<(), CommitError> {
        if !self.is_checkpoint_due() {
            return Ok(());
        }
        // A rival may have written one, and removed what ours would build on.
        self.state = State::load(&self.writer.lake).await?;
        if self.is_checkpoint_due() { self.checkpoint().await } else { Ok(()) }
    }

    /// Whether a reader would have much to read.
    pub fn is_checkpoint_due(&self) -> bool {
        let entries = self.state.next - self.state.filed.through.map_or(0, |through| through + 1);
        let sealed = self.state.plans.values().filter(|plan| plan.sealed);
        let objects: u64 = sealed.clone().map(|plan| plan.plan.objects).sum();
        sealed.count() > 0 && (entries >= ENTRIES_MAX || objects >= OBJECTS_MAX)
    }

    /// Folds the whole log now, and files the records of all sealed plans.
    pub async fn checkpoint(&mut self) -> Result<(), CommitError> {
        let through = self.state.next - 1;
        tracing::debug!(through, "checkpoint");
        let mut state = self.state.clone();
        let mut filing = Filing { ledger: self, through, ordinal: 0, held: Vec::new(), files: Vec::new() };
        let mut heads = Vec::new();
        for (&number, plan) in self.state.plans.iter().filter(|(_, plan)| plan.sealed) {
            if filing.held.len() as u64 + plan.plan.objects > RECEIPTS_HELD_MAX {
                filing.flush().await?;
            }
            heads.extend(filing.plan(number, plan.plan.settings.format.as_deref()).await?);
        }
        filing.flush().await?;
        let files = filing.files;
        for (day, name) in &files {
            state.filed.receipts.entry(*day).or_default().push(name.clone());
        }
        let named = self.file_heads(&heads, through).await?;
        state.filed.heads = Some(named.clone());
        state.filed.through = Some(through);
        state.plans.retain(|_, plan| plan.is_open());
        let (live, lists) = self.file_live(&state, heads).await?.unzip();
        state.filed.live = live;
        if self.create_checkpoint(through, &state).await? == Created::Ours {
            self.state = state;
            self.prune().await?;
            self.pack(Packing::default()).await?;
        } else {
            let mut ours: Vec<Relative> = files.into_iter().map(|(_, name)| name).collect();
            ours.push(named);
            ours.extend(lists.into_iter().flatten());
            self.remove_rivals_waste(through, ours).await?;
            self.state = State::load(&self.writer.lake).await?;
        }
        Ok(())
    }

    /// A rival's checkpoint has our number: what we filed and it does not name is nobody's. If a newer one has replaced
    /// it already, names may be in use that we cannot know of.
    async fn remove_rivals_waste(&self, through: u64, ours: Vec<Relative>) -> Result<(), CommitError> {
        let Some(theirs) = Checkpoint::read(&self.writer.lake, through).await? else { return Ok(()) };
        let filed = theirs.state.filed;
        let live = filed.live.iter().flat_map(|index| index.names());
        let named: BTreeSet<&Relative> = filed.receipts.values().flatten().chain(&filed.heads).chain(live).collect();
        for name in ours.iter().filter(|name| !named.contains(name)) {
            self.writer.delete(name).await?;
        }
        Ok(())
    }

    /// The heads of earlier checkpoints and the new ones, as one file: zstd frames may follow each other.
    async fn file_heads(&self, heads: &[CommitHead], through: u64) -> Result<Relative, CommitError> {
        let lake = &self.writer.lake;
        let mut bytes = match &self.state.filed.heads {
            Some(relative) => lake.need(&lake.names.inside(relative)).await?.to_vec(),
            None => Vec::new(),
        };
        bytes.extend(encode_lines(heads));
        let name = lake.names.filed_heads(through, &blake3::hash(&bytes).to_hex());
        self.writer.put(&name, bytes.into()).await?;
        Ok(name)
    }

    async fn create_checkpoint(&self, through: u64, state: &State) -> Result<Created, CommitError> {
        let checkpoint = Checkpoint {
            // Whoever must stop at an entry must stop here too.
            format: state.format.max(FORMAT_FIRST),
            written_by: written_by(),
            at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            state: state.clone(),
        };
        self.writer.create(&self.writer.lake.names.checkpoint(through), checkpoint.encode().into()).await
    }

    /// Removes all but the newest checkpoints, and what only older ones name: heads, and lists of live files. Filed
    /// receipts are named by every later one.
    async fn prune(&self) -> Result<(), CommitError> {
        let lake = &self.writer.lake;
        let checkpoints = lake.list(&lake.names.checkpoints()).await?;
        let numbered = |meta: &ObjectMeta| lake.names.checkpoint_of(&meta.location);
        let numbers: Vec<u64> = checkpoints.iter().filter_map(numbered).collect();
        let oldest_kept = numbers.iter().rev().nth(KEPT - 1).copied().unwrap_or_default();
        let heads = lake.list(&lake.names.all_filed_heads()).await?;
        for path in checkpoints.into_iter().chain(heads).map(|meta| meta.location) {
            let number = lake.names.checkpoint_of(&path).or_else(|| lake.names.filed_heads_of(&path));
            let is_old = number.is_some_and(|number| number < oldest_kept);
            if let Some(name) = lake.names.named(&path).filter(|_| is_old) {
                self.writer.delete(&name).await?;
            }
        }
        let kept: Vec<u64> = numbers.into_iter().filter(|number| *number >= oldest_kept).collect();
        self.prune_live(&kept, oldest_kept).await
    }
}

/// Receipts on their way into files of one key day each.
struct Filing<'a> {
    ledger: &'a Ledger,
    through: u64,
    ordinal: usize,
    held: Vec<Filed>,
    files: Vec<(Day, Relative)>,
}

impl Filing<'_> {
    /// Files what the tasks of a sealed plan gave; the heads of its commits are left to the caller.
    async fn plan(&mut self, plan: u64, format: Option<&str>) -> Result<Vec<CommitHead>, CommitError> {
        let ledger = self.ledger;
        let (mut heads, mut held) = (Vec::new(), std::mem::take(&mut self.held));
        let visit = |Commit { head, receipts }: Commit| {
            let task = head.task;
            heads.push(head);
            let filed = |receipt| Filed { receipt, plan, task, format: format.map(str::to_owned) };
            held.extend(receipts.into_iter().map(filed));
        };
        ledger.state.visit_commits(&ledger.writer.lake, plan, visit).await?;
        self.held = held;
        Ok(heads)
    }

    async fn flush(&mut self) -> Result<(), CommitError> {
        let mut by_day: BTreeMap<Day, Vec<Filed>> = BTreeMap::new();
        for filed in std::mem::take(&mut self.held) {
            by_day.entry(filed.receipt.day).or_default().push(filed);
        }
        let (writer, through, ordinal) = (&self.ledger.writer, self.through, self.ordinal);
        let puts = by_day.into_iter().map(|(day, mut filed)| async move {
            filed.sort_by(|a, b| (&a.receipt.url, a.plan, a.task).cmp(&(&b.receipt.url, b.plan, b.task)));
            let bytes = receipts::encode(&filed);
            let hash = blake3::hash(&bytes).to_hex();
            let name = writer.lake.names.filed_receipts(day, through, ordinal, &hash);
            writer.put(&name, bytes.into()).await?;
            Ok::<_, CommitError>((day, name))
        });
        let files: Vec<_> = futures::stream::iter(puts).buffered(PUTS_IN_FLIGHT_MAX).try_collect().await?;
        self.files.extend(files);
        self.ordinal += 1;
        Ok(())
    }
}
