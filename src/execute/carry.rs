//! What a task that takes files out of the lake carries over into its own: the rows and the set-aside lines of all
//! objects but those that it decodes again, unchanged.
//!
//! ```text
//! inputs ─┬▶ of objects that are decoded again ─▶ sums: did anything change?
//!         └▶ of all others ─▶ encoder ─▶ staged files ─▶ read back: are all cells there?
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::path::Path;

use super::given::Given;
use super::left::Left;
use super::session::{StagedFile, StagedFiles};
use super::staging::ScratchFiles;
use super::{TaskError, Worker};
use crate::columns::{CellHashes, Chunk, Dictionaries};
use crate::commit::StagedRejects;
use crate::encode::{EncodeError, Origin, PartitionSums, TaskEncoder};
use crate::lake::{DataFile, Inputs, LineReader, Names, OpenError, RejectRecord, Relative};
use crate::readback::{self, ReadBack, ReadBackError};
use crate::schema::Partition;

/// What a task takes out of the lake, opened one after the other: there may be more files than may be open at once.
pub(super) struct Taking<'a> {
    pub worker: &'a Worker,
    pub inputs: &'a Inputs,
    /// A folder for files of stores that are not disks.
    pub scratch: &'a Path,
    /// Whether all objects of the task are decoded again, but for those that are gone at their source, so that a file
    /// which holds nothing else may be passed over if it is damaged.
    pub is_all: bool,
    /// URLs of objects that are gone: what is carried over of each is summed up.
    pub gone: &'a BTreeSet<String>,
    /// Whether the files are what the task works on, of which a person is told.
    pub is_told: bool,
}

/// What came of the inputs.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// What the objects that are decoded again had given.
    pub before: BTreeMap<String, Given>,
    /// The cells of all others, and the sum of their set-aside lines.
    pub others: Given,
    /// Whether a file is not as the ledger says, and was passed over.
    pub is_damaged: bool,
    /// What of objects that are gone was carried over, by URL.
    pub left: BTreeMap<String, Left>,
}

/// Why inputs could not be carried over. The encoder may have some of them.
pub(super) enum Broken {
    /// They are not what a writer of flowlake makes.
    Input(String),
    Encode(EncodeError),
    Failed(TaskError),
    /// The worker was told to end.
    Stopped,
}

impl Taking<'_> {
    /// A file, or how it is not as the ledger says.
    fn open(&self, name: &Relative, bytes: Option<u64>, hash: &str) -> Result<File, Broken> {
        let lake = &self.worker.writer.lake;
        let opened = self.worker.runtime.block_on(lake.open_as_said(name, bytes, Some(hash), self.scratch));
        opened.map_err(|error| match error {
            OpenError::Unlike(unlike) => {
                Broken::Input(format!("{}: {unlike}", lake.names.url(&lake.names.inside(name))))
            }
            OpenError::Lake(error) => Broken::Failed(error.into()),
            OpenError::Scratch(error) => Broken::Failed(TaskError::of_scratch(self.scratch)(error)),
        })
    }

    /// Which data files are not as the ledger says, and how; `None` if the worker was told to end.
    pub fn damaged(&self) -> Result<Option<BTreeMap<Relative, String>>, TaskError> {
        let mut damaged = BTreeMap::new();
        for file in &self.inputs.files {
            if self.worker.stop.is_now() {
                return Ok(None);
            }
            match self.open(&file.path, Some(file.bytes), &file.hash) {
                Err(Broken::Input(reason)) => drop(damaged.insert(file.path.clone(), reason)),
                Err(Broken::Failed(error)) => return Err(error),
                Ok(_) | Err(Broken::Encode(_) | Broken::Stopped) => {}
            }
        }
        Ok(Some(damaged))
    }

    /// Whether everything in an input comes again from the objects that are decoded.
    fn is_own(&self, name: &Relative) -> bool {
        self.is_all && (self.inputs.others == 0 || self.inputs.whole.contains(name))
    }

    /// Hands every row and line of the inputs to the encoder and the rejects, but those of objects that are decoded
    /// again.
    pub fn carry_over(
        &self,
        is_redone: &dyn Fn(&str) -> bool,
        encoder: &mut TaskEncoder<ScratchFiles>,
        rejects: &mut StagedRejects,
    ) -> Result<Carried, Broken> {
        // Ids of texts are those of other dictionaries from here on.
        encoder.dictionaries_cleared().map_err(Broken::Encode)?;
        let mut sink = Sink { encoder: Some(encoder), gone: self.gone, ..Sink::of(is_redone) };
        let mut reading = ReadBack::default();
        for file in &self.inputs.files {
            if self.worker.stop.is_now() {
                return Err(Broken::Stopped);
            }
            match self.open(&file.path, Some(file.bytes), &file.hash) {
                Ok(opened) => sink.file(&mut reading, file, opened, self.scratch)?,
                Err(Broken::Input(_)) if self.is_own(&file.path) => sink.carried.is_damaged = true,
                Err(other) => return Err(other),
            }
            if self.is_told {
                self.worker.progress.records(file.rows);
                self.worker.progress.object(file.bytes);
            }
        }
        let mut carried = sink.carried;
        for name in &self.inputs.rejects {
            match self.open(name, None, Names::hash_of(name).unwrap_or_default()) {
                Ok(opened) => self
                    .carry_rejects(opened, is_redone, &mut carried, rejects)
                    .map_err(|reason| Broken::Input(format!("{name}: {reason}")))?,
                Err(Broken::Input(_)) if self.is_own(name) => carried.is_damaged = true,
                Err(other) => return Err(other),
            }
        }
        Ok(carried)
    }

    fn carry_rejects(
        &self,
        file: File,
        is_redone: &dyn Fn(&str) -> bool,
        carried: &mut Carried,
        rejects: &mut StagedRejects,
    ) -> Result<(), String> {
        each_reject(file, |record| {
            if is_redone(&record.object) {
                carried.before.entry(record.object.clone()).or_default().add_reject(record);
                return Ok(());
            }
            if self.gone.contains(&record.object) {
                carried.left.entry(record.object.clone()).or_default().rejects += 1;
            }
            carried.others.add_reject(record);
            rejects.add(record)
        })
    }
}

fn broken(name: &Relative, error: ReadBackError, scratch: &Path) -> Broken {
    match error {
        ReadBackError::Sink(error) => Broken::Failed(TaskError::of_scratch(scratch)(error)),
        other => Broken::Input(format!("{name}: {other}")),
    }
}

fn each_reject(mut file: File, mut each: impl FnMut(&RejectRecord) -> io::Result<()>) -> Result<(), String> {
    let told = |error: io::Error| error.to_string();
    file.rewind().map_err(told)?;
    let bytes = file.metadata().map_err(told)?.len();
    let mut lines = LineReader::new(BufReader::new(file), bytes)?;
    while let Some(line) = lines.next_line()? {
        let record: RejectRecord = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        each(&record).map_err(told)?;
    }
    Ok(())
}

/// Proves that files that were staged, as others read them, hold what they are to hold.
pub(super) fn prove(
    files: &StagedFiles,
    rejects: Option<&StagedFile>,
    expected: Given,
    scratch: &Path,
) -> Result<(), TaskError> {
    let staged = files.iter().map(|(_, path)| path.as_path());
    let found = read_back(staged, rejects.map(|(_, path)| path.as_path()), scratch)?;
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (found.cells.rows(), expected.cells.rows());
    Err(TaskError::Encode(format!(
        "files of {found} rows were made of {expected} rows, and their cells or the lines that were set aside differ"
    )))
}

/// What is in files that were staged.
fn read_back<'a>(
    files: impl Iterator<Item = &'a Path>,
    rejects: Option<&Path>,
    scratch: &Path,
) -> Result<Given, TaskError> {
    let failed = TaskError::of_scratch(scratch);
    let unlike = |reason: String| TaskError::Encode(reason);
    let mut sink = Sink::of(&|_| false);
    let mut reading = ReadBack::default();
    for path in files {
        reading.file(File::open(path).map_err(failed)?, &mut sink).map_err(|error| unlike(error.to_string()))?;
    }
    let mut found = sink.carried.others;
    if let Some(path) = rejects {
        let add = |record: &RejectRecord| {
            found.add_reject(record);
            Ok(())
        };
        each_reject(File::open(path).map_err(failed)?, add).map_err(unlike)?;
    }
    Ok(found)
}

/// No object is gone.
pub(super) static NONE: BTreeSet<String> = BTreeSet::new();

/// Takes rows as they are read: adds up their cells, and hands on those that are carried over.
struct Sink<'a> {
    is_redone: &'a dyn Fn(&str) -> bool,
    encoder: Option<&'a mut TaskEncoder<ScratchFiles>>,
    gone: &'a BTreeSet<String>,
    /// That of the file.
    partition: Option<Partition>,
    /// The object whose rows the encoder takes.
    origin: Option<Origin>,
    hashes: CellHashes,
    carried: Carried,
    /// The encoder's own error, which an `io::Error` would blur.
    failed: Option<EncodeError>,
}

impl<'a> Sink<'a> {
    /// One that adds up and hands nothing on.
    fn of(is_redone: &'a dyn Fn(&str) -> bool) -> Sink<'a> {
        Sink {
            is_redone,
            encoder: None,
            gone: &NONE,
            partition: None,
            origin: None,
            hashes: CellHashes::default(),
            carried: Carried::default(),
            failed: None,
        }
    }

    fn file(&mut self, reading: &mut ReadBack, file: &DataFile, opened: File, scratch: &Path) -> Result<(), Broken> {
        let partition = file.partition.parse::<Partition>();
        self.partition = Some(partition.map_err(|error| Broken::Input(format!("{}: {error}", file.path)))?);
        let read = reading.file(opened, self);
        if let Some(error) = self.failed.take() {
            return Err(Broken::Encode(error));
        }
        match read.map_err(|error| broken(&file.path, error, scratch))? {
            rows if rows == file.rows => Ok(()),
            rows => Err(Broken::Input(format!("{}: it has {rows} rows, not {}", file.path, file.rows))),
        }
    }

    fn hand_on(&mut self, origin: &Origin, chunk: &Chunk, dictionaries: &Dictionaries) -> Result<(), EncodeError> {
        let (Some(encoder), Some(partition)) = (&mut self.encoder, self.partition) else { return Ok(()) };
        if self.origin.as_ref() != Some(origin) {
            encoder.begin_object(origin);
            self.origin = Some(origin.clone());
        }
        encoder.push_into(chunk, dictionaries, partition)
    }

    /// What the encoder was handed since the last time, in each partition.
    fn take_sums(&mut self) -> Vec<PartitionSums> {
        self.encoder.as_mut().map(|encoder| encoder.end_object()).unwrap_or_default()
    }

    fn hold(&mut self, result: Result<(), EncodeError>) -> io::Result<()> {
        result.map_err(|error| {
            let told = io::Error::other(error.to_string());
            self.failed = Some(error);
            told
        })
    }
}

impl readback::Sink for Sink<'_> {
    fn rows(&mut self, origin: &Origin, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
        let cells = self.hashes.sum(&origin.texts(), chunk, dictionaries);
        if (self.is_redone)(&origin.url) {
            self.carried.before.entry(origin.url.clone()).or_default().cells += cells;
            return Ok(());
        }
        self.carried.others.cells += cells;
        let is_gone = self.gone.contains(&origin.url);
        if is_gone {
            self.take_sums();
        }
        let handed = self.hand_on(origin, chunk, dictionaries);
        if is_gone {
            let sums = self.take_sums();
            self.carried.left.entry(origin.url.clone()).or_default().add(sums);
        }
        self.hold(handed)
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        let cleared = self.encoder.as_mut().map_or(Ok(()), |encoder| encoder.dictionaries_cleared());
        self.hold(cleared)
    }
}
