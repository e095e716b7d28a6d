//! One attempt at one task: bytes of its objects in, staged files and receipts out. It touches no store and no ledger.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::sync::Arc;

use super::{ConvertError, Stop};
use crate::columns::{Chunk, Dictionaries};
use crate::commit::{Attempt, Scratch, Staged, StagedRejects};
use crate::decode::{self, Counts, DecodeError, Decoder, Reject, Sink, Verdict};
use crate::encode::{self, EncodeError, Origin, Staging, TaskEncoder, WRITER_EPOCH};
use crate::fetch::{Body, FetchError, Fetched};
use crate::lake::{
    DataFile, Day, Digesting, Dropped, Names, Outcome, PartSums, PlanMark, PlannedTask, Receipt, Relative, Settings,
    Totals, same_content,
};
use crate::progress::Progress;
use crate::schema::Layout;
use crate::source::Object;

/// A task, and what earlier attempts learned about its objects.
pub(super) struct Work {
    pub task: PlannedTask,
    /// Objects found bad after rows of them had been encoded, with the reason.
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
    pub names: Names,
    pub scratch: Arc<Scratch>,
    pub progress: Progress,
    pub stop: Stop,
    /// In a plan to check: what its objects gave when they were converted, by URL.
    pub earlier: Option<Earlier>,
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
    session.stage(&work.task, receipts, attempt)
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
struct Session<'a> {
    context: &'a TaskContext,
    decoder: Decoder,
    encoder: TaskEncoder<ScratchFiles>,
    rejects: StagedRejects,
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
        Ok(Session { context, decoder, encoder, rejects: attempt.rejects() })
    }

    fn object(&mut self, object: &Object, body: Body) -> Result<Read, ConvertError> {
        self.encoder.begin_object(&Origin {
            url: object.url.clone(),
            account: object.account.clone(),
            region: object.region.clone(),
            log_id: object.log_id.clone(),
            day: object.day,
            hour: object.hour,
        });
        let mut sink = TaskSink {
            object: &object.url,
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
        let (plan, task, replaces) = (self.context.plan, planned.task, planned.replaces);
        let names = &self.context.names;
        let (written, _) = self.encoder.finish().map_err(encode_error)?;
        let rejects = self.rejects.finish()?.map(|(path, hash)| (names.rejects(plan, task, &hash), path));
        let mut totals = totals_of(&receipts);
        let mut files = Vec::new();
        for file in written {
            let partition = file.partition.path();
            totals.files += 1;
            totals.file_bytes += file.bytes;
            let record = DataFile {
                path: names.data(file.table, &partition, plan, task, file.ordinal, &file.hash),
                table: file.table,
                partition: named(&partition),
                rows: file.rows,
                bytes: file.bytes,
                hash: file.hash,
                columns: file.columns.into_iter().map(|column| (column.name, column.kind)).collect(),
                start_min: file.start_min,
                start_max: file.start_max,
            };
            files.push((record, attempt.data_file(file.ordinal)));
        }
        let rows: u64 = files.iter().map(|(file, _)| file.rows).sum();
        assert_eq!(rows, totals.rows, "rows of the data files are the rows of the receipts");
        let (writer_epoch, mark) = (WRITER_EPOCH, self.context.mark.clone());
        let done = |staged| Tried::Done(Box::new(staged));
        if let Some(earlier) = &self.context.earlier {
            let receipts: Vec<Receipt> = receipts.into_iter().map(|receipt| checked(receipt, earlier)).collect();
            let totals = totals_of(&receipts);
            let files = Vec::new();
            return Ok(done(Staged {
                plan,
                task,
                writer_epoch,
                mark,
                files,
                rejects: None,
                receipts,
                totals,
                replaces,
                attempt,
            }));
        }
        Ok(done(Staged { plan, task, writer_epoch, mark, files, rejects, receipts, totals, replaces, attempt }))
    }
}

fn named(partition: &str) -> Relative {
    partition.parse().expect("a partition is made of words and numbers")
}

/// A disk that fails is no bug: its error is found among the causes.
fn encode_error(error: EncodeError) -> ConvertError {
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
struct ScratchFiles {
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
    object: &'a str,
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
        let pushed = self.encoder.push(chunk, dictionaries);
        self.hold(pushed)
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        self.given = true;
        self.rejects.add(self.object, reject)
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        let cleared = self.encoder.dictionaries_cleared();
        self.hold(cleared)
    }
}
