//! Objects that AWS delivered once and that lie at the sources twice: in a replica bucket, a restored prefix, behind an
//! access point.
//!
//! AWS ends each name of a flow log's file in a hash of its own, so that a name is one delivery. Two objects of one
//! name and size are copies if they have the same checksum: the ETag on S3, on disk the content itself. Names in any
//! other form are never compared.
//!
//! Memory: objects come in order of day, hour, account and region, and copies have all of these in common: only what
//! was met of one such group is held, and of what the ledger knows of the days at hand eight bytes a name.

use std::collections::HashMap;

use crate::lake::{Day, Lake, LakeError, Outcome, Purpose, Receipt, Seen, State, same_content};
use crate::source::{self, NotCompared, Object};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likeness {
    /// One content.
    Same,
    /// Checksums that are none, or that say nothing: of parts, or under a key.
    Unknown,
    /// Two contents.
    Other,
    /// Nobody can tell now.
    Unread {
        /// Of the two the one whose file cannot be read.
        url: String,
        /// Why.
        reason: String,
    },
}

/// What an object is beside those that it may be a copy of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nearest {
    /// It has another content than all of them.
    None,
    /// It has the content of this one.
    Copy(First),
    /// It may have the content of this one.
    MayBe(First),
    /// It has not the content of those that could be read, and these were not held against it.
    Unread(Vec<Hindered>),
}

/// A comparison that failed, which says nothing of what it would give later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindered {
    /// What the object may be a copy of.
    pub first: First,
    /// URL of the one of both that could not be read.
    pub url: String,
    /// Why.
    pub reason: String,
}

/// Where a delivery of the same name and size was met before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct First {
    /// URL of that object.
    pub url: String,
    /// The one that was converted, or is to be.
    pub version: String,
    /// Later ones, of which the ledger knows that they have the same content.
    pub same: Vec<String>,
}

/// A name in AWS's form, and a size.
type Delivery = (String, u64);

/// Objects that come one after the other: day, hour, account and region.
type Group = (Day, Option<u8>, Option<String>, Option<String>);

/// Looks for copies among fresh objects as they come.
pub struct Finder<'a> {
    seen: &'a Seen,
    group: Option<Group>,
    /// Of this group, in the order in which they came.
    met: HashMap<Delivery, Vec<First>>,
    /// Objects of one day that the ledger may know under another URL.
    held: Vec<Object>,
}

/// An object that goes on, with what it may be a copy of.
pub type Found = (Object, Vec<First>);

impl<'a> Finder<'a> {
    /// Of nothing met yet; `seen` is what the ledger knows of the days at hand.
    pub fn new(seen: &'a Seen) -> Finder<'a> {
        Finder { seen, group: None, met: HashMap::new(), held: Vec::new() }
    }

    /// Whether [`Finder::resolve`] must be asked before `next` is looked at. A group is not cut.
    pub fn is_full(&self, next: Option<&Object>) -> bool {
        let Some(last) = self.held.last() else { return false };
        let is_of_day = next.is_some_and(|next| next.day == last.day);
        let is_of_group = next.is_some_and(|next| group_of(next) == group_of(last));
        !is_of_day || self.held.len() >= HELD_MAX && !is_of_group
    }

    /// Takes one object; gives it back unless the ledger must be asked first.
    pub fn look(&mut self, object: Object) -> Option<Found> {
        let Some(delivery) = delivery_of(&object.url, object.size) else { return Some((object, Vec::new())) };
        if self.seen.has_delivery(&delivery.0, delivery.1) {
            self.held.push(object);
            return None;
        }
        let group = group_of(&object);
        if self.group.as_ref() != Some(&group) {
            self.met.clear();
            self.group = Some(group);
        }
        let met = self.met.entry(delivery).or_default();
        let firsts = met.clone();
        met.push(First::of(&object));
        Some((object, firsts))
    }

    /// Asks the ledger for the objects whose names and sizes those that are held have.
    ///
    /// An object that was left out, and the first of its kind is not there after all, comes before those that are new:
    /// it was put off once, and is not put off for another one that may be unreadable. What an open plan is to convert
    /// comes before all, if every object to do in it `is_ours`: this run can finish it, and then both would be
    /// converted.
    pub async fn resolve(
        &mut self,
        lake: &Lake,
        state: &State,
        is_ours: impl Fn(&str) -> bool,
    ) -> Result<Vec<Found>, LakeError> {
        let held = std::mem::take(&mut self.held);
        let Some(day) = held.first().map(|object| Day(object.day)) else { return Ok(Vec::new()) };
        let of = |object: &Object| delivery_of(&object.url, object.size).expect("it was looked at");
        let mut firsts: HashMap<Delivery, Vec<First>> = held.iter().map(|object| (of(object), Vec::new())).collect();
        let is_wanted = |delivery: &Delivery| firsts.contains_key(delivery);
        // In this order: what another host converts meanwhile is met twice, and not missed.
        let to_come = to_come(lake, state, day, is_wanted, is_ours).await?;
        let mut known = converted(lake, state, day, is_wanted).await?;
        known.extend(to_come);
        for (delivery, first) in known {
            firsts.entry(delivery).or_default().push(first);
        }
        let was_copy = |at: &usize| self.seen.was_copy(&held[*at].url);
        let (again, new): (Vec<usize>, Vec<usize>) = (0..held.len()).partition(was_copy);
        let mut found = vec![Vec::new(); held.len()];
        for at in again.into_iter().chain(new) {
            let object = &held[at];
            let met = firsts.entry(of(object)).or_default();
            found[at] = met.iter().filter(|first| first.url != object.url).cloned().collect();
            met.push(First::of(object));
        }
        Ok(held.into_iter().zip(found).collect())
    }
}

fn group_of(object: &Object) -> Group {
    (Day(object.day), object.hour, object.account.clone(), object.region.clone())
}

fn delivery_of(url: &str, size: u64) -> Option<Delivery> {
    source::delivery(url).map(|name| (name.to_owned(), size))
}

/// Objects that were converted, in order of their URLs: in the version that was, and in later ones that were held
/// against it and have its content by the digests of both. That sums are equal says nothing.
async fn converted(
    lake: &Lake,
    state: &State,
    day: Day,
    is_wanted: impl Fn(&Delivery) -> bool,
) -> Result<Vec<(Delivery, First)>, LakeError> {
    let wanted = |receipt: &Receipt| {
        let has_rows = matches!(receipt.outcome, Outcome::Converted | Outcome::Confirmed);
        has_rows && delivery_of(&receipt.url, receipt.size).is_some_and(|delivery| is_wanted(&delivery))
    };
    let receipts = state.receipts_where(lake, day, wanted).await?.into_iter().map(|filed| filed.receipt);
    let (mut known, later): (Vec<Receipt>, Vec<Receipt>) =
        receipts.partition(|receipt| receipt.outcome == Outcome::Converted);
    known.sort_by(|a, b| a.url.cmp(&b.url));
    let mut confirmed: HashMap<&str, Vec<&Receipt>> = HashMap::new();
    for receipt in &later {
        confirmed.entry(&receipt.url).or_default().push(receipt);
    }
    let first = |receipt: Receipt| {
        let delivery = delivery_of(&receipt.url, receipt.size)?;
        let later = confirmed.get(receipt.url.as_str()).into_iter().flatten();
        let same = later.filter(|later| same_content(later, &receipt) == Some(true));
        let same = same.map(|later| later.version.clone()).collect();
        Some((delivery, First { url: receipt.url, version: receipt.version, same }))
    };
    Ok(known.into_iter().filter_map(first).collect())
}

/// Objects that open plans have yet to convert which this run can finish.
async fn to_come(
    lake: &Lake,
    state: &State,
    day: Day,
    is_wanted: impl Fn(&Delivery) -> bool,
    is_ours: impl Fn(&str) -> bool,
) -> Result<Vec<(Delivery, First)>, LakeError> {
    let mut found = Vec::new();
    for number in state.open_plans() {
        let plan = &state.plans[&number].plan;
        if plan.purpose != Purpose::Convert || !plan.days.contains(&day) {
            continue;
        }
        let tasks = state.tasks_to_do(lake, number).await?;
        let objects: Vec<Object> = tasks.into_iter().flat_map(|task| task.objects).collect();
        if !objects.iter().all(|object| is_ours(&object.url)) {
            continue;
        }
        for object in objects.iter().filter(|object| Day(object.day) == day) {
            let delivery = delivery_of(&object.url, object.size).filter(&is_wanted);
            if let Some(delivery) = delivery.filter(|_| object.copy_of.is_none()) {
                found.push((delivery, First::of(object)));
            }
        }
    }
    Ok(found)
}

impl First {
    fn of(object: &Object) -> First {
        First { url: object.url.clone(), version: object.version.clone(), same: Vec::new() }
    }

    /// Reads both where they lie on disk, if it may: the ledger named the first, and may be a stranger's. What counts
    /// are the bytes that were converted: a file that was changed since says nothing of them, unless the ledger does.
    pub fn likeness(&self, other: &Object, may_read: bool) -> Likeness {
        let of = |version: &String| likeness_of((&self.url, version), other, may_read);
        if self.same.iter().any(|version| of(version) == Likeness::Same) { Likeness::Same } else { of(&self.version) }
    }
}

fn likeness_of((url, version): (&str, &str), other: &Object, may_read: bool) -> Likeness {
    match same_checksum(version, &other.version) {
        true => Likeness::Same,
        _ if !may_read => Likeness::Unknown,
        _ => match source::same_content((url, version), (&other.url, &other.version)) {
            Some(Ok(true)) => Likeness::Same,
            Some(Ok(false)) => Likeness::Other,
            Some(Err(NotCompared::Unread { url, error })) => Likeness::Unread { url, reason: error.to_string() },
            Some(Err(NotCompared::Changed)) | None => Likeness::Unknown,
        },
    }
}

/// Holds an object against what it may be a copy of, each with whether its file may be read: the first that is the
/// same, else what could not be read, else the first that may be.
pub fn nearest(object: &Object, firsts: Vec<(First, bool)>) -> Nearest {
    let (mut may_be, mut hindered) = (None, Vec::new());
    for (first, may_read) in firsts {
        match first.likeness(object, may_read) {
            Likeness::Same => return Nearest::Copy(first),
            Likeness::Unread { url, reason } => hindered.push(Hindered { first, url, reason }),
            Likeness::Unknown => drop(may_be.get_or_insert(first)),
            Likeness::Other => {}
        }
    }
    match may_be {
        _ if !hindered.is_empty() => Nearest::Unread(hindered),
        Some(first) => Nearest::MayBe(first),
        None => Nearest::None,
    }
}

/// Whether two versions tell by themselves that two objects hold the same.
pub fn same_checksum(a: &str, b: &str) -> bool {
    checksum(a).is_some_and(|a| checksum(b) == Some(a))
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
