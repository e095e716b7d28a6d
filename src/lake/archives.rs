//! Reading old records: those that the runs have packed into archives are found there by their names.
//!
//! ```text
//! log      ▒ ▒ ▒ ▒ ▒ ▒ ▒ ▒ 8 9 … 61 62 63 │ 64 65     ▒ lies in an archive, with the bodies and
//! archives [0 … 3] [4 … 7]                            commits of its plans, and nowhere else
//! ```
//!
//! What the log names as packed is read from the archive, whatever lies under the old name: who slept until its plan
//! was packed may have written there. Other archives, which a run may have written a moment ago, are looked for where a
//! record is gone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::path::Path;

use super::archive::{PackedRecord, unpack};
use super::{Archive, Entry, Lake, LakeError, Relative, TaskRef, is_as_named};

/// Archives that are held in memory, each with all of its records.
const HELD_MAX: usize = 2;

/// The records of an archive by name.
type Records = BTreeMap<String, PackedRecord>;

/// What is known of the archives of a lake.
#[derive(Debug, Default)]
pub(super) struct Archives {
    known: Mutex<Known>,
    /// Held by who reads one, so that no two read the same.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// Those that the log names, by their first entry.
    named: BTreeMap<u64, Archive>,
    /// Those that were found beside.
    found: BTreeSet<(u64, u64, Relative)>,
    held: VecDeque<(Relative, Arc<Records>)>,
}

impl Archives {
    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    /// The archive that the log names for an entry, or for the plan of that number.
    fn named(&self, number: u64) -> Option<(u64, u64, Relative)> {
        let (_, archive) = self.named.range(..=number).next_back()?;
        (number <= archive.last).then(|| (archive.first, archive.last, archive.name.clone()))
    }

    fn found(&self, number: u64) -> Vec<(u64, u64, Relative)> {
        self.found.iter().filter(|(first, last, _)| (*first..=*last).contains(&number)).cloned().collect()
    }
}

impl Lake {
    /// Notes which archives the log names.
    pub(crate) fn know_archives(&self, archives: &BTreeMap<u64, Archive>) {
        self.archives.with(|known| known.named.extend(archives.clone()));
    }

    /// Looks which archives there are: whoever reads the log from its beginning does not know yet which it names.
    pub(crate) async fn find_archives(&self) -> Result<(), LakeError> {
        let listed = self.list(&self.names.all_archives()).await?;
        let found = listed.iter().filter_map(|meta| self.names.archive_of(&meta.location)).collect();
        self.archives.with(|known| known.found = found);
        Ok(())
    }

    /// The last entry of each archive that was found, with its first one.
    pub(crate) fn archives_found(&self) -> Vec<(u64, u64)> {
        self.archives.with(|known| known.found.iter().map(|(first, last, _)| (*first, *last)).collect())
    }

    /// A record that the log names as packed.
    pub(super) async fn packed(&self, path: &Path) -> Result<Option<PackedRecord>, LakeError> {
        let Some(number) = self.number_of(path) else { return Ok(None) };
        let Some(archive) = self.archives.with(|known| known.named(number)) else { return Ok(None) };
        let records = self.records(archive).await?;
        Ok(records.get(&self.names.relative(path)).cloned())
    }

    /// A record that does not lie under its name: one that was packed since the log was read, or before it is.
    pub(crate) async fn packed_elsewhere(&self, path: &Path) -> Result<Option<PackedRecord>, LakeError> {
        let Some(number) = self.number_of(path) else { return Ok(None) };
        let mut packed: Option<PackedRecord> = None;
        for archive in self.archives_beside(number).await? {
            let records = self.records(archive.clone()).await?;
            let Some(record) = records.get(&self.names.relative(path)) else { continue };
            if packed.as_ref().is_some_and(|other| other.bytes != record.bytes) {
                let url = self.names.url(&self.names.inside(&archive.2));
                let reason = format!("another archive holds another {}", record.name);
                return Err(LakeError::Archive { url, reason });
            }
            packed = Some(record.clone());
        }
        Ok(packed)
    }

    /// Whether an archive holds a record.
    pub async fn has_packed(&self, path: &Path) -> Result<bool, LakeError> {
        Ok(self.packed_anywhere(path).await?.is_some())
    }

    /// A record that lies in an archive, whether the log names that or not.
    pub(super) async fn packed_anywhere(&self, path: &Path) -> Result<Option<PackedRecord>, LakeError> {
        match self.packed(path).await? {
            None => self.packed_elsewhere(path).await,
            packed => Ok(packed),
        }
    }

    /// An entry that no longer lies in the log; `None` if no archive has it.
    pub(crate) async fn packed_entry(&self, number: u64) -> Result<Option<Entry>, LakeError> {
        let path = self.names.log(number);
        let packed = self.packed_anywhere(&path).await?;
        packed.map(|record| Entry::parse(&record.bytes, &self.names.url(&path))).transpose()
    }

    /// The tasks of a plan whose commits the log names as packed.
    pub(super) async fn packed_commits(&self, plan: u64) -> Result<BTreeSet<u64>, LakeError> {
        let Some(archive) = self.archives.with(|known| known.named(plan)) else { return Ok(BTreeSet::new()) };
        let records = self.records(archive).await?;
        Ok(self.commits_in(&records, plan))
    }

    /// The same of archives that the log, as it was read, does not name.
    pub(super) async fn packed_commits_elsewhere(&self, plan: u64) -> Result<BTreeSet<u64>, LakeError> {
        let mut tasks = BTreeSet::new();
        for archive in self.archives_beside(plan).await? {
            let records = self.records(archive).await?;
            tasks.extend(self.commits_in(&records, plan));
        }
        Ok(tasks)
    }

    /// All commits that the log names as packed, of plans from `first` on.
    pub(super) async fn packed_commits_since(&self, first: u64) -> Result<Vec<TaskRef>, LakeError> {
        let archives = self.archives.with(|known| known.named.values().cloned().collect::<Vec<_>>());
        let mut tasks = Vec::new();
        for archive in archives.into_iter().filter(|archive| archive.last >= first) {
            let records = self.records((archive.first, archive.last, archive.name)).await?;
            let of = |name: &String| self.names.commit_of(&self.names.inside(name));
            tasks.extend(records.keys().filter_map(of).filter(|task| task.plan >= first));
        }
        Ok(tasks)
    }

    /// Every record of an archive that the log names.
    pub(crate) async fn records_of(&self, archive: &Archive) -> Result<Vec<PackedRecord>, LakeError> {
        let records = self.records((archive.first, archive.last, archive.name.clone())).await?;
        Ok(records.values().cloned().collect())
    }

    fn commits_in(&self, records: &Records, plan: u64) -> BTreeSet<u64> {
        let of = |name: &String| self.names.commit_of(&self.names.inside(name));
        records.keys().filter_map(of).filter(|task| task.plan == plan).map(|task| task.task).collect()
    }

    /// Archives that may hold what bears a number and that the log does not name; they are listed if none is known.
    async fn archives_beside(&self, number: u64) -> Result<Vec<(u64, u64, Relative)>, LakeError> {
        let found = self.archives.with(|known| known.found(number));
        if !found.is_empty() {
            return Ok(found);
        }
        self.find_archives().await?;
        Ok(self.archives.with(|known| known.found(number)))
    }

    /// The number of the entry or the plan of a record that may be packed.
    fn number_of(&self, path: &Path) -> Option<u64> {
        let names = &self.names;
        let of_log = names.log_of(path).or_else(|| names.plan_body_of(path));
        of_log.or_else(|| names.commit_of(path).map(|task| task.plan))
    }

    async fn records(&self, (first, last, name): (u64, u64, Relative)) -> Result<Arc<Records>, LakeError> {
        let held = |known: &mut Known| known.held.iter().find(|held| held.0 == name).map(|held| held.1.clone());
        if let Some(records) = self.archives.with(held) {
            return Ok(records);
        }
        let _reading = self.archives.reading.lock().await;
        if let Some(records) = self.archives.with(held) {
            return Ok(records);
        }
        let path = self.names.inside(&name);
        let fail = |reason: String| LakeError::Archive { url: self.names.url(&path), reason };
        let bytes = self.read_within(&path, super::RECORD_BYTES_MAX).await?;
        let (bytes, _) = bytes.ok_or_else(|| fail("it is missing".to_owned()))?;
        if !is_as_named(&name, &bytes) {
            return Err(fail(super::NOT_AS_NAMED.to_owned()));
        }
        let records: Records =
            unpack(&bytes).map_err(&fail)?.into_iter().map(|record| (record.name.to_string(), record)).collect();
        let entries = records.keys().filter_map(|name| self.names.log_of(&self.names.inside(name)));
        if !entries.eq(first..=last) {
            return Err(fail(format!("it does not hold just the entries {first} to {last} of the log")));
        }
        let is_of_them = |name: &String| {
            self.number_of(&self.names.inside(name)).is_some_and(|number| (first..=last).contains(&number))
        };
        if let Some(other) = records.keys().find(|name| !is_of_them(name)) {
            return Err(fail(format!("{other:?} is no record of its entries")));
        }
        let records = Arc::new(records);
        self.archives.with(|known| {
            known.held.truncate(HELD_MAX - 1);
            known.held.push_front((name.clone(), records.clone()));
        });
        Ok(records)
    }
}
