//! The log of a lake from its first entry, and what of the commits is not as it says.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};

use super::CommitError;
use super::key_days::key_days;
use super::repaired::MergedFile;
use crate::lake::{
    Body, Commit, CommitHead, DataFile, Entry, Lake, LakeError, PlannedTask, Purpose, State, TaskRef, check_fits,
    check_head,
};

const READS_IN_FLIGHT_MAX: usize = 16;

/// The log from its first entry: a checkpoint leaves out the plans that it filed.
pub(super) struct History {
    pub state: State,
    /// What each sealed plan to redo stands for.
    pub replaced: BTreeMap<u64, BTreeSet<TaskRef>>,
}

/// A task, as the body of its plan has it.
pub(super) enum Planned {
    As(Box<PlannedTask>),
    /// There is no such task.
    Nowhere,
    BodyGone,
}

impl History {
    pub async fn read(lake: &Lake, next: u64) -> Result<History, LakeError> {
        let mut history = History { state: State::default(), replaced: BTreeMap::new() };
        let read = |number| async move {
            let gap = || LakeError::Gap { url: lake.names.url(&lake.names.log(number)) };
            lake.entry(number).await?.ok_or_else(gap)
        };
        let mut entries = futures::stream::iter(0..next).map(read).buffered(READS_IN_FLIGHT_MAX);
        while let Some(entry) = entries.try_next().await? {
            if let Entry { body: Body::Seal(seal), .. } = &entry {
                history.replaced.entry(seal.plan).or_insert_with(|| seal.replaced.clone());
            }
            history.state.step(Some(entry));
        }
        Ok(history)
    }

    /// Tasks of sealed plans whose commit is gone, and tasks whose commit is not theirs or cannot be read. What is
    /// filed is not read again.
    pub async fn damaged(&self, lake: &Lake, now: &State) -> Result<BTreeSet<TaskRef>, LakeError> {
        let committed = lake.committed_since(0).await?;
        let none = BTreeSet::new();
        let mut damaged = BTreeSet::new();
        for (&number, plan) in &self.state.plans {
            let mut committed = committed.get(&number).unwrap_or(&none);
            let now_packed;
            if plan.sealed && self.state.to_do(number, committed) > 0 {
                now_packed = self.state.committed(lake, number).await?;
                committed = &now_packed;
                let missing =
                    (0..plan.plan.tasks).filter(|task| !committed.contains(task) && !self.state.is_lost(number, *task));
                damaged.extend(missing.map(|task| TaskRef { plan: number, task }));
            }
            if now.plans.contains_key(&number) {
                damaged.extend(self.foreign(lake, number, committed).await?);
            }
        }
        Ok(damaged)
    }

    async fn foreign(&self, lake: &Lake, plan: u64, committed: &BTreeSet<u64>) -> Result<Vec<TaskRef>, LakeError> {
        let error = match self.state.visit_commits(lake, plan, drop).await {
            Err(error @ LakeError::Foreign { .. }) => Some(error),
            // One that is missing hides one that cannot be read: each is looked at.
            Err(LakeError::Lost { .. } | LakeError::Body { .. }) => None,
            Ok(()) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let planned: Option<BTreeMap<u64, PlannedTask>> = match lake.tasks(&self.state.plans[&plan].plan).await {
            Err(LakeError::Body { .. }) => None,
            tasks => Some(tasks?.into_iter().map(|task| (task.task, task)).collect()),
        };
        let mut foreign = Vec::new();
        for &task in committed.iter().filter(|&&task| !self.state.is_lost(plan, task)) {
            let of = TaskRef { plan, task };
            let is_sound = match (lake.commit(plan, task).await, &planned) {
                (Ok(Some(commit)), None) => self.is_sound(&commit, of, None),
                (Ok(Some(commit)), Some(planned)) => {
                    planned.get(&task).is_some_and(|planned| self.is_sound(&commit, of, Some(planned)))
                }
                (Err(LakeError::Record { .. }) | Ok(None), _) => false,
                (Err(error), _) => return Err(error),
            };
            if !is_sound {
                foreign.push(of);
            }
        }
        // Each is what was planned, and together they are not what was sealed: nobody can tell which is to blame.
        match error {
            Some(error) if foreign.is_empty() => Err(error),
            _ => Ok(foreign),
        }
    }

    /// Of a plan whose body is gone only the commit's own words are held against it.
    pub fn is_sound(&self, commit: &Commit, of: TaskRef, planned: Option<&PlannedTask>) -> bool {
        let state = &self.state.plans[&of.plan];
        check_head(&commit.head, of, state).is_ok()
            && planned.is_none_or(|planned| check_fits(commit, planned, state).is_ok())
    }

    pub async fn planned(&self, lake: &Lake, task: TaskRef) -> Result<Planned, LakeError> {
        let Some(plan) = self.state.plans.get(&task.plan) else { return Ok(Planned::Nowhere) };
        match lake.tasks(&plan.plan).await {
            Err(LakeError::Body { .. }) => Ok(Planned::BodyGone),
            tasks => {
                let found = tasks?.into_iter().find(|planned| planned.task == task.task);
                Ok(found.map_or(Planned::Nowhere, |task| Planned::As(Box::new(task))))
            }
        }
    }

    /// Takes those out of `missing` whose tasks cannot be given up alone: a redo of their dates makes them again and
    /// leaves all others whole.
    pub async fn keep_merged(
        &self,
        lake: &Lake,
        now: &State,
        missing: &mut Vec<(DataFile, TaskRef)>,
    ) -> Result<Vec<MergedFile>, LakeError> {
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let heads = now.every_head(lake).await?;
        let beside = beside(&heads);
        let is_kept = |(_, task): &mut (DataFile, TaskRef)| self.hangs_on_merged(*task, &beside);
        let files: Vec<(DataFile, TaskRef)> = missing.extract_if(.., is_kept).collect();
        let mut kept = Vec::new();
        for (file, task) in files {
            let days = key_days(lake, &heads, &file, task).await?;
            kept.push(MergedFile::of(file, &days));
        }
        Ok(kept)
    }

    /// Refuses to give up tasks that cannot be given up alone, and whose commits no redo makes again. `sound` counts
    /// none of them.
    pub async fn refuse_merged(
        &self,
        lake: &Lake,
        sound: &State,
        damaged: &BTreeSet<TaskRef>,
    ) -> Result<(), CommitError> {
        if damaged.is_empty() {
            return Ok(());
        }
        let beside = beside(&sound.every_head(lake).await?);
        match damaged.iter().find(|task| self.hangs_on_merged(**task, &beside)) {
            Some(task) => {
                let url = lake.names.url(&lake.names.commit(task.plan, task.task));
                Err(CommitError::HangsOnMerged { url })
            }
            None => Ok(()),
        }
    }

    /// Whether rows of many tasks were merged with those of this one, or with those of tasks that share files with it:
    /// all of them would be given up with it.
    fn hangs_on_merged(&self, of: TaskRef, beside: &BTreeMap<TaskRef, BTreeSet<TaskRef>>) -> bool {
        let is_merging =
            |task: &TaskRef| self.state.plans.get(&task.plan).is_some_and(|plan| plan.plan.purpose == Purpose::Compact);
        let (mut met, mut open) = (BTreeSet::from([of]), vec![of]);
        while let Some(task) = open.pop() {
            if is_merging(&task) {
                return true;
            }
            open.extend(beside.get(&task).into_iter().flatten().filter(|&&other| met.insert(other)));
        }
        false
    }
}

/// Tasks whose rows lie in files of each other.
fn beside(heads: &[CommitHead]) -> BTreeMap<TaskRef, BTreeSet<TaskRef>> {
    let mut beside: BTreeMap<TaskRef, BTreeSet<TaskRef>> = BTreeMap::new();
    for head in heads {
        for &carried in &head.taken.carries {
            beside.entry(carried).or_default().insert(head.task_ref());
            beside.entry(head.task_ref()).or_default().insert(carried);
        }
    }
    beside
}
