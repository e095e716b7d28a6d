//! Decoding again what was decoded before: `convert --redo` by days, `rejects --replay` where something was set aside.
//!
//! ```text
//! receipts of the days ─▶ objects ─▶ the live files that hold their rows ─▶ groups ─▶ plans to redo
//! objects set aside    ─▶ as they are at the source now                            ─▶ plans to convert
//! ```
//!
//! Objects whose rows lie in the same files are one task, which takes these files out of the lake. The rows of their
//! other objects are carried over.

use std::collections::{BTreeMap, BTreeSet};

use super::at_source::{AtSource, Sources, with_key};
use super::holders::{Given, Group, Holders};
use super::others::note_others;
use super::run::Run;
use super::{Again, ConvertError, planning};
use crate::commit::{Appended, Draft};
use crate::lake::receipts::Filed;
use crate::lake::{Day, Effect, Outcome, PlannedTask, Purpose, Receipt, Relative, TaskRef};
use crate::plan::{OBJECTS_PER_PLAN_MAX, cut};
use crate::source::{self, Object, Reach};

/// Size of a file that a store copies by itself; S3's own limit is 5 GB.
pub(super) const COPY_BYTES_MAX: u64 = 4 << 30;

/// What is to be decoded again.
#[derive(Debug, Default)]
struct Found {
    /// What may hide objects of the sources that the lake has: nothing behind it is decoded again.
    missed: BTreeSet<String>,
    /// URLs of objects that were set aside.
    aside: BTreeSet<String>,
    /// Objects that gave something, by the `--format` of their plans and the tasks whose receipts of them are in
    /// effect.
    given: BTreeMap<Option<String>, BTreeMap<TaskRef, Given>>,
}

/// Whether a rival wrote to the log while this run looked things up in it and wrote its plans. What was found may hold
/// no longer then, and is looked up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meanwhile {
    Nothing,
    RivalWrote,
}

/// Objects whose rows lie in files that a plan of this run takes: they are planned once it is done. Those of another
/// `--format` are among them, since a plan has one.
#[derive(Debug)]
pub(super) struct PutOff {
    /// The number that the log's next entry had when the run began: what plans from there on gave is left alone.
    before: u64,
    /// `None` for all that is to be decoded again.
    urls: Option<BTreeSet<String>>,
}

impl PutOff {
    fn takes(&self, url: &str) -> bool {
        self.urls.as_ref().is_none_or(|urls| urls.contains(url))
    }

    /// How many are left; of all, nobody knows yet.
    fn count(&self) -> usize {
        self.urls.as_ref().map_or(usize::MAX, BTreeSet::len)
    }
}

impl Found {
    fn add(&mut self, Filed { receipt, plan, task, format }: Filed) {
        let of_format = self.given.entry(format).or_default();
        of_format.entry(TaskRef { plan, task }).or_default().add(receipt);
    }
}

impl Run<'_> {
    /// Has everything decoded again, plan after plan where one waits for another.
    pub(super) async fn decode_again(&mut self, again: Again) -> Result<(), ConvertError> {
        self.ledger.state.born(&self.ledger.writer.lake)?;
        let mut wanted = PutOff { before: self.ledger.state.next, urls: None };
        loop {
            let left = self.plan_again(again, &wanted).await?;
            self.failed = None;
            self.finish_all_open_plans().await?;
            let is_less = left.count() < wanted.count();
            wanted = left;
            if wanted.count() == 0 || !is_less || self.stop.is_soon() {
                break;
            }
        }
        wanted.urls.into_iter().flatten().for_each(|url| self.note_taken(&url));
        Ok(())
    }

    /// Writes plans for what is to be decoded again, and leaves out what is in a plan that is open. Gives what is put
    /// off until these plans are done.
    async fn plan_again(&mut self, again: Again, wanted: &PutOff) -> Result<PutOff, ConvertError> {
        let mut left = BTreeSet::new();
        // After a rival's entry everything is looked up again, but for what was planned meanwhile.
        while !self.stop.is_soon() {
            left.clear();
            if self.try_to_plan_again(again, wanted, &mut left).await? == Meanwhile::Nothing {
                break;
            }
        }
        Ok(PutOff { before: wanted.before, urls: Some(left) })
    }

    async fn try_to_plan_again(
        &mut self,
        again: Again,
        wanted: &PutOff,
        left: &mut BTreeSet<String>,
    ) -> Result<Meanwhile, ConvertError> {
        let Found { missed, aside, given } = self.find(again, wanted).await?;
        self.summary.left_out.denied = missed.into_iter().collect();
        let mut sources = Sources::default();
        if self.plan_set_aside(&mut sources, aside).await? == Meanwhile::RivalWrote {
            return Ok(Meanwhile::RivalWrote);
        }
        let holders = Holders::of(self.ledger.state.heads(&self.ledger.writer.lake).await?);
        // What an open plan takes out of the lake no other one may: not one that was open before, nor one of this run.
        let mut taken = self.taken_by_open_plans().await?;
        for (format, given) in given {
            let mut tasks = Tasks::default();
            for group in holders.groups(given) {
                if self.stop.is_soon() {
                    return Ok(Meanwhile::Nothing);
                }
                match group.inputs.names().filter_map(|name| taken.get(name)).max() {
                    Some(&by) if by >= wanted.before => left.extend(group.objects),
                    Some(_) => group.objects.iter().for_each(|url| self.note_taken(url)),
                    None => {
                        let Some(task) = self.task_of(&mut sources, group).await? else { continue };
                        if tasks.objects > 0 && tasks.objects + task.objects.len() > OBJECTS_PER_PLAN_MAX {
                            let full = std::mem::take(&mut tasks);
                            if self.append_redo(full, format.clone()).await? == Meanwhile::RivalWrote {
                                return Ok(Meanwhile::RivalWrote);
                            }
                        }
                        taken.extend(task.inputs.names().map(|name| (name.clone(), self.ledger.state.next)));
                        tasks.push(task);
                    }
                }
            }
            if tasks.objects > 0 && self.append_redo(tasks, format).await? == Meanwhile::RivalWrote {
                return Ok(Meanwhile::RivalWrote);
            }
        }
        Ok(Meanwhile::Nothing)
    }

    fn note_taken(&mut self, url: &str) {
        let why = "its rows lie in files that an open plan is to replace; run again";
        self.summary.note_kept(format!("{url}: {why}"));
    }

    /// Plans to convert what was set aside whole.
    async fn plan_set_aside(
        &mut self,
        sources: &mut Sources,
        aside: BTreeSet<String>,
    ) -> Result<Meanwhile, ConvertError> {
        let (mut objects, gone) = self.still_there(sources, aside.into_iter().collect()).await?;
        self.note_gone(&gone);
        put_in_order(&mut objects);
        let ledger = (&self.ledger.writer.lake, &self.ledger.state);
        let (objects, copies) = planning::look_for_copies(ledger, objects, self.options, &self.reach()).await?;
        let by_hour = self.is_by_hour();
        for objects in objects.chunks(OBJECTS_PER_PLAN_MAX) {
            let settings = self.settings(self.options.format.clone());
            let draft = Draft::new(Purpose::Convert, settings, &cut(objects.to_vec(), by_hour));
            if self.append_plan(&draft, objects.len()).await? == Meanwhile::RivalWrote {
                return Ok(Meanwhile::RivalWrote);
            }
        }
        copies.tell(&mut self.summary, self.options.copies);
        Ok(Meanwhile::Nothing)
    }

    /// Objects as they are at their sources now, and the URLs of those that are gone. Others that are not to be had are
    /// named in the summary.
    async fn still_there(
        &mut self,
        sources: &mut Sources,
        urls: Vec<String>,
    ) -> Result<(Vec<Object>, BTreeSet<String>), ConvertError> {
        let (mut objects, mut gone) = (Vec::new(), BTreeSet::new());
        for (url, found) in sources.as_they_are(self, urls).await? {
            match found {
                AtSource::There(object) => objects.push(*object),
                AtSource::Gone => drop(gone.insert(url)),
                AtSource::NotToBeHad(reason) => self.summary.note_kept(format!("{url}: {reason}")),
            }
        }
        Ok((objects, gone))
    }

    /// Reads the receipts of all days that matter, one after the other.
    async fn find(&self, again: Again, wanted: &PutOff) -> Result<Found, ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        let mut found = Found::default();
        // Of these sources alone: that a lake is trusted makes no object of it one of theirs.
        let reach = Reach::new(&self.sources);
        for day in state.days().into_iter().filter(|&day| self.is_day_wanted(again, day)) {
            let is_wanted = |receipt: &Receipt| {
                receipt.outcome == Outcome::Converted && self.wants(again, receipt) && wanted.takes(&receipt.url)
            };
            let mut behind_links = Vec::new();
            let note = |filed: Filed| {
                // What is not sealed is not summed up yet, and cannot be replaced.
                if filed.plan >= wanted.before || state.is_open(filed.plan) {
                    return;
                }
                match again == Again::Rejects || reach.names(&filed.receipt.url) {
                    true => found.add(filed),
                    false => behind_links.push(filed),
                }
            };
            state.visit_receipts(lake, day, is_wanted, note).await?;
            // What a listing finds behind a link has the URL of its own path.
            let named = behind_links.iter().map(|filed| with_key(&filed.receipt.url)).collect();
            let held = reach.held_of(named).await?;
            if held.contains(&false) {
                found.missed.extend(reach.missed().iter().map(ToString::to_string));
            }
            behind_links.into_iter().zip(held).filter(|(_, is_held)| *is_held).for_each(|(filed, _)| found.add(filed));
            if again == Again::Rejects && wanted.urls.is_none() {
                let aside = state.aside(lake, day).await?.into_iter().filter(|filed| filed.plan < wanted.before);
                found.aside.extend(aside.map(|filed| filed.receipt.url));
            }
        }
        for number in state.open_plans() {
            let at_seal = state.plans[&number].awaits_seal();
            for task in state.tasks(lake, number).await? {
                let urls: BTreeSet<&str> = task.objects.iter().map(|object| object.url.as_str()).collect();
                found.aside.retain(|url| !urls.contains(url.as_str()));
                if at_seal {
                    found
                        .given
                        .values_mut()
                        .flat_map(BTreeMap::values_mut)
                        .for_each(|given| given.retain(|url| !urls.contains(url)));
                }
                if let Some(replaces) = task.replaces {
                    found.given.values_mut().for_each(|tasks| drop(tasks.remove(&replaces)));
                }
            }
        }
        Ok(found)
    }

    /// Names that open plans take out of the lake, with the numbers of these plans.
    pub(super) async fn taken_by_open_plans(&self) -> Result<BTreeMap<Relative, u64>, ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        let mut taken = BTreeMap::new();
        for number in state.open_plans().into_iter().filter(|number| state.plans[number].awaits_seal()) {
            for task in lake.tasks(&state.plans[&number].plan).await? {
                taken.extend(task.inputs.names().map(|name| (name.clone(), number)));
            }
        }
        Ok(taken)
    }

    fn is_day_wanted(&self, again: Again, day: Day) -> bool {
        let options = self.options;
        let is_in_window =
            |day| options.since.is_none_or(|since| since <= day) && options.until.is_none_or(|until| day <= until);
        again == Again::Rejects || day.0.is_some_and(is_in_window)
    }

    /// Whether a receipt is asked for, of whichever source its object is.
    fn wants(&self, again: Again, receipt: &Receipt) -> bool {
        let options = self.options;
        if again == Again::Rejects {
            return receipt.rejects > 0;
        }
        let facts = source::Facts::of(&receipt.url);
        let one_of = |names: &[String], name: &Option<String>| {
            names.is_empty() || name.as_ref().is_some_and(|name| names.contains(name))
        };
        one_of(&options.accounts, &facts.account) && one_of(&options.regions, &facts.region)
    }

    /// The task that decodes the objects of a group again; `None` if none of them is to be had.
    async fn task_of(&mut self, sources: &mut Sources, group: Group) -> Result<Option<PlannedTask>, ConvertError> {
        let Group { objects: urls, mut inputs } = group;
        let (mut objects, mut gone) = self.still_there(sources, urls).await?;
        if self.options.gone_for_good && !gone.is_empty() && self.lacks_one(&inputs).await? {
            let lost = self.as_they_were(&mut gone).await?;
            inputs.gone = lost.iter().map(|object| object.url.clone()).collect();
            objects.extend(lost);
        }
        self.note_gone(&gone);
        if objects.is_empty() {
            return Ok(None);
        }
        put_in_order(&mut objects);
        note_others(&self.ledger.writer.lake, &mut inputs, &objects).await?;
        Ok(Some(PlannedTask { objects, inputs, ..PlannedTask::default() }))
    }

    fn note_gone(&mut self, urls: &BTreeSet<String>) {
        urls.iter().for_each(|url| self.summary.note_kept(format!("{url}: it is gone at the source")));
    }

    /// Any entry of a rival counts: what the next plan takes may have left the lake.
    async fn append_redo(&mut self, tasks: Tasks, format: Option<String>) -> Result<Meanwhile, ConvertError> {
        let mut settings = self.settings(format);
        settings.file_bytes_max = settings.file_bytes_max.min(COPY_BYTES_MAX);
        settings.retention_seconds = Some(self.options.retention.as_secs());
        let draft = Draft::new(Purpose::Redo, settings, &tasks.tasks).taking_effect(Effect::AtSeal);
        match self.ledger.plan(&draft).await? {
            Appended::Ours(number) => {
                self.summary.converted.objects_planned += tasks.objects as u64;
                let is_last = self.ledger.state.next == number + 1;
                Ok(if is_last { Meanwhile::Nothing } else { Meanwhile::RivalWrote })
            }
            Appended::Lost => Ok(Meanwhile::RivalWrote),
        }
    }

    /// Only plans of a rival count: another entry changes nothing of what is converted.
    async fn append_plan(&mut self, draft: &Draft, objects: usize) -> Result<Meanwhile, ConvertError> {
        loop {
            let newest = self.ledger.state.newest_plan;
            match self.ledger.plan(draft).await? {
                Appended::Ours(number) => {
                    self.summary.converted.objects_planned += objects as u64;
                    let is_newest = self.ledger.state.newest_plan == Some(number);
                    return Ok(if is_newest { Meanwhile::Nothing } else { Meanwhile::RivalWrote });
                }
                // A seal took the number.
                Appended::Lost if self.ledger.state.newest_plan == newest => {}
                Appended::Lost => return Ok(Meanwhile::RivalWrote),
            }
        }
    }
}

/// The order in which tasks read their objects.
fn put_in_order(objects: &mut [Object]) {
    let key = |object: &Object| (object.day, object.account.clone(), object.region.clone(), object.key.clone());
    objects.sort_by_cached_key(key);
}

/// A plan to redo that grows.
#[derive(Debug, Default)]
struct Tasks {
    tasks: Vec<PlannedTask>,
    objects: usize,
}

impl Tasks {
    fn push(&mut self, task: PlannedTask) {
        self.objects += task.objects.len();
        self.tasks.push(PlannedTask { task: self.tasks.len() as u64, ..task });
    }
}
