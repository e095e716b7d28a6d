//! Where the rows and lines of one attempt at a task go: files on scratch.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::TaskError;
use super::given::Given;
use crate::columns::{CellHashes, Chunk, Dictionaries};
use crate::commit::{Attempt, StagedRejects};
use crate::decode::{Reject, Sink};
use crate::encode::{EncodeError, Origin, Staging, TaskEncoder};
use crate::lake::RejectRecord;
use crate::progress::Progress;

/// A disk that fails is no bug: its error is found among the causes, and is one of the folder `scratch`.
pub(super) fn encode_error(error: EncodeError, scratch: &Path) -> TaskError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(found) = cause {
        if let Some(io) = found.downcast_ref::<io::Error>() {
            let plain = io
                .raw_os_error()
                .map_or_else(|| io::Error::new(io.kind(), io.to_string()), io::Error::from_raw_os_error);
            return TaskError::of_scratch(scratch)(plain);
        }
        cause = found.source();
    }
    TaskError::Encode(error.to_string())
}

/// Where the encoder's files of one attempt go.
pub(super) struct ScratchFiles {
    pub folder: PathBuf,
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
pub(super) struct TaskSink<'a> {
    pub origin: &'a Origin,
    /// In a plan to redo: what the object gives is added up.
    pub summing: Option<(&'a mut Given, &'a mut CellHashes)>,
    pub encoder: &'a mut TaskEncoder<ScratchFiles>,
    pub rejects: &'a mut StagedRejects,
    pub progress: &'a Progress,
    /// Whether anything of this object was handed on.
    pub given: bool,
    /// The encoder's own error, which an `io::Error` would blur.
    pub failed: Option<EncodeError>,
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
            given.cells += hashes.sum(&self.origin.texts(), &self.encoder.kept(chunk), dictionaries);
        }
        let pushed = self.encoder.push(chunk, dictionaries);
        self.hold(pushed)
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        self.given = true;
        let Reject { line, offset, field, value, reason, text } = reject;
        let record = RejectRecord { object: self.origin.url.clone(), line, offset, field, value, reason, text };
        if let Some((given, _)) = &mut self.summing {
            given.add_reject(&record);
        }
        self.rejects.add(&record)
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        let cleared = self.encoder.dictionaries_cleared();
        self.hold(cleared)
    }
}
