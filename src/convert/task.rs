//! One attempt at one task: bytes of its objects in, staged files and receipts out. It writes to no store and no
//! ledger.

use std::collections::BTreeMap;

use super::ConvertError;
use super::receipts::receipt;
use super::redone::{self, Ended, Redone};
use super::session::{Read, Session, TaskContext, dropped};
use crate::commit::Staged;
use crate::fetch::Fetched;
use crate::lake::{Dropped, Outcome, PlannedTask, Receipt};

/// A task, and what earlier attempts learned about its objects.
pub(super) struct Work {
    pub task: PlannedTask,
    /// Objects found bad after rows of them had been encoded, with the reason. In a plan to redo, those that cannot be
    /// decoded as they were: what they gave stays.
    pub excluded: BTreeMap<String, String>,
}

/// How an attempt ended.
pub(super) enum Tried {
    Done(Box<Staged>),
    /// A task of a plan to redo.
    Redone(Box<Redone>),
    /// These objects could not be read: they must leave the plan before the task can be done.
    Unreadable {
        task: PlannedTask,
        objects: BTreeMap<String, Dropped>,
    },
    /// These objects turned out bad after rows of them had been encoded: once more, without them.
    Again {
        task: u64,
        bad: BTreeMap<String, String>,
    },
    Stopped,
}

pub(super) fn run_task(context: &TaskContext, work: Work, mut fetched: Fetched) -> Result<Tried, ConvertError> {
    let attempt = context.scratch.attempt(context.plan, work.task.task)?;
    let mut session = Session::new(context, &attempt)?;
    let mut unreadable = BTreeMap::new();
    let mut receipts = Vec::new();
    for object in &work.task.objects {
        if context.stop.is_now() {
            return Ok(Tried::Stopped);
        }
        if let Some(reason) = work.excluded.get(&object.url) {
            receipts.push(receipt(object, Outcome::Aside, Some(reason.clone())));
            continue;
        }
        if let Some(first) = &object.copy_of {
            let first_version = object.copy_of_version.clone();
            receipts.push(Receipt { first_version, ..receipt(object, Outcome::Copy, Some(first.clone())) });
            context.progress.object(object.size);
            continue;
        }
        let (_, body) = fetched.next().expect("one body is fetched for each object");
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                unreadable.insert(object.url.clone(), dropped(object, error)?);
                continue;
            }
        };
        if !unreadable.is_empty() {
            continue;
        }
        match session.object(object, body)? {
            Read::Receipt(receipt) => receipts.push(*receipt),
            Read::Bad(reason) => {
                let bad = BTreeMap::from([(object.url.clone(), reason)]);
                return Ok(Tried::Again { task: work.task.task, bad });
            }
            Read::Unreadable(dropped) => {
                unreadable.insert(object.url.clone(), dropped);
                continue;
            }
        }
        context.progress.object(object.size);
    }
    if !unreadable.is_empty() {
        return Ok(Tried::Unreadable { task: work.task, objects: unreadable });
    }
    match context.redoes() {
        true => Ok(match redone::stage(session, &work.task, receipts, attempt)? {
            Ended::Redone(redone) => Tried::Redone(redone),
            Ended::Lost(bad) => Tried::Again { task: work.task.task, bad },
        }),
        false => session.stage(&work.task, receipts, attempt).map(|staged| Tried::Done(Box::new(staged))),
    }
}
