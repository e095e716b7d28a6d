//! The live data files of each date of a table: what they come to is known at once, which they are is read when
//! somebody asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::index::{self, DateOf, Sums, columns_of};
use super::{CommitHead, DataFile, Day, FileOfTask, Index, Lake, LakeError, Relative, State, all_removed, carried};
use crate::schema::{Kind, Partition, Table};

/// By table and partition date. A date without files is not among them.
pub type LiveDates = BTreeMap<Table, BTreeMap<Day, LiveDate>>;

/// The live data files of one date.
#[derive(Debug)]
pub struct LiveDate {
    /// What they come to.
    pub sums: Sums,
    /// Columns of all of them, with their types.
    pub columns: Arc<BTreeMap<String, Kind>>,
    date: DateOf,
    /// What lists them; `None` if they are read already.
    filed: Option<Relative>,
    files: OnceCell<Arc<[DataFile]>>,
}

impl LiveDate {
    fn of(date: DateOf, files: Vec<DataFile>) -> LiveDate {
        let (sums, columns) = (Sums::of(&files), Arc::new(columns_of(&files)));
        LiveDate { sums, columns, date, filed: None, files: OnceCell::new_with(Some(files.into())) }
    }

    /// The files. They are read once, if a checkpoint lists them.
    pub async fn files(&self, lake: &Lake) -> Result<Arc<[DataFile]>, LakeError> {
        let read = || async {
            let Some(name) = &self.filed else { return Ok(Arc::default()) };
            let files = read(lake, name, self.date).await?;
            let files: Vec<DataFile> = files.into_iter().map(|file| file.file).collect();
            if Sums::of(&files) != self.sums {
                let reason = "it lists other files than its checkpoint counted".to_owned();
                return Err(LakeError::Filed { url: lake.names.url(&lake.names.inside(name)), reason });
            }
            Ok(files.into())
        };
        self.files.get_or_try_init(read).await.cloned()
    }
}

async fn read(lake: &Lake, name: &Relative, date: DateOf) -> Result<Vec<FileOfTask>, LakeError> {
    lake.filed(name, |bytes| index::decode(bytes, date)).await
}

impl State {
    /// The live data files of all tables. Of a lake that has an index it reads the dates that commits have changed
    /// since its checkpoint; otherwise the heads of all commits.
    pub async fn live_dates(&self, lake: &Lake) -> Result<LiveDates, LakeError> {
        let superseded = self.superseded(lake).await?;
        // What a redo of the first formats gave lies elsewhere until its seal.
        let Some(index) = self.filed.live.as_ref().filter(|_| superseded.by.is_empty()) else {
            return Ok(of_heads(self.heads(lake).await?));
        };
        let mut heads = self.heads_not_filed(lake, &superseded).await?;
        heads.retain(|head| !superseded.tasks.contains(&head.task_ref()));
        let changed = changed_files(lake, index, heads.clone()).await?;
        let Some(changed) = changed else { return Ok(of_heads(self.heads(lake).await?)) };
        let mut dates = LiveDates::new();
        for date in index.dates().filter(|date| !changed.contains_key(date)) {
            let sums = index.sums(date).unwrap_or_default();
            let (filed, columns) = (index.name(date).cloned(), index.columns(date));
            put(&mut dates, LiveDate { sums, columns, date, filed, files: OnceCell::new() });
        }
        for (date, files) in changed {
            put(&mut dates, LiveDate::of(date, files.into_iter().map(|file| file.file).collect()));
        }
        Ok(dates)
    }

    /// The live data files that the heads of all commits through a checkpoint leave.
    pub fn live_of(&self, mut heads: Vec<CommitHead>) -> Vec<FileOfTask> {
        heads.retain(|head| !self.is_lost(head.plan, head.task) && !self.replaced.contains(&head.task_ref()));
        carried(Vec::new(), heads)
    }
}

/// What the dates have now that some commits changed behind an index: those whose files are gone have an empty list.
/// `None` if a commit has a file that is no part of an index.
pub async fn changed_files(
    lake: &Lake,
    index: &Index,
    heads: Vec<CommitHead>,
) -> Result<Option<BTreeMap<DateOf, Vec<FileOfTask>>>, LakeError> {
    let added = heads.iter().flat_map(|head| head.files.iter().map(|file| &file.path));
    let dates: BTreeSet<DateOf> = added.chain(all_removed(heads.iter())).filter_map(index::date_of).collect();
    let mut before = Vec::new();
    for &date in &dates {
        if let Some(name) = index.name(date) {
            before.extend(read(lake, name, date).await?);
        }
    }
    let Some(now) = index::by_date(carried(before, heads)) else { return Ok(None) };
    let mut changed: BTreeMap<DateOf, Vec<FileOfTask>> = dates.into_iter().map(|date| (date, Vec::new())).collect();
    changed.extend(now);
    Ok(Some(changed))
}

fn put(dates: &mut LiveDates, date: LiveDate) {
    let (table, day) = date.date;
    if date.sums.files > 0 {
        dates.entry(table).or_default().insert(day, date);
    }
}

/// By the partition of each file, as its record says.
fn of_heads(heads: Vec<CommitHead>) -> LiveDates {
    let mut files: BTreeMap<DateOf, Vec<DataFile>> = BTreeMap::new();
    for file in heads.into_iter().flat_map(|head| head.files) {
        let partition = file.partition.parse::<Partition>().ok();
        let day = Day(partition.and_then(|partition| partition.date));
        files.entry((file.table, day)).or_default().push(file);
    }
    let mut dates = LiveDates::new();
    files.into_iter().for_each(|(date, files)| put(&mut dates, LiveDate::of(date, files)));
    dates
}
