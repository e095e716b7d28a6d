//! The live data files of each date of a table: what they come to is known at once, which they are is read when
//! somebody asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use super::filed_heads::FiledHeads;
use super::index::{self, DateOf, Size, Sums, columns_of};
use super::{CommitHead, DataFile, Day, FileOfTask, Index, Lake, LakeError, Relative, State, all_removed, carried};
use crate::schema::{Kind, Partition, Table};

/// Lists that are read at a time.
const LISTS_IN_FLIGHT_MAX: usize = 16;

/// By table and partition date. A date without files is not among them.
pub type LiveDates = BTreeMap<Table, BTreeMap<Day, LiveDate>>;

/// The live data files of one date.
#[derive(Debug)]
pub struct LiveDate {
    /// What they come to.
    pub sums: Sums,
    /// Columns of all of them, with their types.
    pub columns: Arc<BTreeMap<String, Kind>>,
    /// What tells whether they are small, where it is known without a look at each.
    pub size: Option<Size>,
    date: DateOf,
    /// Those that a checkpoint filed; `None` if all are read already.
    filed: Option<FiledDate>,
    /// Those that came since.
    added: Vec<DataFile>,
    files: OnceCell<Arc<[DataFile]>>,
}

/// The files of a date that a checkpoint filed.
#[derive(Debug)]
struct FiledDate {
    /// What lists them.
    name: Relative,
    /// What they come to.
    sums: Sums,
    /// What says the same of all dates.
    heads: Arc<FiledHeads>,
}

impl FiledDate {
    /// All dates are of one state, whichever way they are read.
    async fn files(&self, lake: &Lake, date: DateOf) -> Result<Vec<DataFile>, LakeError> {
        if let Some(files) = self.heads.known().and_then(|all| self.of(all, date)) {
            return Ok(files);
        }
        match read(lake, &self.name, date, Some(self.sums)).await {
            Ok(listed) => return Ok(listed.into_iter().map(|file| file.file).collect()),
            Err(error @ LakeError::Filed { .. }) => told(&error),
            Err(other) => return Err(other),
        }
        let other = || LakeError::Filed {
            url: lake.names.url(&lake.names.inside(&self.name)),
            reason: "it cannot be read, and the commits tell of other files than its checkpoint counted".to_owned(),
        };
        self.of(self.heads.read(lake).await?, date).ok_or_else(other)
    }

    /// The files of this date, if they are what was counted.
    fn of(&self, all: &BTreeMap<DateOf, Vec<DataFile>>, date: DateOf) -> Option<Vec<DataFile>> {
        let files = all.get(&date).cloned().unwrap_or_default();
        (Sums::of(&files) == self.sums).then_some(files)
    }
}

/// Reads the heads of the commits, if most of these dates are asked for: that is less than to read all of their lists.
/// [`LiveDate::files`] gives the same files afterwards.
pub async fn read_ahead(lake: &Lake, asked: &[&LiveDate], dates: usize) -> Result<(), LakeError> {
    let filed: Vec<&FiledDate> =
        asked.iter().filter(|date| !date.files.initialized()).filter_map(|date| date.filed.as_ref()).collect();
    if filed.len() <= LISTS_IN_FLIGHT_MAX || filed.len() <= dates / 2 {
        return Ok(());
    }
    match filed[0].heads.read(lake).await {
        Ok(_) => Ok(()),
        // The lists are there, and say the same.
        Err(error @ LakeError::Filed { .. }) => {
            tracing::warn!("{error}; it is not needed: the lists of data files are read instead");
            Ok(())
        }
        Err(other) => Err(other),
    }
}

impl LiveDate {
    fn of(date: DateOf, files: Vec<DataFile>) -> LiveDate {
        let (sums, columns, size) = (Sums::of(&files), Arc::new(columns_of(&files)), Some(Size::of(&files)));
        let files = OnceCell::new_with(Some(files.into()));
        LiveDate { sums, columns, size, date, filed: None, added: Vec::new(), files }
    }

    /// What an index says of a date, and what came since.
    fn filed(index: &Index, heads: &Arc<FiledHeads>, date: DateOf, added: Vec<DataFile>) -> LiveDate {
        let sums = index.sums(date).unwrap_or_default();
        let columns = match added.is_empty() {
            true => index.columns(date),
            false => Arc::new(index.columns(date).iter().map(of_pair).chain(columns_of(&added)).collect()),
        };
        let filed = index.name(date).map(|name| FiledDate { name: name.clone(), sums, heads: Arc::clone(heads) });
        let size = index.size(date).filter(|_| added.is_empty());
        LiveDate { sums: sums.with(Sums::of(&added)), columns, size, date, filed, added, files: OnceCell::new() }
    }

    /// Whether its rows have a date.
    pub fn is_dated(&self) -> bool {
        self.date.1.0.is_some()
    }

    /// The files. They are read once. Where the list of a checkpoint is gone or damaged, its commits say the same.
    pub async fn files(&self, lake: &Lake) -> Result<Arc<[DataFile]>, LakeError> {
        let read = || async {
            let mut files = match &self.filed {
                Some(filed) => filed.files(lake, self.date).await?,
                None => Vec::new(),
            };
            files.extend(self.added.iter().cloned());
            Ok(files.into())
        };
        self.files.get_or_try_init(read).await.cloned()
    }
}

fn of_pair((name, &kind): (&String, &Kind)) -> (String, Kind) {
    (name.clone(), kind)
}

/// A list is a shortcut: without it an answer takes longer, and is the same.
fn told(error: &LakeError) {
    tracing::warn!("{error}; it is not needed: the commits are read instead");
}

async fn read(
    lake: &Lake,
    name: &Relative,
    date: DateOf,
    expected: Option<Sums>,
) -> Result<Vec<FileOfTask>, LakeError> {
    let decode = |bytes| match index::decode(bytes, date) {
        Ok(files) if expected.is_some_and(|sums| Sums::of(files.iter().map(|file| &file.file)) != sums) => {
            Err("it lists other files than its checkpoint counted".to_owned())
        }
        other => other.map_err(|error| error.to_string()),
    };
    lake.filed(name, decode).await
}

impl State {
    /// The live data files of all tables. Of a lake that has an index it reads the dates from which commits have taken
    /// files since its checkpoint; otherwise the heads of all commits.
    pub async fn live_dates(&self, lake: &Lake) -> Result<LiveDates, LakeError> {
        let superseded = self.superseded(lake).await?;
        // What a redo of the first formats gave lies elsewhere until its seal.
        if let Some(index) = self.filed.live.as_ref().filter(|_| superseded.by.is_empty()) {
            let mut heads = self.heads_not_filed(lake, &superseded).await?;
            heads.retain(|head| !superseded.tasks.contains(&head.task_ref()));
            if let Some(dates) = of_index(lake, self, index, heads).await? {
                return Ok(dates);
            }
        }
        let mut dates = LiveDates::new();
        for (date, files) in of_heads(self.heads(lake).await?) {
            put(&mut dates, LiveDate::of(date, files));
        }
        Ok(dates)
    }
}

/// `None` if a commit since has a file that can be in no index, or a list is not readable.
async fn of_index(
    lake: &Lake,
    state: &State,
    index: &Index,
    heads: Vec<CommitHead>,
) -> Result<Option<LiveDates>, LakeError> {
    let through = Arc::new(FiledHeads::of(state));
    let taken: BTreeSet<DateOf> = all_removed(heads.iter()).filter_map(index::date_of).collect();
    let Some(changed) = changed_files(lake, index, heads, Some(&taken)).await? else { return Ok(None) };
    let mut dates = LiveDates::new();
    for date in index.dates().filter(|date| !changed.contains_key(date)) {
        put(&mut dates, LiveDate::filed(index, &through, date, Vec::new()));
    }
    for (date, files) in changed {
        let files: Vec<DataFile> = files.into_iter().map(|file| file.file).collect();
        let of_date = match taken.contains(&date) {
            true => LiveDate::of(date, files),
            false => LiveDate::filed(index, &through, date, files),
        };
        put(&mut dates, of_date);
    }
    Ok(Some(dates))
}

/// What the dates have now that some commits changed behind an index: those whose files are gone have an empty list.
/// If `listed` is given, of its dates alone: of the others, what the commits added. `None` if a commit has a file that
/// can be in no index, or a list that is needed is not readable.
pub async fn changed_files(
    lake: &Lake,
    index: &Index,
    heads: Vec<CommitHead>,
    listed: Option<&BTreeSet<DateOf>>,
) -> Result<Option<BTreeMap<DateOf, Vec<FileOfTask>>>, LakeError> {
    let added = heads.iter().flat_map(|head| head.files.iter().map(|file| &file.path));
    let dates: BTreeSet<DateOf> = added.chain(all_removed(heads.iter())).filter_map(index::date_of).collect();
    let is_listed = |date: &DateOf| listed.is_none_or(|listed| listed.contains(date));
    let lists = dates.iter().filter(|date| is_listed(date));
    let lists = lists.filter_map(|&date| Some((date, index.name(date)?.clone(), index.sums(date))));
    let lists: Vec<(DateOf, Relative, Option<Sums>)> = lists.collect();
    let reads = lists.into_iter().map(|(date, name, sums)| {
        let lake = lake.clone();
        async move { read(&lake, &name, date, sums).await }
    });
    let before: Vec<Vec<FileOfTask>> = match stream::iter(reads).buffered(LISTS_IN_FLIGHT_MAX).try_collect().await {
        Ok(before) => before,
        Err(error @ LakeError::Filed { .. }) => {
            told(&error);
            return Ok(None);
        }
        Err(other) => return Err(other),
    };
    let Some(now) = index::by_date(carried(before.concat(), heads)) else { return Ok(None) };
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
fn of_heads(heads: Vec<CommitHead>) -> BTreeMap<DateOf, Vec<DataFile>> {
    let mut files: BTreeMap<DateOf, Vec<DataFile>> = BTreeMap::new();
    for file in heads.into_iter().flat_map(|head| head.files) {
        let partition = file.partition.parse::<Partition>().ok();
        let day = Day(partition.and_then(|partition| partition.date));
        files.entry((file.table, day)).or_default().push(file);
    }
    files
}
