//! The commits of plans that no checkpoint has filed, read only together with the proof that they are all there.
//!
//! A sealed plan has the commit of every task, and together they come to its seal; of an open plan each commit has the
//! receipts of just the objects that were planned. What is less is an error that names it: an answer without it would
//! be wrong without a word.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Commit, CommitHead, Committed, Create, Effect, Lake, LakeError, Outcome, PlanState, PlannedTask, Purpose, State,
    TaskRef, Totals, Unread, Who, folder_of,
};

impl State {
    /// Whether what a task gave counts no longer, and its objects are converted again.
    pub fn is_lost(&self, plan: u64, task: u64) -> bool {
        self.lost.contains(&TaskRef { plan, task })
    }

    /// The numbers of the committed tasks of a plan, wherever their commits lie: they may have been packed since the
    /// log was read.
    pub async fn committed(&self, lake: &Lake, number: u64) -> Result<BTreeSet<u64>, LakeError> {
        let mut committed = lake.committed(number).await?;
        if self.plans[&number].sealed && self.to_do(number, &committed) > 0 {
            committed.extend(lake.packed_commits_elsewhere(number).await?);
        }
        Ok(committed)
    }

    /// Hands on the commits of a plan in the order of their tasks, and reads nothing that was given up.
    pub async fn visit_commits(
        &self,
        lake: &Lake,
        number: u64,
        mut visit: impl FnMut(Commit),
    ) -> Result<(), LakeError> {
        let state = &self.plans[&number];
        let committed = self.committed(lake, number).await?;
        self.check_whole(lake, number, &committed)?;
        let mut planned: BTreeMap<u64, PlannedTask> = BTreeMap::new();
        if !state.sealed && !committed.is_empty() {
            planned.extend(self.planned(lake, number).await?.into_iter().map(|task| (task.task, task)));
        }
        let is_planned = !state.sealed && !planned.is_empty();
        let mut totals = Totals::default();
        let mut first = None;
        for task in committed.into_iter().filter(|&task| !self.is_lost(number, task)) {
            let path = lake.names.commit(number, task);
            let foreign = |reason| LakeError::Foreign { url: lake.names.url(&path), reason };
            let commit = match lake.commit(number, task).await {
                Err(LakeError::Record { reason, .. }) => return Err(foreign(format!("it is not readable: {reason}"))),
                other => other?,
            };
            let commit = commit.ok_or_else(|| LakeError::Lost { url: lake.names.url(&path), others: 0 })?;
            check_head(&commit.head, TaskRef { plan: number, task }, state).map_err(foreign)?;
            if is_planned {
                let task = planned.get(&task).ok_or_else(|| foreign("its plan has no such task".to_owned()))?;
                if check_fits(&commit, task, state).is_err() {
                    // An object may have left the plan since the log was read.
                    let mut now = self.clone();
                    now.catch_up(lake).await?;
                    check_fits(&commit, task, &now.plans[&number]).map_err(foreign)?;
                }
            }
            first.get_or_insert(path);
            totals.add(&commit.head.totals);
            visit(commit);
        }
        match &state.sealed_totals {
            Some(sealed) if *sealed != totals && !self.has_lost(number) => {
                let (rows, sealed_rows) = (totals.rows, sealed.rows);
                let url = lake.names.url(&first.unwrap_or_else(|| lake.names.commits(number)));
                let reason = format!("the commits of its plan have {rows} rows in all, their seal says {sealed_rows}");
                Err(LakeError::Foreign { url, reason })
            }
            _ => Ok(()),
        }
    }

    /// Reads the ledger of a lake to answer from it. Of a log that is older than the rest it is said aloud that
    /// something may be missing.
    pub async fn open(lake: &Lake) -> Result<State, LakeError> {
        let state = State::load(lake).await?;
        match state.check_log(lake, Who::Reads).await {
            Err(error @ (LakeError::OlderLog { .. } | LakeError::ShortLog { .. })) if state.create.is_some() => {
                tracing::warn!("{error}; answers lack what only the newer log knows");
            }
            other => drop(other?),
        }
        state.born(lake)?;
        Ok(state)
    }

    /// The birth of the lake. An error says that there is none.
    pub fn born(&self, lake: &Lake) -> Result<&Create, LakeError> {
        self.create.as_ref().ok_or_else(|| LakeError::NoLake { url: lake.names.lake_url().to_owned() })
    }

    /// With what tasks of open plans could not read: their seals, from which the log learns of it, may be long in
    /// coming.
    pub async fn with_unread_of_open_plans(&self, lake: &Lake) -> Result<State, LakeError> {
        let mut state = self.clone();
        for plan in self.open_plans() {
            let list_again = |commit: Commit| {
                for unread in commit.receipts.iter().filter(|receipt| receipt.outcome == Outcome::Unread) {
                    state.list_again(folder_of(&unread.url), Unread { oldest: unread.day, plan });
                }
            };
            self.visit_commits(lake, plan, list_again).await?;
        }
        Ok(state)
    }

    /// That the log is not an older copy than the checkpoint, and whatever else is of a plan. Gives the commits that no
    /// checkpoint has filed.
    pub async fn check_log(&self, lake: &Lake, who: Who) -> Result<Committed, LakeError> {
        if let Some(from) = self.lacks {
            return Err(LakeError::ShortLog { url: lake.names.url(&lake.names.log_prefix()), from });
        }
        let committed = lake.committed_since(self.first_not_filed()).await?;
        self.check_newest(lake, &committed, who).await?;
        Ok(committed)
    }

    fn first_not_filed(&self) -> u64 {
        self.filed.through.map_or(0, |through| through + 1)
    }

    /// What a writer must know before it writes: that the log is the newest, and that the commit of every task of the
    /// sealed plans is there that no checkpoint has filed. It takes a few listings, so that each run can afford it.
    pub async fn check_commits(&self, lake: &Lake) -> Result<(), LakeError> {
        let first_not_filed = self.first_not_filed();
        let committed = self.check_log(lake, Who::Writes).await?;
        for (&number, _) in self.plans.iter().filter(|(_, plan)| plan.sealed) {
            // A plan that was open for long has its number before what is filed.
            match number.checked_sub(first_not_filed) {
                Some(_) => self.check_whole(lake, number, committed.get(&number).unwrap_or(&BTreeSet::new()))?,
                None => self.check_whole(lake, number, &self.committed(lake, number).await?)?,
            }
        }
        Ok(())
    }

    fn check_whole(&self, lake: &Lake, number: u64, committed: &BTreeSet<u64>) -> Result<(), LakeError> {
        let plan = &self.plans[&number];
        let missing = self.to_do(number, committed);
        if !plan.sealed || missing == 0 {
            return Ok(());
        }
        let is_missing = |task: &u64| !committed.contains(task) && !self.is_lost(number, *task);
        let first = (0..plan.plan.tasks).find(is_missing).expect("fewer tasks are done than there are");
        Err(LakeError::Lost { url: lake.names.url(&lake.names.commit(number, first)), others: missing - 1 })
    }

    /// How many tasks of a plan are neither committed nor given up.
    pub fn to_do(&self, number: u64, committed: &BTreeSet<u64>) -> u64 {
        let tasks = self.plans[&number].plan.tasks;
        let lost = self.lost_of(number).filter(|task| *task < tasks && !committed.contains(task)).count();
        tasks - (committed.range(..tasks).count() + lost) as u64
    }

    /// The tasks of a plan that are neither committed nor given up, without the objects that left it.
    pub async fn tasks_to_do(&self, lake: &Lake, number: u64) -> Result<Vec<PlannedTask>, LakeError> {
        let committed = lake.committed(number).await?;
        let mut tasks = self.tasks(lake, number).await?;
        tasks.retain(|task| !committed.contains(&task.task));
        Ok(tasks)
    }

    /// The tasks of a plan that were given up.
    pub fn lost_of(&self, plan: u64) -> impl Iterator<Item = u64> + '_ {
        self.lost.range(TaskRef { plan, task: 0 }..=TaskRef { plan, task: u64::MAX }).map(|lost| lost.task)
    }
}

/// Why a commit's own words are not of the task under whose name it lies.
pub fn check_head(head: &CommitHead, task: TaskRef, state: &PlanState) -> Result<(), String> {
    if (head.plan, head.task) != (task.plan, task.task) {
        return Err(format!("it speaks of plan {}, task {}", head.plan, head.task));
    }
    if head.mark.is_some() && state.plan.mark.is_some() && head.mark != state.plan.mark {
        return Err("it is of another plan of this number".to_owned());
    }
    if head.is_of(task) { Ok(()) } else { Err("it names files that its task cannot have published".to_owned()) }
}

/// Why a commit is not of the objects that were planned. Of those that left the plan it may have some: a rival read
/// them.
pub fn check_fits(commit: &Commit, task: &PlannedTask, state: &PlanState) -> Result<(), String> {
    let at_seal = state.plan.effect == Effect::AtSeal;
    if at_seal {
        check_taken(commit, task)?;
    } else if state.plan.purpose == Purpose::Redo && commit.head.replaces.is_none() {
        // It changes nothing, and has no receipts.
        return Ok(());
    }
    let mut planned: BTreeMap<&str, _> = task
        .objects
        .iter()
        .map(|object| (object.url.as_str(), (object.version.as_str(), object.size, object.day)))
        .collect();
    for receipt in &commit.receipts {
        let found = (receipt.version.as_str(), receipt.size, receipt.day.0);
        match planned.remove(receipt.url.as_str()) {
            Some(planned) if planned == found => {}
            Some(_) => {
                return Err(format!("its receipt of {} is of another version than the planned one", receipt.url));
            }
            None => return Err(format!("its task does not read {}", receipt.url)),
        }
    }
    // Objects that could not be decoded again keep what they gave.
    match planned.keys().find(|url| !at_seal && !state.dropped.contains_key(**url)) {
        Some(url) => Err(format!("it has no receipt of {url}, which its task reads")),
        None => Ok(()),
    }
}

/// A task takes out of the lake what was planned, or changes nothing.
fn check_taken(commit: &Commit, task: &PlannedTask) -> Result<(), String> {
    let CommitHead { taken, files, rejects, .. } = &commit.head;
    let planned: BTreeSet<_> = task.inputs.names().cloned().collect();
    let is_nothing = taken.is_nothing() && files.is_empty() && rejects.is_none() && commit.receipts.is_empty();
    if is_nothing || taken.removes == planned && taken.carries == task.inputs.tasks {
        return Ok(());
    }
    Err("it takes other files out of the lake than its task is to".to_owned())
}
