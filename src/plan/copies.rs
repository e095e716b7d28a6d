//! Objects that AWS delivered once and that lie at the sources twice: in a replica bucket, a restored prefix, behind an
//! access point.
//!
//! AWS ends each name of a flow log's file in a hash of its own, so that a name is one delivery. Two objects of one
//! name and size are copies if they have the same checksum: the ETag on S3, on disk the content itself. Names in any
//! other form are never compared.
//!
//! Memory: objects come in order of day, hour, account and region, and copies have all of these in common: only what
//! was met of one such group is held, and of what the ledger knows of the days at hand eight bytes a name.

use std::collections::{BTreeMap, HashMap};

use crate::lake::{Day, Lake, LakeError, Outcome, Receipt, Seen, State};
use crate::source::{self, Object};

/// Objects that are held until the ledger is asked for those whose names they have.
const HELD_MAX: usize = 20_000;

/// What is done with a copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Copies {
    /// It is converted like any other object, and named.
    #[default]
    Keep,
    /// It is not read, and remembered with the name of the first.
    Skip,
    /// The run ends.
    Fail,
}

/// How two objects of one name and size are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    Same,
    /// Checksums that are none, or that say nothing: of parts, or under a key.
    Unknown,
    Other,
}

/// Where the same delivery was met before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct First {
    pub url: String,
    pub size: u64,
    pub version: String,
}

/// Objects that come one after the other: day, hour, account and region.
type Group = (Day, Option<u8>, Option<String>, Option<String>);

/// Looks for copies among fresh objects as they come.
pub struct Finder<'a> {
    seen: &'a Seen,
    group: Option<Group>,
    /// By name, of this group.
    met: HashMap<String, First>,
    /// Objects of one day whose names the ledger knows.
    held: Vec<Object>,
}

/// An object that goes on, with the first of its name.
pub type Found = (Object, Option<First>);

impl<'a> Finder<'a> {
    pub fn new(seen: &'a Seen) -> Finder<'a> {
        Finder { seen, group: None, met: HashMap::new(), held: Vec::new() }
    }

    /// Whether [`Finder::resolve`] must be asked before `next` is looked at.
    pub fn is_full(&self, next: Option<&Object>) -> bool {
        let is_of_day = |next: &Object| self.held.last().is_none_or(|held| held.day == next.day);
        self.held.len() >= HELD_MAX || !next.is_some_and(is_of_day) && !self.held.is_empty()
    }

    /// Takes one object; gives it back unless the ledger must be asked first.
    pub fn look(&mut self, object: Object) -> Option<Found> {
        let Some(name) = source::delivery(&object.url).map(str::to_owned) else { return Some((object, None)) };
        if self.seen.has_delivery(&name) {
            self.held.push(object);
            return None;
        }
        let group = (Day(object.day), object.hour, object.account.clone(), object.region.clone());
        if self.group.as_ref() != Some(&group) {
            self.met.clear();
            self.group = Some(group);
        }
        match self.met.get(&name) {
            Some(first) => Some((object, Some(first.clone()))),
            None => {
                self.met.insert(name, First::of(&object));
                Some((object, None))
            }
        }
    }

    /// Asks the ledger for the objects whose names those that are held have.
    pub async fn resolve(&mut self, lake: &Lake, state: &State) -> Result<Vec<Found>, LakeError> {
        let held = std::mem::take(&mut self.held);
        let Some(day) = held.first().map(|object| Day(object.day)) else { return Ok(Vec::new()) };
        let mut firsts: BTreeMap<String, Option<First>> = BTreeMap::new();
        for name in held.iter().filter_map(|object| source::delivery(&object.url)) {
            firsts.insert(name.to_owned(), None);
        }
        let wanted = |receipt: &Receipt| {
            let name = source::delivery(&receipt.url);
            receipt.outcome == Outcome::Converted && name.is_some_and(|name| firsts.contains_key(name))
        };
        let mut known = state.receipts_where(lake, day, wanted).await?;
        known.sort_by(|a, b| a.receipt.url.cmp(&b.receipt.url));
        for Receipt { url, size, version, .. } in known.into_iter().map(|filed| filed.receipt) {
            let slot = source::delivery(&url).and_then(|name| firsts.get_mut(name));
            if let Some(slot @ None) = slot {
                *slot = Some(First { url, size, version });
            }
        }
        let first_of = |object: &Object| {
            let first = source::delivery(&object.url).and_then(|name| firsts.get(name).cloned()).flatten();
            first.filter(|first| first.url != object.url)
        };
        Ok(held.into_iter().map(|object| (first_of(&object), object)).map(|(first, object)| (object, first)).collect())
    }
}

impl First {
    fn of(object: &Object) -> First {
        First { url: object.url.clone(), size: object.size, version: object.version.clone() }
    }

    /// Reads both where they lie on disk, if it may: the ledger named the first, and may be a stranger's.
    pub fn likeness(&self, other: &Object, may_read: bool) -> Likeness {
        if self.size != other.size {
            return Likeness::Other;
        }
        match (checksum(&self.version), checksum(&other.version)) {
            (Some(a), Some(b)) if a == b => Likeness::Same,
            _ if !may_read => Likeness::Unknown,
            _ => match source::same_content(&self.url, &other.url) {
                Some(Ok(true)) => Likeness::Same,
                Some(Ok(false)) => Likeness::Other,
                Some(Err(_)) | None => Likeness::Unknown,
            },
        }
    }
}

/// An ETag that is the MD5 of a whole object, as far as its form tells.
fn checksum(version: &str) -> Option<&str> {
    let tag = version.trim_matches('"');
    (tag.len() == 32 && tag.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(tag)
}

impl std::str::FromStr for Copies {
    type Err = String;

    fn from_str(text: &str) -> Result<Copies, String> {
        match text {
            "keep" => Ok(Copies::Keep),
            "skip" => Ok(Copies::Skip),
            "fail" => Ok(Copies::Fail),
            other => Err(format!("`{other}` is none of keep, skip, fail")),
        }
    }
}
