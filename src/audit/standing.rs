//! What of all commits is in effect: which names left the lake, and who decoded an object last.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::NaiveDate;

use super::AuditError;
use crate::lake::{
    CommitHead, DataFile, Effect, Lake, Names, ObjectHash, Outcome, PlanState, Receipt, Relative, State, TaskRef,
    object_hash,
};

/// What plans did that took effect at their seal. A commit of theirs that cannot be read is told of where it is held
/// against its plan.
#[derive(Debug, Default)]
pub struct Standing {
    /// By name: who took it out of the lake.
    removed: HashMap<Relative, TaskRef>,
    /// The newest task that decoded an object again.
    newest: HashMap<ObjectHash, TaskRef>,
    /// The lines that tasks set aside or carried over.
    rejects: HashMap<TaskRef, Option<Relative>>,
    /// The last date that was removed.
    pub expired: Option<NaiveDate>,
    /// Tasks that were given up.
    lost: BTreeSet<TaskRef>,
    /// Tasks that took files out of the lake which nothing stands for.
    expiring: HashSet<TaskRef>,
}

impl Standing {
    pub async fn read(lake: &Lake, state: &State) -> Result<Standing, AuditError> {
        let mut standing = Standing { expired: state.expired, lost: state.lost.clone(), ..Standing::default() };
        let at_seal = state.plans.iter().filter(|(_, plan)| plan.plan.effect == Effect::AtSeal && plan.sealed);
        for (&plan, _) in at_seal {
            for task in state.committed(lake, plan).await?.into_iter().filter(|&task| !state.is_lost(plan, task)) {
                let Ok(Some(commit)) = lake.commit(plan, task).await else { continue };
                let task = TaskRef { plan, task };
                // What it shows of a task that was given up went with that task.
                let is_of_lost = |file: &&DataFile| {
                    Names::task_of_published(&file.path).is_some_and(|by| by != task && state.is_lost(by.plan, by.task))
                };
                let lost = commit.head.files.iter().filter(is_of_lost).map(|file| file.path.clone());
                standing.removed.extend(lost.map(|name| (name, task)));
                standing.removed.extend(commit.head.taken.removes.into_iter().map(|name| (name, task)));
                if commit.head.taken.expired {
                    standing.expiring.insert(task);
                }
                standing.rejects.insert(task, commit.head.rejects);
                for receipt in commit.receipts.iter().filter(|receipt| receipt.outcome == Outcome::Converted) {
                    let newest = standing.newest.entry(object_hash(&receipt.url)).or_insert(task);
                    *newest = task.max(*newest);
                }
            }
        }
        Ok(standing)
    }

    pub fn is_live(&self, name: &Relative) -> bool {
        !self.removed.contains_key(name)
    }

    /// Whether the task that made a file was given up.
    pub fn is_of_lost(&self, name: &Relative) -> bool {
        Names::task_of_published(name).is_some_and(|maker| self.lost.contains(&maker))
    }

    /// Whether a file is of a date that was removed.
    pub fn is_expired(&self, file: &DataFile) -> bool {
        file.date().is_some_and(|date| Some(date) <= self.expired)
    }

    /// The plan that took a name out of the lake.
    pub fn removed_by(&self, name: &Relative) -> Option<u64> {
        self.removed.get(name).map(|task| task.plan)
    }

    /// Whether no later task decoded the object of a conversion again.
    pub fn is_in_effect(&self, receipt: &Receipt, task: TaskRef) -> bool {
        self.newest.get(&object_hash(&receipt.url)).is_none_or(|&newest| task >= newest)
    }

    /// Where the lines lie now that a task set aside.
    pub fn rejects_of(&self, head: &CommitHead) -> Option<Relative> {
        let mut name = head.rejects.clone()?;
        while let Some(by) = self.removed.get(&name) {
            name = self.rejects.get(by).cloned().flatten()?;
        }
        Some(name)
    }

    /// Whether the lines that a task set aside left the lake with the day of their objects.
    pub fn has_expired_rejects(&self, head: &CommitHead) -> bool {
        let mut name = head.rejects.as_ref();
        while let Some(by) = name.and_then(|name| self.removed.get(name)) {
            if self.expiring.contains(by) {
                return true;
            }
            name = self.rejects.get(by).and_then(Option::as_ref);
        }
        false
    }
}

/// Whether what a plan's commits say counts, as far as its own entries tell.
pub fn counts(state: &PlanState) -> bool {
    state.sealed || state.plan.effect == Effect::AtCommit
}
