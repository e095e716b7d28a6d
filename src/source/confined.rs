//! The files of one folder as a store to read from: nothing outside of the folder is opened, listed or waited for.
//!
//! object_store's own store of a disk follows every link, in listings too. This one reads through [`Beneath`]; what it
//! lists it walks itself, and a link in it is an error that names it. It cannot write: a lake on disk is written by the
//! `commit` stage, which syncs.

use std::fmt;
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::mpsc;

use super::beneath::{Beneath, LinkMet};

/// Entries that a listing may be ahead of its reader.
const ENTRIES_AHEAD_MAX: usize = 1000;
/// Folders inside each other: where links are followed they may lead in a circle.
const DEPTH_MAX: usize = 64;

const STORE: &str = "a folder";

/// See the module.
#[derive(Debug, Clone)]
pub struct Confined {
    beneath: Beneath,
}

impl Confined {
    pub(crate) fn new(beneath: Beneath) -> Confined {
        Confined { beneath }
    }
}

impl fmt::Display for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the folder {:?}", self.beneath.root())
    }
}

#[async_trait]
impl ObjectStore for Confined {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (beneath, location) = (self.beneath.clone(), location.clone());
        blocking(move || {
            let fail = |error| failed(error, location.as_ref());
            let file = beneath.open(location.as_ref()).map_err(fail)?;
            let meta = meta(location.clone(), &file.metadata().map_err(fail)?);
            options.check_preconditions(&meta)?;
            let range = match options.range {
                Some(range) => range.as_range(meta.size).map_err(|error| generic(error.into()))?,
                None => 0..meta.size,
            };
            let payload = GetResultPayload::File(file, beneath.path(location.as_ref()));
            Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
        })
        .await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (beneath, location, ranges) = (self.beneath.clone(), location.clone(), ranges.to_vec());
        blocking(move || {
            let fail = |error| failed(error, location.as_ref());
            let file = beneath.open(location.as_ref()).map_err(fail)?;
            let length = file.metadata().map_err(fail)?.len();
            let read = |range: Range<u64>| {
                // What is asked for may follow from a stranger's record: no memory is taken for what is not there.
                if range.start > range.end || range.end > length {
                    let found = format!("{} has {length} bytes, and {range:?} were asked for", location.as_ref());
                    return Err(generic(found.into()));
                }
                let mut bytes = vec![0; (range.end - range.start) as usize];
                file.read_exact_at(&mut bytes, range.start).map_err(fail)?;
                Ok(Bytes::from(bytes))
            };
            ranges.into_iter().map(read).collect()
        })
        .await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listed(prefix, None)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listed(prefix, Some(offset.clone()))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let (beneath, prefix) = (self.beneath.clone(), prefix.cloned().unwrap_or_default());
        blocking(move || {
            let mut listed = ListResult { common_prefixes: Vec::new(), objects: Vec::new() };
            for child in children(&beneath, &prefix).map_err(|error| failed(error, prefix.as_ref()))? {
                match child {
                    Child::Folder(path) => listed.common_prefixes.push(path),
                    Child::File(meta) => listed.objects.push(meta),
                }
            }
            Ok(listed)
        })
        .await
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(read_only())
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only())
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        locations.map(|_| Err(read_only())).boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(read_only())
    }
}

impl Confined {
    fn listed(&self, prefix: Option<&Path>, after: Option<Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (beneath, prefix) = (self.beneath.clone(), prefix.cloned().unwrap_or_default());
        let begin = move || {
            let (sender, receiver) = mpsc::channel(ENTRIES_AHEAD_MAX);
            tokio::task::spawn_blocking(move || {
                let wanted = |meta: &ObjectMeta| after.as_ref().is_none_or(|after| meta.location > *after);
                let walked =
                    walk(&beneath, prefix.clone(), |meta| !wanted(&meta) || sender.blocking_send(Ok(meta)).is_ok());
                if let Err(error) = walked {
                    // The reader may be gone; then nobody is there to tell.
                    let _ = sender.blocking_send(Err(failed(error, prefix.as_ref())));
                }
            });
            receiver
        };
        // Nothing is read before the listing is.
        let entries = stream::once(async move { begin() }).flat_map(|receiver| {
            stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|next| (next, receiver)) })
        });
        entries.boxed()
    }
}

enum Child {
    Folder(Path),
    File(ObjectMeta),
}

/// Every file below `prefix`, until `send` wants no more.
fn walk(beneath: &Beneath, prefix: Path, mut send: impl FnMut(ObjectMeta) -> bool) -> io::Result<()> {
    let mut open = vec![prefix];
    while let Some(folder) = open.pop() {
        for child in children(beneath, &folder)? {
            match child {
                Child::Folder(path) if path.parts().count() > DEPTH_MAX => {
                    let deep = format!("{:?} lies more than {DEPTH_MAX} folders deep", beneath.path(path.as_ref()));
                    return Err(io::Error::other(deep));
                }
                Child::Folder(path) => open.push(path),
                Child::File(meta) => {
                    if !send(meta) {
                        return Ok(());
                    }
                }
            }
        }
    }
    Ok(())
}

/// The names in one folder; none if it is not there. What is neither file nor folder is passed over.
fn children(beneath: &Beneath, folder: &Path) -> io::Result<Vec<Child>> {
    let place = beneath.path(folder.as_ref());
    let opened = beneath.folder(folder.as_ref()).and_then(|_| std::fs::read_dir(&place));
    let entries = match opened {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let mut kind = entry.file_type()?;
        if kind.is_symlink() {
            if !beneath.follows_links() {
                return Err(LinkMet::at(&entry.path()));
            }
            match std::fs::metadata(entry.path()) {
                Ok(metadata) => kind = metadata.file_type(),
                // It leads nowhere.
                Err(_) => continue,
            }
        }
        let path = folder.clone().join(entry.file_name().to_string_lossy().as_ref());
        if kind.is_dir() {
            found.push(Child::Folder(path));
        } else if kind.is_file() {
            match std::fs::metadata(entry.path()) {
                Ok(metadata) => found.push(Child::File(meta(path, &metadata))),
                // Removed since it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

fn meta(location: Path, metadata: &Metadata) -> ObjectMeta {
    let nanos = u32::try_from(metadata.mtime_nsec()).unwrap_or_default();
    let last_modified = DateTime::<Utc>::from_timestamp(metadata.mtime(), nanos).unwrap_or_default();
    let e_tag = format!("{:x}-{:x}-{:x}", metadata.ino(), last_modified.timestamp_micros(), metadata.len());
    ObjectMeta { location, last_modified, size: metadata.len(), e_tag: Some(e_tag), version: None }
}

fn failed(error: io::Error, location: &str) -> Error {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            Error::NotFound { path: location.to_owned(), source: error.into() }
        }
        ErrorKind::PermissionDenied => Error::PermissionDenied { path: location.to_owned(), source: error.into() },
        _ => generic(error.into()),
    }
}

fn generic(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Generic { store: STORE, source }
}

fn read_only() -> Error {
    Error::NotImplemented { operation: "writing".to_owned(), implementer: STORE.to_owned() }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| generic(error.into()))?
}

/// Whether a name below the folder of a lake is a link, of those that are looked at before anything is read.
pub fn first_link(beneath: &Beneath, names: impl IntoIterator<Item = String>) -> Option<PathBuf> {
    let is_link = |path: &PathBuf| path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    names.into_iter().map(|name| beneath.path(&name)).find(|path| !beneath.follows_links() && is_link(path))
}
