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

use chrono::NaiveDate;
use futures::stream::{FuturesUnordered, StreamExt};

use super::chain::{Chain, Style, is_within};
use super::error::{Result, SourceError};
use super::key::{FLOW_LOGS, Facts, Level, Place, account_of, is_organisation, service_of, year_folder};
use super::listing::{Denied, Folder, Store};
use super::location::Kind;
use super::object::{Entry, Object, Reason, Skipped, skip_by_name};

/// Folders listed at a time.
const FOLDERS_IN_FLIGHT_MAX: usize = 32;

/// What is wanted of a source; empty lists and `None` want everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub accounts: BTreeSet<String>,
    pub regions: BTreeSet<String>,
    /// First day, included.
    pub since: Option<NaiveDate>,
    /// Last day, included.
    pub until: Option<NaiveDate>,
}

impl Filter {
    /// An unknown account or region does not match a filter that names some.
    fn wants(&self, account: Option<&str>, region: Option<&str>) -> bool {
        let one_of = |set: &BTreeSet<String>, name: Option<&str>| {
            set.is_empty() || name.is_some_and(|name| set.contains(name))
        };
        one_of(&self.accounts, account) && one_of(&self.regions, region)
    }

    fn wants_account(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.contains(account)
    }
}

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
    let mut open = finder.first(&mut found).await?;
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
    found.chains.sort_unstable();
    found.chains.dedup();
    found.loose.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    found.denied.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix));
    found.requests = store.requests() - before;
    Ok(found)
}

/// What one folder led to.
#[derive(Debug, Default)]
struct Visited {
    next: Vec<String>,
    chains: Vec<Chain>,
    entries: Vec<Entry>,
    other_services: BTreeSet<String>,
    denied: Vec<Denied>,
    skipped: Skipped,
}

struct Finder<'a> {
    store: &'a Store,
    filter: &'a Filter,
}

impl Finder<'_> {
    /// The source itself: it must exist and be readable, and it may be one object.
    async fn first(&self, found: &mut Discovery) -> Result<Vec<String>> {
        let location = &self.store.location;
        let prefix = location.prefix();
        if location.path().is_some_and(|path| !path.is_dir()) {
            self.one_object(found).await?;
            return Ok(Vec::new());
        }
        let folder = match self.store.folder(&prefix).await {
            Ok(folder) => folder,
            Err(error) if error.is_denied() && self.can_guess(&prefix) => return Ok(vec![prefix]),
            Err(error) => return Err(error),
        };
        let nothing = folder.folders.is_empty() && folder.entries.is_empty() && folder.skipped.total() == 0;
        if nothing && self.store.kind == Kind::S3 && !location.key().is_empty() {
            self.one_object(found).await?;
            return Ok(Vec::new());
        }
        let mut open = Vec::new();
        self.merge(self.sort_out(&prefix, folder), found, &mut open);
        Ok(open)
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
            return Ok(self.sort_out(&prefix, Folder::default()));
        }
        match self.store.folder(&prefix).await {
            Ok(folder) => Ok(self.sort_out(&prefix, folder)),
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
                visited.next = self.filter.accounts.iter().map(|account| format!("{prefix}{account}/")).collect();
                return Ok(visited);
            }
            Level::Account => {
                let service = if place.hive { format!("aws-service={FLOW_LOGS}") } else { FLOW_LOGS.to_owned() };
                let below = format!("{prefix}{service}/");
                match self.store.folder(&below).await {
                    Ok(folder) => return Ok(self.sort_out(&below, folder)),
                    Err(error) if error.is_denied() => {}
                    Err(error) => return Err(error),
                }
            }
            _ => {}
        }
        visited.denied.push(Denied { prefix, reason: error.to_string() });
        Ok(visited)
    }

    /// What the names in a folder mean, by its place in the tree.
    fn sort_out(&self, prefix: &str, folder: Folder) -> Visited {
        let place = place_of(prefix);
        let mut visited = Visited { skipped: folder.skipped.clone(), ..Visited::default() };
        match place.below {
            Level::Outside => self.outside(prefix, folder, &mut visited),
            Level::Logs => {
                for name in &folder.folders {
                    let below = format!("{prefix}{name}/");
                    match account_of(name) {
                        Some(account) if self.filter.wants_account(account) => visited.next.push(below),
                        Some(_) => visited.skipped.add(Reason::Filtered, &below),
                        None if is_organisation(name) && prefix.ends_with("AWSLogs/") => visited.next.push(below),
                        None => visited.skipped.add(Reason::NotFlowLogs, &below),
                    }
                }
                not_flow_logs(&folder, &mut visited);
            }
            Level::Account => {
                for name in &folder.folders {
                    match service_of(name) {
                        FLOW_LOGS => visited.next.push(format!("{prefix}{name}/")),
                        other => drop(visited.other_services.insert(other.to_owned())),
                    }
                }
                not_flow_logs(&folder, &mut visited);
            }
            Level::FlowLogs => {
                for name in &folder.folders {
                    self.region_chain(&format!("{prefix}{name}/"), &mut visited);
                }
                visited.entries = folder.entries;
            }
            Level::Region => self.region_chain(prefix, &mut visited),
            Level::Foreign => {
                let service = segments(prefix).last().map(|name| service_of(name).to_owned());
                visited.other_services.extend(service);
            }
        }
        visited
    }

    fn region_chain(&self, prefix: &str, visited: &mut Visited) {
        let folders = segments(prefix);
        let place = Place::of(&folders);
        if !self.filter.wants(place.account, place.region) {
            visited.skipped.add(Reason::Filtered, prefix);
            return;
        }
        visited.chains.push(Chain {
            prefix: prefix.to_owned(),
            root: join(&folders[..place.date_root]),
            account: place.account.map(str::to_owned),
            region: place.region.map(str::to_owned),
            style: if place.hive { Style::Hive } else { Style::Plain },
        });
    }

    /// Free folders: years become chains, the rest is looked into.
    fn outside(&self, prefix: &str, folder: Folder, visited: &mut Visited) {
        let folders = segments(prefix);
        if let Some((years, hive)) = dated(&folders) {
            let is_year = years + 1 == folders.len();
            let is_month = |name: &String| is_part(name, hive, "month=");
            // A year that holds other folders too, AWSLogs perhaps, is taken apart.
            if !is_year || folder.folders.iter().all(is_month) {
                visited.chains.push(free_chain(prefix, &folders[..years], hive));
                return;
            }
            let (months, others): (Vec<_>, Vec<_>) = folder.folders.into_iter().partition(is_month);
            let chain = |name: String| free_chain(&format!("{prefix}{name}/"), &folders[..years], hive);
            visited.chains.extend(months.into_iter().map(chain));
            visited.next.extend(others.into_iter().map(|name| format!("{prefix}{name}/")));
        } else {
            visited.next.extend(folder.folders.iter().map(|name| format!("{prefix}{name}/")));
        }
        visited.entries = folder.entries;
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

fn not_flow_logs(folder: &Folder, visited: &mut Visited) {
    for entry in &folder.entries {
        visited.skipped.add(skip_by_name(entry).unwrap_or(Reason::NotFlowLogs), &entry.key);
    }
}

fn free_chain(prefix: &str, root: &[&str], hive: bool) -> Chain {
    let facts = Facts::of(prefix);
    Chain {
        prefix: prefix.to_owned(),
        root: join(root),
        account: facts.account,
        region: facts.region,
        style: if hive { Style::Hive } else { Style::Plain },
    }
}

fn segments(prefix: &str) -> Vec<&str> {
    match prefix.strip_suffix('/') {
        Some(body) => body.split('/').collect(),
        None => Vec::new(),
    }
}

fn join(folders: &[&str]) -> String {
    folders.iter().map(|folder| format!("{folder}/")).collect()
}

fn place_of(prefix: &str) -> Place<'_> {
    // Only values are borrowed from the segments, not the list.
    Place::of(&segments(prefix))
}

fn is_part(name: &str, hive: bool, key: &str) -> bool {
    let digits = if hive { name.strip_prefix(key) } else { Some(name) };
    digits.is_some_and(|digits| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The index of the year among folders that end in a year, month, day or hour, and whether they are `key=value`.
fn dated(folders: &[&str]) -> Option<(usize, bool)> {
    (folders.len().saturating_sub(4)..folders.len()).find_map(|at| {
        let hive = year_folder(folders[at])?;
        let below = folders[at + 1..].iter().zip(["month=", "day=", "hour="]);
        below.clone().all(|(name, key)| is_part(name, hive, key)).then_some((at, hive))
    })
}

