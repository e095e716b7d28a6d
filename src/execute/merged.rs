//! A task that merges files: the rows of its inputs, and no others, go into fewer files, which take their place.
//!
//! Inputs are read in the order in which the plan names them. Row groups come out in that order; within a page, rows
//! lie side by side as in any other file.

use super::TaskError;
use super::carry::{self, Broken, Taking};
use super::redone::{Ended, Redone};
use super::session::Session;
use super::staging::encode_error;
use crate::commit::{Attempt, Staged};
use crate::lake::{PlannedTask, Taken, Totals};

/// Merges the inputs of a task. Inputs that are gone or damaged keep all of them as they are, and are named, in
/// the commit too: the next run merges the others.
pub(super) fn stage(mut session: Session<'_>, planned: &PlannedTask, attempt: Attempt) -> Result<Ended, TaskError> {
    let (job, worker, inputs) = (session.job, session.worker, &planned.inputs);
    let scratch = worker.scratch.folder();
    let taking = Taking { worker, inputs, scratch: attempt.folder(), is_all: false, is_told: true, gone: &carry::NONE };
    let carried = match taking.carry_over(&|_| false, &mut session.encoder, &mut session.rejects) {
        Ok(carried) => carried,
        Err(Broken::Input(reason)) => {
            let Some(damaged) = taking.damaged()? else { return Ok(Ended::Stopped) };
            // Bytes that are as the ledger says may be no rows all the same.
            let kept = if damaged.is_empty() { vec![reason] } else { damaged.values().cloned().collect() };
            let staged = Staged { damaged: damaged.into_keys().collect(), ..job.nothing(planned.task, attempt) };
            return Ok(Ended::Redone(Box::new(Redone { staged, kept })));
        }
        Err(Broken::Encode(error)) => return Err(encode_error(error, scratch)),
        Err(Broken::Failed(error)) => return Err(error),
        Err(Broken::Stopped) => return Ok(Ended::Stopped),
    };
    let (files, rejects) = session.finish(planned.task, &attempt)?;
    carry::prove(&files, rejects.as_ref(), carried.others, scratch)?;
    let taken = Taken {
        removes: inputs.names().cloned().collect(),
        carries: inputs.tasks.clone(),
        totals: Totals::default().with_files(inputs.files.iter()),
        expired: false,
    };
    let totals = Totals::default().with_files(files.iter().map(|(file, _)| file));
    let staged = Staged { files, rejects, totals, taken, ..job.nothing(planned.task, attempt) };
    Ok(Ended::Redone(Box::new(Redone { staged, kept: Vec::new() })))
}
