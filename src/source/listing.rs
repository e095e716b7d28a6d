//! One contract for listing a bucket and a disk: a folder's own names, or all keys below it from a starting point.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::prefix::PrefixStore;
use object_store::{ListResult, ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::sync::mpsc;

use super::beneath::{Beneath, LinkMet};
use super::confined::{Confined, first_link};
use super::error::{Result, SourceError, full_text};
use super::exact::Exact;
use super::links::Links;
use super::local::{self, Bounds};
use super::location::{Location, StoreKind};
use super::object::Entry;
use super::page::{Folder, PAGE_ENTRIES_MAX, Page};
use super::uploads::Uploads;
use super::verbatim::{folder_path, key_of, path_of};

/// Pages that a listing of a disk may be ahead of its reader.
const PAGES_AHEAD_MAX: usize = 2;

/// How the version of an object begins whose store gives no ETag: size and time follow, and no request can insist on
/// it.
pub const UNTAGGED: &str = "untagged:";

/// An open bucket or disk, and the place in it that was named.
#[derive(Debug, Clone)]
pub struct Store {
    /// Paths are those of the whole bucket or disk. Keys of a source go through [`path_of`], which keeps odd ones
    /// whole.
    pub store: Arc<dyn ObjectStore>,
    /// The place that was named. The store reaches beyond it: its keys are those of the whole bucket or disk.
    pub location: Location,
    /// That of `location`.
    pub kind: StoreKind,
    pub(super) requests: Arc<AtomicU64>,
    /// Lists a folder page by page, where the store can.
    pub(super) pager: Option<Pager>,
    /// Multipart uploads that were not ended, of a bucket.
    pub uploads: Option<Uploads>,
    /// Of a lake on disk.
    pub(super) follows_links: bool,
    /// Of a source on disk.
    pub(super) links: Arc<Links>,
    /// The folder of the lake that this source goes to, if it lies on a disk: no link may lead to it.
    pub(super) lake: Option<PathBuf>,
}

/// S3's own listing with pages.
#[derive(Clone)]
pub(super) struct Pager(pub(super) Arc<dyn PaginatedListStore>);

impl std::fmt::Debug for Pager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pager")
    }
}

impl Store {
    /// Wraps an open store; S3's rules for keys apply unless the location is on disk.
    pub fn new(store: Arc<dyn ObjectStore>, location: Location) -> Store {
        Store {
            store,
            kind: location.kind(),
            location,
            requests: Arc::default(),
            pager: None,
            uploads: None,
            lake: None,
            follows_links: false,
            links: Arc::default(),
        }
    }

    /// The same source, which refuses links that lead to a lake.
    pub fn away_from(self, lake: &Location) -> Store {
        Store { lake: lake.path(), ..self }
    }

    pub(super) fn bounds(&self) -> Option<Bounds> {
        let (lake, links) = (self.lake.clone(), self.links.clone());
        self.location.path().map(|root| Bounds { root, lake, links })
    }

    /// Requests sent so far; on disk, folders read.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The folder on disk, to be read and written by names below it; `None` on S3.
    pub fn beneath(&self) -> Option<Beneath> {
        self.location.path().map(|path| Beneath::new(path, self.follows_links))
    }

    /// The same store with paths relative to the location, to read from. On disk the folder must exist, none of
    /// `folders` in it may be a link, and no other link is followed, unless that was asked for.
    pub fn rooted(&self, folders: impl IntoIterator<Item = String>) -> Result<Arc<dyn ObjectStore>> {
        match self.beneath() {
            Some(beneath) if beneath.root().is_dir() => match first_link(&beneath, folders) {
                Some(path) => Err(SourceError::Link(LinkMet { path })),
                None => Ok(Arc::new(Confined::new(beneath))),
            },
            Some(_) => Err(self.location.none_there()),
            None => match folder_path(&self.location.prefix()) {
                Some(prefix) => Ok(Arc::new(Exact(Arc::new(PrefixStore::new(Arc::clone(&self.store), prefix))))),
                None => Ok(Arc::new(Exact(Arc::clone(&self.store)))),
            },
        }
    }

    /// The folders and objects directly below `prefix` (empty, or ending in `/`).
    pub async fn folder(&self, prefix: &str) -> Result<Folder> {
        let pages: Vec<Folder> = self.folder_pages(prefix).try_collect().await?;
        let mut whole = Folder::default();
        for page in pages {
            whole.folders.extend(page.folders);
            whole.entries.extend(page.entries);
            whole.skipped.merge(&page.skipped);
            whole.denied.extend(page.denied);
        }
        Ok(whole)
    }

    /// The same, a page at a time where the store has pages.
    pub fn folder_pages(&self, prefix: &str) -> BoxStream<'_, Result<Folder>> {
        let prefix = prefix.to_owned();
        if let Some(bounds) = self.bounds() {
            self.requests.fetch_add(1, Ordering::Relaxed);
            return stream::once(blocking(move || local::folder(&bounds, &prefix))).boxed();
        }
        let Some(pager) = &self.pager else {
            let listed = async move {
                let listed = self.store.list_with_delimiter(folder_path(&prefix).as_ref()).await;
                listed.map(|listed| folder_of(listed, &prefix)).map_err(|error| self.error(&error, &prefix))
            };
            return stream::once(listed).boxed();
        };
        let first = Some(PaginatedListOptions { delimiter: Some("/".into()), ..PaginatedListOptions::default() });
        let pages = stream::try_unfold((first, prefix), move |(options, prefix)| async move {
            let Some(options) = options else { return Ok(None) };
            let below = folder_path(&prefix).map(|path| format!("{path}/"));
            let page = pager.0.list_paginated(below.as_deref(), options.clone()).await;
            let page = page.map_err(|error| self.error(&error, &prefix))?;
            let next = page.page_token.map(|token| PaginatedListOptions { page_token: Some(token), ..options });
            Ok(Some((folder_of(page.result, &prefix), (next, prefix))))
        });
        pages.boxed()
    }

    /// All keys below `prefix` that are greater than `after`, in the store's order, in pages.
    pub fn entries(&self, prefix: &str, after: Option<&str>) -> BoxStream<'static, Result<Page>> {
        if let Some(bounds) = self.bounds() {
            self.requests.fetch_add(1, Ordering::Relaxed);
            return local_entries(bounds, prefix.to_owned(), after.map(str::to_owned));
        }
        let path = folder_path(prefix);
        let listed = match after {
            Some(after) => self.store.list_with_offset(path.as_ref(), &path_of(after)),
            None => self.store.list(path.as_ref()),
        };
        let (store, prefix) = (self.clone(), prefix.to_owned());
        listed
            .map_err(move |error| store.error(&error, &prefix))
            .map_ok(entry_of)
            .try_ready_chunks(PAGE_ENTRIES_MAX)
            .map_err(|error| error.1)
            .map_ok(|entries| Page { entries, ..Page::default() })
            .boxed()
    }

    /// The object of exactly this key, if there is one.
    pub async fn head(&self, key: &str) -> Result<Option<Entry>> {
        if self.kind == StoreKind::Local {
            let key = key.to_owned();
            return blocking(move || {
                let path = local::path_of(&key);
                match std::fs::metadata(&path) {
                    Ok(metadata) if metadata.is_file() => Ok(Some(local::entry(key, &metadata))),
                    Ok(_) => Ok(None),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(SourceError::Folder { path, source }),
                }
            })
            .await;
        }
        match self.store.head(&path_of(key)).await {
            Ok(meta) => Ok(Some(entry_of(meta))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error(&error, key)),
        }
    }

    fn error(&self, error: &object_store::Error, key: &str) -> SourceError {
        SourceError::from_store(error, &self.location.url_of(key), self.location.bucket())
    }
}

fn folder_of(listed: ListResult, prefix: &str) -> Folder {
    let folders = listed.common_prefixes.iter().map(|path| {
        let key = key_of(path);
        key.strip_prefix(prefix).unwrap_or(&key).to_owned()
    });
    let folders = folders.collect();
    Folder { folders, entries: listed.objects.into_iter().map(entry_of).collect(), ..Folder::default() }
}

fn entry_of(meta: ObjectMeta) -> Entry {
    let dated = || format!("{UNTAGGED}{}-{}", meta.size, meta.last_modified.timestamp_micros());
    let version = meta.e_tag.clone().unwrap_or_else(dated);
    let modified = meta.last_modified.timestamp();
    Entry { key: key_of(&meta.location), size: meta.size, version, modified, target: None }
}

fn local_entries(bounds: Bounds, prefix: String, after: Option<String>) -> BoxStream<'static, Result<Page>> {
    let (sender, receiver) = mpsc::channel(PAGES_AHEAD_MAX);
    tokio::task::spawn_blocking(move || {
        let sent = local::walk(&bounds, &prefix, after.as_deref(), |page| sender.blocking_send(Ok(page)).is_ok());
        if let Err(error) = sent {
            // The reader may be gone; then nobody is there to tell.
            let _ = sender.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|page| (page, receiver)) }).boxed()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(SourceError::List { url: "file:///".to_owned(), detail: full_text(&error) }),
    }
}
