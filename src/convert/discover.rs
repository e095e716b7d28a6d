//! Listing the sources: chains of keys from where the ledger says they were left, many at once.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};

use super::{ConvertError, Options};
use crate::lake::{Day, Lake, Seen, State};
use crate::plan::{Subtracted, subtract};
use crate::progress::Progress;
use crate::source::{Chain, Denied, Filter, Object, Skipped, SourceError, Store, find_chains, list_chain};

/// Chains listed at once.
const CHAINS_IN_FLIGHT_MAX: usize = 32;

/// What one look at the sources gave.
#[derive(Debug, Default)]
pub struct Listing {
    pub objects: Vec<Object>,
    /// Newest key day of each chain that was listed to its end.
    pub frontiers: BTreeMap<String, Day>,
    pub other_services: BTreeSet<String>,
    pub denied: Vec<Denied>,
    pub skipped: Skipped,
    pub requests: u64,
    /// Whether everything was listed from its beginning, and nothing was denied or left out by a filter.
    pub is_full: bool,
    /// The oldest day from which a chain was listed again; `None` if all were listed from their beginning.
    pub from: Option<chrono::NaiveDate>,
}

/// Lists every source. A prefix that may not be listed is named, and the rest goes on.
pub async fn list(
    options: &Options,
    sources: &[Store],
    state: &State,
    progress: &Progress,
) -> Result<Listing, ConvertError> {
    let filter = Filter {
        accounts: options.accounts.iter().cloned().collect(),
        regions: options.regions.iter().cloned().collect(),
        since: options.since,
        until: options.until,
    };
    let mut listing = Listing::default();
    progress.listing();
    for source in sources {
        let found = find_chains(source, &filter).await?;
        listing.objects.extend(found.loose);
        listing.other_services.extend(found.other_services);
        listing.denied.extend(found.denied);
        listing.skipped.merge(&found.skipped);
        let chains = found.chains.into_iter().map(|chain| list_one(options, source, state, chain));
        let mut chains = futures::stream::iter(chains).buffer_unordered(CHAINS_IN_FLIGHT_MAX);
        while let Some(chain) = chains.try_next().await? {
            listing.add(chain, options);
            progress.listed(listing.objects.len() as u64);
        }
        listing.requests += source.requests();
    }
    let unfiltered = filter == Filter::default();
    listing.is_full = unfiltered && listing.from.is_none() && listing.denied.is_empty();
    // Two sources may overlap: an object is one object through whichever it was found.
    listing.objects.sort_by(|a, b| a.url.cmp(&b.url));
    listing.objects.dedup_by(|a, b| a.url == b.url);
    Ok(listing)
}

struct ListedChain {
    url: String,
    /// Whether the order of its keys is the order of their days, so that listing may go on from a day.
    is_by_day: bool,
    objects: Vec<Object>,
    skipped: Skipped,
    from: Option<chrono::NaiveDate>,
    denied: Vec<Denied>,
}

async fn list_one(options: &Options, source: &Store, state: &State, chain: Chain) -> Result<ListedChain, SourceError> {
    let url = source.location.url_of(&chain.prefix);
    let frontier = state.frontiers.get(&url).and_then(|day| day.0);
    let mut again = options.lookback_days.zip(frontier).map(|(days, day)| day - chrono::Days::new(u64::from(days)));
    if let Some(unread) = state.oldest_unread(&url) {
        again = again.zip(unread.0).map(|(lookback, unread)| lookback.min(unread));
    }
    let from = options.since.or(again);
    let mut listed = ListedChain {
        url,
        is_by_day: true,
        objects: Vec::new(),
        skipped: Skipped::default(),
        from: again,
        denied: Vec::new(),
    };
    let mut pages = std::pin::pin!(list_chain(source, &chain, from, options.until));
    loop {
        match pages.try_next().await {
            Ok(Some(page)) => {
                listed.skipped.merge(&page.skipped);
                listed.denied.extend(page.denied);
                listed.is_by_day &= page.objects.iter().all(|object| lies_in_its_day(&chain, object));
                listed.objects.extend(page.objects);
            }
            Ok(None) => return Ok(listed),
            Err(error) if error.is_denied() => {
                listed.denied.push(Denied { prefix: listed.url.clone(), reason: error.reason() });
                return Ok(listed);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether a key lies between the offset of its day and that of the next.
fn lies_in_its_day(chain: &Chain, object: &Object) -> bool {
    let next = object.day.and_then(|day| Some((day, day.succ_opt()?)));
    next.is_some_and(|(day, next)| object.key > chain.offset(day) && object.key <= chain.offset(next))
}

impl Listing {
    /// Whether the sources hold nothing at all, not even something to skip.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.skipped.total() == 0 && self.other_services.is_empty()
    }

    fn add(&mut self, chain: ListedChain, options: &Options) {
        self.skipped.merge(&chain.skipped);
        self.from = match (self.from, chain.from) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        // A run over chosen days has not seen the others, and a denied folder was not seen at all: neither may advance.
        let unfiltered = options.since.is_none() && options.until.is_none();
        if chain.denied.is_empty() && unfiltered && chain.is_by_day {
            // A key of the future must not hide those that come before it.
            let today = chrono::Utc::now().date_naive();
            let newest = chain.objects.iter().filter_map(|object| object.day).filter(|&day| day <= today).max();
            if let Some(newest) = newest {
                self.frontiers.insert(chain.url, Day(Some(newest)));
            }
        }
        self.denied.extend(chain.denied);
        self.objects.extend(chain.objects);
    }
}

/// Takes away what the ledger knows of the listed objects' days.
pub async fn fresh(
    listed: Vec<Object>,
    lake: Option<&Lake>,
    state: &State,
    options: &Options,
) -> Result<Subtracted, ConvertError> {
    let days: BTreeSet<Day> = listed.iter().map(|object| Day(object.day)).collect();
    let seen = match lake {
        Some(lake) => Seen::load(lake, state, &days, options.format.as_deref()).await?,
        None => Seen::default(),
    };
    Ok(subtract(listed, &seen))
}
