//! Bytes of a task's objects, in order, fetched ahead within a budget that all tasks share.
//!
//! ```text
//! objects ─▶ ahead: [download][download][download] ─▶ next() on a CPU thread ─▶ Body ─▶ decode
//!                        └── Budget: objects and bytes in flight, of all tasks ──┘
//! ```
//!
//! Objects up to [`WHOLE_BYTES_MAX`] come whole, and their bytes count until the last copy of the body is dropped.
//! Larger ones come behind a reader that holds two pieces at most. Every request insists on the planned version.
//! Retries, with back-off, are the store's. An error here is never about an object's content.

mod budget;
mod download;
mod error;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::source::{Object, Store};
use budget::{Permit, Seat};
use download::{PIECE_BYTES, Wanted};

pub use budget::{Budget, Options, Used};
pub use error::FetchError;

/// Compressed bytes up to which an object is held whole.
pub const WHOLE_BYTES_MAX: u64 = 32 << 20;

/// The bytes of one object.
pub enum Body {
    /// All of them in memory; they count in the budget until the last copy is dropped.
    Whole(Bytes),
    /// Errors that come from fetching are found by [`FetchError::of`]. Read it on a thread outside the runtime.
    Stream(Box<dyn Read + Send>),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Body::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Body::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// The open stores of a task's objects, found by URL.
#[derive(Debug, Clone, Default)]
pub struct Stores(Vec<Arc<Store>>);

impl Stores {
    /// Of these stores; the first that has an object's URL is asked for it.
    pub fn new(stores: impl IntoIterator<Item = Store>) -> Stores {
        Stores(stores.into_iter().map(Arc::new).collect())
    }

    /// The store of this object's bucket, or of the disk.
    pub fn of(&self, object: &Object) -> Option<Arc<Store>> {
        self.0.iter().find(|store| store.location.url_of(&object.key) == object.url).cloned()
    }
}

/// Starts to fetch `objects`; iterate it on a thread outside the runtime.
pub fn fetch(runtime: &Handle, stores: Stores, objects: Vec<Object>, budget: Arc<Budget>) -> Fetched {
    let seat = budget.enter();
    let mut fetched = Fetched {
        runtime: runtime.clone(),
        stores,
        objects,
        budget,
        ahead: VecDeque::new(),
        given: 0,
        task: Span::current(),
        object: Span::none(),
        _seat: seat,
    };
    fetched.fill();
    fetched
}

/// Bodies in the order of their objects. Dropping it stops what is under way.
pub struct Fetched {
    runtime: Handle,
    stores: Stores,
    objects: Vec<Object>,
    budget: Arc<Budget>,
    /// The next objects, from `given` on.
    ahead: VecDeque<Ahead>,
    /// Objects handed out.
    given: usize,
    /// Where the fetch began, for the log.
    task: Span,
    /// That of the object handed out last.
    object: Span,
    _seat: Seat,
}

enum Ahead {
    Coming(Download),
    /// A large object, opened when its turn comes.
    Large,
}

struct Download {
    bytes: JoinHandle<Result<Bytes, FetchError>>,
    object: Span,
}

impl Drop for Download {
    fn drop(&mut self) {
        self.bytes.abort();
    }
}

impl Fetched {
    /// The span that was current when the fetch began: the spans of its objects are in it.
    pub fn task(&self) -> Span {
        self.task.clone()
    }

    /// The span of the object that was given last. It is open until the next one is given.
    pub fn object(&self) -> Span {
        self.object.clone()
    }

    fn span_of(&self, object: &Object) -> Span {
        let Object { url, size, .. } = object;
        tracing::debug_span!(parent: &self.task, "object", url, size, bytes = Empty, waited_ms = Empty, rows = Empty)
    }

    /// Starts as many downloads as the budget allows now.
    fn fill(&mut self) {
        while let Some(object) = self.objects.get(self.given + self.ahead.len()) {
            if object.size > WHOLE_BYTES_MAX {
                // Nothing is fetched beyond it: its own pieces need the room.
                if self.ahead.is_empty() {
                    self.ahead.push_back(Ahead::Large);
                }
                return;
            }
            let Some(permit) = self.budget.take_ahead(object.size as usize, self.ahead.len()) else { return };
            let object = object.clone();
            let download = self.download(object, permit);
            self.ahead.push_back(Ahead::Coming(download));
        }
    }

    fn download(&self, object: Object, permit: Permit) -> Download {
        let store = self.stores.of(&object);
        let span = self.span_of(&object);
        let fetch = async move {
            let bytes = wanted(store, object)?.whole().await?;
            Span::current().record("bytes", bytes.len());
            Ok(Bytes::from_owner(Held { bytes, _permit: permit }))
        };
        Download { bytes: self.runtime.spawn(fetch.instrument(span.clone())), object: span }
    }

    fn body(&mut self, index: usize) -> Result<Body, FetchError> {
        let object = self.objects[index].clone();
        match self.ahead.pop_front() {
            Some(Ahead::Coming(download)) => self.finish(download),
            _ if object.size > WHOLE_BYTES_MAX => {
                let permit = self.budget.take_now(2 * PIECE_BYTES as usize);
                self.object = self.span_of(&object);
                let _object = self.object.enter();
                wanted(self.stores.of(&object), object)?.stream(&self.runtime, permit).map(Body::Stream)
            }
            _ => {
                let permit = self.budget.take_now(object.size as usize);
                let download = self.download(object, permit);
                self.finish(download)
            }
        }
    }

    fn finish(&mut self, mut download: Download) -> Result<Body, FetchError> {
        self.object = download.object.clone();
        let began = Instant::now();
        let fetched = self.runtime.block_on(&mut download.bytes);
        self.object.record("waited_ms", began.elapsed().as_millis() as u64);
        match fetched {
            Ok(fetched) => fetched.map(Body::Whole),
            Err(error) => Err(FetchError::Transient { detail: error.to_string() }),
        }
    }
}

impl Iterator for Fetched {
    /// The object's index in the task, and its body.
    type Item = (usize, Result<Body, FetchError>);

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.given;
        if index == self.objects.len() {
            return None;
        }
        let body = self.body(index);
        self.given += 1;
        self.fill();
        Some((index, body))
    }
}

fn wanted(store: Option<Arc<Store>>, object: Object) -> Result<Wanted, FetchError> {
    match store {
        Some(store) => Ok(Wanted { store, object }),
        None => Err(FetchError::Transient { detail: format!("no store is open for \"{}\"", object.url) }),
    }
}

/// Bytes that keep their permit as long as any copy lives.
struct Held {
    bytes: Bytes,
    _permit: Permit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
