//! Writes to a lake, on S3 or on a local disk, behind one face.

use std::path::Path as FilePath;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use tokio::io::AsyncReadExt;

use super::CommitError;
use super::local::{Created, Linked, LocalLake, is_staged};
use super::nonce::nonce;
use crate::lake::{Lake, LakeError, Names, Relative};
use crate::source::{Beneath, Retries, SourceError, Uploads};

/// What a killed run left is removed when it is this old; what is younger may be of a living run on another host.
const LEFT_FOR: TimeDelta = TimeDelta::days(1);

/// Files up to this size go up in one request; larger ones in parts of it, of which one is in memory. S3 takes 10,000
/// parts, of 5 MiB and more.
pub const UPLOAD_PART_BYTES: usize = 8 << 20;

/// Names that S3 deletes in one request.
const KEYS_PER_REQUEST: usize = 1_000;

/// Files of a local lake that are deleted at once.
const DELETES_IN_FLIGHT_MAX: usize = 16;

/// The writing side of a lake. Reading goes through [`Lake`].
#[derive(Debug, Clone)]
pub struct LakeWriter {
    /// The same lake, to be read.
    pub lake: Lake,
    local: Option<LocalLake>,
    uploads: Option<Uploads>,
    part_bytes: usize,
}

impl LakeWriter {
    /// `folder` is the lake's folder where it lies on a local disk.
    pub fn new(lake: Lake, folder: Option<Beneath>) -> LakeWriter {
        let local = folder.map(|folder| LocalLake::new(folder, &Names::tmp()));
        LakeWriter { lake, local, uploads: None, part_bytes: UPLOAD_PART_BYTES }
    }

    /// With the uploads that killed runs may have left in its bucket.
    pub fn with_uploads(self, uploads: Option<Uploads>) -> LakeWriter {
        LakeWriter { uploads, ..self }
    }

    /// With parts of another size, for tests: S3 itself takes none below 5 MiB but the last.
    pub fn with_parts_of(self, part_bytes: usize) -> LakeWriter {
        LakeWriter { part_bytes, ..self }
    }

    /// The folder for temporaries of a local lake: on the same file system as the data.
    pub fn local_tmp(&self) -> Option<&FilePath> {
        self.local.as_ref().map(|local| local.tmp.as_path())
    }

    /// Refuses a local lake whose folder for temporaries is a link: files of others would lie among those that are
    /// removed.
    pub fn check_tmp(&self) -> Result<(), CommitError> {
        match &self.local {
            Some(local) if local.has_linked_tmp() => Err(CommitError::LinkedTmp { path: local.tmp.clone() }),
            _ => Ok(()),
        }
    }

    /// Writes an object, replacing any.
    pub async fn put(&self, relative: &Relative, bytes: Bytes) -> Result<(), CommitError> {
        let path = self.lake.names.inside(relative);
        if let Some(local) = self.local.clone() {
            let relative = relative.clone();
            return self.blocking(&path, move || local.put(&relative, &bytes)).await;
        }
        self.lake.store.put(&path, bytes.into()).await.map(drop).map_err(|source| self.fail(&path, source))
    }

    /// Writes a staged file, replacing any. The staged file may be gone afterwards.
    pub async fn put_file(&self, staged: &FilePath, relative: &Relative) -> Result<(), CommitError> {
        let path = self.lake.names.inside(relative);
        if let Some(local) = self.local.clone() {
            let (staged, relative) = (staged.to_owned(), relative.clone());
            return self.blocking(&path, move || local.put_file(&staged, &relative)).await;
        }
        through_outages(async || self.upload(staged, &path).await).await
    }

    async fn upload(&self, staged: &FilePath, path: &Path) -> Result<(), CommitError> {
        let fail_local = |source| CommitError::Local { path: staged.display().to_string(), source };
        let mut file = tokio::fs::File::open(staged).await.map_err(fail_local)?;
        let length = file.metadata().await.map_err(fail_local)?.len();
        if length <= self.part_bytes as u64 {
            let bytes = self.read_part(&mut file).await.map_err(fail_local)?;
            return self.lake.store.put(path, bytes.into()).await.map(drop).map_err(|source| self.fail(path, source));
        }
        let mut upload = self.lake.store.put_multipart(path).await.map_err(|source| self.fail(path, source))?;
        let sent = self.send_parts(&mut file, upload.as_mut(), staged, path).await;
        if sent.is_err() {
            // An upload that is neither completed nor aborted stays and costs.
            let _ = upload.abort().await;
        }
        sent
    }

    async fn send_parts(
        &self,
        file: &mut tokio::fs::File,
        upload: &mut dyn MultipartUpload,
        staged: &FilePath,
        path: &Path,
    ) -> Result<(), CommitError> {
        loop {
            let part = self
                .read_part(file)
                .await
                .map_err(|source| CommitError::Local { path: staged.display().to_string(), source })?;
            if part.is_empty() {
                break;
            }
            upload.put_part(PutPayload::from(part)).await.map_err(|source| self.fail(path, source))?;
        }
        upload.complete().await.map(drop).map_err(|source| self.fail(path, source))
    }

    async fn read_part(&self, file: &mut tokio::fs::File) -> std::io::Result<Bytes> {
        let mut part = Vec::with_capacity(self.part_bytes);
        file.take(self.part_bytes as u64).read_to_end(&mut part).await?;
        Ok(part.into())
    }

    /// Writes a record only if there is none of that name. `bytes` must hold a nonce: a store's answer can be lost, so
    /// that what lies there is read back and compared.
    pub async fn create(&self, path: &Path, bytes: Bytes) -> Result<Created, CommitError> {
        if let Some(local) = self.local.clone() {
            let relative = self.lake.names.relative(path);
            return self.blocking(path, move || local.create(&relative, &bytes)).await;
        }
        through_outages(async || self.create_once(path, &bytes).await).await
    }

    async fn create_once(&self, path: &Path, bytes: &Bytes) -> Result<Created, CommitError> {
        let mut trying = Retries::CLASH.begin();
        loop {
            let put = self.lake.store.put_opts(path, bytes.clone().into(), PutMode::Create.into()).await;
            let Err(error) = put else { return Ok(Created::Ours) };
            match self.lake.read(path).await? {
                Some(found) if found == *bytes => return Ok(Created::Ours),
                Some(_) => return Ok(Created::Theirs),
                None => {}
            }
            // A 409 is reported as "already exists" although nothing may have been written.
            if !matches!(error, object_store::Error::AlreadyExists { .. }) || !trying.again().await {
                return Err(self.fail(path, error));
            }
        }
    }

    /// Lets a waiting file be seen at its place too. A store replaces what lies there, a disk does not.
    pub async fn show(&self, waiting: &Relative, place: &Relative) -> Result<Linked, CommitError> {
        let (from, to) = (self.lake.names.inside(waiting), self.lake.names.inside(place));
        if let Some(local) = self.local.clone() {
            let (waiting, place) = (waiting.clone(), place.clone());
            return self.blocking(&to, move || local.link(&waiting, &place)).await;
        }
        through_outages(async || match self.lake.store.copy(&from, &to).await {
            Ok(()) => Ok(Linked::Made),
            Err(object_store::Error::NotFound { .. }) => Ok(Linked::NoSuchFile),
            Err(source) => Err(self.fail(&to, source)),
        })
        .await
    }

    /// Whether anything has a name, on disk of whatever kind.
    pub async fn is_taken(&self, relative: &Relative) -> Result<bool, CommitError> {
        let path = self.lake.names.inside(relative);
        if let Some(local) = self.local.clone() {
            let relative = relative.clone();
            return self.blocking(&path, move || local.is_taken(&relative)).await;
        }
        match self.lake.store.head(&path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(self.fail(&path, source)),
        }
    }

    /// Deletes a file. If nothing has the name, that is no error; a folder of that name, on disk, stays.
    pub(crate) async fn delete(&self, relative: &Relative) -> Result<(), CommitError> {
        let path = self.lake.names.inside(relative);
        if let Some(local) = self.local.clone() {
            let relative = relative.clone();
            return self.blocking(&path, move || local.delete(&relative)).await;
        }
        through_outages(async || match self.lake.store.delete(&path).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(source) => Err(self.fail(&path, source)),
        })
        .await
    }

    /// Deletes files, in no promised order, and on disk the folders of plans and tasks that are empty then. If nothing
    /// has a name, that is no error.
    pub(crate) async fn delete_all(&self, names: &[Relative]) -> Result<(), CommitError> {
        if self.local.is_some() {
            let deletes = names.iter().map(|name| self.delete_with_folders(name));
            return stream::iter(deletes).buffered(DELETES_IN_FLIGHT_MAX).try_collect().await;
        }
        for some in names.chunks(KEYS_PER_REQUEST) {
            through_outages(async || self.delete_some(some).await).await?;
        }
        Ok(())
    }

    /// In one request, where the store takes many names.
    async fn delete_some(&self, names: &[Relative]) -> Result<(), CommitError> {
        let Some(first) = names.first().map(|name| self.lake.names.inside(name)) else { return Ok(()) };
        let paths: Vec<_> = names.iter().map(|name| Ok(self.lake.names.inside(name))).collect();
        let mut deleted = self.lake.store.delete_stream(stream::iter(paths).boxed());
        while let Some(one) = deleted.next().await {
            match one {
                Err(object_store::Error::NotFound { .. }) | Ok(_) => {}
                Err(source) => return Err(self.fail(&first, source)),
            }
        }
        Ok(())
    }

    /// Deletes a file, and on disk the folders on the way to it that are empty then, up to the third of its name: those
    /// of a plan and of a task. An object store has no folders.
    pub(crate) async fn delete_with_folders(&self, relative: &Relative) -> Result<(), CommitError> {
        self.delete(relative).await?;
        let Some(local) = self.local.clone() else { return Ok(()) };
        let (path, relative) = (self.lake.names.inside(relative), relative.clone());
        self.blocking(&path, move || local.remove_empty_folders(&relative)).await
    }

    /// Removes what killed runs left: staged records of a local lake and probes under the ledger's `tmp`, uploads that
    /// were not ended.
    pub async fn remove_old_temporaries(&self) -> Result<(), CommitError> {
        let tmp = self.lake.names.inside(&Names::tmp());
        let listed = self.lake.store.list_with_delimiter(Some(&tmp)).await.map_err(|source| self.fail(&tmp, source))?;
        for object in listed.objects {
            let is_staged = object.location.filename().is_some_and(is_staged);
            if (is_staged || Names::is_probe(&object.location)) && Utc::now() - object.last_modified >= LEFT_FOR {
                let Some(name) = self.lake.names.named(&object.location) else { continue };
                self.delete(&name).await?;
            }
        }
        self.abort_old_uploads().await;
        Ok(())
    }

    /// Parts of an upload cost, and nothing shows them. Who may not list or abort uploads converts all the same.
    async fn abort_old_uploads(&self) {
        let Some(uploads) = &self.uploads else { return };
        let found = match uploads.list().await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!("uploads that were not ended cannot be listed: {error}");
                return;
            }
        };
        for upload in
            found.iter().filter(|upload| Names::task_of_published(&upload.name).is_some() && upload.age >= LEFT_FOR)
        {
            match uploads.store().abort_multipart(&upload.path, &upload.id).await {
                Ok(()) => tracing::info!(name = upload.name, "aborted an upload that a run left"),
                Err(error) => tracing::warn!(name = upload.name, "an upload cannot be aborted: {error}"),
            }
        }
    }

    /// The time by the clock of the store, by which ages of its objects are judged.
    pub async fn now(&self) -> Result<DateTime<Utc>, CommitError> {
        let probe = self.lake.names.probe_name(&nonce());
        self.put(&probe, Bytes::from_static(b"now")).await?;
        let path = self.lake.names.inside(&probe);
        let met = self.lake.store.head(&path).await.map_err(|source| self.fail(&path, source));
        self.delete(&probe).await?;
        Ok(met?.last_modified)
    }

    /// Proves that two creates of one name clash.
    pub async fn probe_conditional_create(&self) -> Result<(), CommitError> {
        let nonce = nonce();
        let path = self.lake.names.inside(&self.lake.names.probe_name(&nonce));
        let first = self.create(&path, Bytes::from(format!("{nonce} 1"))).await?;
        let second = self.create(&path, Bytes::from(format!("{nonce} 2"))).await?;
        self.delete(&self.lake.names.probe_name(&nonce)).await?;
        if (first, second) != (Created::Ours, Created::Theirs) {
            return Err(CommitError::NotConditional { url: self.lake.names.url(&path) });
        }
        Ok(())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, CommitError> {
        let done = tokio::task::spawn_blocking(work).await.expect("a local write does not panic");
        done.map_err(|source| CommitError::Local { path: self.lake.names.url(path), source })
    }

    fn fail(&self, path: &Path, source: object_store::Error) -> CommitError {
        match self.lake.names.store_error(path, &source) {
            SourceError::Denied { url, detail } if self.local.is_none() => CommitError::Denied { url, detail },
            other => other.into(),
        }
    }
}

/// Begins a write anew whose connection broke.
async fn through_outages<T>(mut work: impl AsyncFnMut() -> Result<T, CommitError>) -> Result<T, CommitError> {
    let mut trying = Retries::OUTAGE.begin();
    loop {
        let done = work().await;
        let (Err(CommitError::Store(error)) | Err(CommitError::Lake(LakeError::Store(error)))) = &done else {
            return done;
        };
        if !matches!(error, SourceError::Unreachable { .. }) || !trying.again().await {
            return done;
        }
    }
}
