//! What a run would do, counted from its listing: nothing is written.

use std::fmt;

use serde::Serialize;

use super::planning::{self, Gathered, Pass, Planner};
use super::wording::{name_denied, name_refused, name_unreadable};
use super::{ConvertError, Options, Refused, Stop, conductor, discover, sides};
use crate::lake::{Lake, Purpose, State};
use crate::plan;
use crate::progress::{Progress, bytes, count, some};
use crate::source::Reach;

/// What a run would do.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DryRun {
    /// New ones, which would be converted. Copies that would be left out are not counted.
    pub objects: u64,
    /// Converted earlier and changed since: they would be read again.
    pub objects_to_check: u64,
    /// Compressed bytes of all of these objects.
    pub bytes: u64,
    /// Of the plans that would be written, not of those that are open.
    pub tasks: u64,
    /// Those that would be written.
    pub plans: u64,
    /// At 26 compressed bytes a record, the size of the default format.
    pub records_estimated: u64,
    /// Requests that listing took; on disk, folders read.
    pub requests_listing: u64,
    /// Requests that fetching and publishing would take, at least.
    pub requests_converting: u64,
    /// Plans of earlier runs that would be finished first.
    pub open_plans: u64,
    /// Open plans that would stay so, since they name an object outside of the sources.
    pub plans_refused: Vec<Refused>,
    /// Prefixes that cannot be listed.
    pub denied: Vec<String>,
    /// Objects that would wait, since nobody can tell now whether they are copies.
    pub unreadable: Vec<String>,
    #[serde(skip)]
    by_hour: bool,
}

/// Lists and plans, and writes nothing but scratch.
pub async fn dry_run(options: &Options, progress: &Progress) -> Result<DryRun, ConvertError> {
    sides::check(options).await?;
    let sources = sides::open_sources(options).await?;
    // A lake that is not there yet holds nothing.
    let is_there = options.lake.path().is_none_or(|folder| folder.exists());
    let lake = if is_there { Some(Lake::open(&options.lake, &options.lake_access).await?) } else { None };
    let state = match &lake {
        Some(lake) => State::load(lake).await?,
        None => State::default(),
    };
    let reach = Reach::new(&sources).trusting(options.trust_plans);
    let mut counting = DryRun::default();
    if let Some(lake) = &lake {
        state.check_commits(lake).await?;
        sides::check_partitioning(options, &state)?;
        counting.look_at_open_plans(lake, &state, &reach).await?;
    }
    let scratch = options.scratch.clone().map_or_else(|| sides::temporary_folder(options), Ok)?;
    let known = match &lake {
        Some(lake) => state.with_unread_of_open_plans(lake).await?,
        None => State::default(),
    };
    let listing = discover::list(options, &sources, &known, &scratch, (progress, &Stop::default())).await?;
    listing.check_not_empty(options, &state)?;
    let asked = options.partition_by.unwrap_or_default();
    counting.by_hour = state.create.as_ref().map_or(asked, |create| create.partition_by).is_by_hour();
    counting.requests_listing = listing.requests;
    counting.denied = listing.denied.iter().map(ToString::to_string).collect();
    let mut planner = Counting { plan: &mut counting, ledger: lake.as_ref().map(|lake| (lake, &state)) };
    let passed = planning::pass(&listing, options, &reach, &mut planner).await?;
    counting.unreadable = passed.copies.put_off.named;
    Ok(counting)
}

impl DryRun {
    /// Which plans of earlier runs a run would finish, and which not.
    async fn look_at_open_plans(&mut self, lake: &Lake, state: &State, reach: &Reach) -> Result<(), ConvertError> {
        for plan in state.open_plans() {
            state.visit_commits(lake, plan, drop).await?;
            let tasks = state.tasks_to_do(lake, plan).await?;
            match conductor::outside(reach, &tasks).await? {
                Some(object) => self.plans_refused.push(Refused { plan, object }),
                None => self.open_plans += 1,
            }
        }
        Ok(())
    }

    /// Whether a run could not reach something that it is asked for.
    pub fn would_leave_something(&self) -> bool {
        !self.plans_refused.is_empty() || !self.denied.is_empty() || !self.unreadable.is_empty()
    }

    fn add(&mut self, gathered: Gathered) {
        let Gathered { purpose, mut objects, .. } = gathered;
        objects.retain(|object| object.copy_of.is_none());
        if purpose == Purpose::Check {
            self.objects_to_check += objects.len() as u64;
        } else {
            self.objects += objects.len() as u64;
            self.records_estimated += objects.iter().map(|object| object.size).sum::<u64>() / 26;
        }
        self.requests_converting += objects.len() as u64;
        self.bytes += objects.iter().map(|object| object.size).sum::<u64>();
        let tasks = plan::cut(objects, self.by_hour).len() as u64;
        self.plans += 1;
        self.tasks += tasks;
        // A plan: body, entry, two listings. A task: intent, its list, two looks for the commit, the commit, and at
        // least one data file.
        self.requests_converting += tasks * 6 + 4;
    }
}

/// Counts the plans that a run would write.
struct Counting<'a> {
    plan: &'a mut DryRun,
    ledger: Option<(&'a Lake, &'a State)>,
}

impl Planner for Counting<'_> {
    fn ledger(&self) -> Option<(&Lake, &State)> {
        self.ledger
    }

    async fn take(&mut self, gathered: Gathered) -> Result<Pass, ConvertError> {
        self.plan.add(gathered);
        Ok(Pass::GoesOn)
    }
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects = some(self.objects, "object", "objects");
        writeln!(f, "would convert {objects} ({})", bytes(self.bytes))?;
        if self.objects_to_check > 0 {
            let changed = some(self.objects_to_check, "changed object", "changed objects");
            writeln!(f, "would read {changed} again")?;
        }
        let records = some(self.records_estimated, "record", "records");
        writeln!(f, "about {records}, in {}", some(self.tasks, "task", "tasks"))?;
        let requests = some(self.requests_converting, "request", "requests");
        writeln!(f, "about {requests}, after {} for listing", count(self.requests_listing))?;
        if self.open_plans > 0 {
            let (one, many) = ("open plan of an earlier run", "open plans of earlier runs");
            writeln!(f, "{} would be finished first", some(self.open_plans, one, many))?;
        }
        name_unreadable(f, self.unreadable.len() as u64, &self.unreadable)?;
        name_denied(f, &self.denied)?;
        name_refused(f, &self.plans_refused)
    }
}
