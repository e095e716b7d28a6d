//! The chains of a source, found folder by folder without listing any other service's logs.
//!
//! ```text
//! free folders ─▶ AWSLogs/ ─▶ [o-…/] ─▶ accounts ─▶ services (of known logs) ─▶ regions = chains
//!              └▶ folders of years (2024/, year=2024/) = chains
//!              └▶ objects outside both = loose
//! ```
//!
//! A source may name any folder of this tree, or one object. A folder that may not be listed is told, and the rest
//! goes on; if it is the source itself, that is an error.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream::{FuturesUnordered, StreamExt, TryStreamExt};

use super::chain::Chain;
use super::error::{Result, SourceError};
use super::key::{Level, known_services};
use super::listing::Store;
use super::location::StoreKind;
use super::object::{Entry, Object, Reason, Skipped, skip_by_name};
use super::page::{Denied, Folder};
use super::tree::{Filter, Visited, place_of, sort_out};

/// Folders listed at a time.
const FOLDERS_IN_FLIGHT_MAX: usize = 32;
/// Names of one folder held before they are handed on.
const ENTRIES_HELD_MAX: usize = 10_000;

/// What a source consists of.
#[derive(Debug, Default)]
pub struct Discovery {
    /// By prefix.
    pub chains: Vec<Chain>,
    /// Services that deliver to the same bucket, such as `CloudTrail`; never listed.
    pub other_services: BTreeSet<String>,
    /// What may not be listed, by URL. The search went on everywhere else.
    pub denied: Vec<Denied>,
    /// Names met on the way that are neither chains nor loose objects. Nothing that lies in a chain is counted here.
    pub skipped: Skipped,
    /// Requests that the search took; on disk, folders read.
    pub requests: u64,
}

/// Finds the chains of a source, and hands on its loose objects as they come: a flat folder may hold millions.
pub async fn find_chains(store: &Store, filter: &Filter, take: &(dyn Fn(Vec<Object>) + Sync)) -> Result<Discovery> {
    let before = store.requests();
    let finder = Finder { store, filter, take, loose: AtomicU64::new(0) };
    let mut found = Discovery::default();
    let (mut open, closed) = finder.first(&mut found).await?;
    let mut visits = FuturesUnordered::new();
    loop {
        while visits.len() < FOLDERS_IN_FLIGHT_MAX
            && let Some(prefix) = open.pop()
        {
            visits.push(finder.visit(prefix));
        }
        let Some(visited) = visits.next().await else { break };
        merge(visited?, &mut found, &mut open);
    }
    drop(visits);
    if let Some(error) = closed
        && found.chains.is_empty()
        && finder.loose.into_inner() == 0
    {
        return Err(error);
    }
    found.chains.sort_unstable();
    found.chains.dedup();
    found.denied.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix));
    found.requests = store.requests() - before;
    Ok(found)
}

struct Finder<'a> {
    store: &'a Store,
    filter: &'a Filter,
    take: &'a (dyn Fn(Vec<Object>) + Sync),
    /// Loose objects handed on.
    loose: AtomicU64,
}

impl Finder<'_> {
    /// The source itself: it must exist and be readable, and it may be one object.
    /// Gives the folders to visit; and why it is closed, if names below it can be guessed all the same.
    async fn first(&self, found: &mut Discovery) -> Result<(Vec<String>, Option<SourceError>)> {
        let location = &self.store.location;
        let prefix = location.prefix();
        if location.path().is_some_and(|path| !path.is_dir()) {
            self.one_object(found).await?;
            return Ok((Vec::new(), None));
        }
        let mut visited = Visited::default();
        let folder = match self.folder(&prefix, &mut visited.skipped).await {
            Ok(folder) => folder,
            Err(error) if error.is_denied() && self.can_guess(&prefix) => return Ok((vec![prefix], Some(error))),
            Err(error) => return Err(error),
        };
        let nothing = folder.folders.is_empty()
            && folder.entries.is_empty()
            && folder.skipped.total() + visited.skipped.total() == 0
            && self.loose.load(Ordering::Relaxed) == 0;
        if nothing && self.store.kind == StoreKind::S3 && !location.key().is_empty() {
            self.one_object(found).await?;
            return Ok((Vec::new(), None));
        }
        let mut open = Vec::new();
        merge(visited, found, &mut open);
        merge(self.sorted(&prefix, folder), found, &mut open);
        Ok((open, None))
    }

    async fn one_object(&self, found: &mut Discovery) -> Result<()> {
        let location = &self.store.location;
        let Some(entry) = self.store.head(location.key()).await? else {
            return Err(location.none_there());
        };
        self.give(vec![entry], &mut found.skipped);
        Ok(())
    }

    /// Below a folder that may not be listed, the names of the next ones may still be known.
    fn can_guess(&self, prefix: &str) -> bool {
        match place_of(prefix).below {
            Level::Logs => !self.filter.accounts.is_empty(),
            Level::Account => true,
            _ => false,
        }
    }

    async fn visit(&self, prefix: String) -> Result<Visited> {
        if place_of(&prefix).below == Level::Region {
            return Ok(self.sorted(&prefix, Folder::default()));
        }
        let mut skipped = Skipped::default();
        match self.folder(&prefix, &mut skipped).await {
            Ok(folder) => {
                let mut visited = self.sorted(&prefix, folder);
                visited.skipped.merge(&skipped);
                Ok(visited)
            }
            Err(error) if error.is_denied() => self.guess(prefix, error).await,
            Err(error) => Err(error),
        }
    }

    /// Goes on below a closed folder where the next name is known.
    async fn guess(&self, prefix: String, error: SourceError) -> Result<Visited> {
        let mut visited = Visited::default();
        let place = place_of(&prefix);
        match place.below {
            Level::Logs if !self.filter.accounts.is_empty() => {
                for account in &self.filter.accounts {
                    visited.next.push(format!("{prefix}{account}/"));
                    let hive = format!("{prefix}aws-account-id={account}/");
                    // The plain name tells of a denial; one of a name that may not exist would be noise.
                    match self.store.folder(&hive).await {
                        Ok(folder) if folder.folders.is_empty() => {}
                        Ok(_) => visited.next.push(hive),
                        Err(error) if error.is_denied() => {}
                        Err(error) => return Err(error),
                    }
                }
                return Ok(visited);
            }
            Level::Account => {
                let (mut is_open, key) = (false, if place.hive { "aws-service=" } else { "" });
                for service in known_services() {
                    let below = format!("{prefix}{key}{service}/");
                    match self.store.folder(&below).await {
                        Ok(folder) => {
                            is_open = true;
                            visited.append(self.sorted(&below, folder));
                        }
                        Err(error) if error.is_denied() => {
                            let prefix = self.store.location.url_of(&below);
                            visited.denied.push(Denied { prefix, reason: error.reason() });
                        }
                        Err(error) => return Err(error),
                    }
                }
                if is_open {
                    return Ok(visited);
                }
                // None can be listed: the account is told, once.
                visited.denied.clear();
            }
            _ => {}
        }
        let prefix = self.store.location.url_of(&prefix);
        visited.denied.push(Denied { prefix, reason: error.reason() });
        Ok(visited)
    }

    /// One folder, a page at a time: where its objects are loose, they are handed on before the next page comes.
    async fn folder(&self, prefix: &str, skipped: &mut Skipped) -> Result<Folder> {
        let gives_loose = matches!(place_of(prefix).below, Level::Outside | Level::Service);
        let mut whole = Folder::default();
        let mut pages = self.store.folder_pages(prefix);
        while let Some(page) = pages.try_next().await? {
            whole.folders.extend(page.folders);
            whole.entries.extend(page.entries);
            whole.skipped.merge(&page.skipped);
            whole.denied.extend(page.denied);
            if gives_loose && whole.entries.len() >= ENTRIES_HELD_MAX {
                self.give(std::mem::take(&mut whole.entries), skipped);
            }
        }
        Ok(whole)
    }

    fn sorted(&self, prefix: &str, folder: Folder) -> Visited {
        let mut visited = sort_out(self.filter, prefix, folder);
        self.give(std::mem::take(&mut visited.entries), &mut visited.skipped);
        visited
    }

    /// Hands on the objects among `entries` that are wanted.
    fn give(&self, entries: Vec<Entry>, skipped: &mut Skipped) {
        let mut objects = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(reason) = skip_by_name(&entry) {
                skipped.add(reason, &entry.key);
                continue;
            }
            let object = Object::new(&self.store.location, entry);
            if self.filter.takes(&object) {
                objects.push(object);
            } else {
                skipped.add(Reason::Filtered, &object.key);
            }
        }
        self.loose.fetch_add(objects.len() as u64, Ordering::Relaxed);
        if !objects.is_empty() {
            (self.take)(objects);
        }
    }
}

fn merge(visited: Visited, found: &mut Discovery, open: &mut Vec<String>) {
    open.extend(visited.next);
    found.chains.extend(visited.chains);
    found.other_services.extend(visited.other_services);
    found.denied.extend(visited.denied);
    found.skipped.merge(&visited.skipped);
}
