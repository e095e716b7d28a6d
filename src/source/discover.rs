//! The chains of a source, found folder by folder without listing any other service's logs.
//!
//! ```text
//! free folders ─▶ AWSLogs/ ─▶ [o-…/] ─▶ accounts ─▶ services (only vpcflowlogs) ─▶ regions = chains
//!              └▶ folders of years (2024/, year=2024/) = chains
//!              └▶ objects outside both = loose
//! ```
//!
//! A source may name any folder of this tree, or one object. A folder that may not be listed is told, and the rest
//! goes on; if it is the source itself, that is an error.

use std::collections::BTreeSet;

use futures::stream::{FuturesUnordered, StreamExt};

use super::chain::{Chain, is_within};
use super::error::{Result, SourceError};
use super::key::{FLOW_LOGS, Level};
use super::listing::{Denied, Folder, Store};
use super::location::Kind;
use super::object::{Object, Reason, Skipped, skip_by_name};
use super::tree::{Filter, Visited, place_of, sort_out};

/// Folders listed at a time.
const FOLDERS_IN_FLIGHT_MAX: usize = 32;

/// What a source consists of.
#[derive(Debug, Default)]
pub struct Discovery {
    /// By prefix.
    pub chains: Vec<Chain>,
    /// By key.
    pub loose: Vec<Object>,
    /// Services that deliver to the same bucket, such as `CloudTrail`; never listed.
    pub other_services: BTreeSet<String>,
    pub denied: Vec<Denied>,
    pub skipped: Skipped,
    pub requests: u64,
}

/// Finds the chains and loose objects of a source.
pub async fn find_chains(store: &Store, filter: &Filter) -> Result<Discovery> {
    let before = store.requests();
    let finder = Finder { store, filter };
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
        finder.merge(visited?, &mut found, &mut open);
    }
    if let Some(error) = closed
        && found.chains.is_empty()
        && found.loose.is_empty()
    {
        return Err(error);
    }
    found.chains.sort_unstable();
    found.chains.dedup();
    found.loose.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    found.denied.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix));
    found.requests = store.requests() - before;
    Ok(found)
}

struct Finder<'a> {
    store: &'a Store,
    filter: &'a Filter,
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
        let folder = match self.store.folder(&prefix).await {
            Ok(folder) => folder,
            Err(error) if error.is_denied() && self.can_guess(&prefix) => return Ok((vec![prefix], Some(error))),
            Err(error) => return Err(error),
        };
        let nothing = folder.folders.is_empty() && folder.entries.is_empty() && folder.skipped.total() == 0;
        if nothing && self.store.kind == Kind::S3 && !location.key().is_empty() {
            self.one_object(found).await?;
            return Ok((Vec::new(), None));
        }
        let mut open = Vec::new();
        self.merge(sort_out(self.filter, &prefix, folder), found, &mut open);
        Ok((open, None))
    }

    async fn one_object(&self, found: &mut Discovery) -> Result<()> {
        let location = &self.store.location;
        let Some(entry) = self.store.head(location.key()).await? else {
            return Err(SourceError::Missing { url: location.url() });
        };
        let visited = Visited { entries: vec![entry], ..Visited::default() };
        self.merge(visited, found, &mut Vec::new());
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
            return Ok(sort_out(self.filter, &prefix, Folder::default()));
        }
        match self.store.folder(&prefix).await {
            Ok(folder) => Ok(sort_out(self.filter, &prefix, folder)),
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
                let service = if place.hive { format!("aws-service={FLOW_LOGS}") } else { FLOW_LOGS.to_owned() };
                let below = format!("{prefix}{service}/");
                match self.store.folder(&below).await {
                    Ok(folder) => return Ok(sort_out(self.filter, &below, folder)),
                    Err(error) if error.is_denied() => {}
                    Err(error) => return Err(error),
                }
            }
            _ => {}
        }
        visited.denied.push(Denied { prefix, reason: error.reason() });
        Ok(visited)
    }

    fn merge(&self, visited: Visited, found: &mut Discovery, open: &mut Vec<String>) {
        open.extend(visited.next);
        found.chains.extend(visited.chains);
        found.other_services.extend(visited.other_services);
        found.denied.extend(visited.denied);
        found.skipped.merge(&visited.skipped);
        for entry in visited.entries {
            if let Some(reason) = skip_by_name(&entry) {
                found.skipped.add(reason, &entry.key);
                continue;
            }
            let object = Object::new(&self.store.location, entry);
            let wanted = self.filter.wants(object.account.as_deref(), object.region.as_deref());
            if wanted && is_within(object.day, self.filter.since, self.filter.until) {
                found.loose.push(object);
            } else {
                found.skipped.add(Reason::Filtered, &object.key);
            }
        }
    }
}
