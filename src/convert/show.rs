//! When files that took the place of others may be seen by readers of folders: what they stand for has left the lake
//! for so long that nobody reads it any more.
//!
//! ```text
//! heads of all commits ─▶ lineages: commits that take files from aside of each other ─▶ old enough? ─▶ plan to show
//! ```
//!
//! A lineage is shown as a whole: rows may have gone from one partition to another, and from file to file, before
//! anything of it was seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use object_store::ObjectStoreExt;

use super::{ConvertError, Run};
use crate::commit::{Appended, Draft, delete_aside, show};
use crate::lake::{
    CommitHead, DataFile, Effect, Inputs, Names, PlannedTask, Purpose, Relative, TaskRef, all_removed, keep_live,
};
use crate::schema::Table;

/// Names that one task deletes and shows.
const NAMES_PER_TASK_MAX: usize = 1000;

impl Run<'_> {
    /// Deletes what left the lake long enough ago, and shows what stands for it.
    pub(super) async fn show_what_may_be_seen(&mut self) -> Result<(), ConvertError> {
        let in_effect = &self.ledger.state.in_effect;
        if in_effect.is_empty() || self.stop.is_soon() {
            return Ok(());
        }
        let pending: BTreeSet<u64> = in_effect.iter().filter(|(_, plan)| !plan.shown).map(|(&plan, _)| plan).collect();
        let aside = self.files_aside().await?;
        if pending.is_empty() && aside.is_empty() {
            return Ok(());
        }
        let old = self.plans_past_retention().await?;
        if old.is_empty() {
            return Ok(());
        }
        let heads = self.ledger.state.every_head(&self.ledger.writer.lake).await?;
        self.delete_what_was_shown(&heads, &aside, &old).await?;
        if pending.is_disjoint(&old) {
            return Ok(());
        }
        let mut live = heads.clone();
        keep_live(&mut live);
        let mut tasks: BTreeMap<String, Inputs> = BTreeMap::new();
        let mut shows: BTreeSet<u64> = pending.intersection(&old).copied().collect();
        for lineage in lineages(&heads) {
            let mut members = lineage.iter().map(|&at| &heads[at]);
            if members.clone().any(shows_files) {
                continue;
            }
            if members.all(|head| old.contains(&head.plan)) {
                add(&mut tasks, &lineage, &heads, &live);
            } else {
                shows.retain(|plan| lineage.iter().all(|&at| heads[at].plan != *plan));
            }
        }
        if tasks.is_empty() && shows.is_empty() {
            return Ok(());
        }
        let tasks = cut(tasks);
        let mut settings = self.settings(None);
        settings.retention_seconds = Some(self.options.retention.as_secs());
        let draft = Draft::new(Purpose::Show, settings, &tasks).taking_effect(Effect::AtSeal).showing(shows);
        // Whoever loses the number leaves it to the next run.
        if let Appended::Ours(number) = self.ledger.plan(&draft).await? {
            self.show_files(number).await?;
            self.seal_if_done(number).await?;
        }
        Ok(())
    }

    /// Works on every task of a plan to show that is not committed.
    pub(super) async fn show_files(&mut self, number: u64) -> Result<(), ConvertError> {
        let lake = self.ledger.writer.lake.clone();
        for task in self.ledger.state.tasks_to_do(&lake, number).await? {
            if self.stop.is_now() {
                return Ok(());
            }
            let plan = &self.ledger.state.plans[&number].plan;
            if show(&self.ledger.writer, TaskRef { plan: number, task: task.task }, &task, plan).await? {
                self.summary.files_shown += task.inputs.files.len() as u64;
            }
        }
        Ok(())
    }

    async fn files_aside(&self) -> Result<Vec<Relative>, ConvertError> {
        let lake = &self.ledger.writer.lake;
        let mut aside = Vec::new();
        for table in Table::ALL {
            let listed = lake.list(&lake.names.all_aside(table)).await?;
            aside.extend(listed.iter().filter_map(|meta| lake.names.named(&meta.location)));
        }
        Ok(aside)
    }

    /// The plans that took effect so long ago, by the clock of the store, that what they took out may be deleted.
    async fn plans_past_retention(&self) -> Result<BTreeSet<u64>, ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        let now: DateTime<Utc> = self.ledger.writer.now().await?;
        let mut old = BTreeSet::new();
        for (&plan, in_effect) in &state.in_effect {
            let path = lake.names.log(in_effect.seal);
            let sealed = match lake.store.head(&path).await {
                Ok(meta) => Some(meta.last_modified),
                Err(object_store::Error::NotFound { .. }) => None,
                Err(error) => return Err(lake.names.store_error(&path, &error).into()),
            };
            let age = sealed.map(|sealed| (now - sealed).num_seconds());
            if age.is_none_or(|age| u64::try_from(age).is_ok_and(|age| age >= in_effect.retention_seconds)) {
                old.insert(plan);
            }
        }
        Ok(old)
    }

    /// A file that lay aside and is live no longer stays one more retention: readers may be at it.
    async fn delete_what_was_shown(
        &self,
        heads: &[CommitHead],
        aside: &[Relative],
        old: &BTreeSet<u64>,
    ) -> Result<(), ConvertError> {
        let removers = heads.iter().filter(|head| old.contains(&head.plan));
        let removed = all_removed(&removers.cloned().collect::<Vec<_>>());
        let names = aside.iter().filter(|name| removed.contains(name));
        Ok(delete_aside(&self.ledger.writer, names).await?)
    }
}

/// Places in `heads` of commits that took files from aside of each other.
fn lineages(heads: &[CommitHead]) -> Vec<Vec<usize>> {
    let mut added: HashMap<&Relative, usize> = HashMap::new();
    for (at, head) in heads.iter().enumerate() {
        added.extend(head.files.iter().filter(|file| is_aside(&file.path)).map(|file| (&file.path, at)));
    }
    let mut set_of: Vec<usize> = (0..heads.len()).collect();
    for (at, head) in heads.iter().enumerate() {
        for &from in head.taken.removes.iter().filter_map(|name| added.get(name)) {
            let (one, other) = (set_of[at], set_of[from]);
            set_of.iter_mut().filter(|set| **set == other).for_each(|set| *set = one);
        }
    }
    let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, _) in heads.iter().enumerate().filter(|(_, head)| !head.taken.is_nothing()) {
        sets.entry(set_of[at]).or_default().push(at);
    }
    sets.into_values().collect()
}

fn is_aside(name: &Relative) -> bool {
    Names::shown(name).is_some()
}

/// Tasks of some folders each, in the order of their names.
fn cut(folders: BTreeMap<String, Inputs>) -> Vec<PlannedTask> {
    let mut tasks: Vec<PlannedTask> = Vec::new();
    let mut names = NAMES_PER_TASK_MAX;
    for inputs in folders.into_values() {
        let of_folder = inputs.files.len() + inputs.retired.len();
        if names + of_folder > NAMES_PER_TASK_MAX {
            tasks.push(PlannedTask { task: tasks.len() as u64, ..PlannedTask::default() });
            names = 0;
        }
        names += of_folder;
        let all = &mut tasks.last_mut().expect("one was pushed").inputs;
        all.files.extend(inputs.files);
        all.retired.extend(inputs.retired);
        all.tasks.extend(inputs.tasks);
    }
    tasks
}

/// Of a commit of a plan to show: its files are those that it removes from aside.
fn shows_files(head: &CommitHead) -> bool {
    head.files.iter().any(|file| !is_aside(&file.path))
}

/// Adds what is to be shown and deleted of a lineage, by folder.
fn add(tasks: &mut BTreeMap<String, Inputs>, lineage: &[usize], heads: &[CommitHead], live: &[CommitHead]) {
    let folder = |name: &str| name.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned());
    for &at in lineage {
        for name in heads[at].taken.removes.iter().filter(|name| !is_aside(name)) {
            tasks.entry(folder(name)).or_default().retired.push(name.clone());
        }
        for file in &live[at].files {
            let shown = Names::shown(&file.path).unwrap_or_else(|| file.path.clone());
            let inputs = tasks.entry(folder(&shown)).or_default();
            inputs.files.push(DataFile::clone(file));
            inputs.tasks.insert(heads[at].task_ref());
            inputs.tasks.extend(&heads[at].taken.carries);
        }
    }
}
