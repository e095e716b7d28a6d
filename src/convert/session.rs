//! The decoder and encoder of one attempt at a task, and what all tasks of a plan share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::given::Given;
use super::receipts::{Earlier, checked, converted, named, receipt, totals_of};
use super::staging::{ScratchFiles, TaskSink, encode_error};
use super::{ConvertError, Stop};
use crate::columns::CellHashes;
use crate::commit::{Attempt, Scratch, Staged, StagedRejects};
use crate::decode::{self, DecodeError, Decoder, Verdict};
use crate::encode::{self, Origin, TaskEncoder, WRITER_EPOCH};
use crate::fetch::{Body, FetchError};
use crate::lake::{
    DataFile, Day, Digesting, Dropped, Effect, Lake, Names, Outcome, PlanMark, PlannedTask, Receipt, Relative,
    Settings, Taken, Totals,
};
use crate::progress::Progress;
use crate::schema::Layout;
use crate::source::Object;

/// In the shape that parquet-mr parses; it ignores string statistics of writers whose version it cannot read. The
/// program's version is not in it: the same task gives the same bytes until the writer epoch changes.
fn created_by() -> String {
    format!("flowlake version 1.0.0 (build writer-epoch-{WRITER_EPOCH})")
}

/// What every task of a plan shares.
pub(super) struct TaskContext {
    pub settings: Settings,
    pub plan: u64,
    pub mark: Option<PlanMark>,
    pub effect: Effect,
    pub lake: Lake,
    pub runtime: tokio::runtime::Handle,
    pub scratch: Arc<Scratch>,
    pub progress: Progress,
    pub stop: Stop,
    /// In a plan to check or to redo: what its objects gave when they were converted, by URL.
    pub earlier: Option<Earlier>,
}

impl TaskContext {
    /// Whether objects are decoded again, and the rows of others carried over.
    pub(super) fn redoes(&self) -> bool {
        self.effect == Effect::AtSeal
    }

    /// A task that changes nothing.
    pub(super) fn nothing(&self, task: u64, attempt: Attempt) -> Staged {
        Staged {
            plan: self.plan,
            task,
            writer_epoch: WRITER_EPOCH,
            mark: self.mark.clone(),
            effect: self.effect,
            files: Vec::new(),
            rejects: None,
            receipts: Vec::new(),
            totals: Totals::default(),
            replaces: None,
            taken: Taken::default(),
            attempt,
        }
    }
}

/// Only faults of the object itself let it leave the plan; a store that fails leaves the task open.
pub(super) fn dropped(object: &Object, error: FetchError) -> Result<Dropped, ConvertError> {
    let reason = error.to_string();
    if matches!(error, FetchError::Transient { .. }) {
        return Err(ConvertError::Fetch { url: object.url.clone(), reason });
    }
    Ok(Dropped { day: Day(object.day), reason })
}

pub(super) enum Read {
    Receipt(Box<Receipt>),
    Bad(String),
    /// It could not be read to its end.
    Unreadable(Dropped),
}

/// The decoder and encoder of one attempt.
pub(super) struct Session<'a> {
    pub context: &'a TaskContext,
    decoder: Decoder,
    pub encoder: TaskEncoder<ScratchFiles>,
    pub rejects: StagedRejects,
    /// In a plan to redo: what the objects gave now, by URL.
    pub given: Option<BTreeMap<String, Given>>,
    hashes: CellHashes,
}

impl<'a> Session<'a> {
    pub(super) fn new(context: &'a TaskContext, attempt: &Attempt) -> Result<Session<'a>, ConvertError> {
        let settings = &context.settings;
        let format =
            settings.format.as_deref().map(|format| Layout::from_format(format, &settings.types)).transpose()?;
        let (types, unknown) = (settings.types.clone(), settings.unknown.clone());
        let decoder = Decoder::new(decode::Settings { types, format, unknown });
        let options = encode::Options {
            compression: settings
                .compression
                .parse()
                .map_err(|error: encode::UnknownChoice| ConvertError::Encode(error.to_string()))?,
            file_bytes_max: settings.file_bytes_max,
            partition_by: settings
                .partition_by
                .parse()
                .map_err(|error: encode::UnknownChoice| ConvertError::Encode(error.to_string()))?,
            created_by: created_by(),
        };
        let staging = ScratchFiles { folder: attempt.folder().to_owned() };
        let encoder = TaskEncoder::new(options, staging).map_err(encode_error)?;
        let given = context.redoes().then(BTreeMap::new);
        Ok(Session { context, decoder, encoder, rejects: attempt.rejects(), given, hashes: CellHashes::default() })
    }

    pub(super) fn object(&mut self, object: &Object, body: Body) -> Result<Read, ConvertError> {
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
            progress: &self.context.progress,
            given: false,
            failed: None,
        };
        let mut digesting = Digesting::default();
        let mut decode = |body| {
            let (delivered, in_flow_log_prefix) = (object.delivered, object.in_flow_log_prefix);
            self.decoder.object(decode::Source { body, delivered, in_flow_log_prefix }, &mut sink)
        };
        let verdict = match body {
            Body::Whole(bytes) => {
                digesting.add(&bytes);
                decode(decode::Body::Whole(&bytes))
            }
            Body::Stream(mut reader) => decode(decode::Body::Stream(&mut digesting.reading(&mut reader))),
        };
        if let Some(error) = sink.failed.take() {
            return Err(encode_error(error));
        }
        let given = sink.given;
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(DecodeError::Sink(error)) => return Err(error.into()),
            Err(DecodeError::Read(error)) => {
                let fault = FetchError::of(&error).cloned();
                let fault = fault.unwrap_or_else(|| FetchError::Transient { detail: error.to_string() });
                return Ok(Read::Unreadable(dropped(object, fault)?));
            }
        };
        let parts = self.encoder.end_object();
        Ok(match verdict {
            Verdict::Decoded(decoded) => {
                let digest = Some(digesting.digest(decoded.counts.inflated_bytes));
                Read::Receipt(Box::new(Receipt { digest, ..converted(object, &decoded.counts, parts) }))
            }
            Verdict::Aside { reason, .. } if given => Read::Bad(reason),
            Verdict::Aside { reason, .. } => Read::Receipt(Box::new(receipt(object, Outcome::Aside, Some(reason)))),
            Verdict::Skipped { reason } => Read::Receipt(Box::new(receipt(object, Outcome::Skipped, Some(reason)))),
        })
    }

    pub(super) fn stage(
        self,
        planned: &PlannedTask,
        receipts: Vec<Receipt>,
        attempt: Attempt,
    ) -> Result<Staged, ConvertError> {
        let (context, replaces) = (self.context, planned.replaces);
        let (files, rejects) = self.finish(planned.task, &attempt)?;
        let rows: u64 = files.iter().map(|(file, _)| file.rows).sum();
        let mut staged = Staged { receipts, replaces, ..context.nothing(planned.task, attempt) };
        if let Some(earlier) = &context.earlier {
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
    pub(super) fn finish(
        self,
        task: u64,
        attempt: &Attempt,
    ) -> Result<(StagedFiles, Option<StagedFile>), ConvertError> {
        let (plan, names) = (self.context.plan, &self.context.lake.names);
        let (written, _) = self.encoder.finish().map_err(encode_error)?;
        let rejects = self.rejects.finish()?.map(|(path, hash)| (names.rejects(plan, task, &hash), path));
        let record = |file: encode::DataFile| {
            let partition = file.partition.path();
            let path = names.data(file.table, &partition, plan, task, file.ordinal, &file.hash);
            let record = DataFile {
                path: if self.context.redoes() { Names::aside(&path) } else { path },
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
