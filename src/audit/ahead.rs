//! What is read of plans before their turn: in a lake of many runs each plan is small, and to read them one by one is
//! to wait for the store most of the time.
//!
//! Small are sealed plans of few objects. Some of them are read at once, and are handed on in the order of the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};

use super::AuditError;
use super::history::History;
use super::opened::Context;
use super::task::{self, Audited, Task};
use crate::lake::{Committed, Lake, LakeError, PlanState, PlannedTask, State};

/// Plans that are read at once. One that waits for its turn holds its receipts.
pub const PLANS_AHEAD_MAX: usize = 16;
/// Objects of a plan that is read before its turn: its receipts take some MiB.
const OBJECTS_AHEAD_MAX: u64 = 4_000;
/// Tasks of such a plan that are read at once.
const TASKS_AT_ONCE_MAX: usize = 4;

/// The audits of a plan's tasks, in their order.
pub type Audits = BoxStream<'static, Result<Audited, AuditError>>;

/// What was read of a plan before its turn.
pub struct Ahead {
    pub body: Result<Vec<PlannedTask>, LakeError>,
    pub committed: BTreeSet<u64>,
    pub audited: Vec<Result<Audited, AuditError>>,
}

/// All plans of the log in their order, small ones with what was read of them. `commits` were listed before the log.
pub fn plans<'a>(
    lake: &'a Lake,
    history: &'a History,
    commits: &'a Committed,
    context: Context,
) -> impl Stream<Item = Result<(u64, Option<Ahead>), AuditError>> + 'a {
    let read = move |(&number, state): (&'a u64, &'a PlanState)| {
        let context = context.clone();
        async move {
            if !state.sealed || state.plan.objects > OBJECTS_AHEAD_MAX {
                return Ok((number, None));
            }
            let listed = commits.get(&number).filter(|listed| history.state.to_do(number, listed) == 0);
            let committed = match listed {
                Some(listed) => listed.clone(),
                None => history.state.committed(lake, number).await?,
            };
            let body = lake.tasks(&state.plan).await;
            let of_plan = committed.range(..state.plan.tasks).copied().collect();
            let planned = to_audit(&history.state, number, body.as_ref().ok().cloned(), of_plan);
            let audited = audits(context, (number, state), planned, TASKS_AT_ONCE_MAX).collect().await;
            Ok((number, Some(Ahead { body, committed, audited })))
        }
    };
    stream::iter(&history.state.plans).map(read).buffered(PLANS_AHEAD_MAX)
}

/// The tasks of a plan that have a commit which counts.
pub fn to_audit(state: &State, number: u64, body: Option<Vec<PlannedTask>>, mut committed: BTreeSet<u64>) -> Vec<Task> {
    committed.retain(|&task| !state.is_lost(number, task));
    match body {
        Some(tasks) => {
            tasks.into_iter().filter(|task| committed.contains(&task.task)).map(Box::new).map(Task::Planned).collect()
        }
        None => committed.into_iter().map(Task::Bodyless).collect(),
    }
}

/// Audits tasks of a plan, several at once.
pub fn audits(context: Context, (number, state): (u64, &PlanState), planned: Vec<Task>, at_once: usize) -> Audits {
    let state = Arc::new(state.clone());
    let audits = planned.into_iter().map(move |task| {
        let audited = task::audit(context.clone(), number, state.clone(), task);
        async move { tokio::spawn(audited).await.expect("an audit does not panic") }
    });
    stream::iter(audits).buffered(at_once).boxed()
}
