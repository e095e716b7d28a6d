//! One partition: its live files opened, hashed and read, their rows held against what receipts say it was given.
//!
//! ```text
//! notes ─▶ files ───────────────┐
//!      └─▶ objects of a round ──┴─▶ pass over the files ─▶ another one, while lines are left ─▶ sums ─▶ next round
//! ```
//!
//! A round is about as many objects as fit into memory, mostly all. A line is met at most once in a partition; that an
//! object gave it to one partition only follows from the counts and sums of its receipt.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use super::AuditError;
use super::difference::{Difference, DifferenceKind};
use super::notes::{LiveFile, Note, Partition};
use super::objects::{Objects, Round};
use super::opened::{Opened, Opening};
use super::rows::{Pass, Told};
use super::sums::Window;
use crate::schema::{self, Table};

/// Files of one partition that stay open from pass to pass; all others are opened anew in each.
const FILES_HELD_MAX: usize = 16;

/// Takes the differences of one partition as they are found.
pub struct Telling(pub Sender<Difference>);

impl Telling {
    fn tell(&self, difference: Difference) -> Result<(), AuditError> {
        self.0.blocking_send(difference).map_err(|_| Telling::gone())
    }

    /// An error once the verification has ended without this partition.
    fn is_heard(&self) -> Result<(), AuditError> {
        if self.0.is_closed() { Err(Telling::gone()) } else { Ok(()) }
    }

    fn gone() -> AuditError {
        AuditError::Tell(std::io::ErrorKind::BrokenPipe.into())
    }
}

/// Reads every row of a partition. It waits, and must run outside of the runtime's own threads.
pub fn prove(partition: &Partition, opening: &Opening, telling: &Telling) -> Result<(), AuditError> {
    let context = &opening.context;
    let scratch = |source| AuditError::Scratch { path: context.scratch.clone(), source };
    let files = files_of(partition).map_err(scratch)?;
    let window = Window::of_partition(&partition.name);
    let (held, damaged, told) = (HashMap::new(), BTreeSet::new(), HashMap::new());
    let mut proof = Proof { table: partition.table, opening, telling, files: &files, window, held, damaged, told };
    let of = Round::needed(partition, context.part_bytes_max);
    for number in 0..of {
        let mut objects = Objects::read(partition, Round { number, of }, context.bits_max).map_err(scratch)?;
        while objects.lines.next_pass() {
            let is_first_reading = number == 0 && objects.lines.is_first();
            let missing = proof.pass(&mut objects, is_first_reading)?;
            proof.missing(missing)?;
        }
        let folder = format!("{}/{}", partition.table.name(), partition.name);
        for (url, held) in objects.differing() {
            // What a lost file lacks was told; it explains no more than rows that are not there.
            if proof.damaged.is_empty() || held.found.rows >= held.expected.rows {
                let (expected, found) = (held.expected.told(partition.table), held.found.told(partition.table));
                let difference = Difference::of_object(DifferenceKind::ObjectSums, url, expected, found);
                telling.tell(difference.in_file(&folder))?;
            }
        }
    }
    Ok(())
}

/// Names and types of a file's columns.
type Columns = BTreeMap<String, schema::Kind>;

/// A live file whose columns are apart from its record: those of many files are the same, and held once.
struct Listed {
    live: LiveFile,
    columns: Arc<Columns>,
}

/// The live files in the order of their tasks.
fn files_of(partition: &Partition) -> std::io::Result<Vec<Listed>> {
    let (mut files, mut known) = (Vec::new(), HashSet::<Arc<Columns>>::new());
    partition.read(|note| {
        let Note::File(mut live) = note else { return };
        let columns = std::mem::take(&mut live.record.columns);
        let columns = known.get(&columns).cloned().unwrap_or_else(|| Arc::new(columns));
        known.insert(columns.clone());
        files.push(Listed { live, columns });
    })?;
    files.sort_unstable_by_key(|listed| (listed.live.task, listed.live.ordinal));
    Ok(files)
}

struct Proof<'a> {
    table: Table,
    opening: &'a Opening,
    telling: &'a Telling,
    files: &'a [Listed],
    window: Option<Window>,
    held: HashMap<usize, File>,
    /// Files that are not what they should be: their rows are not looked at.
    damaged: BTreeSet<usize>,
    told: HashMap<usize, Told>,
}

impl<'a> Proof<'a> {
    /// Reads all files once. Those that are missing are told later, if they should be there.
    fn pass(
        &mut self,
        objects: &mut Objects,
        is_first_reading: bool,
    ) -> Result<Vec<(&'a LiveFile, Difference)>, AuditError> {
        let mut missing = Vec::new();
        for (index, Listed { live, .. }) in self.files.iter().enumerate() {
            if self.damaged.contains(&index) {
                continue;
            }
            self.telling.is_heard()?;
            let opened = match self.held.remove(&index) {
                Some(file) => Opened::AsSaid(file),
                None => self.opening.file(live, is_first_reading)?,
            };
            let file = match opened {
                Opened::AsSaid(file) => file,
                Opened::Differs(difference) => {
                    self.damaged.insert(index);
                    match difference.kind {
                        DifferenceKind::FileMissing => missing.push((live, difference)),
                        _ => self.telling.tell(difference)?,
                    }
                    continue;
                }
            };
            self.file((index, &file), objects, is_first_reading)?;
            if self.held.len() < FILES_HELD_MAX {
                self.held.insert(index, file);
            }
        }
        Ok(missing)
    }

    fn file(
        &mut self,
        (index, file): (usize, &File),
        objects: &mut Objects,
        is_first_reading: bool,
    ) -> Result<(), AuditError> {
        let Listed { live, columns } = &self.files[index];
        let mut told = self.told.remove(&index).unwrap_or_default();
        let mut differences = Vec::new();
        let mut pass = Pass {
            table: self.table,
            live,
            columns,
            window: self.window.as_ref(),
            objects,
            told: &mut told,
            is_first_reading,
            differences: &mut differences,
        };
        if let Err(error) = pass.file(file, &self.opening.context.progress) {
            let found = error.to_string();
            let path = &live.record.path;
            differences.push(Difference::of_file(DifferenceKind::FileUnreadable, path, "a Parquet file", found));
            self.damaged.insert(index);
        }
        if !told.is_empty() {
            self.told.insert(index, told);
        }
        differences.into_iter().try_for_each(|difference| self.telling.tell(difference))
    }

    /// A run that goes on meanwhile may have decoded tasks again, and removed their files.
    fn missing(&mut self, missing: Vec<(&LiveFile, Difference)>) -> Result<(), AuditError> {
        if missing.is_empty() {
            return Ok(());
        }
        let files: Vec<&LiveFile> = missing.iter().map(|(live, _)| *live).collect();
        let replaced = self.opening.replaced_by_now(&files)?;
        let replaced: HashSet<_> = replaced.into_iter().map(|live| live.task).collect();
        let missing = missing.into_iter().filter(|(live, _)| !replaced.contains(&live.task));
        missing.map(|(_, difference)| difference).try_for_each(|difference| self.telling.tell(difference))
    }
}
