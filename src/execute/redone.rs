//! The end of a task whose objects were decoded again: what they give now takes the place of what they gave.
//!
//! The task changes nothing if each of its objects gives the same rows and lines as before, all columns compared, and
//! the files that hold them are whole. An object that cannot be decoded as it was keeps what it gave: it is carried
//! over. Of one that is gone at its source, and that was planned so, what lies in files that are gone is lost.

use std::collections::{BTreeMap, HashSet};

use super::TaskError;
use super::carry::{self, Broken, Taking};
use super::faults::{Fault, Faults};
use super::receipts::{Before, totals_of, what_is_left};
use super::session::{Session, StagedFiles};
use super::staging::encode_error;
use crate::commit::{Attempt, Staged};
use crate::lake::{Inputs, Outcome, PlannedTask, Receipt, Taken, Totals, same_content};

/// A task of a plan to redo, ready to be committed.
pub(super) struct Redone {
    pub staged: Staged,
    /// Why objects keep what they gave although they should have given something else.
    pub kept: Vec<String>,
}

/// How the attempt ended.
pub(super) enum Ended {
    Redone(Box<Redone>),
    /// Objects that would give less than they gave, with the reason: once more, without them.
    Lost(BTreeMap<String, String>),
    /// The worker was told to end.
    Stopped,
}

/// Ends an attempt at a task whose objects were read to their end.
pub(super) fn stage(
    mut session: Session<'_>,
    planned: &PlannedTask,
    (receipts, faults): (Vec<Receipt>, &Faults),
    attempt: Attempt,
) -> Result<Ended, TaskError> {
    let (job, worker) = (session.job, session.worker);
    let before = |receipt: &Receipt| job.earlier.as_ref().and_then(|earlier| earlier.get(&receipt.url));
    let (mut receipts, others): (Vec<Receipt>, Vec<Receipt>) =
        receipts.into_iter().partition(|receipt| receipt.outcome == Outcome::Converted);
    let is_gone = |url: &str| planned.inputs.gone.contains(url) && faults.get(url) == Some(&Fault::Gone);
    let (gone, others): (Vec<Receipt>, Vec<Receipt>) = others.into_iter().partition(|receipt| is_gone(&receipt.url));
    let mut kept: Vec<String> = others.iter().map(no_longer).collect();
    let lost = |receipt: &Receipt| Some((receipt.url.clone(), gives_less(receipt, before(receipt)?)?));
    let lost: BTreeMap<String, String> = receipts.iter().filter_map(lost).collect();
    if !lost.is_empty() {
        // Rows of theirs are among those that were encoded: once more, without them.
        return Ok(Ended::Lost(lost));
    }
    let nothing =
        |attempt, kept| Ok(Ended::Redone(Box::new(Redone { staged: job.nothing(planned.task, attempt), kept })));
    if receipts.is_empty() && gone.is_empty() {
        return nothing(attempt, kept);
    }
    let redone: HashSet<String> = receipts.iter().map(|receipt| receipt.url.clone()).collect();
    let given = session.given.take().unwrap_or_default();
    let is_redone = |url: &str| redone.contains(url);
    let (inputs, scratch, is_all) = (&planned.inputs, attempt.folder(), kept.is_empty());
    let urls = gone.iter().map(|receipt| receipt.url.clone()).collect();
    let taking = Taking { worker, inputs, scratch, is_all, gone: &urls, is_told: false };
    let mut carried = match taking.carry_over(&is_redone, &mut session.encoder, &mut session.rejects) {
        Ok(carried) => carried,
        Err(Broken::Input(reason)) => {
            kept.extend(gone.iter().map(no_longer).chain([reason]));
            return nothing(attempt, kept);
        }
        Err(Broken::Encode(error)) => return Err(encode_error(error, worker.scratch.folder())),
        Err(Broken::Failed(error)) => return Err(error),
        Err(Broken::Stopped) => return Ok(Ended::Stopped),
    };
    let is_same = |receipt: &Receipt| {
        let now = given.get(&receipt.url).copied().unwrap_or_default();
        let is_other = before(receipt).is_none_or(|before| same_content(&before.receipt, receipt) == Some(false));
        now == carried.before.get(&receipt.url).copied().unwrap_or_default() && !is_other
    };
    let is_nothing = !carried.is_damaged && receipts.iter().all(is_same);
    for receipt in &gone {
        let left = carried.left.remove(&receipt.url).unwrap_or_default();
        let left = before(receipt).and_then(|before| what_is_left(&before.receipt, left, job.expired));
        left.map_or_else(|| kept.push(no_longer(receipt)), |left| receipts.push(left));
    }
    if is_nothing {
        return nothing(attempt, kept);
    }
    let (files, rejects) = session.finish(planned.task, &attempt)?;
    let taken = Taken {
        removes: planned.inputs.names().cloned().collect(),
        carries: planned.inputs.tasks.clone(),
        totals: taken_totals(&receipts, before, (&planned.inputs, &files)),
        expired: false,
    };
    let mut expected = carried.others;
    receipts.iter().filter_map(|receipt| given.get(&receipt.url)).for_each(|&given| expected += given);
    carry::prove(&files, rejects.as_ref(), expected, worker.scratch.folder())?;
    let totals = totals_of(&receipts).with_files(files.iter().map(|(file, _)| file));
    let nothing = job.nothing(planned.task, attempt);
    let staged = Staged { files, rejects, receipts, totals, taken, ..nothing };
    Ok(Ended::Redone(Box::new(Redone { staged, kept })))
}

fn no_longer(receipt: &Receipt) -> String {
    format!("{}: {}", receipt.url, receipt.reason.as_deref().unwrap_or("it is no flow log now"))
}

/// Why an object keeps what it gave: it would give less, and not since the program is another one.
fn gives_less(now: &Receipt, Before { receipt: earlier, .. }: &Before) -> Option<String> {
    let (rows, rows_earlier) = (now.records(), earlier.records());
    let is_less = now.version != earlier.version && rows < rows_earlier;
    is_less.then(|| format!("its content changed and gives {rows} rows, where it gave {rows_earlier}"))
}

/// What the objects had given that is part of the lake still: the rows of the inputs but those that are carried over.
/// Their receipts say more than that where dates were removed since.
fn taken_totals<'a>(
    receipts: &[Receipt],
    before: impl Fn(&Receipt) -> Option<&'a Before>,
    (inputs, files): (&Inputs, &StagedFiles),
) -> Totals {
    let earlier: Vec<Receipt> = receipts.iter().filter_map(before).map(|before| before.receipt.clone()).collect();
    let of_inputs: u64 = inputs.files.iter().map(|file| file.rows).sum();
    let of_files: u64 = files.iter().map(|(file, _)| file.rows).sum();
    let carried = of_files.saturating_sub(receipts.iter().map(|receipt| receipt.rows).sum());
    let rows = of_inputs.saturating_sub(carried);
    Totals { rows, ..totals_of(&earlier).with_files(inputs.files.iter()) }
}
