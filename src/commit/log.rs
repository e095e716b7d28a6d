//! Appending to the log: dense numbers, create-only, the loser of a number reads on and tries the next.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::NaiveDate;

use super::nonce::nonce;
use super::{CommitError, Created, LakeWriter};
use crate::lake::{
    Body, Day, Effect, Entry, Names, Plan, PlanMark, PlannedTask, Purpose, Settings, State, encode_lines,
};

/// The program and its version, as ledger records name their writer.
const WRITTEN_BY: &str = concat!("flowlake ", env!("CARGO_PKG_VERSION"));

/// What became of an attempt to append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Our entry has this number.
    Ours(u64),
    /// Another writer took the number; the state has caught up and what we meant to say must be thought over.
    Lost,
}

/// The log of one lake, and its fold.
#[derive(Debug)]
pub struct Ledger {
    /// The lake whose log it is.
    pub writer: LakeWriter,
    /// The log added up, through the last entry that was read. Others may have appended more since.
    pub state: State,
}

impl Ledger {
    /// Opens a ledger of which nothing is missing.
    pub async fn open(writer: LakeWriter) -> Result<Ledger, CommitError> {
        let ledger = Ledger::open_as_it_is(writer).await?;
        ledger.state.check_commits(&ledger.writer.lake).await?;
        Ok(ledger)
    }

    /// Opens one that is to be repaired.
    pub async fn open_as_it_is(writer: LakeWriter) -> Result<Ledger, CommitError> {
        let state = State::load(&writer.lake).await?;
        Ok(Ledger { writer, state })
    }

    /// Appends one entry at the next number, and folds it (or the rival's) into the state.
    pub async fn append(&mut self, body: Body) -> Result<Appended, CommitError> {
        let number = self.state.next;
        let entry = Entry {
            format: body.format(),
            nonce: nonce(),
            written_by: WRITTEN_BY.to_owned(),
            at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            body,
        };
        let made = self.writer.create(&self.writer.lake.names.log(number), entry.encode().into()).await?;
        tracing::debug!(number, ?made, "log entry");
        self.state.catch_up(&self.writer.lake).await?;
        if made == Created::Theirs {
            return Ok(Appended::Lost);
        }
        if !self.state.is_packed(number) {
            return Ok(Appended::Ours(number));
        }
        // It slept until the number was given, packed, and free again: what the archive has is the entry.
        if let Some(name) = self.writer.lake.names.named(&self.writer.lake.names.log(number)) {
            self.writer.delete(&name).await?;
        }
        self.state = State::load(&self.writer.lake).await?;
        Ok(Appended::Lost)
    }

    /// Appends an entry that stays true whatever others wrote meanwhile.
    pub async fn append_surely(&mut self, body: Body) -> Result<u64, CommitError> {
        loop {
            if let Appended::Ours(number) = self.append(body.clone()).await? {
                return Ok(number);
            }
        }
    }

    /// Writes a plan: its body first, then its entry. A plan that lost its number leaves nothing behind.
    pub async fn plan(&mut self, draft: &Draft) -> Result<Appended, CommitError> {
        let mark = PlanMark { nonce: nonce(), hash: blake3::hash(&draft.body).to_hex().to_string() };
        let body = self.writer.lake.names.plan_body(self.state.next, &mark.nonce);
        self.writer.put(&body, draft.body.clone()).await?;
        let plan = Plan { body: body.clone(), mark: Some(mark), ..draft.plan.clone() };
        let appended = self.append(Body::Plan(plan)).await?;
        if appended == Appended::Lost {
            self.writer.delete(&body).await?;
        }
        Ok(appended)
    }
}

/// A plan that has no number yet, and its encoded tasks.
#[derive(Debug)]
pub struct Draft {
    plan: Plan,
    body: Bytes,
}

impl Draft {
    /// A plan of these tasks, each of which counts from its commit on. Numbers, bytes and days are taken from them.
    pub fn new(purpose: Purpose, settings: Settings, tasks: &[PlannedTask]) -> Draft {
        let objects = tasks.iter().flat_map(|task| &task.objects);
        let days: BTreeSet<Day> = objects.clone().map(|object| Day(object.day)).collect();
        let plan = Plan {
            purpose,
            settings,
            tasks: tasks.len() as u64,
            objects: objects.clone().count() as u64,
            bytes: objects.map(|object| object.size).sum(),
            days: days.into_iter().collect(),
            copies: tasks.iter().flat_map(|task| &task.objects).filter(|object| object.copy_of.is_some()).count()
                as u64,
            body: Names::unnamed_body(),
            gone: tasks.iter().map(|task| task.inputs.gone.len() as u64).sum(),
            effect: Effect::AtCommit,
            shows: BTreeSet::new(),
            expires: None,
            mark: None,
            listed: BTreeMap::new(),
            full_scan: false,
            settled: 0,
        };
        Draft { plan, body: encode_lines(tasks).into() }
    }

    /// The same with another effect.
    pub(crate) fn taking_effect(mut self, effect: Effect) -> Draft {
        self.plan.effect = effect;
        self
    }

    /// The same, a plan to show: once it is sealed, nothing of these plans is left to be shown or deleted.
    pub(crate) fn showing(mut self, plans: BTreeSet<u64>) -> Draft {
        self.plan.shows = plans;
        self
    }

    /// The same, a plan to expire: once it is sealed, the lake takes no rows of this date and of those before it. Plans
    /// below `settled` were sealed before it looked for set-aside lines; 0 if it did not.
    pub(crate) fn expiring(mut self, last: NaiveDate, settled: u64) -> Draft {
        self.plan.expires = Some(last);
        self.plan.settled = settled;
        self
    }

    /// The last plan of a run says how far was listed: before it, older days are listed but not yet planned.
    pub fn marked(mut self, listed: BTreeMap<String, Day>, full_scan: bool, settled: u64) -> Draft {
        self.plan.listed = listed;
        self.plan.full_scan = full_scan;
        self.plan.settled = settled;
        self
    }
}

pub(super) fn written_by() -> String {
    WRITTEN_BY.to_owned()
}
