//! What a task that takes files out of the lake carries over into its own: the rows and the set-aside lines of all
//! objects but those that it decodes again, unchanged.
//!
//! ```text
//! inputs ─┬▶ of objects that are decoded again ─▶ sums: did anything change?
//!         └▶ of all others ─▶ encoder ─▶ staged files ─▶ read back: are all cells there?
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::path::Path;

use super::ConvertError;
use super::given::{Given, sum_of};
use super::staging::ScratchFiles;
use crate::columns::{CellHashes, Cells, Chunk, Dictionaries};
use crate::commit::StagedRejects;
use crate::encode::{EncodeError, Origin, Partition, TaskEncoder};
use crate::lake::{DataFile, Inputs, Lake, LineReader, Names, OpenError, RejectRecord, Relative};
use crate::readback::{self, ReadBack, ReadBackError};

/// The inputs of a task, opened.
#[derive(Debug, Default)]
pub(super) struct Held {
    files: Vec<(DataFile, File)>,
    rejects: Vec<(Relative, File)>,
    /// What is not as the ledger says: nothing of it can be carried over.
    pub damaged: Vec<String>,
}

/// Opens what a task takes out of the lake.
pub(super) async fn hold(lake: &Lake, inputs: &Inputs, scratch: &Path) -> Result<Held, ConvertError> {
    let mut held = Held::default();
    let url = |name: &Relative| lake.names.url(&lake.names.inside(name));
    for file in &inputs.files {
        match lake.open_as_said(&file.path, Some(file.bytes), Some(&file.hash), scratch).await.map_err(opening)? {
            Ok(opened) => held.files.push((file.clone(), opened)),
            Err(unlike) => held.damaged.push(format!("{}: {unlike}", url(&file.path))),
        }
    }
    for name in &inputs.rejects {
        let hash = Names::hash_of(name).unwrap_or_default();
        match lake.open_as_said(name, None, Some(hash), scratch).await.map_err(opening)? {
            Ok(opened) => held.rejects.push((name.clone(), opened)),
            Err(unlike) => held.damaged.push(format!("{}: {unlike}", url(name))),
        }
    }
    Ok(held)
}

fn opening(error: OpenError) -> ConvertError {
    match error {
        OpenError::Lake(error) => error.into(),
        OpenError::Scratch(error) => error.into(),
    }
}

/// What came of the inputs.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// What the objects that are decoded again had given.
    pub before: BTreeMap<String, Given>,
    /// The cells of all others.
    pub cells: Cells,
}

/// Why inputs could not be carried over. The encoder may have some of them.
pub(super) enum Broken {
    /// They are not what a writer of flowlake makes.
    Input(String),
    Encode(EncodeError),
    Io(io::Error),
}

/// Hands every row and line of the inputs to the encoder and the rejects, but those of objects that are decoded again.
pub(super) fn over(
    held: Held,
    is_redone: &dyn Fn(&str) -> bool,
    encoder: &mut TaskEncoder<ScratchFiles>,
    rejects: &mut StagedRejects,
) -> Result<Carried, Broken> {
    // Ids of texts are those of other dictionaries from here on.
    encoder.dictionaries_cleared().map_err(Broken::Encode)?;
    let mut sink = Sink {
        is_redone,
        encoder: Some(encoder),
        partition: None,
        origin: None,
        hashes: CellHashes::default(),
        carried: Carried::default(),
        failed: None,
    };
    let mut reading = ReadBack::default();
    for (file, opened) in held.files {
        let partition = file.partition.parse::<Partition>();
        sink.partition = Some(partition.map_err(|error| Broken::Input(format!("{}: {error}", file.path)))?);
        let read = reading.file(opened, |_| true, &mut sink);
        if let Some(error) = sink.failed.take() {
            return Err(Broken::Encode(error));
        }
        let rows = read.map_err(|error| broken(&file.path, error))?;
        if rows != file.rows {
            return Err(Broken::Input(format!("{}: it has {rows} rows, not {}", file.path, file.rows)));
        }
    }
    let mut carried = sink.carried;
    for (name, opened) in held.rejects {
        carry_rejects(opened, is_redone, &mut carried.before, rejects)
            .map_err(|reason| Broken::Input(format!("{name}: {reason}")))?;
    }
    Ok(carried)
}

fn broken(name: &Relative, error: ReadBackError) -> Broken {
    match error {
        ReadBackError::Sink(error) => Broken::Io(error),
        other => Broken::Input(format!("{name}: {other}")),
    }
}

fn carry_rejects(
    mut file: File,
    is_redone: &dyn Fn(&str) -> bool,
    before: &mut BTreeMap<String, Given>,
    rejects: &mut StagedRejects,
) -> Result<(), String> {
    let told = |error: io::Error| error.to_string();
    file.rewind().map_err(told)?;
    let bytes = file.metadata().map_err(told)?.len();
    let mut lines = LineReader::new(BufReader::new(file), bytes)?;
    while let Some(line) = lines.next_line()? {
        let record: RejectRecord = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if is_redone(&record.object) {
            let given = before.entry(record.object.clone()).or_default();
            given.rejects = given.rejects.wrapping_add(sum_of(&record));
        } else {
            rejects.add(&record).map_err(told)?;
        }
    }
    Ok(())
}

/// The cells of files that were staged, as they are read by others.
pub(super) fn read_back(files: impl Iterator<Item = File>) -> Result<Cells, ReadBackError> {
    let all = |_: &str| false;
    let mut sink = Sink {
        is_redone: &all,
        encoder: None,
        partition: None,
        origin: None,
        hashes: CellHashes::default(),
        carried: Carried::default(),
        failed: None,
    };
    let mut reading = ReadBack::default();
    for file in files {
        reading.file(file, |_| true, &mut sink)?;
    }
    Ok(sink.carried.cells)
}

/// Takes rows as they are read: adds up their cells, and hands on those that are carried over.
struct Sink<'a> {
    is_redone: &'a dyn Fn(&str) -> bool,
    encoder: Option<&'a mut TaskEncoder<ScratchFiles>>,
    /// That of the file.
    partition: Option<Partition>,
    /// The object whose rows the encoder takes.
    origin: Option<Origin>,
    hashes: CellHashes,
    carried: Carried,
    /// The encoder's own error, which an `io::Error` would blur.
    failed: Option<EncodeError>,
}

impl Sink<'_> {
    fn hand_on(&mut self, origin: &Origin, chunk: &Chunk, dictionaries: &Dictionaries) -> Result<(), EncodeError> {
        let (Some(encoder), Some(partition)) = (&mut self.encoder, self.partition) else { return Ok(()) };
        if self.origin.as_ref() != Some(origin) {
            encoder.begin_object(origin);
            self.origin = Some(origin.clone());
        }
        encoder.push_into(chunk, dictionaries, partition)
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
        self.carried.cells += cells;
        let handed = self.hand_on(origin, chunk, dictionaries);
        self.hold(handed)
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        let cleared = self.encoder.as_mut().map_or(Ok(()), |encoder| encoder.dictionaries_cleared());
        self.hold(cleared)
    }
}
