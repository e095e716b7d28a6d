//! A dated folder listed as one chain of pages, from a day's offset until past the last day wanted.
//!
//! ```text
//! offset of a day = root + "2024/05/02~"          greater than all of the 2nd, less than all of the 3rd
//!                   root + "year=2024/month=05/day=02~"
//! past all days   = root + ":"  or  root + "year>"
//! ```
//!
//! An offset ends in `~` and not in `/`, because servers that order by folder would pass over the whole day.

use std::cmp::Ordering;

use chrono::{Datelike, NaiveDate};
use futures::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::key::year_folder;
use super::listing::{Denied, Page, Store};
use super::object::{Object, Reason, Skipped, skip_by_name};

/// How the days of a chain are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// `2024/05/01/`, with or without hours.
    Plain,
    /// `year=2024/month=05/day=01/`, with or without hours.
    Hive,
}

/// One prefix whose keys are in the order of their days: a region of an account, or any dated folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Chain {
    /// What is listed, ending in `/`.
    pub prefix: String,
    /// The folder that holds the years: `prefix`, or above it where the source names a year, month or day.
    pub root: String,
    pub account: Option<String>,
    pub region: Option<String>,
    pub style: Style,
}

impl Chain {
    /// A string less than every key of `day` and after, and greater than every key of the days before.
    pub fn offset(&self, day: NaiveDate) -> String {
        let (root, year, month, day) = (&self.root, day.year(), day.month(), day.day() - 1);
        match self.style {
            Style::Plain => format!("{root}{year:04}/{month:02}/{day:02}~"),
            Style::Hive => format!("{root}year={year:04}/month={month:02}/day={day:02}~"),
        }
    }

    /// A string greater than every dated key, and less than keys that follow them.
    fn past_days(&self) -> String {
        match self.style {
            Style::Plain => format!("{}:", self.root),
            Style::Hive => format!("{}year>", self.root),
        }
    }

    /// The day of a key, if it lies in a year's folder of this chain.
    fn day_of(&self, object: &Object) -> Option<NaiveDate> {
        let first = object.key.strip_prefix(&self.root)?.split('/').next()?;
        let hive = year_folder(first)?;
        (hive == (self.style == Style::Hive)).then_some(object.day)?
    }

    /// Where to start within `prefix`, or that nothing there is late enough.
    fn start(&self, from_day: Option<NaiveDate>) -> Start {
        let Some(offset) = from_day.map(|day| self.offset(day)) else { return Start::Beginning };
        if offset.starts_with(&self.prefix) {
            return Start::After(offset);
        }
        match offset.as_str().cmp(&self.prefix) {
            Ordering::Greater => Start::Nowhere,
            _ => Start::Beginning,
        }
    }
}

enum Start {
    Beginning,
    After(String),
    Nowhere,
}

/// A stretch of a chain's listing.
#[derive(Debug, Default)]
pub struct Batch {
    pub objects: Vec<Object>,
    pub skipped: Skipped,
    /// Folders on disk that may not be read. On S3 a chain is denied as a whole, and its stream fails.
    pub denied: Vec<Denied>,
}

/// Objects of a chain from `from_day` (`None`: from the beginning) to `until`, both included, a page at a time.
///
/// Undated objects of the chain are given too, except those whose keys come before the offset of `from_day`.
pub fn list_chain(
    store: &Store,
    chain: &Chain,
    from_day: Option<NaiveDate>,
    until: Option<NaiveDate>,
) -> BoxStream<'static, Result<Batch>> {
    let pages = match chain.start(from_day) {
        Start::Beginning => store.entries(&chain.prefix, None),
        Start::After(offset) => store.entries(&chain.prefix, Some(&offset)),
        Start::Nowhere => return stream::empty().boxed(),
    };
    let listing =
        Listing { store: store.clone(), chain: chain.clone(), from_day, until, pages: Some(pages), jumped: false };
    stream::try_unfold(listing, |mut listing| async move { Ok(listing.next().await?.map(|batch| (batch, listing))) })
        .boxed()
}

struct Listing {
    store: Store,
    chain: Chain,
    from_day: Option<NaiveDate>,
    until: Option<NaiveDate>,
    pages: Option<BoxStream<'static, Result<Page>>>,
    /// The days after `until` were passed over.
    jumped: bool,
}

impl Listing {
    async fn next(&mut self) -> Result<Option<Batch>> {
        while let Some(pages) = &mut self.pages {
            let Some(page) = pages.next().await.transpose()? else {
                self.pages = None;
                break;
            };
            let batch = self.batch(page);
            if !batch.objects.is_empty() || batch.skipped.total() > 0 || !batch.denied.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn batch(&mut self, page: Page) -> Batch {
        let mut batch = Batch { objects: Vec::new(), skipped: page.skipped, denied: page.denied };
        for entry in page.entries {
            if let Some(reason) = skip_by_name(&entry) {
                batch.skipped.add(reason, &entry.key);
                continue;
            }
            let object = Object::new(&self.store.location, entry);
            let is_past = self.until.is_some_and(|until| self.chain.day_of(&object).is_some_and(|day| day > until));
            if is_past && !self.jumped {
                self.jump();
                break;
            }
            if is_within(object.day, self.from_day, self.until) {
                batch.objects.push(object);
            } else {
                batch.skipped.add(Reason::Filtered, &object.key);
            }
        }
        batch
    }

    /// Goes on behind all days, for what else lies in the folder.
    fn jump(&mut self) {
        let past = self.chain.past_days();
        self.jumped = true;
        self.pages = past.starts_with(&self.chain.prefix).then(|| self.store.entries(&self.chain.prefix, Some(&past)));
    }
}

pub(super) fn is_within(day: Option<NaiveDate>, since: Option<NaiveDate>, until: Option<NaiveDate>) -> bool {
    day.is_none_or(|day| since.is_none_or(|since| since <= day) && until.is_none_or(|until| day <= until))
}
