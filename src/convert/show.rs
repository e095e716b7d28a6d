//! When files that took the place of others may be seen by readers of folders: what they stand for has left the lake
//! for so long that nobody reads it any more.
//!
//! ```text
//! heads of all commits ─▶ lineages: commits that take files from aside of each other ─▶ old enough? ─▶ plan to show
//! ```
//!
//! A lineage is shown as a whole, by one task: rows may have gone from one partition to another, and from file to file,
//! before anything of it was seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use futures::future::try_join_all;

use super::ConvertError;
use super::run::Run;
use crate::commit::{
    Appended, CommitError, Draft, PACKED_AFTER, Showing, Shown, When, delete_aside, gone, hide, show, unfit,
};
use crate::lake::{
    Body, CommitHead, Effect, Inputs, Names, PlannedTask, Purpose, Relative, TaskRef, Void, all_removed, keep_live,
};
use crate::schema::Table;

/// Tasks of a plan to show that are worked on at once.
const SHOWN_AT_ONCE_MAX: usize = 8;

impl Run<'_> {
    /// Deletes what left the lake long enough ago, and shows what stands for it.
    pub(super) async fn show_what_may_be_seen(&mut self) -> Result<(), ConvertError> {
        let in_effect = &self.ledger.state.in_effect;
        if in_effect.is_empty() || self.stop.is_soon() {
            return Ok(());
        }
        let mut pending: BTreeSet<u64> =
            in_effect.iter().filter(|(_, plan)| !plan.shown).map(|(&plan, _)| plan).collect();
        let aside = self.files_aside().await?;
        if pending.is_empty() && aside.is_empty() {
            return Ok(());
        }
        let old = self.plans_past_retention().await?;
        if pending.is_disjoint(&old) && !aside.iter().any(|name| self.may_go(name, &old)) {
            return Ok(());
        }
        // Readers of a Delta log look for the files of its newest version: nothing is deleted that it names.
        self.project(When::Changed).await?;
        let heads = self.ledger.state.every_head(&self.ledger.writer.lake).await?;
        let removed: BTreeSet<&Relative> = all_removed(heads.iter().filter(|head| old.contains(&head.plan))).collect();
        // A file that lay aside and is live no longer stays one more retention: readers may be at it.
        let is_ours = |name: &&Relative| removed.contains(*name) && Names::task_of_published(name).is_some();
        let unread: Vec<&Relative> = aside.iter().filter(is_ours).collect();
        let mut live = heads.clone();
        keep_live(&mut live);
        let kept = delete_aside(&self.ledger.writer, &unread, &live).await?;
        kept.iter().for_each(|error| self.summary.note_not_shown(error));
        pending.extend(
            live.iter().filter(|head| head.files.iter().any(|file| is_aside(&file.path))).map(|head| head.plan),
        );
        let mut shows: BTreeSet<u64> = pending.intersection(&old).copied().collect();
        let taken = self.taken_by_open_plans().await?;
        let mut tasks = Vec::new();
        for lineage in lineages(&heads) {
            let plans: BTreeSet<u64> = lineage.iter().map(|&at| heads[at].plan).collect();
            if plans.is_disjoint(&pending) {
                continue;
            }
            let inputs = inputs(&lineage, &heads, &live);
            // It is done, and waits for others of its plan.
            let has_shown = |at: &usize| live[*at].files.iter().any(|file| !is_aside(&file.path));
            if inputs.files.is_empty() && lineage.iter().any(has_shown) {
                continue;
            }
            let task = PlannedTask { task: tasks.len() as u64, inputs, ..PlannedTask::default() };
            let is_due = plans.is_subset(&old) && !task.inputs.names().any(|name| taken.contains_key(name));
            if is_due && self.is_fit(&task).await? {
                tasks.push(task);
            } else {
                shows.retain(|plan| !plans.contains(plan));
            }
        }
        if tasks.is_empty() && shows.is_empty() {
            return Ok(());
        }
        let mut settings = self.settings(None);
        settings.retention_seconds = Some(self.options.retention.as_secs());
        let draft = Draft::new(Purpose::Show, settings, &tasks).taking_effect(Effect::AtSeal).showing(shows);
        // Whoever loses the number leaves it to the next run.
        if let Appended::Ours(number) = self.ledger.plan(&draft).await? {
            self.show_proven(number, true).await?;
            self.seal_if_done(number).await?;
        }
        Ok(())
    }

    /// Whether the files of a task can be shown: no plan is written for others, run after run.
    async fn is_fit(&mut self, task: &PlannedTask) -> Result<bool, ConvertError> {
        let Some(error) = unfit(&self.ledger.writer, task).await? else { return Ok(true) };
        // A rival may have shown or replaced them meanwhile. What is known here stays, since a plan is made of it.
        let mut now = self.ledger.state.clone();
        now.catch_up(&self.ledger.writer.lake).await?;
        if now.next == self.ledger.state.next {
            self.summary.note_not_shown(&error);
        }
        Ok(false)
    }

    /// Works on every task of a plan to show that is not committed. If something of it was replaced or given up
    /// meanwhile, or cannot be shown, the plan ends with nothing.
    pub(super) async fn show_files(&mut self, number: u64) -> Result<(), ConvertError> {
        self.show_proven(number, false).await
    }

    async fn show_proven(&mut self, number: u64, is_proven: bool) -> Result<(), ConvertError> {
        let lake = self.ledger.writer.lake.clone();
        let plan = self.ledger.state.plans[&number].plan.clone();
        let names: Vec<Relative> =
            lake.tasks(&plan).await?.iter().flat_map(|task| task.inputs.names()).cloned().collect();
        if let Some(reason) = self.gone(&names).await? {
            self.ledger.append(Body::Void(Void { plan: number, reason })).await?;
            return Ok(());
        }
        let tasks = self.ledger.state.tasks_to_do(&lake, number).await?;
        let gone = gone(&lake, &self.ledger.state, &tasks).await?;
        for some in tasks.chunks(SHOWN_AT_ONCE_MAX) {
            if self.stop.is_now() || !self.is_still_open(number).await? {
                return Ok(());
            }
            let writer = &self.ledger.writer;
            let shown = some.iter().map(|task| {
                let of = TaskRef { plan: number, task: task.task };
                let showing = Showing { plan: &plan, gone: &gone, is_proven };
                async move { show(writer, of, task, showing).await.map(|shown| (task, shown)) }
            });
            let mut unfit: Vec<CommitError> = Vec::new();
            for (task, shown) in try_join_all(shown).await? {
                match shown {
                    Shown::Ours => self.summary.replaced.files_shown += task.inputs.files.len() as u64,
                    Shown::Theirs => {}
                    Shown::Unfit(error) => unfit.push(error),
                }
            }
            unfit.iter().for_each(|error| self.summary.note_not_shown(error));
            // It would stay open, and keep what it takes from being decoded again.
            if let Some(error) = unfit.first() {
                let reason = error.to_string();
                self.ledger.append(Body::Void(Void { plan: number, reason })).await?;
                return Ok(());
            }
            // Who slept for long may have shown what is replaced by now.
            if !self.is_still_open(number).await? {
                hide(&self.ledger.writer, &self.ledger.state, some).await?;
            }
        }
        Ok(())
    }

    async fn is_still_open(&mut self, number: u64) -> Result<bool, ConvertError> {
        self.ledger.state.catch_up(&self.ledger.writer.lake).await?;
        Ok(self.ledger.state.is_open(number))
    }

    async fn files_aside(&self) -> Result<Vec<Relative>, ConvertError> {
        let lake = &self.ledger.writer.lake;
        let mut aside = Vec::new();
        for table in Table::all() {
            let listed = lake.list(&lake.names.all_aside(table)).await?;
            aside.extend(listed.iter().filter_map(|meta| lake.names.named(&meta.location)));
        }
        Ok(aside)
    }

    /// Whether a file that lies aside is shown for so long that nobody reads it there. To know which files left the
    /// lake takes the heads of all commits, and a run with nothing to do reads none of them.
    fn may_go(&self, aside: &Relative, old: &BTreeSet<u64>) -> bool {
        let maker = Names::task_of_published(aside).and_then(|task| self.ledger.state.in_effect.get(&task.plan));
        maker.is_some_and(|plan| plan.shown && plan.shown_by.is_none_or(|by| old.contains(&by)))
    }

    /// The plans that took effect so long ago, by the clock of the store, that what they took out may be deleted. Of
    /// two that keep it equally long the one that was sealed first is the older one.
    async fn plans_past_retention(&self) -> Result<BTreeSet<u64>, ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        let now: DateTime<Utc> = self.ledger.writer.now().await?;
        let mut past = BTreeSet::new();
        let mut unknown: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
        for (&number, plan) in &state.in_effect {
            // What it took is deleted already, so that nobody has to ask how old it is.
            if plan.is_over() {
                past.insert(number);
            } else {
                unknown.entry(plan.retention_seconds).or_default().insert(plan.seal, number);
            }
        }
        for (retention, by_seal) in unknown {
            let by_seal: Vec<(u64, u64)> = by_seal.into_iter().collect();
            let (mut old, mut young) = (0, by_seal.len());
            while old < young {
                let middle = old + (young - old) / 2;
                let seal = by_seal[middle].0;
                // What is packed is old: an archive is opened only where that does not tell.
                let is_old = state.is_packed(seal) && retention <= PACKED_AFTER.num_seconds().unsigned_abs();
                let sealed = if is_old { None } else { lake.written_at(&lake.names.log(seal)).await? };
                let age = sealed.map(|sealed| (now - sealed).num_seconds());
                match age.is_none_or(|age| u64::try_from(age).is_ok_and(|age| age >= retention)) {
                    true => old = middle + 1,
                    false => young = middle,
                }
            }
            past.extend(by_seal[..old].iter().map(|(_, number)| number));
        }
        Ok(past)
    }
}

/// Places in `heads` of commits that took files from aside of each other, those that only show files left out.
fn lineages(heads: &[CommitHead]) -> Vec<Vec<usize>> {
    let taking: Vec<usize> = (0..heads.len()).filter(|&at| takes(&heads[at])).collect();
    let mut added: HashMap<&Relative, usize> = HashMap::new();
    for (place, &at) in taking.iter().enumerate() {
        added.extend(heads[at].files.iter().map(|file| (&file.path, place)));
    }
    let mut set_of: Vec<usize> = (0..taking.len()).collect();
    for (place, &at) in taking.iter().enumerate() {
        // What left the lake with its date is shown by nobody, and goes in its own time.
        if heads[at].taken.expired {
            continue;
        }
        for &from in heads[at].taken.removes.iter().filter_map(|name| added.get(name)) {
            let (one, other) = (set_of[place], set_of[from]);
            if one != other {
                set_of.iter_mut().filter(|set| **set == other).for_each(|set| *set = one);
            }
        }
    }
    let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, at) in taking.into_iter().enumerate() {
        sets.entry(set_of[place]).or_default().push(at);
    }
    sets.into_values().collect()
}

/// Whether a commit of a redo changes something: what it adds lies aside.
fn takes(head: &CommitHead) -> bool {
    !head.taken.is_nothing() && head.files.iter().all(|file| is_aside(&file.path))
}

fn is_aside(name: &Relative) -> bool {
    Names::shown(name).is_some()
}

/// What is to be shown and deleted of a lineage.
fn inputs(lineage: &[usize], heads: &[CommitHead], live: &[CommitHead]) -> Inputs {
    let mut inputs = Inputs::default();
    for &at in lineage {
        // Of what never was to be shown, a run that died may have left a copy.
        let retired = heads[at].taken.removes.iter().map(|name| Names::shown(name).unwrap_or_else(|| name.clone()));
        inputs.retired.extend(retired);
        inputs.files.extend(live[at].files.iter().filter(|file| is_aside(&file.path)).cloned());
    }
    inputs
}
