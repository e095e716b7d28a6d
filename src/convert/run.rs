//! What a run holds while it works, and what all stages ask of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::before::Before;
use super::sides::{self, Sides};
use super::{ConvertError, Converted, Effort, Ending, Options, Summary};
use crate::commit::{LakeMark, Ledger, Scratch};
use crate::encode::WRITER_EPOCH;
use crate::execute::Stop;
use crate::lake::{Settings, TaskRef};
use crate::progress::Progress;
use crate::source::{Reach, Store};

/// What a run holds while it works.
pub(super) struct Run<'a> {
    pub options: &'a Options,
    pub progress: &'a Progress,
    pub stop: &'a Stop,
    pub sources: Vec<Store>,
    pub ledger: Ledger,
    pub scratch: Arc<Scratch>,
    pub summary: Summary,
    pub before: Before,
    /// Whether a lake whose first entry says nothing of Delta logs had one when the run began: others are asked nothing
    /// more of it.
    pub was_given_delta_log: bool,
    /// The next entry of the ledger when what the Delta logs lacked was written last, and whether a version was to say
    /// so in any case.
    pub projected: Option<(u64, bool)>,
    /// Tasks that had been given up when the run began.
    pub lost_before: BTreeSet<TaskRef>,
    /// The ledger's format when the run began.
    pub format_before: u32,
    /// An object that the store could not give: the rest went on, and the run ends with it.
    pub failed: Option<ConvertError>,
}

impl<'a> Run<'a> {
    pub(super) async fn open(
        options: &'a Options,
        sides: Sides,
        progress: &'a Progress,
        stop: &'a Stop,
    ) -> Result<Run<'a>, ConvertError> {
        let Sides { sources, writer } = sides;
        writer.check_tmp()?;
        let ledger = Ledger::open(writer).await?;
        let id = ledger.state.create.as_ref().map(|create| create.lake_id.clone());
        let lake = LakeMark { url: ledger.writer.lake.names.lake_url().to_owned(), id };
        let scratch = Arc::new(Scratch::open(&sides::scratch_folder(options, &ledger.writer)?, &lake)?);
        let (threads, threads_asked) = (options.threads_allowed(), options.threads);
        let effort = Effort { threads, threads_asked, ..Effort::default() };
        let summary = Summary { effort, ..Summary::default() };
        let (lost_before, format_before) = (ledger.state.lost.clone(), ledger.state.format);
        let before = Before::of(&ledger.state);
        let run = Run {
            options,
            progress,
            stop,
            sources,
            ledger,
            scratch,
            summary,
            before,
            was_given_delta_log: false,
            projected: None,
            lost_before,
            format_before,
            failed: None,
        };
        run.check_partitioning()?;
        Ok(run)
    }

    pub(super) fn end(self, done: Result<(), ConvertError>, began: Instant) -> Result<Summary, ConvertError> {
        let mut summary = self.summary;
        // A lake that this run made had none before.
        let format = self.ledger.state.format;
        summary.ledger_format = (self.format_before > 0 && format > self.format_before).then_some(format);
        summary.finish(began.elapsed(), self.stop);
        let span = tracing::Span::current();
        let Converted { objects, records, bytes, .. } = summary.converted;
        span.record("objects", objects).record("records", records).record("bytes", bytes);
        let error = match done {
            Ok(()) => return Ok(summary),
            Err(error) => error,
        };
        if summary.is_empty() {
            return Err(error);
        }
        summary.ending = Ending::Failed;
        Err(ConvertError::Unfinished { error: Box::new(error), summary: Box::new(summary) })
    }

    /// What may be fetched.
    pub(super) fn reach(&self) -> Reach {
        Reach::new(&self.sources).trusting(self.options.trust_plans)
    }

    /// What a plan made now fixes.
    pub(super) fn settings(&self, format: Option<String>) -> Settings {
        let (options, state) = (self.options, &self.ledger.state);
        let create = state.create.as_ref().expect("the lake was born");
        Settings {
            writer_epoch: WRITER_EPOCH,
            compression: options.compression,
            file_bytes_max: options.file_bytes_max,
            partition_by: create.partition_by,
            format,
            types: state.fixed_types(),
            unknown: state.unknown_columns(),
            retention_seconds: None,
            bloom: Vec::new(),
        }
    }

    pub(super) fn is_by_hour(&self) -> bool {
        self.ledger.state.create.as_ref().is_some_and(|create| create.partition_by.is_by_hour())
    }

    pub(super) fn check_partitioning(&self) -> Result<(), ConvertError> {
        sides::check_partitioning(self.options, &self.ledger.state)
    }
}
