//! Traces of plans that the log does not have: it, or the whole ledger, was set back to an older copy.
//!
//! A plan's body is written before its entry, everything else behind it. So a body of the very next number may be what
//! a run left that died there; whatever else bears a number beyond the log's end is of a newer log.

use futures::TryStreamExt;
use object_store::path::Path;

use super::{Committed, Lake, LakeError, Names, State, TaskRef};
use crate::schema::{Partition, Table};

/// Newest days of each table whose files are looked at: what a newer ledger converted lies there mostly, and listing
/// years of files would be dear.
const DAYS_MAX: usize = 3;

/// Who asks whether the log is an older copy.
#[derive(Debug, Clone, Copy)]
pub enum Who {
    /// Whoever answers from what there is: data files are not listed.
    Reads,
    /// Whoever writes next: data files of the newest days are listed too.
    Writes,
}

/// What is of a plan.
struct Trace {
    plan: u64,
    name: String,
    /// Whether it may be there although its plan's entry is not.
    may_precede: bool,
}

impl State {
    /// An error if anything is of a plan that the log does not have. `committed` was listed since the log was read.
    pub(super) async fn check_newest(&self, lake: &Lake, committed: &Committed, who: Who) -> Result<(), LakeError> {
        let filed = self.filed.through.map_or(0, |through| through + 1);
        let commits = committed.keys().filter(|plan| **plan >= filed && !self.plans.contains_key(plan)).map(|&plan| {
            let name = lake.names.relative(&lake.names.commits(plan));
            Trace { plan, name, may_precede: false }
        });
        let data = async {
            match who {
                Who::Writes => data_from(lake, self.next).await,
                Who::Reads => Ok(Vec::new()),
            }
        };
        let (plans, intents, data) =
            futures::try_join!(plans_from(lake, self.next), intents_from(lake, self.next), data)?;
        let traces: Vec<Trace> = commits.chain(plans).chain(intents).chain(data).collect();
        if traces.iter().all(|trace| !self.lacks_plan_of(trace)) {
            return Ok(());
        }
        // A run that goes on meanwhile wrote its plan first.
        let mut now = self.clone();
        now.catch_up(lake).await?;
        let newest = traces.into_iter().filter(|trace| now.lacks_plan_of(trace)).min_by_key(|trace| trace.plan);
        match newest {
            Some(Trace { plan, name, .. }) => {
                let url = lake.names.url(&lake.names.log_prefix());
                Err(LakeError::OlderLog { url, name, plan, from: plan.min(now.next) })
            }
            None => Ok(()),
        }
    }

    fn lacks_plan_of(&self, trace: &Trace) -> bool {
        if trace.may_precede { trace.plan > self.next } else { !self.has_or_filed(trace.plan) }
    }

    /// Of a plan below the log's end that is filed nothing is known here, nor is of an entry that is none.
    fn has_or_filed(&self, plan: u64) -> bool {
        let filed = self.filed.through.is_some_and(|through| plan <= through);
        filed || self.plans.contains_key(&plan)
    }
}

async fn plans_from(lake: &Lake, next: u64) -> Result<Vec<Trace>, LakeError> {
    let listed = lake.list_after(&lake.names.all_plans(), &lake.names.inside(&lake.names.plan_body(next, ""))).await?;
    let trace = |path: &Path| {
        let plan = lake.names.plan_body_of(path)?;
        Some(Trace { plan, name: lake.names.relative(path), may_precede: true })
    };
    Ok(listed.iter().filter_map(|meta| trace(&meta.location)).collect())
}

async fn intents_from(lake: &Lake, next: u64) -> Result<Vec<Trace>, LakeError> {
    let intents = |plan| lake.names.intents_of_plan(plan);
    let listed = lake.list_folders_from(&lake.names.all_intents(), next, intents).await?;
    let trace = |path: &Path| {
        let TaskRef { plan, .. } = lake.names.intent_of(path).filter(|task| task.plan >= next)?;
        Some(Trace { plan, name: lake.names.relative(path), may_precede: false })
    };
    Ok(listed.iter().filter_map(|meta| trace(&meta.location)).collect())
}

/// Data files of the newest days; of those without a date too, if there are few others. What lies aside is looked at
/// whole: files of a redo may be of any day, and they lie there for their retention only.
async fn data_from(lake: &Lake, next: u64) -> Result<Vec<Trace>, LakeError> {
    let mut traces = Vec::new();
    for table in Table::all() {
        let aside = lake.names.all_aside(table);
        let prefix = lake.names.inside(table.name());
        let mut folders = match lake.store.list_with_delimiter(Some(&prefix)).await {
            Ok(listed) => listed.common_prefixes,
            Err(object_store::Error::NotFound { .. }) => continue,
            Err(error) => return Err(lake.names.store_error(&prefix, &error).into()),
        };
        let is_dated = |path: &Path| {
            let partition = path.filename().and_then(|name| name.parse::<Partition>().ok());
            partition.is_some_and(|partition| partition.date.is_some())
        };
        let has_aside = folders.contains(&aside);
        let log = lake.names.delta_log(table);
        folders.retain(|folder| *folder != aside && *folder != log);
        folders.sort_by_key(|path| (is_dated(path), path.clone()));
        for folder in folders.iter().rev().take(DAYS_MAX).chain(has_aside.then_some(&aside)) {
            let mut listed = lake.store.list(Some(folder));
            loop {
                let next_file = listed.try_next().await;
                let Some(meta) = next_file.map_err(|error| lake.names.store_error(folder, &error))? else { break };
                let name = lake.names.relative(&meta.location);
                if let Some(TaskRef { plan, .. }) = Names::task_of_published(&name).filter(|task| task.plan >= next) {
                    traces.push(Trace { plan, name, may_precede: false });
                }
            }
        }
    }
    Ok(traces)
}
