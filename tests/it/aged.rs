//! A store in memory with a clock of its own, which counts what it is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

#[derive(Debug, Default)]
struct Shared {
    /// Seconds since 1970.
    now: AtomicI64,
    written: Mutex<BTreeMap<Path, i64>>,
    /// Names that begin so may not be deleted.
    kept: Mutex<Vec<String>>,
    requests: AtomicU64,
    bytes_read: AtomicU64,
}

#[derive(Debug, Clone, Default)]
pub struct AgedStore {
    pub inner: Arc<InMemory>,
    shared: Arc<Shared>,
}

impl AgedStore {
    pub fn set_clock(&self, seconds: i64) {
        self.shared.now.store(seconds, Ordering::SeqCst);
    }

    /// From now on nothing below these names may be deleted.
    pub fn keep(&self, names: &[&str]) {
        *self.shared.kept.lock().expect("no panic") = names.iter().map(|&name| name.to_owned()).collect();
    }

    /// Requests and bytes that were read since this was asked last.
    pub fn take_counts(&self) -> (u64, u64) {
        let take = |count: &AtomicU64| count.swap(0, Ordering::SeqCst);
        (take(&self.shared.requests), take(&self.shared.bytes_read))
    }

    fn count(&self) {
        self.shared.requests.fetch_add(1, Ordering::SeqCst);
    }

    fn wrote(&self, path: &Path) {
        let now = self.shared.now.load(Ordering::SeqCst);
        self.shared.written.lock().expect("no panic").insert(path.clone(), now);
    }
}

impl Shared {
    fn aged(&self, mut meta: ObjectMeta) -> ObjectMeta {
        let written = self.written.lock().expect("no panic").get(&meta.location).copied();
        let written: Option<DateTime<Utc>> = written.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        meta.last_modified = written.expect("it was written here");
        meta
    }
}

impl fmt::Display for AgedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aged {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for AgedStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.count();
        let put = self.inner.put_opts(location, payload, opts).await?;
        self.wrote(location);
        Ok(put)
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.count();
        self.wrote(location);
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.count();
        let mut got = self.inner.get_opts(location, options).await?;
        got.meta = self.shared.aged(got.meta);
        self.shared.bytes_read.fetch_add(got.range.end - got.range.start, Ordering::SeqCst);
        Ok(got)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.count();
        let got = self.inner.get_ranges(location, ranges).await?;
        self.shared.bytes_read.fetch_add(got.iter().map(|bytes| bytes.len() as u64).sum(), Ordering::SeqCst);
        Ok(got)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let deleted = locations.then(move |location| {
            let store = store.clone();
            async move {
                let location = location?;
                store.count();
                let kept = store.shared.kept.lock().expect("no panic").clone();
                if kept.iter().any(|name| location.as_ref().starts_with(name)) {
                    let (path, source) = (location.to_string(), "it is to be kept".into());
                    return Err(object_store::Error::PermissionDenied { path, source });
                }
                store.inner.delete(&location).await?;
                Ok(location)
            }
        });
        deleted.boxed()
    }

    /// A page of a listing is a request.
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listed(self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listed(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut listed = self.inner.list_with_delimiter(prefix).await?;
        let pages = (listed.objects.len() + listed.common_prefixes.len()) / KEYS_PER_PAGE + 1;
        self.shared.requests.fetch_add(pages as u64, Ordering::SeqCst);
        listed.objects = listed.objects.into_iter().map(|meta| self.shared.aged(meta)).collect();
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.count();
        self.inner.copy_opts(from, to, options).await?;
        self.wrote(to);
        Ok(())
    }
}

const KEYS_PER_PAGE: usize = 1_000;

impl AgedStore {
    fn listed(&self, entries: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
        let shared = self.shared.clone();
        self.count();
        let each = move |(at, meta): (usize, Result<ObjectMeta>)| {
            if at > 0 && at % KEYS_PER_PAGE == 0 {
                shared.requests.fetch_add(1, Ordering::SeqCst);
            }
            meta.map(|meta| shared.aged(meta))
        };
        entries.enumerate().map(each).boxed()
    }
}
