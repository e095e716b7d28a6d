//! Plans whose body is gone, in a repair.
//!
//! ```text
//! body gone ─┬▶ every task is committed, and what they say has the hash in the plan's entry ─▶ written again
//!            ├▶ the plan is open, and takes effect at its seal ─▶ entry `void`: nothing of it counts
//!            └▶ else ─▶ what is not committed is given up; commits and receipts say what counts
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::{Appended, CommitError, Ledger, clear_intents, remove_published};
use crate::lake::{
    Body, Commit, Day, Effect, Lake, LakeError, PlanState, State, TaskRef, Void, check_head, encode_lines, tasks_of,
};

/// What came of plans whose body is gone.
#[derive(Debug, Default)]
pub struct Bodies {
    /// Plans whose body was written again.
    pub restored: BTreeSet<u64>,
    /// Open plans that were ended.
    pub ended: BTreeSet<u64>,
    /// Tasks of open plans that are to be given up.
    pub lost: BTreeSet<TaskRef>,
    /// Plans whose body is gone for good, with the number of objects of which nothing is known any more.
    pub gone: BTreeMap<u64, u64>,
}

/// Looks at the body of every plan. `history` is the whole log.
pub async fn settle(ledger: &mut Ledger, history: &State) -> Result<Bodies, CommitError> {
    let lake = ledger.writer.lake.clone();
    let mut bodies = Bodies::default();
    for (&number, plan) in &history.plans {
        if plan.void || history.lost.contains(&history.body_of(number)) || !is_gone(&lake, plan).await? {
            continue;
        }
        let commits = commits_of(&lake, number, plan).await?;
        if is_written_again(ledger, plan, &commits).await? {
            bodies.restored.insert(number);
            continue;
        }
        if plan.awaits_seal() {
            let reason =
                format!("{}, which holds its tasks, is gone; what it was to do is planned anew", plan.plan.body);
            if let Appended::Ours(_) = ledger.append(Body::Void(Void { plan: number, reason })).await? {
                remove_published(&ledger.writer, number).await?;
                clear_intents(&ledger.writer, &ledger.state).await?;
                bodies.ended.insert(number);
            }
            continue;
        }
        // What a plan to redo of the first formats gave counts only as a whole. Commits without a mark may be of
        // another plan of this number.
        let is_proven = plan.plan.mark.is_some() && !plan.is_redo_under_way();
        let kept: BTreeSet<u64> =
            commits.iter().filter(|_| plan.sealed || is_proven).map(|commit| commit.head.task).collect();
        let missing = (0..plan.plan.tasks).filter(|task| !kept.contains(task) && !history.is_lost(number, *task));
        bodies.lost.extend(missing.map(|task| TaskRef { plan: number, task }));
        let of_kept = commits.iter().filter(|commit| kept.contains(&commit.head.task));
        let known = of_kept.map(|commit| commit.receipts.len() as u64).sum();
        bodies.gone.insert(number, plan.plan.objects.saturating_sub(known));
    }
    Ok(bodies)
}

async fn is_gone(lake: &Lake, plan: &PlanState) -> Result<bool, LakeError> {
    match lake.tasks(&plan.plan).await {
        Ok(_) => Ok(false),
        Err(LakeError::Body { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// The commits of a plan that are of it by their own words, in order.
async fn commits_of(lake: &Lake, number: u64, plan: &PlanState) -> Result<Vec<Commit>, LakeError> {
    let mut commits = Vec::new();
    for task in lake.committed(number).await?.range(..plan.plan.tasks) {
        match lake.commit(number, *task).await {
            Ok(Some(commit)) if check_head(&commit.head, TaskRef { plan: number, task: *task }, plan).is_ok() => {
                commits.push(commit);
            }
            Ok(_) | Err(LakeError::Record { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(commits)
}

/// Writes a body as its commits tell it, if it is the one of which the plan's entry speaks, and tells whether it is.
async fn is_written_again(ledger: &Ledger, plan: &PlanState, commits: &[Commit]) -> Result<bool, CommitError> {
    let is_whole = commits.len() as u64 == plan.plan.tasks && plan.plan.effect == Effect::AtCommit;
    let Some(mark) = plan.plan.mark.as_ref().filter(|_| is_whole) else { return Ok(false) };
    let body = encode_lines(tasks_of(commits));
    if blake3::hash(&body).to_hex().as_str() != mark.hash {
        return Ok(false);
    }
    ledger.writer.put(&plan.plan.body, body.into()).await?;
    Ok(true)
}

/// Of objects that nobody knows any more only the days are told: whatever was listed is listed again from there on.
pub fn folders_of(now: &State, plan: &PlanState) -> BTreeMap<String, Day> {
    let oldest = plan.plan.days.iter().min().copied().unwrap_or(Day(None));
    now.frontiers.keys().map(|chain| (chain.clone(), oldest)).collect()
}
