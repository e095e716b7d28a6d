//! One task: its commit held against its plan, its files opened and hashed, their rows added up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::runtime::Handle;

use super::difference::{Difference, Kind};
use super::opened::{Context, Opening};
use super::records::{self, Subject};
use super::rows;
use super::{AuditError, problem};
use crate::lake::{Commit, PlanState, PlannedTask, TaskRef, Totals};
use crate::schema::Table;

/// What came of one task. Without a commit there is nothing but differences.
#[derive(Default)]
pub struct Audited {
    pub commit: Option<Arc<Commit>>,
    pub differences: Vec<Difference>,
}

pub async fn audit(
    context: Context,
    number: u64,
    state: Arc<PlanState>,
    planned: PlannedTask,
) -> Result<Audited, AuditError> {
    let lake = &context.lake;
    let mut audited = Audited::default();
    let name = lake.names.relative(&lake.names.commit(number, planned.task));
    let commit = match lake.commit(number, planned.task).await {
        Ok(Some(commit)) => Arc::new(commit),
        // It was there when commits were listed, a moment ago.
        Ok(None) => {
            let missing = Difference::of_file(Kind::RecordMissing, &name, "the commit of a task", "nothing");
            audited.differences.push(missing);
            return Ok(audited);
        }
        Err(error) => {
            audited.differences.push(problem(lake, error)?);
            return Ok(audited);
        }
    };
    let subject = Subject { lake, name: &name, plan: number, state: &state, planned: &planned };
    audited.differences.extend(records::check(&subject, &commit));
    let task = TaskRef { plan: number, task: planned.task };
    let waits = state.is_redo_under_way();
    if context.superseded.tasks.contains(&task) || waits && !context.superseded.by.contains(&number) {
        audited.commit = Some(commit);
        return Ok(audited);
    }
    let rejects = context.rejects(&commit).await?;
    let rejects_damaged = rejects.is_err();
    let rejects = rejects.unwrap_or_else(|difference| {
        audited.differences.push(difference);
        None
    });
    let (lines_in_memory_max, progress) = (context.lines_in_memory_max, context.progress.clone());
    let files = Opening { context: context.clone(), commit: commit.clone(), waits, runtime: Handle::current() };
    let rows = rows::Task { commit: commit.clone(), rejects, rejects_damaged, lines_in_memory_max, progress };
    let compared = tokio::task::spawn_blocking(move || rows::compare(&rows, &files));
    let differences = compared.await.expect("comparing rows does not panic")?;
    // A run that goes on meanwhile may have decoded the task again.
    let is_missing = differences.iter().any(|difference| difference.kind == Kind::FileMissing);
    if !is_missing || !context.is_replaced_by_now(task, waits).await? {
        audited.differences.extend(differences);
    }
    audited.commit = Some(commit);
    Ok(audited)
}

/// What the commits of one plan sum up to, as its seal must say.
#[derive(Default)]
pub struct PlanSums {
    pub totals: Totals,
    pub columns: BTreeMap<Table, BTreeMap<String, crate::schema::Kind>>,
    pub replaced: BTreeSet<TaskRef>,
}

impl PlanSums {
    pub fn add(&mut self, commit: &Commit) {
        self.totals.add(&commit.head.totals);
        self.replaced.extend(commit.head.replaces);
        for file in &commit.head.files {
            self.columns.entry(file.table).or_default().extend(file.columns.clone());
        }
    }
}
