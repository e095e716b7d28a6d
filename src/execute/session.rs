//! The decoder and encoder of one attempt at a task.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::TaskError;
use super::faults::Fault;
use super::given::Given;
use super::job::Job;
use super::receipts::{checked, converted, named, receipt, totals_of};
use super::staging::{ScratchFiles, TaskSink, encode_error};
use super::worker::Worker;
use crate::columns::CellHashes;
use crate::commit::{Attempt, Staged, StagedRejects};
use crate::decode::{self, Decoder, Verdict};
use crate::encode::{self, Origin, TaskEncoder, WRITER_EPOCH};
use crate::fetch::Body;
use crate::lake::{DataFile, Digesting, Names, Outcome, PlannedTask, Receipt, Relative};
use crate::reading::{ReadError, decode_object};
use crate::schema::Layout;
use crate::source::Object;

/// In the shape that parquet-mr parses; it ignores string statistics of writers whose version it cannot read. The
/// program's version is not in it: the same task gives the same bytes until the writer epoch changes.
fn created_by() -> String {
    format!("flowlake version 1.0.0 (build writer-epoch-{WRITER_EPOCH})")
}

pub(super) enum Read {
    Receipt(Box<Receipt>),
    Faulty(Fault),
}

/// The decoder and encoder of one attempt.
pub(super) struct Session<'a> {
    pub worker: &'a Worker,
    pub job: &'a Job,
    decoder: Decoder,
    pub encoder: TaskEncoder<ScratchFiles>,
    pub rejects: StagedRejects,
    /// In a plan to redo: what the objects gave now, by URL.
    pub given: Option<BTreeMap<String, Given>>,
    hashes: CellHashes,
}

impl<'a> Session<'a> {
    pub(super) fn new(worker: &'a Worker, job: &'a Job, attempt: &Attempt) -> Result<Session<'a>, TaskError> {
        let settings = &job.plan.settings;
        let format =
            settings.format.as_deref().map(|format| Layout::from_format(format, &settings.types)).transpose()?;
        let (types, unknown) = (settings.types.clone(), settings.unknown.clone());
        let decoder = Decoder::new(decode::Settings { types, format, unknown });
        let options = encode::Options {
            compression: settings.compression,
            file_bytes_max: settings.file_bytes_max,
            partition_by: settings.partition_by,
            created_by: created_by(),
            bloom: settings.bloom.clone(),
            expired: job.expired,
        };
        let staging = ScratchFiles { folder: attempt.folder().to_owned() };
        let encoder =
            TaskEncoder::new(options, staging).map_err(|error| encode_error(error, worker.scratch.folder()))?;
        let given = job.carries().then(BTreeMap::new);
        Ok(Session { worker, job, decoder, encoder, rejects: attempt.rejects(), given, hashes: CellHashes::default() })
    }

    pub(super) fn object(&mut self, object: &Object, body: Body) -> Result<Read, TaskError> {
        let origin = Origin {
            url: object.url.clone(),
            account: object.account.clone(),
            region: object.region.clone(),
            log_id: object.log_id.clone(),
            day: object.day,
            hour: object.hour,
        };
        self.encoder.begin_object(&origin);
        let summing = self.given.as_mut().map(|given| (given.entry(object.url.clone()).or_default(), &mut self.hashes));
        let mut sink = TaskSink {
            origin: &origin,
            summing,
            encoder: &mut self.encoder,
            rejects: &mut self.rejects,
            progress: &self.worker.progress,
            given: false,
            failed: None,
        };
        let mut digesting = Digesting::default();
        let verdict = decode_object(&mut self.decoder, object, body, Some(&mut digesting), &mut sink);
        if let Some(error) = sink.failed.take() {
            return Err(encode_error(error, self.worker.scratch.folder()));
        }
        let given = sink.given;
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(ReadError::Sink(error)) => return Err(TaskError::of_scratch(self.worker.scratch.folder())(error)),
            Err(ReadError::Fetch(fault)) => return Ok(Read::Faulty(self.job.unread(object, fault)?)),
        };
        let parts = self.encoder.end_object();
        Ok(match verdict {
            Verdict::Decoded(decoded) => {
                tracing::Span::current().record("rows", decoded.counts.rows);
                let digest = Some(digesting.digest(decoded.counts.inflated_bytes));
                Read::Receipt(Box::new(Receipt {
                    digest,
                    ..converted(object, &decoded.counts, parts, self.job.expired)
                }))
            }
            Verdict::Aside { reason, .. } if given => Read::Faulty(Fault::Bad(reason)),
            Verdict::Aside { reason, .. } => Read::Receipt(Box::new(receipt(object, Outcome::Aside, Some(reason)))),
            Verdict::Skipped { reason } => Read::Receipt(Box::new(receipt(object, Outcome::Skipped, Some(reason)))),
        })
    }

    pub(super) fn stage(
        self,
        planned: &PlannedTask,
        receipts: Vec<Receipt>,
        attempt: Attempt,
    ) -> Result<Staged, TaskError> {
        let (job, replaces) = (self.job, planned.replaces);
        let (files, rejects) = self.finish(planned.task, &attempt)?;
        let rows: u64 = files.iter().map(|(file, _)| file.rows).sum();
        tracing::Span::current().record("rows", rows);
        let mut staged = Staged { receipts, replaces, ..job.nothing(planned.task, attempt) };
        if let Some(earlier) = &job.earlier {
            let receipts = std::mem::take(&mut staged.receipts);
            staged.receipts = receipts.into_iter().map(|receipt| checked(receipt, earlier)).collect();
            staged.totals = totals_of(&staged.receipts);
            return Ok(staged);
        }
        staged.totals = totals_of(&staged.receipts).with_files(files.iter().map(|(file, _)| file));
        assert_eq!(rows, staged.totals.rows, "rows of the data files are the rows of the receipts");
        Ok(Staged { files, rejects, ..staged })
    }

    /// Ends the files: their records, and where they are staged; and the lines that were set aside.
    pub(super) fn finish(self, task: u64, attempt: &Attempt) -> Result<(StagedFiles, Option<StagedFile>), TaskError> {
        let (plan, names) = (self.job.number, &self.worker.writer.lake.names);
        let scratch = self.worker.scratch.folder();
        let (written, _) = self.encoder.finish().map_err(|error| encode_error(error, scratch))?;
        let rejects = self
            .rejects
            .finish()
            .map_err(TaskError::of_scratch(scratch))?
            .map(|(path, hash)| (names.rejects(plan, task, &hash), path));
        let record = |file: encode::DataFile| {
            let partition = file.partition.path();
            let path = names.data(file.table, &partition, plan, task, file.ordinal, &file.hash);
            let record = DataFile {
                path: if self.job.carries() { Names::aside(&path) } else { path },
                table: file.table,
                partition: named(&partition),
                rows: file.rows,
                bytes: file.bytes,
                hash: file.hash,
                columns: file.columns.into_iter().map(|column| (column.name, column.kind)).collect(),
                start_min: file.start_min,
                start_max: file.start_max,
            };
            (record, attempt.data_file(file.ordinal))
        };
        Ok((written.into_iter().map(record).collect(), rejects))
    }
}

/// Records of data files, and where the files are staged.
pub(super) type StagedFiles = Vec<(DataFile, PathBuf)>;

/// The name that a staged file is to have, and where it is.
pub(super) type StagedFile = (Relative, PathBuf);
