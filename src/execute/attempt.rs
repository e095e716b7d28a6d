//! One attempt at one task: bytes of its objects in, staged files and receipts out. It writes to no store and no
//! ledger.

use super::faults::{Fault, Faults};
use super::job::Job;
use super::receipts::receipt;
use super::redone::{self, Ended, Redone};
use super::session::{Read, Session};
use super::{TaskError, Worker, merged};
use crate::commit::Staged;
use crate::fetch::Fetched;
use crate::lake::{Outcome, PlannedTask, Receipt};
use crate::source::Object;

/// How an attempt ended.
pub(super) enum Tried {
    Done(Box<Staged>),
    /// A task of a plan that carries rows over.
    Redone(Box<Redone>),
    /// To be tried once more, without these objects.
    Retry(Faults),
    Stopped,
}

/// Whether an attempt reads an object.
pub(super) fn is_read(object: &Object, faults: &Faults) -> bool {
    object.copy_of.is_none() && !faults.contains_key(&object.url)
}

/// Decodes and encodes the objects of a task, on a thread outside of the runtime. `fetched` are the bodies of those
/// that are [read](is_read), in order.
pub(super) fn attempt(
    worker: &Worker,
    job: &Job,
    task: &PlannedTask,
    (faults, mut fetched): (&Faults, Fetched),
) -> Result<Tried, TaskError> {
    let attempt = worker.scratch.attempt(job.number, task.task)?;
    let mut session = Session::new(worker, job, &attempt)?;
    let mut unread = Faults::new();
    let mut receipts = Vec::new();
    for object in &task.objects {
        if worker.stop.is_now() {
            return Ok(Tried::Stopped);
        }
        if let Some(fault) = faults.get(&object.url) {
            receipts.push(fault.receipt(object));
            continue;
        }
        if let Some(first) = &object.copy_of {
            let first_version = object.copy_of_version.clone();
            receipts.push(Receipt { first_version, ..receipt(object, Outcome::Copy, Some(first.clone())) });
            worker.progress.object(object.size);
            continue;
        }
        let (_, body) = fetched.next().expect("one body is fetched for each object");
        let span = fetched.object();
        let _object = span.enter();
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                unread.insert(object.url.clone(), job.unread(object, error)?);
                continue;
            }
        };
        // All that cannot be fetched is known at once; the rest is read by the next attempt.
        if !unread.is_empty() {
            continue;
        }
        match session.object(object, body)? {
            Read::Receipt(receipt) => receipts.push(*receipt),
            Read::Faulty(fault @ Fault::Bad(_)) => {
                return Ok(Tried::Retry(Faults::from([(object.url.clone(), fault)])));
            }
            Read::Faulty(fault) => {
                unread.insert(object.url.clone(), fault);
                continue;
            }
        }
        worker.progress.object(object.size);
    }
    if !unread.is_empty() {
        return Ok(Tried::Retry(unread));
    }
    if !job.carries() {
        return session.stage(task, receipts, attempt).map(|staged| Tried::Done(Box::new(staged)));
    }
    let ended = match job.merges() {
        true => merged::stage(session, task, attempt),
        false => redone::stage(session, task, (receipts, faults), attempt),
    };
    Ok(match ended? {
        Ended::Redone(redone) => Tried::Redone(redone),
        Ended::Stopped => Tried::Stopped,
        Ended::Lost(bad) => Tried::Retry(bad.into_iter().map(|(url, reason)| (url, Fault::Bad(reason))).collect()),
    })
}
