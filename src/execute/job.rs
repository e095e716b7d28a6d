//! A plan, as whoever runs its tasks must know it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;

use super::TaskError;
use super::faults::Fault;
use super::receipts::{Before, Earlier};
use crate::commit::{Attempt, Staged};
use crate::encode::WRITER_EPOCH;
use crate::fetch::FetchError;
use crate::lake::{Effect, Lake, LakeError, Outcome, Plan, Purpose, Receipt, State, Taken, Totals};
use crate::source::Object;

/// A plan of the ledger, and what its objects gave when they were converted.
#[derive(Debug)]
pub struct Job {
    /// The plan's number in the log.
    pub number: u64,
    /// The entry itself: what its tasks are for, and the settings of their data files. It does not hold the tasks.
    pub plan: Plan,
    /// Whether an object that the store cannot give now leaves the plan, and is listed again later. Otherwise its task
    /// stays open.
    pub gives_up: bool,
    /// The last date of which the lake keeps no rows: what comes of it is counted, and goes into no file.
    pub expired: Option<NaiveDate>,
    /// In a plan to check or to redo, by URL.
    pub(super) earlier: Option<Arc<Earlier>>,
}

impl Job {
    /// Reads what the ledger says of an open plan.
    ///
    /// # Errors
    /// If records of its objects cannot be read.
    pub async fn load(state: &State, lake: &Lake, number: u64) -> Result<Arc<Job>, LakeError> {
        let plan = state.plans[&number].plan.clone();
        let earlier = match plan.purpose == Purpose::Check || plan.effect == Effect::AtSeal && plan.objects > 0 {
            true => Some(Arc::new(earlier(state, lake, number).await?)),
            false => None,
        };
        let expired = state.expired;
        Ok(Arc::new(Job { number, plan, gives_up: false, expired, earlier }))
    }

    /// The same, for whoever waits no longer for objects that the store cannot give.
    pub fn giving_up(&self) -> Arc<Job> {
        let (number, plan, earlier) = (self.number, self.plan.clone(), self.earlier.clone());
        Arc::new(Job { number, plan, gives_up: true, expired: self.expired, earlier })
    }

    /// Whether objects are decoded again, and the rows of others carried over.
    pub(super) fn carries(&self) -> bool {
        self.plan.effect == Effect::AtSeal
    }

    /// Whether no object is decoded: rows of files go into fewer files.
    pub(super) fn merges(&self) -> bool {
        self.plan.purpose == Purpose::Compact
    }

    /// Whether it is a plan to redo of the first formats, which redoes a task whole or not at all.
    pub(super) fn redoes_whole_tasks(&self) -> bool {
        self.plan.purpose == Purpose::Redo && !self.carries()
    }

    /// A task that changes nothing.
    pub(super) fn nothing(&self, task: u64, attempt: Attempt) -> Staged {
        Staged {
            plan: self.number,
            task,
            writer_epoch: WRITER_EPOCH,
            mark: self.plan.mark.clone(),
            effect: self.plan.effect,
            files: Vec::new(),
            rejects: None,
            receipts: Vec::new(),
            totals: Totals::default(),
            replaces: None,
            taken: Taken::default(),
            damaged: BTreeSet::new(),
            attempt,
        }
    }

    /// Only faults of the object itself let it leave the plan; a store that fails leaves the task open, until that is
    /// given up.
    pub(super) fn unread(&self, object: &Object, error: FetchError) -> Result<Fault, TaskError> {
        let reason = error.to_string();
        match error {
            FetchError::Transient { .. } if !self.gives_up => Err(TaskError::Fetch { url: object.url.clone(), reason }),
            FetchError::Gone => Ok(Fault::Gone),
            _ => Ok(Fault::Unread(reason)),
        }
    }
}

async fn earlier(state: &State, lake: &Lake, number: u64) -> Result<Earlier, LakeError> {
    let tasks = state.tasks(lake, number).await?;
    let urls: HashSet<&str> = tasks.iter().flat_map(|task| &task.objects).map(|object| object.url.as_str()).collect();
    let heads = state.heads(lake).await?.into_iter();
    let epochs: BTreeMap<(u64, u64), u32> = heads.map(|head| ((head.plan, head.task), head.writer_epoch)).collect();
    let mut earlier = BTreeMap::new();
    for &day in &state.plans[&number].plan.days {
        let wanted = |receipt: &Receipt| receipt.outcome == Outcome::Converted && urls.contains(receipt.url.as_str());
        let found = state.receipts_where(lake, day, wanted).await?;
        earlier.extend(found.into_iter().map(|filed| {
            let writer_epoch = epochs.get(&(filed.plan, filed.task)).copied();
            (filed.receipt.url.clone(), Before { receipt: filed.receipt, writer_epoch })
        }));
    }
    Ok(earlier)
}
