//! Files of the lake, opened for reading if they are what a record says.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::{GetResultPayload, ObjectStoreExt};
use tokio::runtime::Handle;

use super::AuditError;
use super::difference::{Difference, Kind};
use super::notes::LiveFile;
use crate::lake::{Commit, Lake, Relative, State, Superseded};
use crate::progress::Progress;

/// Downloads of one file: a connection that breaks in the middle is no difference.
const ATTEMPTS_MAX: u32 = 3;

/// What tasks and partitions share.
#[derive(Clone)]
pub struct Context {
    pub lake: Lake,
    /// For files of lakes that are not on disk.
    pub scratch: PathBuf,
    /// Bits of lines that are held at a time, a thread.
    pub bits_max: u64,
    /// Bytes of what receipts say of a partition, a thread.
    pub part_bytes_max: u64,
    pub progress: Progress,
    /// Tasks whose files are gone, or on their way out.
    pub superseded: Arc<Superseded>,
}

/// Opens data files one by one, as they are read: a partition may have more than a process may hold open.
/// It waits, and must be asked outside of the runtime's own threads.
pub struct Opening {
    pub context: Context,
    pub runtime: Handle,
}

impl Opening {
    /// A live file, if it is what its record says. Its hash is looked at the first time.
    pub fn file(&self, live: &LiveFile, is_first: bool) -> Result<Result<File, Difference>, AuditError> {
        let (name, record) = (live.path(), &live.record);
        let hash = is_first.then_some(record.hash.as_str());
        let expected = Expected { name: &name, bytes: Some(record.bytes), hash };
        let opened = self.runtime.block_on(self.context.open(&expected))?;
        if is_first {
            self.context.progress.object(record.bytes);
        }
        Ok(opened)
    }

    /// Those of some live files that may be gone since the verification began.
    pub fn replaced_by_now<'a>(&self, files: &[&'a LiveFile]) -> Result<Vec<&'a LiveFile>, AuditError> {
        self.runtime.block_on(async {
            let state = State::load(&self.context.lake).await?;
            let superseded = state.superseded(&self.context.lake).await?;
            let was_sealed = |file: &LiveFile| file.waits && !state.is_open(file.task.plan);
            let is_replaced = |file: &&LiveFile| was_sealed(file) || superseded.tasks.contains(&file.task);
            Ok(files.iter().copied().filter(is_replaced).collect())
        })
    }
}

/// What a record says of a file's bytes. The hash may be cut short; without one it is not looked at.
struct Expected<'a> {
    name: &'a Relative,
    bytes: Option<u64>,
    hash: Option<&'a str>,
}

impl Context {
    /// The rejects of a commit, if it has any: their name tells their hash.
    pub async fn rejects(&self, commit: &Commit) -> Result<Result<Option<File>, Difference>, AuditError> {
        let Some(name) = &commit.head.rejects else { return Ok(Ok(None)) };
        let hash = name.rsplit('-').next().and_then(|rest| rest.split('.').next()).unwrap_or_default();
        let opened = self.open(&Expected { name, bytes: None, hash: Some(hash) }).await?;
        Ok(opened.map(Some).map_err(|difference| match difference.kind {
            Kind::FileMissing => Difference { kind: Kind::RecordMissing, ..difference },
            _ => Difference { kind: Kind::RecordDiffers, ..difference },
        }))
    }

    /// The file, if it is what the record says.
    async fn open(&self, expected: &Expected<'_>) -> Result<Result<File, Difference>, AuditError> {
        let mut attempts = 0;
        let opened = loop {
            attempts += 1;
            match self.get(expected.name).await {
                Ok(opened) => break opened,
                Err(error @ AuditError::Scratch { .. }) => return Err(error),
                Err(error) if attempts == ATTEMPTS_MAX => return Err(error),
                Err(_) => {}
            }
        };
        let told = |kind, wanted: String, found: String| Difference::of_file(kind, expected.name, wanted, found);
        let Some(mut file) = opened else {
            let size = expected.bytes.map_or_else(|| "a file".to_owned(), |bytes| format!("{bytes} bytes"));
            return Ok(Err(told(Kind::FileMissing, size, "nothing".to_owned())));
        };
        let fail = |source| AuditError::Scratch { path: self.scratch.clone(), source };
        let length = file.metadata().map_err(fail)?.len();
        if let Some(bytes) = expected.bytes.filter(|&bytes| bytes != length) {
            return Ok(Err(told(Kind::FileSize, format!("{bytes} bytes"), format!("{length} bytes"))));
        }
        let Some(expected_hash) = expected.hash else { return Ok(Ok(file)) };
        let hashing = tokio::task::spawn_blocking(move || {
            file.rewind()?;
            let hash = blake3::Hasher::new().update_reader(&file)?.finalize();
            file.rewind().map(|()| (file, hash))
        });
        let (file, hash) = hashing.await.expect("hashing does not panic").map_err(fail)?;
        let hash = hash.to_hex().to_string();
        if expected_hash.is_empty() || !hash.starts_with(expected_hash) {
            return Ok(Err(told(Kind::FileHash, format!("BLAKE3 {expected_hash}"), format!("BLAKE3 {hash}"))));
        }
        Ok(Ok(file))
    }

    /// A file of the lake as a file on disk, copied to scratch where it is not one.
    async fn get(&self, name: &Relative) -> Result<Option<File>, AuditError> {
        let path = self.lake.names.inside(name);
        let fail = |error: object_store::Error| AuditError::Source(self.lake.names.store_error(&path, &error));
        let got = match self.lake.store.get(&path).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        let mut stream = match got.payload {
            GetResultPayload::File(file, _) => return Ok(Some(file)),
            GetResultPayload::Stream(stream) => stream,
        };
        let scratch = |source| AuditError::Scratch { path: self.scratch.clone(), source };
        let mut file = tempfile::tempfile_in(&self.scratch).map_err(scratch)?;
        while let Some(bytes) = stream.try_next().await.map_err(fail)? {
            file.write_all(&bytes).map_err(scratch)?;
        }
        Ok(Some(file))
    }
}
