//! A dated folder listed as one chain of pages, from a day's offset until past the last day wanted.
//!
//! ```text
//! offset of a day = root + "2024/05/02~"          greater than all of the 2nd, less than all of the 3rd
//!                   root + "year=2024/month=05/day=02~"
//! past a year     = root + "2024/~"   root + "year=2024/~"
//! ```
//!
//! An offset ends in `~` and not in `/`, because servers that order by folder would pass over the whole day.

use std::cmp::Ordering;

use chrono::{Datelike, NaiveDate};
use futures::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::key::year_folder;
use super::listing::Store;
use super::object::{Object, Reason, Skipped, skip_by_name};
use super::page::{Denied, Page};

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
    /// The account that `prefix` names, twelve digits; `None` outside of `AWSLogs/`.
    pub account: Option<String>,
    /// The region that `prefix` names; `None` outside of `AWSLogs/`.
    pub region: Option<String>,
    /// It decides what [`Chain::offset`] looks like.
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

    /// A string greater than every key in the year's folder of `key`, and less than keys that follow it.
    fn past_year(&self, key: &str) -> Option<String> {
        let year = key.strip_prefix(&self.root)?.split('/').next()?;
        Some(format!("{}{year}/~", self.root))
    }

    /// Whether a key lies between the offset of its day and that of the next.
    fn is_in_its_day(&self, object: &Object) -> bool {
        let next = object.day.and_then(|day| Some((day, day.succ_opt()?)));
        next.is_some_and(|(day, next)| object.key > self.offset(day) && object.key <= self.offset(next))
    }

    /// The day of a key, if it lies in a year's folder of this chain.
    fn day_of(&self, object: &Object) -> Option<NaiveDate> {
        (self.year_of(object)? == self.style).then_some(object.day)?
    }

    /// How the year's folder is spelled that a key lies in, if it lies in one.
    fn year_of(&self, object: &Object) -> Option<Style> {
        let (first, _) = object.key.strip_prefix(&self.root)?.split_once('/')?;
        Some(if year_folder(first)? { Style::Hive } else { Style::Plain })
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
    /// Those of the days that were asked for, and those without a day.
    pub objects: Vec<Object>,
    /// What this stretch has beside them. Objects of other days are among it, as far as they were listed.
    pub skipped: Skipped,
    /// Folders on disk that may not be read. On S3 a chain is denied as a whole, and its stream fails.
    pub denied: Vec<Denied>,
}

/// Objects of a chain from `from_day` (`None`: from the beginning) to `until`, both included, a page at a time.
///
/// Undated objects of the chain are given too, except those whose keys come before the offset of `from_day`, or in a
/// year's folder of AWS's layout after its first key later than `until`.
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
        Listing { store: store.clone(), chain: chain.clone(), from_day, until, pages: Some(pages), is_by_day: true };
    stream::try_unfold(listing, |mut listing| async move { Ok(listing.next().await?.map(|batch| (batch, listing))) })
        .boxed()
}

struct Listing {
    store: Store,
    chain: Chain,
    from_day: Option<NaiveDate>,
    until: Option<NaiveDate>,
    pages: Option<BoxStream<'static, Result<Page>>>,
    /// Every key in a year's folder so far lay in that of its day.
    is_by_day: bool,
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
            self.is_by_day &= self.chain.year_of(&object).is_none() || self.chain.is_in_its_day(&object);
            if self.is_past(&object)
                && let Some(past) = self.chain.past_year(&object.key)
            {
                self.jump(&past);
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

    /// Whether the rest of the year's folder that a key lies in comes after the last day wanted. Only AWS's own layout,
    /// where the listing has shown no other, says so; in a free folder a later key may be of an earlier day.
    fn is_past(&self, object: &Object) -> bool {
        let is_after = |until| self.chain.day_of(object).is_some_and(|day| day > until);
        self.is_by_day && self.chain.account.is_some() && self.until.is_some_and(is_after)
    }

    /// Goes on behind `past`, for later years and for what else lies in the folder.
    fn jump(&mut self, past: &str) {
        self.pages = past.starts_with(&self.chain.prefix).then(|| self.store.entries(&self.chain.prefix, Some(past)));
    }
}

pub(super) fn is_within(day: Option<NaiveDate>, since: Option<NaiveDate>, until: Option<NaiveDate>) -> bool {
    day.is_none_or(|day| since.is_none_or(|since| since <= day) && until.is_none_or(|until| day <= until))
}
