//! Listing the sources: chains of keys from where the ledger says they were left, many at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt};

use super::{ConvertError, Options, Summary};
use crate::execute::{Stop, TaskError};
use crate::lake::{Day, State};
use crate::plan::{Listed, Spool};
use crate::progress::Progress;
use crate::source::{
    Chain, Denied, Filter, Location, Object, Reason, Skipped, SourceError, Store, find_chains, list_chain,
};

/// Chains listed at once.
const CHAINS_IN_FLIGHT_MAX: usize = 32;

/// What one look at the sources gave.
#[derive(Debug, Default)]
pub struct Listing {
    pub objects: Listed,
    /// The folder in which the objects are, where they do not fit into memory.
    pub scratch: PathBuf,
    /// Newest key day of each chain that was listed to its end.
    pub frontiers: BTreeMap<String, Day>,
    pub other_services: BTreeSet<String>,
    pub denied: Vec<Denied>,
    pub skipped: Skipped,
    pub requests: u64,
    /// Whether everything was listed from its beginning, and nothing was denied or left out by a filter.
    pub is_full: bool,
    /// The oldest day from which a chain was listed again; `None` if all were listed from their beginning.
    pub from: Option<NaiveDate>,
    /// Whether the run was stopped before the end: nothing may be concluded.
    pub was_stopped: bool,
}

impl Listing {
    /// Tells what people want to know of it.
    pub(super) fn tell(&self, summary: &mut Summary, state: &State, options: &Options) {
        (summary.scope.since, summary.scope.until) = (options.since, options.until);
        summary.scope.requests += self.requests;
        summary.left_out.denied = self.denied.iter().map(ToString::to_string).collect();
        summary.passed_over.other_services = self.other_services.iter().cloned().collect();
        for (reason, tally) in self.skipped.0.iter().filter(|(reason, _)| **reason != Reason::Filtered) {
            summary.passed_over.add(*reason, tally.objects);
        }
        summary.scope.listed_from = self.from.map(|day| day.to_string());
        summary.scope.last_full_scan.clone_from(&state.last_full_scan);
    }

    /// A source that holds nothing is a mistake in its name, unless the lake knows it.
    pub(super) fn check_not_empty(&self, options: &Options, state: &State) -> Result<(), ConvertError> {
        if self.is_full && self.is_empty() && state.create.is_none() {
            let sources: Vec<String> = options.sources.iter().map(Location::url).collect();
            return Err(ConvertError::EmptySource(sources.join(", ")));
        }
        Ok(())
    }
}

/// Lists every source. A prefix that may not be listed is named, and the rest goes on.
pub async fn list(
    options: &Options,
    sources: &[Store],
    state: &State,
    scratch: &Path,
    talk: (&Progress, &Stop),
) -> Result<Listing, ConvertError> {
    let (progress, stop) = talk;
    let filter = options.filter();
    let mut listing = Listing { scratch: scratch.to_owned(), ..Listing::default() };
    let spool = Mutex::new(Spool::new(scratch.to_owned()));
    let take = |objects: Vec<Object>| {
        let mut spool = spool.lock().expect("adding to a list does not panic");
        spool.add(objects);
        progress.listed(spool.objects());
    };
    progress.listing();
    let today = chrono::Utc::now().date_naive();
    for source in sources {
        let found = find_chains(source, &filter, &take).await?;
        listing.other_services.extend(found.other_services);
        listing.denied.extend(found.denied);
        listing.skipped.merge(&found.skipped);
        let look = Look { options, source, state, stop, today, take: &take };
        let chains = found.chains.into_iter().map(|chain| look.chain(chain));
        let mut chains = futures::stream::iter(chains).buffer_unordered(CHAINS_IN_FLIGHT_MAX);
        while let Some(chain) = chains.try_next().await? {
            listing.add(chain, options);
        }
        listing.requests += source.requests();
    }
    let unfiltered = filter == Filter::default();
    listing.was_stopped = stop.is_soon();
    listing.is_full = unfiltered && listing.from.is_none() && listing.denied.is_empty() && !listing.was_stopped;
    let spool = spool.into_inner().expect("adding to a list does not panic");
    let sorted = tokio::task::spawn_blocking(|| spool.finish()).await.expect("sorting does not panic");
    listing.objects = sorted.map_err(TaskError::of_scratch(scratch))?;
    Ok(listing)
}

struct ListedChain {
    url: String,
    /// Whether the order of its keys is the order of their days, so that listing may go on from a day.
    is_by_day: bool,
    newest: Option<NaiveDate>,
    skipped: Skipped,
    from: Option<NaiveDate>,
    denied: Vec<Denied>,
}

/// What looking at the chains of one source needs.
struct Look<'a> {
    options: &'a Options,
    source: &'a Store,
    state: &'a State,
    stop: &'a Stop,
    /// A key of the future must not hide those that come before it.
    today: NaiveDate,
    take: &'a (dyn Fn(Vec<Object>) + Sync),
}

impl Look<'_> {
    async fn chain(&self, chain: Chain) -> Result<ListedChain, SourceError> {
        let (url, again) = self.again(&chain);
        let from = self.options.since.or(again);
        tracing::debug!(url, ?from, "listing");
        let (skipped, denied) = (Skipped::default(), Vec::new());
        let mut listed = ListedChain { url, is_by_day: true, newest: None, skipped, from: again, denied };
        let mut pages = std::pin::pin!(list_chain(self.source, &chain, from, self.options.until));
        while !self.stop.is_soon() {
            match pages.try_next().await {
                Ok(Some(page)) => {
                    listed.skipped.merge(&page.skipped);
                    listed.denied.extend(page.denied);
                    // Nothing follows from one that is to get its content yet.
                    let objects = || page.objects.iter().filter(|object| object.size > 0);
                    listed.is_by_day &= objects().all(|object| lies_in_its_day(&chain, object));
                    let newest = objects().filter_map(|object| object.day).filter(|&day| day <= self.today).max();
                    listed.newest = listed.newest.max(newest);
                    (self.take)(page.objects);
                }
                Ok(None) => break,
                Err(error) if error.is_denied() => {
                    listed.denied.push(Denied { prefix: listed.url.clone(), reason: error.reason() });
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(listed)
    }

    /// The chain's URL, and the day from which an incremental run lists it again.
    fn again(&self, chain: &Chain) -> (String, Option<NaiveDate>) {
        let url = self.source.location.url_of(&chain.prefix);
        // Nor must a day to come, which a run met whose clock was ahead.
        let frontier = self.state.frontiers.get(&url).and_then(|day| day.0).map(|day| day.min(self.today));
        let lookback = self.options.lookback_days.zip(frontier);
        // A lookback beyond the calendar lists everything.
        let mut again = lookback.and_then(|(days, day)| day.checked_sub_days(chrono::Days::new(u64::from(days))));
        if let Some(unread) = self.state.oldest_unread(&url) {
            again = again.zip(unread.0).map(|(lookback, unread)| lookback.min(unread));
        }
        (url, again)
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
        // A run over chosen days has not seen the others, and what is denied or lies behind a link that leads nowhere
        // was not seen at all: none of these may advance.
        let unfiltered = options.since.is_none() && options.until.is_none();
        if let Some(newest) = chain.newest
            && chain.denied.is_empty()
            && chain.skipped.count(Reason::Dangling) == 0
            && unfiltered
            && chain.is_by_day
        {
            self.frontiers.insert(chain.url, Day(Some(newest)));
        }
        self.denied.extend(chain.denied);
    }
}
