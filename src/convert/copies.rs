//! What is done with copies among the objects that are planned: they are named, left out, or put off.
//!
//! Of two objects on disk of which one cannot be read, nobody can tell whether they are copies. Both are converted only
//! if copies are kept. Else one of them is put off: it is in no plan, is named, and the next run lists it again. It is
//! the one that cannot be read, if it is not converted yet: what can be read must not wait for rights that may never
//! come.

use std::collections::{BTreeSet, HashSet};

use chrono::NaiveDate;

use super::summary::{KEPT_MAX, keep};
use super::{ConvertError, Summary};
use crate::lake::folder_of;
use crate::plan::{Copies, First, Found, Hindered, Nearest, nearest};
use crate::source::{Object, Reach};

/// Copies among the objects that were planned.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FoundCopies {
    /// URLs of copies and of their firsts.
    pub copies: Vec<(String, String)>,
    pub count: u64,
    /// Of the same name and size, and of checksums that cannot be compared.
    pub may_be: Vec<(String, String)>,
    pub may_be_count: u64,
    pub put_off: PutOff,
}

/// Objects that are in no plan, since they could not be held against others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PutOff {
    /// URLs with the reasons.
    pub named: Vec<String>,
    count: u64,
    /// URLs of the folders in which they lie.
    pub folders: BTreeSet<String>,
    /// Their URLs, of the day at hand.
    urls: (Option<NaiveDate>, HashSet<String>),
}

impl FoundCopies {
    pub(super) fn tell(self, summary: &mut Summary, policy: Copies) {
        let (found, left) = (&mut summary.duplicates, &mut summary.left_out);
        found.copies_skipped |= policy == Copies::Skip && self.count > 0;
        found.copies_kept |= policy != Copies::Skip && self.count > 0;
        let words = |(url, first): (String, String)| format!("{url}: {first}");
        found.objects_copies += self.count;
        found.objects_maybe_copies += self.may_be_count;
        left.objects_unreadable += self.put_off.count;
        self.copies.into_iter().for_each(|pair| keep(&mut found.copies, words(pair)));
        self.may_be.into_iter().for_each(|pair| keep(&mut found.maybe_copies, words(pair)));
        self.put_off.named.into_iter().for_each(|named| keep(&mut left.unreadable, named));
    }

    /// Notes a copy, and says in the object itself that it is not to be read. `None` if it is put off. `take_back`
    /// takes all of some objects out of the plan at hand, or none and says `false`.
    pub(super) async fn look(
        &mut self,
        (mut object, mut firsts): Found,
        (policy, reach): (Copies, &Reach),
        take_back: impl FnOnce(&[&str]) -> bool,
    ) -> Result<Option<Object>, ConvertError> {
        firsts.retain(|first| !self.put_off.holds(&object, &first.url));
        if firsts.is_empty() {
            return Ok(Some(object));
        }
        let (url, reach) = (object.url.clone(), reach.clone());
        let compare = tokio::task::spawn_blocking(move || {
            let with_right = |first: First| {
                let may_read = reach.may_hold(&first.url);
                (first, may_read)
            };
            (nearest(&object, firsts.into_iter().map(with_right).collect()), object)
        });
        let found;
        (found, object) = compare.await.expect("comparing does not panic");
        match found {
            Nearest::None => {}
            Nearest::MayBe(first) => {
                self.note_may_be(&url, &first.url);
            }
            Nearest::Unread(hindered) if policy == Copies::Keep => {
                let first = hindered.into_iter().next().expect("something was hindered").first;
                self.note_may_be(&url, &first.url);
            }
            Nearest::Unread(hindered) => return Ok(self.put_off.one_of(object, &hindered, take_back)),
            Nearest::Copy(first) if policy == Copies::Fail => {
                return Err(ConvertError::Copy { url, first: first.url });
            }
            Nearest::Copy(first) => {
                self.note_copy(&url, &first.url);
                if policy == Copies::Skip {
                    (object.copy_of, object.copy_of_version) = (Some(first.url), Some(first.version));
                }
            }
        }
        Ok(Some(object))
    }

    pub(super) fn note_copy(&mut self, url: &str, first: &str) {
        note(&mut self.copies, &mut self.count, (url, first));
    }

    pub(super) fn note_may_be(&mut self, url: &str, first: &str) {
        note(&mut self.may_be, &mut self.may_be_count, (url, first));
    }
}

fn note(named: &mut Vec<(String, String)>, count: &mut u64, (url, first): (&str, &str)) {
    *count += 1;
    if named.len() < KEPT_MAX {
        named.push((url.to_owned(), first.to_owned()));
    }
}

impl PutOff {
    /// Whether an object of the same day as `other` was put off. Objects come day by day.
    fn holds(&self, other: &Object, url: &str) -> bool {
        self.urls.0 == other.day && self.urls.1.contains(url)
    }

    /// Puts off the firsts that could not be read, if they are still in the plan at hand, else the object.
    fn one_of(
        &mut self,
        object: Object,
        hindered: &[Hindered],
        take_back: impl FnOnce(&[&str]) -> bool,
    ) -> Option<Object> {
        let own = hindered.iter().find(|hindered| hindered.url == object.url);
        let firsts: Vec<&str> = hindered.iter().map(|hindered| hindered.first.url.as_str()).collect();
        if own.is_none() && take_back(&firsts) {
            for Hindered { first, reason, .. } in hindered {
                let why = format!("it cannot be read, and {} may be a copy of it: {reason}", object.url);
                self.add(object.day, &first.url, &why);
            }
            return Some(object);
        }
        let why = match own {
            Some(Hindered { first, reason, .. }) => {
                format!("it cannot be read, and may be a copy of {}: {reason}", first.url)
            }
            None => {
                let Hindered { first, reason, .. } = hindered.first().expect("something was hindered");
                format!("it may be a copy of {}, which cannot be read now: {reason}", first.url)
            }
        };
        self.add(object.day, &object.url, &why);
        None
    }

    fn add(&mut self, day: Option<NaiveDate>, url: &str, why: &str) {
        if self.urls.0 != day {
            self.urls = (day, HashSet::new());
        }
        self.urls.1.insert(url.to_owned());
        self.folders.insert(folder_of(url).to_owned());
        self.count += 1;
        keep(&mut self.named, format!("{url}: {why}"));
    }
}
