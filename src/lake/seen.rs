//! Which source objects the ledger already knows, for the days that a run lists and no others.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::receipts::{Brief, briefly};
use super::{Commit, Day, Lake, LakeError, Outcome, PlannedTask, Purpose, Receipt, State};
use crate::source;
use crate::source::Object;

/// First 16 bytes of the BLAKE3 of a source object's URL: enough to tell billions apart, small enough to hold millions.
pub type ObjectHash = [u8; 16];

/// How an object stands that the ledger knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In a plan that is still open: its task is to be done, or it was left out as a copy, of which the seal decides.
    Planned,
    Converted,
    /// Another version of it was held against its conversion, of which nothing is known (yet).
    Checked,
    Aside,
    Skipped,
    Copy,
}

impl Standing {
    fn of(outcome: Outcome) -> Standing {
        match outcome {
            Outcome::Converted => Standing::Converted,
            Outcome::Confirmed | Outcome::Differs => Standing::Checked,
            Outcome::Aside => Standing::Aside,
            Outcome::Skipped => Standing::Skipped,
            Outcome::Copy => Standing::Copy,
        }
    }
}

/// What the ledger knows of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    version: u64,
    /// Whether it was planned with the `--format` of this run.
    pub same_format: bool,
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

/// The objects of some days.
#[derive(Debug, Default)]
pub struct Seen {
    objects: HashMap<ObjectHash, Known>,
    /// Copies that were left out, each with the first of its kind.
    copies: HashMap<ObjectHash, ObjectHash>,
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
        Ok(seen)
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
        if !plan.plan.days.iter().any(|day| days.contains(day)) {
            return Ok(());
        }
        let same_format = plan.plan.settings.format == self.format;
        let converts = plan.plan.purpose == Purpose::Convert;
        let mut done = BTreeSet::new();
        let visit = |Commit { head, receipts }: Commit| {
            done.insert(head.task);
            for receipt in receipts.iter().filter(|receipt| days.contains(&receipt.day)) {
                let mut said = Said::in_receipt(receipt, same_format);
                // Its first may be in another task of this plan. If that comes to nothing, the seal drops the copy.
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
            let open = lake.tasks(&plan.plan).await?.into_iter().filter(is_open);
            let open: Vec<Object> = open.flat_map(|task| task.objects).collect();
            let is_reached = |object: &Object| plan.dropped.contains_key(&object.url) || is_ours(&object.url);
            let can_end = converts && open.iter().all(is_reached);
            for object in open.iter().filter(|object| days.contains(&Day(object.day))) {
                let is_copy = object.copy_of.as_ref().is_some_and(|first| !plan.dropped.contains_key(first));
                self.insert(Said { is_to_come: can_end && !is_copy, ..Said::in_plan(object, same_format) });
            }
        }
        Ok(())
    }

    /// A conversion is never forgotten for a later, lesser standing; the version that was read last is the one known.
    fn insert(&mut self, Said { url, version, size, standing, first, same_format, is_to_come }: Said<'_>) {
        let gave_nothing = matches!(standing, Standing::Aside | Standing::Skipped);
        if let Some(name) = source::delivery(url).filter(|_| !gave_nothing) {
            self.deliveries.insert(delivery_hash(name, size));
        }
        let hash = object_hash(url);
        if let Some(first) = first {
            self.copies.insert(hash, object_hash(first));
        }
        let mut known = Known { version: version_hash(version), same_format, standing, is_to_come };
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
    /// can finish: it may have turned out unreadable, or have been given up since.
    pub fn has_first_of(&self, url: &str) -> bool {
        let first = self.copies.get(&object_hash(url)).and_then(|first| self.objects.get(first));
        first.is_some_and(|first| match first.standing {
            Standing::Converted => true,
            Standing::Planned => first.is_to_come,
            _ => false,
        })
    }

    /// A check alone is no knowledge: the conversion that it was held against was given up.
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
    /// Of a copy that was left out: the URL of the first.
    first: Option<&'a str>,
    same_format: bool,
    /// See [`Known`].
    is_to_come: bool,
}

impl<'a> Said<'a> {
    fn in_brief(brief: &Brief<'a>, format: Option<&str>) -> Said<'a> {
        let Brief { url, version, size, outcome, first, .. } = *brief;
        let (standing, same_format) = (Standing::of(outcome), brief.format == format);
        Said { url, version, size, standing, first, same_format, is_to_come: false }
    }

    fn in_receipt(receipt: &'a Receipt, same_format: bool) -> Said<'a> {
        let Receipt { url, version, size, outcome, reason, .. } = receipt;
        let first = reason.as_deref().filter(|_| *outcome == Outcome::Copy);
        Said { url, version, size: *size, standing: Standing::of(*outcome), first, same_format, is_to_come: false }
    }

    fn in_plan(object: &'a Object, same_format: bool) -> Said<'a> {
        let Object { url, version, size, .. } = object;
        Said { url, version, size: *size, standing: Standing::Planned, first: None, same_format, is_to_come: false }
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

fn delivery_hash(name: &str, size: u64) -> u64 {
    short(blake3::Hasher::new().update(&size.to_le_bytes()).update(name.as_bytes()).finalize())
}

fn short(hash: blake3::Hash) -> u64 {
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}
