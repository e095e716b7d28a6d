//! Plans whose body is gone: what their commits still tell of their tasks.
//!
//! `flowlake repair` writes the body again if that has the hash that the plan's entry names. Otherwise it gives up what
//! was not committed, and, behind the last task, one that never was: it says that the body is gone for good.

use super::{Commit, Effect, Lake, LakeError, Outcome, PlannedTask, State, TaskRef};
use crate::source::Object;

impl State {
    /// The tasks of a plan as they were planned. Nobody needs those of an open plan of which nothing is left to do, and
    /// whose commits count one by one: it has none if its body is gone.
    pub(super) async fn planned(&self, lake: &Lake, number: u64) -> Result<Vec<PlannedTask>, LakeError> {
        let plan = &self.plans[&number];
        match lake.tasks(&plan.plan).await {
            Err(error @ LakeError::Body { .. }) => {
                let counts_alone = !plan.sealed && plan.plan.effect == Effect::AtCommit;
                let is_done = counts_alone && self.to_do(number, &lake.committed(number).await?) == 0;
                if is_done { Ok(Vec::new()) } else { Err(error) }
            }
            other => other,
        }
    }

    /// Stands among the tasks that were given up for the body of a plan.
    pub fn body_of(&self, number: u64) -> TaskRef {
        TaskRef { plan: number, task: self.plans[&number].plan.tasks }
    }

    /// Whether any task of a plan was given up.
    pub fn has_lost(&self, number: u64) -> bool {
        let tasks = self.plans[&number].plan.tasks;
        self.lost_of(number).any(|task| task < tasks)
    }
}

/// The tasks of a plan that converts or checks, as far as their commits tell them.
pub fn tasks_of<'a>(commits: impl IntoIterator<Item = &'a Commit>) -> Vec<PlannedTask> {
    let object = |receipt: &super::Receipt| {
        let mut object = Object::of_url(&receipt.url, receipt.size, &receipt.version);
        if receipt.outcome == Outcome::Copy {
            (object.copy_of, object.copy_of_version) = (receipt.reason.clone(), receipt.first_version.clone());
        }
        object
    };
    let task = |commit: &Commit| {
        let objects = commit.receipts.iter().map(object).collect();
        PlannedTask { task: commit.head.task, objects, ..PlannedTask::default() }
    };
    commits.into_iter().map(task).collect()
}
