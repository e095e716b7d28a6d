//! Which source objects the ledger already knows, for the days that a run lists and no others.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::receipts::{Brief, briefly};
use super::{Commit, Day, Firsts, Lake, LakeError, Outcome, PlannedTask, Purpose, Receipt, State, settle_copies};
use crate::source;
use crate::source::Object;

/// First 16 bytes of the BLAKE3 of a source object's URL: enough to tell billions apart, small enough to hold millions.
pub type ObjectHash = [u8; 16];

/// How an object stands that the ledger knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In a plan that is still open: its task is to be done, or it was left out as a copy, of which the seal decides.
    Planned,
    /// The lake has what it gave.
    Converted,
    /// Another version of it was held against its conversion, of which nothing is known (yet).
    Checked,
    /// It was set aside as a whole.
    Aside,
    /// It is no flow log, by its content.
    Skipped,
    /// It was left out as a copy of another object.
    Copy,
    /// It could not be read, and its plan said so: as if it were not known.
    Unread,
}

impl Standing {
    fn of(outcome: Outcome) -> Standing {
        match outcome {
            Outcome::Converted => Standing::Converted,
            Outcome::Confirmed | Outcome::Differs => Standing::Checked,
            Outcome::Aside => Standing::Aside,
            Outcome::Skipped => Standing::Skipped,
            Outcome::Copy => Standing::Copy,
            Outcome::Unread => Standing::Unread,
        }
    }
}

/// What the ledger knows of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    version: u64,
    /// The version whose rows the lake has or is to have: another one may have been held against it since.
    content: u32,
    /// Whether it was planned with the `--format` of this run.
    pub same_format: bool,
    /// Once it is converted it stays so, whatever later records say of it.
    pub standing: Standing,
    /// Whether an open plan that this run can finish is to convert it.
    is_to_come: bool,
}

impl Known {
    /// Whether `version` is the one that was planned or converted.
    pub fn is_version(&self, version: &str) -> bool {
        self.version == version_hash(version)
    }
}

/// For what a copy was left out.
#[derive(Debug, Clone, Copy)]
struct LeftOut {
    first: ObjectHash,
    /// The content that it had. Receipts of earlier programs do not tell it.
    version: Option<u32>,
}

/// The objects of some days.
#[derive(Debug, Default)]
pub struct Seen {
    objects: HashMap<ObjectHash, Known>,
    /// Copies that were left out.
    copies: HashMap<ObjectHash, LeftOut>,
    /// Versions of firsts that are not the one in the lake, and whose content it has all the same.
    same: HashSet<(ObjectHash, u32)>,
    /// Names in AWS's form, with sizes, of all objects that were converted or left out as copies, or that are planned.
    deliveries: HashSet<u64>,
    format: Option<String>,
}

impl Seen {
    /// Reads what the ledger says of the objects of `days`.
    ///
    /// `format` is this run's `--format`: an object that was set aside may be read with another one. `is_ours` tells of
    /// a URL whether this run may fetch it: an open plan that names any other object stays open.
    pub async fn load(
        lake: &Lake,
        state: &State,
        days: &BTreeSet<Day>,
        format: Option<&str>,
        is_ours: impl Fn(&str) -> bool,
    ) -> Result<Seen, LakeError> {
        let mut seen = Seen { format: format.map(str::to_owned), ..Seen::default() };
        for relative in days.iter().filter_map(|day| state.filed.receipts.get(day)).flatten() {
            let insert = |brief: Brief<'_>| {
                if state.is_lost(brief.plan, brief.task) {
                    return;
                }
                seen.insert(Said::in_brief(&brief, format));
            };
            lake.filed(relative, |bytes| briefly(bytes, insert)).await?;
        }
        for number in state.plans.keys() {
            seen.add_plan(lake, state, *number, days, &is_ours).await?;
        }
        seen.add_same(lake, state, days).await?;
        Ok(seen)
    }

    /// Firsts of which the lake has another version than the one for which a copy was left out: their digests tell
    /// whether it is the same content.
    async fn add_same(&mut self, lake: &Lake, state: &State, days: &BTreeSet<Day>) -> Result<(), LakeError> {
        let is_other = |left: &&LeftOut| {
            let first = self.objects.get(&left.first).filter(|first| first.standing == Standing::Converted);
            first.is_some_and(|first| left.version.is_some_and(|version| version != first.content))
        };
        let others: HashSet<ObjectHash> = self.copies.values().filter(is_other).map(|left| left.first).collect();
        if others.is_empty() {
            return Ok(());
        }
        let firsts = Firsts::load(lake, state, days, |url| others.contains(&object_hash(url))).await?;
        for receipt in firsts.every().filter(|receipt| firsts.holds(&receipt.url, Some(&receipt.version))) {
            self.same.insert((object_hash(&receipt.url), content_hash(&receipt.version)));
        }
        Ok(())
    }

    async fn add_plan(
        &mut self,
        lake: &Lake,
        state: &State,
        number: u64,
        days: &BTreeSet<Day>,
        is_ours: impl Fn(&str) -> bool,
    ) -> Result<(), LakeError> {
        let plan = &state.plans[&number];
        if plan.void || !plan.plan.days.iter().any(|day| days.contains(day)) {
            return Ok(());
        }
        let same_format = plan.plan.settings.format == self.format;
        let converts = plan.plan.purpose == Purpose::Convert;
        let mut done = BTreeSet::new();
        let visit = |Commit { head, receipts }: Commit| {
            done.insert(head.task);
            for receipt in receipts.iter().filter(|receipt| days.contains(&receipt.day)) {
                let mut said = Said::in_receipt(receipt, same_format);
                said.is_content &= !plan.is_redo_under_way() && !plan.awaits_seal();
                // Its first may be in another task of this plan. If that comes to nothing, the seal has the copy listed
                // again.
                let awaits_seal = converts && !plan.sealed && !plan.dropped.contains_key(&receipt.url);
                if said.standing == Standing::Copy && awaits_seal {
                    said.standing = Standing::Planned;
                }
                self.insert(said);
            }
        };
        state.visit_commits(lake, number, visit).await?;
        if !plan.sealed {
            // An object that left the plan still counts while its task is open: a rival that read it may yet commit it.
            let is_open = |task: &PlannedTask| !done.contains(&task.task) && !state.is_lost(number, task.task);
            let mut open: Vec<PlannedTask> = state.planned(lake, number).await?.into_iter().filter(is_open).collect();
            open.iter_mut().for_each(|task| settle_copies(task, |url| plan.dropped.contains_key(url)));
            let open: Vec<Object> = open.into_iter().flat_map(|task| task.objects).collect();
            let is_reached = |object: &Object| plan.dropped.contains_key(&object.url) || is_ours(&object.url);
            let can_end = converts && open.iter().all(is_reached);
            for object in open.iter().filter(|object| days.contains(&Day(object.day))) {
                let is_to_come = can_end && object.copy_of.is_none();
                self.insert(Said { is_to_come, ..Said::in_plan(object, same_format) });
            }
        }
        Ok(())
    }

    /// A conversion is never forgotten for a later, lesser standing; the version that was read last is the one known.
    fn insert(&mut self, said: Said<'_>) {
        let Said { url, version, size, standing, first, same_format, is_to_come, is_content } = said;
        if standing == Standing::Unread {
            return;
        }
        let gave_nothing = matches!(standing, Standing::Aside | Standing::Skipped);
        if let Some(name) = source::delivery(url).filter(|_| !gave_nothing) {
            self.deliveries.insert(delivery_hash(name, size));
        }
        let hash = object_hash(url);
        if let Some(first) = first {
            let (url, version) = first;
            self.copies.insert(hash, LeftOut { first: object_hash(url), version: version.map(content_hash) });
        }
        let content = content_hash(version);
        let mut known = Known { version: version_hash(version), content, same_format, standing, is_to_come };
        let slot = self.objects.entry(hash).or_insert(known);
        if matches!(slot.standing, Standing::Converted | Standing::Planned)
            && (gave_nothing || standing == Standing::Copy)
        {
            return;
        }
        if standing == Standing::Checked && !matches!(slot.standing, Standing::Converted | Standing::Checked) {
            return;
        }
        if slot.standing == Standing::Converted {
            known.standing = Standing::Converted;
            if !is_content {
                known.content = slot.content;
            }
        }
        *slot = known;
    }

    /// Whether the ledger may know an object of this name and size; seldom by mistake.
    pub fn has_delivery(&self, name: &str, size: u64) -> bool {
        self.deliveries.contains(&delivery_hash(name, size))
    }

    /// Whether an object was left out as a copy.
    pub fn was_copy(&self, url: &str) -> bool {
        self.get(url).is_some_and(|known| known.standing == Standing::Copy)
    }

    /// Whether the object for which another one was left out is converted, or is still to be by a plan that this run
    /// can finish, and with the content that the other one has: it may have turned out unreadable, have been given up
    /// since, or a redo may have taken what it holds now.
    pub fn has_first_of(&self, url: &str) -> bool {
        let Some(left) = self.copies.get(&object_hash(url)) else { return false };
        let Some(first) = self.objects.get(&left.first) else { return false };
        let is_same = |version| version == first.content || self.same.contains(&(left.first, version));
        let is_there = match first.standing {
            Standing::Converted => true,
            Standing::Planned => first.is_to_come,
            _ => false,
        };
        is_there && left.version.is_none_or(is_same)
    }

    /// What the ledger knows of an object. `None` also if all that is left of it is a check: the conversion that it was
    /// held against was given up.
    pub fn get(&self, url: &str) -> Option<Known> {
        self.objects.get(&object_hash(url)).copied().filter(|known| known.standing != Standing::Checked)
    }
}

/// What a record of the ledger says of an object.
struct Said<'a> {
    url: &'a str,
    version: &'a str,
    size: u64,
    standing: Standing,
    /// Of a copy that was left out: the URL of the first, and the version whose content it has.
    first: Option<(&'a str, Option<&'a str>)>,
    same_format: bool,
    /// See [`Known`].
    is_to_come: bool,
    /// Whether the lake has the rows of this version.
    is_content: bool,
}

impl<'a> Said<'a> {
    fn in_brief(brief: &Brief<'a>, format: Option<&str>) -> Said<'a> {
        let Brief { url, version, size, outcome, .. } = *brief;
        let (standing, same_format) = (Standing::of(outcome), brief.format == format);
        let first = brief.first.map(|first| (first, brief.first_version));
        let is_content = outcome == Outcome::Converted;
        Said { url, version, size, standing, first, same_format, is_to_come: false, is_content }
    }

    fn in_receipt(receipt: &'a Receipt, same_format: bool) -> Said<'a> {
        let Receipt { url, version, size, outcome, reason, .. } = receipt;
        let first = reason.as_deref().filter(|_| *outcome == Outcome::Copy);
        let first = first.map(|first| (first, receipt.first_version.as_deref()));
        let (size, standing, is_content) = (*size, Standing::of(*outcome), *outcome == Outcome::Converted);
        Said { url, version, size, standing, first, same_format, is_to_come: false, is_content }
    }

    fn in_plan(object: &'a Object, same_format: bool) -> Said<'a> {
        let Object { url, version, size, .. } = object;
        let (size, standing) = (*size, Standing::Planned);
        Said { url, version, size, standing, first: None, same_format, is_to_come: false, is_content: false }
    }
}

/// The identity of a source object in [`Seen`].
pub fn object_hash(url: &str) -> ObjectHash {
    let hash = blake3::hash(url.as_bytes());
    let mut short = [0; 16];
    short.copy_from_slice(&hash.as_bytes()[..16]);
    short
}

fn version_hash(version: &str) -> u64 {
    short(blake3::hash(version.as_bytes()))
}

fn content_hash(version: &str) -> u32 {
    version_hash(version) as u32
}

fn delivery_hash(name: &str, size: u64) -> u64 {
    short(blake3::Hasher::new().update(&size.to_le_bytes()).update(name.as_bytes()).finalize())
}

fn short(hash: blake3::Hash) -> u64 {
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}
