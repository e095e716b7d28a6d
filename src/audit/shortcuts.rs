//! Checkpoints and what they file, held against the log and the commits, which say the same.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::StreamExt;

use super::AuditError;
use super::difference::{Difference, DifferenceKind};
use super::history::History;
use super::problem::problem;
use crate::lake::index::{self, DateOf, by_date};
use crate::lake::receipts::{self, Filed};
use crate::lake::{
    Checkpoint, Commit, CommitHead, Day, FileOfTask, Index, Lake, Receipt, Relative, State, decode_lines,
};

/// Lists of live files that are read at a time.
const LISTS_IN_FLIGHT_MAX: usize = 16;

/// What the records of one task come to, in any order: few bytes a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Digest {
    count: u64,
    sum: u128,
}

impl Digest {
    fn add(&mut self, record: &[u8]) {
        let hash = blake3::hash(record);
        let low: [u8; 16] = hash.as_bytes()[..16].try_into().expect("a hash has 32 bytes");
        self.count += 1;
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(low));
    }
}

/// By plan and task.
type Digests = BTreeMap<(u64, u64), Digest>;

/// What the commits say, to be held against what is filed.
#[derive(Default)]
pub struct Committed {
    heads: Digests,
    receipts: Digests,
    /// Without what earlier programs do not file.
    receipts_of_old: Digests,
}

impl Committed {
    pub fn add(&mut self, plan: u64, task: u64, format: Option<&str>, commit: &Commit) {
        self.heads.entry((plan, task)).or_default().add(&json(&commit.head));
        let receipts = self.receipts.entry((plan, task)).or_default();
        let of_old = self.receipts_of_old.entry((plan, task)).or_default();
        for receipt in &commit.receipts {
            receipts.add(&json(&(receipt, format)));
            of_old.add(&json(&(&Receipt { digest: None, first_version: None, lost: 0, ..receipt.clone() }, format)));
        }
    }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("ledger records are plain data")
}

/// The numbers of all checkpoints.
pub async fn numbers(lake: &Lake) -> Result<BTreeSet<u64>, AuditError> {
    let listed = lake.list(&lake.names.checkpoints()).await?;
    Ok(listed.iter().filter_map(|meta| lake.names.checkpoint_of(&meta.location)).collect())
}

/// Holds every checkpoint against the fold of the log, and what it files against the commits.
pub async fn check(
    lake: &Lake,
    numbers: &BTreeSet<u64>,
    history: &History,
    committed: &Committed,
) -> Result<Vec<Difference>, AuditError> {
    let mut shortcuts =
        Shortcuts { lake, history, committed, files: BTreeMap::new(), lists: BTreeMap::new(), differences: Vec::new() };
    for &number in numbers {
        shortcuts.checkpoint(number).await?;
    }
    Ok(shortcuts.differences)
}

struct Shortcuts<'a> {
    lake: &'a Lake,
    history: &'a History,
    committed: &'a Committed,
    /// What each file of receipts holds: later checkpoints name the files of earlier ones.
    files: BTreeMap<Relative, Digests>,
    /// The same of each list of live files.
    lists: BTreeMap<Relative, Digest>,
    differences: Vec<Difference>,
}

impl Shortcuts<'_> {
    async fn checkpoint(&mut self, number: u64) -> Result<(), AuditError> {
        let path = self.lake.names.checkpoint(number);
        let name = self.lake.names.relative(&path);
        // A run that goes on meanwhile removes old ones.
        let Some(bytes) = self.lake.read(&path).await? else { return Ok(()) };
        let checkpoint = match Checkpoint::parse(&bytes, &self.lake.names.url(&path)) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                self.differences.push(problem(self.lake, error)?);
                return Ok(());
            }
        };
        let Some(fold) = self.history.folds.get(&number) else {
            let (expected, found) =
                (format!("a log of at least {} entries", number.saturating_add(1)), "a shorter log");
            self.differences.push(Difference::of_file(DifferenceKind::CheckpointDiffers, &name, expected, found));
            return Ok(());
        };
        self.folded(&name, fold, &checkpoint.state);
        if checkpoint.state.filed.through != Some(number) {
            let found = format!("{:?}", checkpoint.state.filed.through);
            let expected = format!("filed through {number}");
            self.differences.push(Difference::of_file(DifferenceKind::CheckpointDiffers, &name, expected, found));
        }
        let told = self.differences.len();
        self.receipts(number, &name, &checkpoint.state.filed.receipts).await?;
        let heads = self.heads(number, &name, checkpoint.state.filed.heads.as_ref()).await?;
        if let Some(index) = &checkpoint.state.filed.live {
            self.live(&name, index, checkpoint.state.live_of(heads)).await?;
        }
        // What it names may have been removed with it since.
        if self.differences.len() > told && self.lake.read(&path).await?.is_none() {
            self.differences.truncate(told);
        }
        Ok(())
    }

    /// All but the places where records are filed.
    fn folded(&mut self, name: &str, fold: &State, found: &State) {
        let fields = |state: &State| match serde_json::to_value(state) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let mut fold = fold.clone();
        // Checkpoints of earlier programs, and those that go on from them, do not say which plan showed another one.
        for (plan, _) in found.in_effect.iter().filter(|(_, plan)| plan.shown_by.is_none()) {
            fold.in_effect.entry(*plan).and_modify(|plan| plan.shown_by = None);
        }
        let (fold, found) = (fields(&fold), fields(found));
        for (field, expected) in fold.iter().filter(|(field, _)| *field != "filed") {
            let found = found.get(field).cloned().unwrap_or_default();
            if *expected != found {
                let (expected, found) = (format!("{field} {expected}"), format!("{field} {found}"));
                self.differences.push(Difference::of_file(DifferenceKind::CheckpointDiffers, name, expected, found));
            }
        }
    }

    async fn receipts(
        &mut self,
        number: u64,
        name: &str,
        filed: &BTreeMap<Day, Vec<Relative>>,
    ) -> Result<(), AuditError> {
        let mut found = Digests::new();
        for (&day, files) in filed {
            for file in files {
                if !self.files.contains_key(file) {
                    let digests = self.decoded(file, |bytes| digests_of(bytes, day)).await?;
                    self.files.insert(file.clone(), digests);
                }
                for (task, digest) in &self.files[file] {
                    let sum = found.entry(*task).or_default();
                    sum.count += digest.count;
                    sum.sum = sum.sum.wrapping_add(digest.sum);
                }
            }
        }
        let committed = (&self.committed.receipts, &self.committed.receipts_of_old);
        self.compare(number, name, ("receipts", committed, &found));
        Ok(())
    }

    async fn heads(&mut self, number: u64, name: &str, file: Option<&Relative>) -> Result<Vec<CommitHead>, AuditError> {
        let heads: Vec<CommitHead> = match file {
            Some(file) => self.decoded(file, |bytes| decode_lines(&bytes)).await?,
            None => Vec::new(),
        };
        let mut found = Digests::new();
        for head in &heads {
            found.entry((head.plan, head.task)).or_default().add(&json(head));
        }
        let committed = (&self.committed.heads, &self.committed.heads);
        self.compare(number, name, ("heads", committed, &found));
        Ok(heads)
    }

    /// The index of live files, held against what the heads leave.
    async fn live(&mut self, name: &str, index: &Index, expected: Vec<FileOfTask>) -> Result<(), AuditError> {
        let differs = |expected: String, found: String| {
            Difference::of_file(DifferenceKind::CheckpointDiffers, name, expected, found)
        };
        let Some(mut expected) = by_date(expected) else {
            self.differences.push(differs("no index: files that no list takes".to_owned(), "one".to_owned()));
            return Ok(());
        };
        self.read_lists(index).await?;
        for date @ (table, day) in index.dates() {
            let expected = expected.remove(&date).unwrap_or_default();
            let list = index.name(date).expect("a date of the index");
            let found = self.lists.get(list).copied().unwrap_or_default();
            if found != digest_of(&expected) || !index.is_of(date, &expected) {
                let words = |files: u64| format!("{files} live files of {} on {day}", table.name());
                let found = match words(found.count) {
                    same if same == words(expected.len() as u64) => "as many with other words".to_owned(),
                    other => other,
                };
                self.differences.push(differs(words(expected.len() as u64), found));
            }
        }
        for ((table, day), files) in expected {
            let expected = format!("{} live files of {} on {day}", files.len(), table.name());
            self.differences.push(differs(expected, "an index without this date".to_owned()));
        }
        Ok(())
    }

    /// Reads the lists of an index that no other checkpoint named.
    async fn read_lists(&mut self, index: &Index) -> Result<(), AuditError> {
        let lake = self.lake;
        let new: Vec<(DateOf, Relative)> = index
            .dates()
            .filter_map(|date| Some((date, index.name(date)?.clone())))
            .filter(|(_, name)| !self.lists.contains_key(name))
            .collect();
        let reads = new.into_iter().map(|(date, name)| async move {
            let read = lake.decoded(&name, |bytes| index::decode(bytes, date)).await;
            (name, read.map(|files| digest_of(&files)))
        });
        let mut reads = futures::stream::iter(reads).buffered(LISTS_IN_FLIGHT_MAX);
        while let Some((name, read)) = reads.next().await {
            match read {
                Ok(digest) => drop(self.lists.insert(name, digest)),
                Err(error) => self.differences.push(problem(self.lake, error)?),
            }
        }
        Ok(())
    }

    /// A file that is missing or not readable is a difference, and then holds nothing.
    async fn decoded<T: Default, E: std::fmt::Display>(
        &mut self,
        file: &Relative,
        decode: impl FnOnce(Bytes) -> Result<T, E>,
    ) -> Result<T, AuditError> {
        match self.lake.decoded(file, decode).await {
            Ok(found) => Ok(found),
            Err(error) => {
                self.differences.push(problem(self.lake, error)?);
                Ok(T::default())
            }
        }
    }

    /// Plans that were sealed through the checkpoint's entry are filed, and no others.
    fn compare(
        &mut self,
        number: u64,
        name: &str,
        (what, (committed, of_old), found): (&str, (&Digests, &Digests), &Digests),
    ) {
        let is_filed = |plan: u64| self.history.seals.get(&plan).is_some_and(|(sealed_at, _)| *sealed_at <= number);
        let tasks: BTreeSet<&(u64, u64)> =
            committed.keys().filter(|(plan, _)| is_filed(*plan)).chain(found.keys()).collect();
        for task in tasks {
            if self.history.state.is_lost(task.0, task.1) {
                continue;
            }
            let expected = committed.get(task).filter(|_| is_filed(task.0)).copied().unwrap_or_default();
            let found = found.get(task).copied().unwrap_or_default();
            let is_of_old = is_filed(task.0) && of_old.get(task) == Some(&found);
            if expected != found && !is_of_old {
                let (plan, task) = task;
                let words = |digest: Digest| format!("{} {what} of plan {plan}, task {task}", digest.count);
                let found = match words(found) {
                    same if same == words(expected) => "as many with other words".to_owned(),
                    other => other,
                };
                self.differences.push(Difference::of_file(
                    DifferenceKind::CheckpointDiffers,
                    name,
                    words(expected),
                    found,
                ));
            }
        }
    }
}

fn digest_of(files: &[FileOfTask]) -> Digest {
    let mut digest = Digest::default();
    files.iter().for_each(|FileOfTask { file, task }| digest.add(&json(&(file, task))));
    digest
}

fn digests_of(bytes: Bytes, day: Day) -> Result<Digests, parquet::errors::ParquetError> {
    let mut found = Digests::new();
    for Filed { receipt, plan, task, format } in receipts::decode(bytes, day, |_| true)? {
        found.entry((plan, task)).or_default().add(&json(&(&receipt, format.as_deref())));
    }
    Ok(found)
}
