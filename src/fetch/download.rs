//! The bytes of one object, of exactly the version that was planned: in one piece, or in pieces behind a reader.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::{GetOptions, GetRange, ObjectStoreExt};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::budget::Permit;
use super::error::FetchError;
use crate::source::{Object, Retries, Store, StoreKind, UNTAGGED, local_path_of, local_version_of, store_path_of};

/// Bytes of one request of a large object; a reader holds at most two pieces.
pub(super) const PIECE_BYTES: u64 = 8 << 20;

/// An object and the store that has it.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) store: Arc<Store>,
    pub(super) object: Object,
}

impl Wanted {
    /// All bytes at once.
    pub(super) async fn whole(self) -> Result<Bytes, FetchError> {
        if self.store.kind == StoreKind::S3 {
            return self.get(0..self.object.size).await;
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut file = LocalStream::open(&self.object)?;
            let mut bytes = Vec::with_capacity(self.object.size as usize);
            match file.read_to_end(&mut bytes) {
                Ok(_) => Ok(Bytes::from(bytes)),
                Err(error) => Err(FetchError::of(&error).cloned().unwrap_or_else(|| FetchError::from_io(&error))),
            }
        });
        read.await.unwrap_or_else(|error| Err(FetchError::Transient { detail: error.to_string() }))
    }

    /// A range of bytes.
    async fn get(&self, range: Range<u64>) -> Result<Bytes, FetchError> {
        let mut trying = Retries::READ.begin();
        loop {
            let done = self.get_once(range.clone()).await;
            let Err(FetchError::Transient { detail }) = &done else { return done };
            tracing::debug!(detail, "not given");
            if !trying.again().await {
                return done;
            }
        }
    }

    /// One request; the whole range asks for no range, so that a server need not know them.
    async fn get_once(&self, range: Range<u64>) -> Result<Bytes, FetchError> {
        let length = range.end - range.start;
        let tagged = !self.object.version.starts_with(UNTAGGED);
        let options = GetOptions {
            if_match: tagged.then(|| self.object.version.clone()),
            range: (length < self.object.size).then_some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let path = store_path_of(&self.object.key);
        let got = match self.store.store.get_opts(&path, options).await {
            Ok(got) => got.bytes().await,
            Err(error) => Err(error),
        };
        match got {
            Ok(bytes) if bytes.len() as u64 == length => Ok(bytes),
            Ok(bytes) => Err(FetchError::Changed { found: format!("of {} bytes", bytes.len()) }),
            Err(error) => match FetchError::from_store(&error) {
                FetchError::Changed { .. } => Err(self.changed().await),
                other => Err(other),
            },
        }
    }

    async fn changed(&self) -> FetchError {
        match self.store.store.head(&store_path_of(&self.object.key)).await {
            Ok(meta) => FetchError::Changed { found: meta.e_tag.unwrap_or_default().trim_matches('"').to_owned() },
            Err(error) => FetchError::from_store(&error),
        }
    }

    /// A reader for a CPU thread; the permit is held as long as it lives.
    pub(super) fn stream(self, runtime: &Handle, permit: Permit) -> Result<Box<dyn Read + Send>, FetchError> {
        if self.store.kind == StoreKind::Local {
            return Ok(Box::new(LocalStream::open(&self.object)?));
        }
        let mut pieces = Pieces {
            runtime: runtime.clone(),
            wanted: self,
            asked: 0,
            coming: None,
            current: Bytes::new(),
            _permit: permit,
        };
        pieces.ask();
        Ok(Box::new(pieces))
    }
}

/// A large object, a piece being decoded while the next one comes. No connection stays open while nobody reads.
struct Pieces {
    runtime: Handle,
    wanted: Wanted,
    /// Bytes asked for so far.
    asked: u64,
    coming: Option<JoinHandle<Result<Bytes, FetchError>>>,
    current: Bytes,
    _permit: Permit,
}

impl Pieces {
    fn ask(&mut self) {
        let end = self.wanted.object.size.min(self.asked + PIECE_BYTES);
        if end == self.asked {
            return;
        }
        let (wanted, range) = (self.wanted.clone(), self.asked..end);
        self.asked = end;
        let piece = async move {
            let piece = wanted.get(range.clone()).await?;
            tracing::debug!(from = range.start, bytes = piece.len(), "a piece came");
            Ok(piece)
        };
        self.coming = Some(self.runtime.spawn(piece.in_current_span()));
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            let Some(coming) = self.coming.take() else { return Ok(0) };
            let piece = self.runtime.block_on(coming);
            self.current = piece.map_err(|error| FetchError::Transient { detail: error.to_string() })??;
            self.ask();
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        if let Some(coming) = &self.coming {
            coming.abort();
        }
    }
}

/// A file that must be the planned version when it is opened and still when its end is reached.
struct LocalStream {
    file: File,
    version: String,
}

impl LocalStream {
    fn open(object: &Object) -> Result<LocalStream, FetchError> {
        let file = File::open(local_path_of(&object.key)).map_err(|error| FetchError::from_io(&error))?;
        let stream = LocalStream { file, version: object.version.clone() };
        stream.check()?;
        Ok(stream)
    }

    fn check(&self) -> Result<(), FetchError> {
        let metadata = self.file.metadata().map_err(|error| FetchError::from_io(&error))?;
        let found = local_version_of(&metadata);
        if found == self.version { Ok(()) } else { Err(FetchError::Changed { found }) }
    }
}

impl Read for LocalStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match self.file.read(buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(FetchError::from_io(&error).into()),
        };
        if length == 0 && !buffer.is_empty() {
            self.check()?;
        }
        Ok(length)
    }
}
