//! Files of the lake, opened for reading if they are what a record says.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::Path;

use futures::TryStreamExt;
use object_store::{GetResultPayload, ObjectStoreExt};

use super::{Lake, LakeError, Relative};

/// How a file is not what a record says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum Unlike {
    #[error("it is missing")]
    Missing,
    #[error("it has {0} bytes")]
    Size(u64),
    #[error("it has the BLAKE3 {0}")]
    Hash(String),
}

/// Why a file was not opened as what a record says.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not what the record says.
    #[error(transparent)]
    Unlike(#[from] Unlike),
    /// It cannot be read from the lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// It cannot be written to scratch, or read from disk.
    #[error(transparent)]
    Scratch(#[from] io::Error),
}

impl Lake {
    /// A file as a file on disk, copied to an unnamed one in the folder `scratch` where it is not one. `bytes` is its
    /// size where a record says it; `hash` is its BLAKE3, which may be cut short: without it, it is not looked at.
    pub async fn open_as_said(
        &self,
        name: &Relative,
        bytes: Option<u64>,
        hash: Option<&str>,
        scratch: &Path,
    ) -> Result<File, OpenError> {
        let Some(file) = self.open_file(name, scratch).await? else { return Err(Unlike::Missing.into()) };
        let length = file.metadata()?.len();
        if bytes.is_some_and(|bytes| bytes != length) {
            return Err(Unlike::Size(length).into());
        }
        let Some(hash) = hash else { return Ok(file) };
        let hashing = tokio::task::spawn_blocking(move || {
            let mut file = file;
            file.rewind()?;
            let hash = blake3::Hasher::new().update_reader(&file)?.finalize();
            file.rewind().map(|()| (file, hash.to_hex().to_string()))
        });
        let (file, found) = hashing.await.expect("hashing does not panic")?;
        let is_as_said = !hash.is_empty() && found.starts_with(hash);
        if is_as_said { Ok(file) } else { Err(Unlike::Hash(found).into()) }
    }

    /// How a file is not what a record says; `None` if it is. It is read as [`Lake::open_as_said`] does, and copied to
    /// nowhere.
    pub async fn unlike(&self, name: &Relative, bytes: Option<u64>, hash: &str) -> Result<Option<Unlike>, LakeError> {
        let path = self.names.inside(name);
        let fail = |error: object_store::Error| LakeError::from(self.names.store_error(&path, &error));
        let found = match self.store.get(&path).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(Some(Unlike::Missing)),
            Err(error) => return Err(fail(error)),
        };
        if bytes.is_some_and(|bytes| bytes != found.meta.size) {
            return Ok(Some(Unlike::Size(found.meta.size)));
        }
        let mut hasher = blake3::Hasher::new();
        let mut stream = found.into_stream();
        while let Some(bytes) = stream.try_next().await.map_err(fail)? {
            hasher.update(&bytes);
        }
        let found = hasher.finalize().to_hex().to_string();
        let is_as_said = !hash.is_empty() && found.starts_with(hash);
        Ok((!is_as_said).then_some(Unlike::Hash(found)))
    }

    async fn open_file(&self, name: &Relative, scratch: &Path) -> Result<Option<File>, OpenError> {
        let path = self.names.inside(name);
        let fail = |error: object_store::Error| LakeError::from(self.names.store_error(&path, &error));
        let got = match self.store.get(&path).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(fail(error).into()),
        };
        let mut stream = match got.payload {
            GetResultPayload::File(file, _) => return Ok(Some(file)),
            GetResultPayload::Stream(stream) => stream,
        };
        let mut file = tempfile::tempfile_in(scratch)?;
        while let Some(bytes) = stream.try_next().await.map_err(fail)? {
            file.write_all(&bytes)?;
        }
        Ok(Some(file))
    }
}
