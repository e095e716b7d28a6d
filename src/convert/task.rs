//! One attempt at one task: bytes of its objects in, staged files and receipts out. It touches no store and no ledger.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;

use super::carry::{Given, sum_of};
use super::{ConvertError, Stop, redone};
use crate::columns::{CellHashes, Chunk, Dictionaries};
use crate::commit::{Attempt, Scratch, Staged, StagedRejects};
use crate::decode::{self, Counts, DecodeError, Decoder, Reject, Sink, Verdict};
use crate::encode::{self, EncodeError, Origin, Staging, TaskEncoder, WRITER_EPOCH};
use crate::fetch::{Body, FetchError, Fetched};
use crate::lake::{
    DataFile, Day, Digesting, Dropped, Effect, Lake, Names, Outcome, PartSums, PlanMark, PlannedTask, Receipt,
    RejectRecord, Relative, Settings, Taken, Totals, same_content,
};
use crate::progress::Progress;
use crate::schema::Layout;
use crate::source::Object;

/// A task, and what earlier attempts learned about its objects.
pub(super) struct Work {
    pub task: PlannedTask,
    /// Objects found bad after rows of them had been encoded, with the reason. In a plan to redo, those that cannot be
    /// decoded as they were: what they gave stays.
    pub excluded: BTreeMap<String, String>,
}

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
    fn redoes(&self) -> bool {
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

/// By URL.
pub(super) type Earlier = Arc<BTreeMap<String, Before>>;

/// What an object gave, and to which writer.
pub(super) struct Before {
    pub receipt: Receipt,
    pub writer_epoch: Option<u32>,
}

/// How an attempt ended.
pub(super) enum Tried {
    Done(Box<Staged>),
    /// A task of a plan to redo.
    Redone(Box<redone::Redone>),
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
        true => redone::stage(session, &work.task, receipts, attempt),
        false => session.stage(&work.task, receipts, attempt),
    }
}

/// Only faults of the object itself let it leave the plan; a store that fails leaves the task open.
fn dropped(object: &Object, error: FetchError) -> Result<Dropped, ConvertError> {
    let reason = error.to_string();
    if matches!(error, FetchError::Transient { .. }) {
        return Err(ConvertError::Fetch { url: object.url.clone(), reason });
    }
    Ok(Dropped { day: Day(object.day), reason })
}

enum Read {
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
    fn new(context: &'a TaskContext, attempt: &Attempt) -> Result<Session<'a>, ConvertError> {
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

    fn object(&mut self, object: &Object, body: Body) -> Result<Read, ConvertError> {
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

    fn stage(self, planned: &PlannedTask, receipts: Vec<Receipt>, attempt: Attempt) -> Result<Tried, ConvertError> {
        let (context, replaces) = (self.context, planned.replaces);
        let (files, rejects) = self.finish(planned.task, &attempt)?;
        let rows: u64 = files.iter().map(|(file, _)| file.rows).sum();
        let mut staged = Staged { receipts, replaces, ..context.nothing(planned.task, attempt) };
        if let Some(earlier) = &context.earlier {
            let receipts = std::mem::take(&mut staged.receipts);
            staged.receipts = receipts.into_iter().map(|receipt| checked(receipt, earlier)).collect();
            staged.totals = totals_of(&staged.receipts);
            return Ok(Tried::Done(Box::new(staged)));
        }
        staged.totals = totals_of(&staged.receipts).with_files(files.iter().map(|(file, _)| file));
        assert_eq!(rows, staged.totals.rows, "rows of the data files are the rows of the receipts");
        Ok(Tried::Done(Box::new(Staged { files, rejects, ..staged })))
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

fn named(partition: &str) -> Relative {
    partition.parse().expect("a partition is made of words and numbers")
}

/// A disk that fails is no bug: its error is found among the causes.
pub(super) fn encode_error(error: EncodeError) -> ConvertError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(found) = cause {
        if let Some(io) = found.downcast_ref::<io::Error>() {
            return io
                .raw_os_error()
                .map_or_else(|| io::Error::new(io.kind(), io.to_string()), io::Error::from_raw_os_error)
                .into();
        }
        cause = found.source();
    }
    ConvertError::Encode(error.to_string())
}

fn receipt(object: &Object, outcome: Outcome, reason: Option<String>) -> Receipt {
    Receipt {
        url: object.url.clone(),
        version: object.version.clone(),
        size: object.size,
        day: Day(object.day),
        outcome,
        reason,
        lines: 0,
        headers: 0,
        blanks: 0,
        rows: 0,
        rejects: 0,
        inflated_bytes: 0,
        parts: Vec::new(),
        digest: None,
        first_version: None,
    }
}

/// The receipt of an object that was read to its end: each of its lines is accounted for, and each row has a partition.
fn converted(object: &Object, counts: &Counts, parts: Vec<encode::PartitionSums>) -> Receipt {
    let accounted = counts.headers + counts.blanks + counts.rows + counts.rejects;
    assert_eq!(counts.lines, accounted, "{}: every line is a header, blank, row or reject", object.url);
    let parts: Vec<PartSums> = parts
        .into_iter()
        .map(|sums| PartSums {
            table: sums.table,
            partition: named(&sums.partition.path()),
            rows: sums.rows,
            packets: sums.packets,
            bytes: sums.bytes,
            mix: sums.mix,
        })
        .collect();
    let placed: u64 = parts.iter().map(|part| part.rows).sum();
    assert_eq!(counts.rows, placed, "{}: every row went to a partition", object.url);
    Receipt {
        lines: counts.lines,
        headers: counts.headers,
        blanks: counts.blanks,
        rows: counts.rows,
        rejects: counts.rejects,
        inflated_bytes: counts.inflated_bytes,
        parts,
        ..receipt(object, Outcome::Converted, None)
    }
}

/// A later version of a converted object, held against what the object gave.
fn checked(found: Receipt, earlier: &BTreeMap<String, Before>) -> Receipt {
    let (outcome, reason) = match (found.outcome, earlier.get(&found.url)) {
        (Outcome::Converted, Some(earlier)) if found.gave_the_same(&earlier.receipt) => {
            let is_by_sums = same_content(&found, &earlier.receipt).is_none();
            (
                Outcome::Confirmed,
                is_by_sums.then(|| "by its sums: no digest tells whether the contents are equal".to_owned()),
            )
        }
        (Outcome::Converted, Some(earlier)) => (Outcome::Differs, Some(difference(&found, earlier))),
        (Outcome::Converted, None) => (Outcome::Differs, Some("there is no receipt to hold it against".to_owned())),
        _ => (Outcome::Differs, Some(found.reason.clone().unwrap_or_default())),
    };
    Receipt { outcome, reason, ..found }
}

fn difference(found: &Receipt, Before { receipt: earlier, writer_epoch }: &Before) -> String {
    let (rows, rejects) = (found.rows, found.rejects);
    let (rows_earlier, rejects_earlier) = (earlier.rows, earlier.rejects);
    let is_ours = writer_epoch.is_none_or(|epoch| epoch == WRITER_EPOCH);
    let why = match same_content(found, earlier) {
        Some(false) => "its content is another one: ",
        Some(true) if !is_ours => "the decoder changed since it was converted, and nothing else: ",
        None if !is_ours => "the decoder changed since it was converted, and perhaps nothing else: ",
        Some(true) | None => "",
    };
    format!(
        "{why}it would give {rows} rows and {rejects} rejects; it gave {rows_earlier} and {rejects_earlier}, and values \
         may differ where counts do not"
    )
}

pub(super) fn totals_of(receipts: &[Receipt]) -> Totals {
    let of = |outcome| receipts.iter().filter(|receipt| receipt.outcome == outcome).count() as u64;
    // Only a conversion puts rows into the lake.
    let converted = || receipts.iter().filter(|receipt| receipt.outcome == Outcome::Converted);
    Totals {
        objects: of(Outcome::Converted),
        objects_aside: of(Outcome::Aside),
        objects_skipped: of(Outcome::Skipped),
        rows: converted().map(|receipt| receipt.rows).sum(),
        rejects: converted().map(|receipt| receipt.rejects).sum(),
        objects_confirmed: of(Outcome::Confirmed),
        objects_differing: of(Outcome::Differs),
        objects_copies: of(Outcome::Copy),
        files: 0,
        file_bytes: 0,
    }
}

/// Where the encoder's files of one attempt go.
pub(super) struct ScratchFiles {
    folder: PathBuf,
}

impl Staging for ScratchFiles {
    type File = BufWriter<File>;
    type Spill = File;

    fn create(&mut self, ordinal: usize) -> io::Result<BufWriter<File>> {
        File::create_new(Attempt::data_path(&self.folder, ordinal)).map(BufWriter::new)
    }

    fn spill(&mut self, ordinal: usize) -> io::Result<File> {
        let path = Attempt::spill_path(&self.folder, ordinal);
        OpenOptions::new().create_new(true).read(true).write(true).open(path)
    }
}

/// Hands what the decoder gives to the encoder and to the rejects.
struct TaskSink<'a> {
    origin: &'a Origin,
    /// In a plan to redo: what the object gives is added up.
    summing: Option<(&'a mut Given, &'a mut CellHashes)>,
    encoder: &'a mut TaskEncoder<ScratchFiles>,
    rejects: &'a mut StagedRejects,
    progress: &'a Progress,
    /// Whether anything of this object was handed on.
    given: bool,
    /// The encoder's own error, which an `io::Error` would blur.
    failed: Option<EncodeError>,
}

impl TaskSink<'_> {
    fn hold(&mut self, result: Result<(), EncodeError>) -> io::Result<()> {
        result.map_err(|error| {
            let told = io::Error::other(error.to_string());
            self.failed = Some(error);
            told
        })
    }
}

impl Sink for TaskSink<'_> {
    fn rows(&mut self, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
        self.given = true;
        self.progress.records(chunk.rows() as u64);
        if let Some((given, hashes)) = &mut self.summing {
            given.cells += hashes.sum(&self.origin.texts(), chunk, dictionaries);
        }
        let pushed = self.encoder.push(chunk, dictionaries);
        self.hold(pushed)
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        self.given = true;
        let Reject { line, offset, field, value, reason, text } = reject;
        let record = RejectRecord { object: self.origin.url.clone(), line, offset, field, value, reason, text };
        if let Some((given, _)) = &mut self.summing {
            given.rejects = given.rejects.wrapping_add(sum_of(&record));
        }
        self.rejects.add(&record)
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        let cleared = self.encoder.dictionaries_cleared();
        self.hold(cleared)
    }
}
