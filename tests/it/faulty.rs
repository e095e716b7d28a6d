//! A store that fails at its operation number n, in one of several ways, and counts all others.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An error, and nothing happened.
    Before,
    /// An error, and it happened all the same: a time-out whose outcome is unknown.
    After,
    /// Nothing happened, and nothing works any more: the process died before the operation.
    DiesBefore,
    /// It happened, and nothing works any more.
    DiesAfter,
    /// Nothing fails: the process sleeps before the operation, while others work.
    Sleeps,
}

impl Fault {
    pub const ALL: [Fault; 4] = [Fault::Before, Fault::After, Fault::DiesBefore, Fault::DiesAfter];
}

#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    shared: Arc<Shared>,
}

struct Shared {
    operations: AtomicU64,
    /// Uploads in parts that their owner knows of and that were neither completed nor aborted.
    uploads: AtomicI64,
    parts: AtomicU64,
    fail_at: u64,
    fault: Fault,
    is_dead: AtomicBool,
    /// What others do while this process sleeps.
    meanwhile: Option<Box<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.fault, self.fail_at)
    }
}

/// What becomes of one operation.
enum Fate {
    Lives,
    FailsBefore,
    FailsAfter,
}

impl FaultyStore {
    /// Fails at operation `fail_at`, counted from 1; 0 never fails.
    pub fn new(inner: Arc<dyn ObjectStore>, fail_at: u64, fault: Fault) -> FaultyStore {
        FaultyStore::with(inner, fail_at, fault, None)
    }

    /// Sleeps before operation `sleep_at`, while `meanwhile` happens on another thread.
    pub fn sleeping(inner: Arc<dyn ObjectStore>, sleep_at: u64, meanwhile: Box<dyn Fn() + Send + Sync>) -> FaultyStore {
        FaultyStore::with(inner, sleep_at, Fault::Sleeps, Some(meanwhile))
    }

    fn with(
        inner: Arc<dyn ObjectStore>,
        fail_at: u64,
        fault: Fault,
        meanwhile: Option<Box<dyn Fn() + Send + Sync>>,
    ) -> FaultyStore {
        let (operations, uploads, parts) = Default::default();
        let is_dead = AtomicBool::new(false);
        let shared = Shared { operations, uploads, parts, fail_at, fault, is_dead, meanwhile };
        FaultyStore { inner, shared: Arc::new(shared) }
    }

    /// Operations so far, the failed one included.
    pub fn operations(&self) -> u64 {
        self.shared.operations.load(Ordering::SeqCst)
    }

    /// Uploads in parts that were begun and left.
    pub fn uploads_left(&self) -> i64 {
        self.shared.uploads.load(Ordering::SeqCst)
    }

    /// Parts that were uploaded.
    pub fn parts(&self) -> u64 {
        self.shared.parts.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn fate(&self) -> Fate {
        if self.is_dead.load(Ordering::SeqCst) {
            return Fate::FailsBefore;
        }
        let number = self.operations.fetch_add(1, Ordering::SeqCst) + 1;
        if number != self.fail_at {
            return Fate::Lives;
        }
        self.is_dead.store(matches!(self.fault, Fault::DiesBefore | Fault::DiesAfter), Ordering::SeqCst);
        match self.fault {
            Fault::Before | Fault::DiesBefore => Fate::FailsBefore,
            Fault::After | Fault::DiesAfter => Fate::FailsAfter,
            Fault::Sleeps => {
                let meanwhile = self.meanwhile.as_ref().expect("something happens meanwhile");
                tokio::task::block_in_place(|| std::thread::scope(|scope| scope.spawn(meanwhile).join()))
                    .expect("what happens meanwhile does not fail");
                Fate::Lives
            }
        }
    }

    async fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match self.fate() {
            Fate::Lives => work.await,
            Fate::FailsBefore => Err(fault()),
            Fate::FailsAfter => {
                work.await?;
                Err(fault())
            }
        }
    }

    /// The end of an upload in parts: one that was completed without a word may be aborted, too.
    async fn ended<T>(&self, is_open: &mut bool, work: impl Future<Output = Result<T>>) -> Result<T> {
        let done = work.await?;
        if std::mem::take(is_open) {
            self.uploads.fetch_sub(1, Ordering::SeqCst);
        }
        Ok(done)
    }

    /// A listing that fails gives a part of its entries first.
    fn listed(
        self: &Arc<Shared>,
        entries: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.fate() {
            Fate::Lives => entries,
            Fate::FailsBefore => stream::once(async { Err(fault()) }).boxed(),
            Fate::FailsAfter => entries.take(1).chain(stream::once(async { Err(fault()) })).boxed(),
        }
    }
}

fn fault() -> Error {
    Error::Generic { store: "faulty", source: "the connection broke off".into() }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.shared.run(self.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.shared.run(self.inner.put_multipart_opts(location, opts)).await?;
        self.shared.uploads.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(FaultyUpload { upload, is_open: true, shared: self.shared.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.shared.run(self.inner.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.shared.run(self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (inner, shared) = (self.inner.clone(), self.shared.clone());
        let deleted = locations.then(move |location| {
            let (inner, shared) = (inner.clone(), shared.clone());
            async move {
                let location = location?;
                let one = stream::once(std::future::ready(Ok(location.clone()))).boxed();
                let delete = async { inner.delete_stream(one).next().await.unwrap_or(Ok(location)) };
                shared.run(delete).await
            }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.shared.listed(self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.shared.listed(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.shared.run(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.shared.run(self.inner.copy_opts(from, to, options)).await
    }
}

/// Each part, the completion and the abort are operations of their own: an upload may stop half way.
#[derive(Debug)]
struct FaultyUpload {
    upload: Box<dyn MultipartUpload>,
    is_open: bool,
    shared: Arc<Shared>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> object_store::UploadPart {
        let (part, shared) = (self.upload.put_part(data), self.shared.clone());
        Box::pin(async move {
            let counted = async {
                part.await?;
                shared.parts.fetch_add(1, Ordering::SeqCst);
                Ok(())
            };
            shared.run(counted).await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let shared = self.shared.clone();
        shared.run(shared.ended(&mut self.is_open, self.upload.complete())).await
    }

    async fn abort(&mut self) -> Result<()> {
        let shared = self.shared.clone();
        shared.run(shared.ended(&mut self.is_open, self.upload.abort())).await
    }
}
