//! Small files of dates that are over, and the plans to merge them.
//!
//! ```text
//! live files by date ─▶ dates that are over ─▶ groups of small files ─▶ plans to compact
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::again::{COPY_BYTES_MAX, Meanwhile};
use super::run::Run;
use super::{Compaction, ConvertError, Options};
use crate::commit::{Appended, Draft};
use crate::lake::{
    DataFile, Day, Effect, Inputs, Lake, LakeError, LiveDate, Names, PlannedTask, Purpose, Relative, State, TaskRef,
};
use crate::plan::{groups_of_small_files, may_be_small};
use crate::schema::{Kind, Table};

/// Tasks of one plan: what one that cannot be finished holds up, and what is looked up again where a rival wrote.
const TASKS_PER_PLAN_MAX: usize = 32;

/// Files of a date that are left as they are, whatever their sizes.
const FILES_LEFT: u64 = 2;

/// By what files are chosen, beside what was asked for.
#[derive(Debug)]
pub(super) struct Choice {
    /// Bytes of the files that come of small ones.
    pub target: u64,
    /// The clock of whoever looks.
    pub now: DateTime<Utc>,
    /// Files that are not merged since they are gone or damaged, and how.
    pub damaged: BTreeMap<Relative, String>,
}

/// Live files that a task found gone or damaged when it was to merge them, and that are so still. They are read again:
/// one that was restored is merged with the others.
pub(super) async fn still_damaged(lake: &Lake, state: &State) -> Result<BTreeMap<Relative, String>, LakeError> {
    let heads = state.heads(lake).await?;
    let noted: BTreeSet<&Relative> = heads.iter().flat_map(|head| &head.damaged).collect();
    let mut damaged = BTreeMap::new();
    for file in heads.iter().flat_map(|head| &head.files).filter(|file| noted.contains(&file.path)) {
        if let Some(unlike) = lake.unlike(&file.path, Some(file.bytes), &file.hash).await? {
            let url = lake.names.url(&lake.names.inside(&file.path));
            damaged.insert(file.path.clone(), format!("{url}: {unlike}"));
        }
    }
    Ok(damaged)
}

/// Dates whose small files may be merged, with the live files of each.
pub(super) async fn dates_to_compact(
    lake: &Lake,
    state: &State,
    compaction: &Compaction,
    (target, now): (u64, DateTime<Utc>),
) -> Result<Vec<(Table, LiveDate)>, LakeError> {
    let mut found = Vec::new();
    let has_small = |date: &LiveDate| {
        let files = date.sums.files;
        files > FILES_LEFT && date.size.is_none_or(|size| may_be_small(files, size, target))
    };
    for (table, dates) in state.live_dates(lake).await? {
        let wanted = dates.into_iter().filter(|(day, date)| has_small(date) && compaction.takes(*day, now));
        found.extend(wanted.map(|(_, date)| (table, date)));
    }
    Ok(found)
}

/// The small files of a date that go together.
pub(super) async fn groups_of(
    (lake, state): (&Lake, &State),
    (table, date): &(Table, LiveDate),
    compaction: &Compaction,
    choice: &Choice,
) -> Result<Vec<Vec<DataFile>>, LakeError> {
    let files = date.files(lake).await?;
    let young = match date.is_dated() {
        true => BTreeSet::new(),
        false => young_files(lake, *table, &files, choice.now, compaction.settled).await?,
    };
    let is_fit = |file: &&DataFile| {
        state.may_be_taken(&file.path) && !young.contains(&file.path) && !choice.damaged.contains_key(&file.path)
    };
    let fit: Vec<DataFile> = files.iter().filter(is_fit).cloned().collect();
    Ok(groups_of_small_files(&fit, choice.target))
}

/// Files that came less than `settled` ago, by the clock of the store.
async fn young_files(
    lake: &Lake,
    table: Table,
    files: &[DataFile],
    now: DateTime<Utc>,
    settled: Duration,
) -> Result<BTreeSet<Relative>, LakeError> {
    let partitions: BTreeSet<&Relative> = files.iter().map(|file| &file.partition).collect();
    let mut young = BTreeSet::new();
    for partition in partitions {
        let folder = lake.names.inside(&format!("{}/{partition}", table.name()));
        let listed = lake.list(&folder).await?.into_iter();
        let is_young = |at: DateTime<Utc>| (now - at).to_std().is_ok_and(|age| age < settled) || at > now;
        let names = listed.filter(|meta| is_young(meta.last_modified)).map(|meta| meta.location);
        young.extend(names.filter_map(|path| lake.names.named(&path)));
    }
    Ok(young)
}

/// Bytes of the files that come of small ones.
pub(super) fn target(options: &Options) -> u64 {
    options.file_bytes_max.min(COPY_BYTES_MAX)
}

/// That each column which is to have a bloom filter is one of texts, in this lake or by its documentation.
pub(super) fn check_bloom(state: &State, compaction: &Compaction) -> Result<(), ConvertError> {
    let is_text = |name: &str| {
        let of_lake = state.columns.values().any(|columns| columns.get(name) == Some(&Kind::Text));
        let mut fields = Table::all().flat_map(|table| table.all_fields());
        of_lake || fields.any(|field| field.kind == Kind::Text && field.log.replace('-', "_") == name)
    };
    match compaction.bloom.iter().find(|name| !is_text(name)) {
        Some(column) => Err(ConvertError::NoTexts { column: column.clone() }),
        None => Ok(()),
    }
}

impl Compaction {
    /// Whether files of a date may be merged at `now`.
    fn takes(&self, day: Day, now: DateTime<Utc>) -> bool {
        let Some(date) = day.0 else { return self.since.is_none() && self.until.is_none() };
        let is_in_window = self.since.is_none_or(|since| since <= date) && self.until.is_none_or(|until| date <= until);
        is_in_window && ends(date).is_some_and(|end| (now - end).to_std().is_ok_and(|over| over >= self.settled))
    }
}

/// When a date is over.
fn ends(date: NaiveDate) -> Option<DateTime<Utc>> {
    Some(date.succ_opt()?.and_hms_opt(0, 0, 0)?.and_utc())
}

impl Run<'_> {
    /// Writes plans to merge small files, and leaves out what is in a plan that is open.
    pub(super) async fn plan_compaction(&mut self, compaction: &Compaction) -> Result<(), ConvertError> {
        self.ledger.state.born(&self.ledger.writer.lake)?;
        check_bloom(&self.ledger.state, compaction)?;
        // After a rival's entry everything is looked up again, but for what was planned meanwhile.
        while !self.stop.is_soon() && self.try_to_plan_compaction(compaction).await? == Meanwhile::RivalWrote {}
        Ok(())
    }

    async fn try_to_plan_compaction(&mut self, compaction: &Compaction) -> Result<Meanwhile, ConvertError> {
        let lake = self.ledger.writer.lake.clone();
        let now = self.ledger.writer.now().await?;
        let target = target(self.options);
        let dates = dates_to_compact(&lake, &self.ledger.state, compaction, (target, now)).await?;
        // To know of damaged files takes the heads of all commits: a run that has other things to do reads none of them
        // for nothing.
        if dates.is_empty() && !self.summary.compacted.is_all {
            return Ok(Meanwhile::Nothing);
        }
        let damaged = still_damaged(&lake, &self.ledger.state).await?;
        damaged.values().for_each(|reason| self.summary.compacted.note_not_merged(reason));
        let choice = Choice { target, now, damaged };
        let taken = self.taken_by_open_plans().await?;
        let mut tasks: Vec<PlannedTask> = Vec::new();
        for date in &dates {
            for files in groups_of((&lake, &self.ledger.state), date, compaction, &choice).await? {
                if files.iter().any(|file| taken.contains_key(&file.path)) {
                    continue;
                }
                if self.stop.is_soon() {
                    return Ok(Meanwhile::Nothing);
                }
                let inputs = self.inputs_of(files).await?;
                tasks.push(PlannedTask { task: tasks.len() as u64, inputs, ..PlannedTask::default() });
                let is_full = tasks.len() == TASKS_PER_PLAN_MAX;
                if is_full
                    && self.append_compaction(std::mem::take(&mut tasks), compaction).await? == Meanwhile::RivalWrote
                {
                    return Ok(Meanwhile::RivalWrote);
                }
            }
        }
        match tasks.is_empty() {
            true => Ok(Meanwhile::Nothing),
            false => self.append_compaction(tasks, compaction).await,
        }
    }

    /// What a task takes out of the lake that merges some files: the tasks whose rows lie in them are told with it, so
    /// that a redo of their objects finds them.
    async fn inputs_of(&self, files: Vec<DataFile>) -> Result<Inputs, ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        let makers: BTreeSet<TaskRef> = files.iter().filter_map(|file| Names::task_of_published(&file.path)).collect();
        let mut tasks = makers.clone();
        for maker in makers.iter().filter(|maker| state.in_effect.contains_key(&maker.plan)) {
            let missing =
                || LakeError::Lost { url: lake.names.url(&lake.names.commit(maker.plan, maker.task)), others: 0 };
            let commit = lake.commit(maker.plan, maker.task).await?.ok_or_else(missing)?;
            tasks.extend(commit.head.taken.carries);
        }
        Ok(Inputs { files, tasks, ..Inputs::default() })
    }

    /// Any entry of a rival counts: what the next plan takes may have left the lake.
    async fn append_compaction(
        &mut self,
        tasks: Vec<PlannedTask>,
        compaction: &Compaction,
    ) -> Result<Meanwhile, ConvertError> {
        let mut settings = self.settings(None);
        settings.file_bytes_max = target(self.options);
        settings.retention_seconds = Some(self.options.retention.as_secs());
        settings.bloom = compaction.bloom.clone();
        let draft = Draft::new(Purpose::Compact, settings, &tasks).taking_effect(Effect::AtSeal);
        Ok(match self.ledger.plan(&draft).await? {
            Appended::Ours(number) if self.ledger.state.next == number + 1 => Meanwhile::Nothing,
            Appended::Ours(_) | Appended::Lost => Meanwhile::RivalWrote,
        })
    }
}
