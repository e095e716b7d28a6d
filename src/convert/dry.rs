//! What a run would do, counted from its listing: nothing is written.

use std::fmt;

use serde::Serialize;

use super::ConvertError;
use super::planning::{Gathered, Planner};
use crate::lake::{Lake, Purpose, State};
use crate::plan;
use crate::progress::{bytes, count};

/// What a run would do.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DryRun {
    pub objects: u64,
    /// Converted earlier and changed since: they would be read again.
    pub objects_to_check: u64,
    pub bytes: u64,
    pub tasks: u64,
    pub plans: u64,
    /// At 26 compressed bytes a record, the size of the default format.
    pub records_estimated: u64,
    /// Requests that listing took, and that fetching and publishing would take.
    pub requests_listing: u64,
    pub requests_converting: u64,
    /// Plans of earlier runs that would be finished first.
    pub open_plans: u64,
    #[serde(skip)]
    by_hour: bool,
}

impl DryRun {
    pub(super) fn new(by_hour: bool, requests_listing: u64, open_plans: u64) -> DryRun {
        DryRun { by_hour, requests_listing, open_plans, ..DryRun::default() }
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
pub(super) struct Counting<'a> {
    pub plan: &'a mut DryRun,
    pub ledger: Option<(&'a Lake, &'a State)>,
}

impl Planner for Counting<'_> {
    fn ledger(&self) -> Option<(&Lake, &State)> {
        self.ledger
    }

    async fn take(&mut self, gathered: Gathered) -> Result<bool, ConvertError> {
        self.plan.add(gathered);
        Ok(true)
    }
}

impl fmt::Display for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "would convert {} objects ({})", count(self.objects), bytes(self.bytes))?;
        if self.objects_to_check > 0 {
            writeln!(f, "would read {} changed objects again", count(self.objects_to_check))?;
        }
        writeln!(f, "about {} records, in {} tasks", count(self.records_estimated), count(self.tasks))?;
        writeln!(
            f,
            "about {} requests, after {} for listing",
            count(self.requests_converting),
            count(self.requests_listing)
        )?;
        match self.open_plans {
            0 => Ok(()),
            open => writeln!(f, "{open} open plans of earlier runs would be finished first"),
        }
    }
}
