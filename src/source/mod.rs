//! Where raw logs lie: a SOURCE argument becomes an open store, its chains of dated folders, and bounded listings.
//!
//! ```text
//! text ─▶ Location ─┐
//! options ─▶ Access ┴─▶ open ─▶ Store ─▶ find_chains ─▶ Chain ─▶ list_chain ─▶ Object (url, size, version, day, …)
//! ```
//!
//! Promises: a key and its URL are the store's own characters, whatever they are; what is left out is counted with its
//! reason; a listing holds a page at a time. It leaves to others: which objects are new (plan), and their bytes
//! (fetch).

mod access;
mod beneath;
mod chain;
mod confined;
mod credentials;
mod discover;
mod error;
mod exact;
mod key;
mod links;
mod listing;
mod local;
mod location;
mod not_loaded;
mod object;
mod page;
mod reach;
mod retry;
mod s3;
mod secret;
mod tree;
mod uploads;
mod verbatim;
mod whole;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use object_store::local::LocalFileSystem;

pub use access::{Access, is_secret_name, shown_option};
pub use beneath::{Beneath, LinkMet, c_text, checked};
pub use chain::{Batch, Chain, Style, list_chain};
pub use confined::{Confined, first_link};
pub use discover::{Discovery, find_chains};
pub use error::{Result, SourceError, detail_of, full_text};
pub use key::{Facts, delivery};
pub use listing::{Store, UNTAGGED};
pub use local::{NotCompared, path_of as local_path_of, same_bytes, same_content, version_of as local_version_of};
pub use location::{Location, StoreKind, real_path};
pub use object::{Entry, Object, Reason, Skipped, Tally};
pub use page::{Denied, Folder, Page};
pub use reach::Reach;
pub use retry::{Retries, Trying};
pub use secret::without_secrets;
pub use tree::Filter;
pub use uploads::{Unfinished, Uploads};
pub use verbatim::path_of as store_path_of;
pub use whole::{Whole, list_whole};

/// Opens the bucket or disk of a location. Sends no request but one for the bucket's region, where it is not given.
pub async fn open(location: &Location, access: &Access) -> Result<Store> {
    let requests = Arc::new(AtomicU64::new(0));
    let (kind, location) = (location.kind(), location.clone());
    if kind == StoreKind::Local {
        if let Some(option) = access.first_name() {
            return Err(SourceError::OptionLocal { option, url: location.url() });
        }
        let store = Arc::new(LocalFileSystem::new());
        let (follows_links, links) = (access.follows_links(), Arc::default());
        let (pager, uploads, lake) = (None, None, None);
        return Ok(Store { store, location, kind, requests, pager, uploads, lake, follows_links, links });
    }
    let s3::Bucket { client, uploads } = s3::open(&location, access, Arc::clone(&requests)).await?;
    let (pager, uploads, lake) = (Some(listing::Pager(client.clone())), Some(uploads), None);
    let (follows_links, links) = (access.follows_links(), Arc::default());
    Ok(Store { store: client, location, kind, requests, pager, uploads, lake, follows_links, links })
}
