//! What the folders of a bucket mean by their names alone: which are chains, which are looked into, which only named.

use std::collections::BTreeSet;

use chrono::{Months, NaiveDate};

use super::chain::{Chain, Style, is_within};
use super::key::{Facts, Level, Place, account_of, is_known, is_organisation, service_of, year_folder};
use super::object::{Entry, Object, Reason, Skipped, skip_by_name};
use super::page::{Denied, Folder};

/// What is wanted of a source; empty lists and `None` want everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Ids of twelve digits. If there are any, objects whose keys name no account are left out.
    pub accounts: BTreeSet<String>,
    /// Names such as `eu-west-1`. If there are any, objects whose keys name no region are left out.
    pub regions: BTreeSet<String>,
    /// First day, included.
    pub since: Option<NaiveDate>,
    /// Last day, included.
    pub until: Option<NaiveDate>,
}

impl Filter {
    /// An unknown account or region does not match a filter that names some.
    pub(super) fn wants(&self, account: Option<&str>, region: Option<&str>) -> bool {
        let one_of =
            |set: &BTreeSet<String>, name: Option<&str>| set.is_empty() || name.is_some_and(|name| set.contains(name));
        one_of(&self.accounts, account) && one_of(&self.regions, region)
    }

    /// Whether a listing with it gives an object.
    pub fn takes(&self, object: &Object) -> bool {
        let is_wanted = self.wants(object.account.as_deref(), object.region.as_deref());
        is_wanted && is_within(object.day, self.since, self.until)
    }

    /// Whether objects are chosen by what only their keys tell.
    fn names_some(&self) -> bool {
        !self.accounts.is_empty() || !self.regions.is_empty()
    }

    pub(super) fn wants_account(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.contains(account)
    }
}

/// What one folder led to.
#[derive(Debug, Default)]
pub(super) struct Visited {
    pub(super) next: Vec<String>,
    pub(super) chains: Vec<Chain>,
    pub(super) entries: Vec<Entry>,
    pub(super) other_services: BTreeSet<String>,
    pub(super) denied: Vec<Denied>,
    pub(super) skipped: Skipped,
}

impl Visited {
    /// Adds what another folder led to.
    pub(super) fn append(&mut self, other: Visited) {
        self.next.extend(other.next);
        self.chains.extend(other.chains);
        self.entries.extend(other.entries);
        self.other_services.extend(other.other_services);
        self.denied.extend(other.denied);
        self.skipped.merge(&other.skipped);
    }
}

/// What the names in a folder mean, by its place in the tree.
pub(super) fn sort_out(filter: &Filter, prefix: &str, folder: Folder) -> Visited {
    let place = place_of(prefix);
    let (skipped, denied) = (folder.skipped.clone(), folder.denied.clone());
    let mut visited = Visited { skipped, denied, ..Visited::default() };
    match place.below {
        Level::Outside => outside(filter, prefix, folder, &mut visited),
        Level::Logs => {
            for name in &folder.folders {
                let below = format!("{prefix}{name}/");
                match account_of(name) {
                    Some(account) if filter.wants_account(account) => visited.next.push(below),
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
                    known if is_known(known) => visited.next.push(format!("{prefix}{name}/")),
                    other => drop(visited.other_services.insert(other.to_owned())),
                }
            }
            not_flow_logs(&folder, &mut visited);
        }
        Level::Service => {
            for name in &folder.folders {
                region_chain(filter, &format!("{prefix}{name}/"), &mut visited);
            }
            visited.entries = folder.entries;
        }
        Level::Region => region_chain(filter, prefix, &mut visited),
        Level::Foreign => {
            let service = segments(prefix).last().map(|name| service_of(name).to_owned());
            visited.other_services.extend(service);
        }
    }
    visited
}

fn region_chain(filter: &Filter, prefix: &str, visited: &mut Visited) {
    let folders = segments(prefix);
    let place = Place::of(&folders);
    if !filter.wants(place.account, place.region) {
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

/// Free folders: years become chains, the rest is looked into. Where accounts or regions are chosen, years are looked
/// into as well: a free chain holds any of them, and how far it was listed must not be kept for a part of it.
fn outside(filter: &Filter, prefix: &str, folder: Folder, visited: &mut Visited) {
    let folders = segments(prefix);
    let below = |name: String| format!("{prefix}{name}/");
    match dated(&folders) {
        Some((years, hive)) if filter.names_some() => {
            if let Some((first, last)) = days_of(&folders[years..], hive)
                && (filter.until.is_some_and(|until| until < first) || filter.since.is_some_and(|since| last < since))
            {
                visited.skipped.add(Reason::Filtered, prefix);
                return;
            }
            visited.next.extend(folder.folders.into_iter().map(below));
        }
        Some((years, hive)) => {
            let is_year = years + 1 == folders.len();
            let is_month = |name: &String| is_part(name, hive, "month=");
            // A year that holds other folders too, AWSLogs perhaps, is taken apart.
            if !is_year || folder.folders.iter().all(is_month) {
                visited.chains.push(free_chain(prefix, &folders[..years], hive));
                return;
            }
            let (months, others): (Vec<_>, Vec<_>) = folder.folders.into_iter().partition(is_month);
            let chain = |name: String| free_chain(&below(name), &folders[..years], hive);
            visited.chains.extend(months.into_iter().map(chain));
            visited.next.extend(others.into_iter().map(below));
        }
        None => visited.next.extend(folder.folders.into_iter().map(below)),
    }
    visited.entries = folder.entries;
}

fn not_flow_logs(folder: &Folder, visited: &mut Visited) {
    for entry in &folder.entries {
        let other = if entry.size == 0 { Reason::Empty } else { Reason::NotFlowLogs };
        visited.skipped.add(skip_by_name(entry).unwrap_or(other), &entry.key);
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

pub(super) fn place_of(prefix: &str) -> Place<'_> {
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

/// First and last day of a year's, month's, day's or hour's folder.
fn days_of(folders: &[&str], hive: bool) -> Option<(NaiveDate, NaiveDate)> {
    let number = |at: usize, key: &str| {
        let digits = folders.get(at)?;
        if hive { digits.strip_prefix(key)? } else { digits }.parse::<u32>().ok()
    };
    let (year, month, day) = (number(0, "year=")? as i32, number(1, "month="), number(2, "day="));
    let first = NaiveDate::from_ymd_opt(year, month.unwrap_or(1), day.unwrap_or(1))?;
    let after = match (month, day) {
        (Some(_), Some(_)) => first.succ_opt()?,
        (Some(_), None) => first.checked_add_months(Months::new(1))?,
        _ => first.checked_add_months(Months::new(12))?,
    };
    Some((first, after.pred_opt()?))
}
