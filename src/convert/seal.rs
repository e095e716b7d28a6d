//! The end of a plan: once all of its tasks are done, everything is put in its place and a seal says what they came to.

use std::collections::{BTreeMap, BTreeSet};

use super::ConvertError;
use super::run::Run;
use crate::commit::{clear_intents, clear_waiting, remove_published, sweep, switch};
use crate::lake::receipts::Filed;
use crate::lake::{
    Body, Commit, Day, Firsts, Outcome, Purpose, Receipt, Relative, Seal, Totals, Void, folder_of, list_folder_again,
    same_content,
};

impl Run<'_> {
    /// Puts what earlier runs decoded again in its place: who lists folders may lack rows until then.
    pub(super) async fn finish_redos_that_are_done(&mut self) -> Result<(), ConvertError> {
        for number in self.ledger.state.open_plans() {
            let plan = &self.ledger.state.plans[&number];
            if plan.is_redo_under_way() || plan.awaits_seal() {
                self.seal_if_done(number).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn seal_if_done(&mut self, number: u64) -> Result<(), ConvertError> {
        let is_open = self.ledger.state.is_open(number);
        // Whoever loses the number reads on, and may find that a rival has sealed the plan.
        while self.ledger.state.is_open(number) {
            let Some(entry) = self.ending_of(number).await? else { return Ok(()) };
            let replaces = matches!(&entry, Body::Seal(seal) if !seal.replaced.is_empty());
            if let Body::Void(void) = &entry {
                self.summary.replaced.plans_void.push(format!("plan {number}: {}", void.reason));
            }
            self.ledger.append(entry).await?;
            let plan = self.ledger.state.plans.get(&number);
            if plan.is_some_and(|plan| plan.sealed && plan.plan.expires.is_some()) {
                self.note_expired(number).await?;
            }
            if replaces {
                clear_waiting(&self.ledger.writer, &self.ledger.state).await?;
            }
            if self.ledger.state.plans.get(&number).is_some_and(|plan| plan.void) {
                remove_published(&self.ledger.writer, number).await?;
            }
        }
        if is_open {
            clear_intents(&self.ledger.writer, &self.ledger.state).await?;
        }
        Ok(())
    }

    /// What there is to say of a plan once all of its tasks are done, and everything lies in its place: its seal,
    /// which has listed again what could not be read, and copies that were left out for objects that are not there.
    async fn ending_of(&mut self, number: u64) -> Result<Option<Body>, ConvertError> {
        let lake = self.ledger.writer.lake.clone();
        if self.ledger.state.to_do(number, &lake.committed(number).await?) > 0 {
            return self.ending_before_its_end(number).await;
        }
        let at_seal = self.ledger.state.plans[&number].awaits_seal();
        let mark = self.ledger.state.plans[&number].plan.mark.clone();
        let mut seal = Seal { plan: number, mark, ..Seal::default() };
        let (mut copies, mut redone, mut removes) = (Vec::new(), Vec::new(), Vec::new());
        let add = |Commit { head, receipts }: Commit| {
            if at_seal || head.replaces.is_some() {
                redone.extend(receipts.iter().filter(|receipt| receipt.outcome == Outcome::Converted).cloned());
            }
            removes.extend(head.taken.removes);
            seal.replaced_totals.add(&head.taken.totals);
            for receipt in receipts {
                match receipt.outcome {
                    Outcome::Copy => copies.push(receipt),
                    Outcome::Unread => list_again(&mut seal.unread, &receipt),
                    _ => {}
                }
            }
            seal.totals.add(&head.totals);
            seal.replaced.extend(head.replaces);
            for file in head.files {
                seal.oldest = [seal.oldest, file.date()].into_iter().flatten().min();
                seal.columns.entry(file.table).or_default().extend(file.columns);
            }
        };
        self.ledger.state.visit_commits(&lake, number, add).await?;
        let expires = self.ledger.state.plans[&number].plan.expires;
        let mut obstacle = self.gone(&removes).await?;
        if let Some(last) = expires.filter(|_| obstacle.is_none()) {
            obstacle = self.came_since(last, &removes).await?;
        }
        if let Some(reason) = obstacle {
            return Ok(Some(Body::Void(Void { plan: number, reason })));
        }
        let mut alone = self.left_alone(number, copies).await?;
        alone.extend(self.left_by(number, &redone).await?);
        alone.iter().for_each(|copy| list_again(&mut seal.unread, copy));
        self.summary.left_out.intents_ignored.extend(sweep(&self.ledger.writer, number).await?);
        if self.ledger.state.plans[&number].is_redo_under_way() {
            // What waits for plans that are over must not be shown by a run that slept meanwhile.
            clear_waiting(&self.ledger.writer, &self.ledger.state).await?;
            switch(&self.ledger.writer, &self.ledger.state, number).await?;
        }
        // What was given up was taken off when it was.
        for old in seal.replaced.iter().filter(|old| !self.ledger.state.lost.contains(old)) {
            let old = lake.commit(old.plan, old.task).await?;
            let totals = old.map_or_else(Totals::default, |old| old.head.totals);
            seal.replaced_totals.add(&totals.of_conversions());
        }
        Ok(Some(Body::Seal(seal)))
    }

    /// The end of a plan with tasks that are still to be done: none of them begins where it would be for nothing. (What
    /// shows files looks by itself.)
    async fn ending_before_its_end(&self, number: u64) -> Result<Option<Body>, ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        let plan = &state.plans[&number];
        if !plan.awaits_seal() || plan.plan.purpose == Purpose::Show {
            return Ok(None);
        }
        let mut removes = Vec::new();
        state.visit_commits(lake, number, |commit| removes.extend(commit.head.taken.removes)).await?;
        let to_do = state.tasks_to_do(lake, number).await?;
        removes.extend(to_do.iter().flat_map(|task| task.inputs.names()).cloned());
        let reason = self.gone(&removes).await?;
        Ok(reason.map(|reason| Body::Void(Void { plan: number, reason })))
    }

    /// Why a plan that takes these names out of the lake cannot: one of them is no live file. Nothing leaves the lake
    /// between this look and the seal: who writes an entry meanwhile takes the seal's number.
    pub(super) async fn gone(&self, removes: &[Relative]) -> Result<Option<String>, ConvertError> {
        if removes.is_empty() {
            return Ok(None);
        }
        let heads = self.ledger.state.heads(&self.ledger.writer.lake).await?;
        let files = heads.iter().flat_map(|head| &head.files).map(|file| &file.path);
        let live: BTreeSet<&Relative> = files.chain(heads.iter().filter_map(|head| head.rejects.as_ref())).collect();
        let gone = removes.iter().find(|name| !live.contains(name));
        Ok(gone.map(|name| format!("{name}, which it takes out of the lake, is no part of it any more; run it again")))
    }

    /// Of copies that were left out those whose firsts are not converted, or not with that content.
    async fn left_alone(&self, number: u64, mut copies: Vec<Receipt>) -> Result<Vec<Receipt>, ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        copies.retain(|copy| !state.plans[&number].dropped.contains_key(&copy.url));
        let days: BTreeSet<Day> = copies.iter().map(|copy| copy.day).collect();
        let firsts: BTreeSet<&str> = copies.iter().filter_map(|copy| copy.reason.as_deref()).collect();
        let there = Firsts::load(lake, state, &days, |url| firsts.contains(url)).await?;
        copies.retain(|copy| {
            !copy.reason.as_ref().is_some_and(|first| there.holds(first, copy.first_version.as_deref()))
        });
        Ok(copies)
    }

    /// Copies that were left out for an object of which a redo took other content: their folders are listed again, and
    /// the next run judges them anew.
    async fn left_by(&self, number: u64, redone: &[Receipt]) -> Result<Vec<Receipt>, ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        let urls: BTreeSet<&str> = redone.iter().map(|receipt| receipt.url.as_str()).collect();
        let days: BTreeSet<Day> = redone.iter().map(|receipt| receipt.day).collect();
        let mut before: BTreeMap<String, Receipt> = BTreeMap::new();
        for &day in &days {
            let is_earlier = |filed: &Filed| filed.plan != number;
            let wanted =
                |receipt: &Receipt| receipt.outcome == Outcome::Converted && urls.contains(receipt.url.as_str());
            // Oldest first: the newest of the earlier ones stays. (Plans of the first formats are in effect already.)
            let earlier = state.conversions(lake, day, wanted).await?.into_iter().filter(is_earlier);
            before.extend(earlier.map(|filed| (filed.receipt.url.clone(), filed.receipt)));
        }
        let is_other = |now: &&Receipt| {
            let then = before.get(&now.url);
            then.is_none_or(|then| then.version != now.version && same_content(then, now) != Some(true))
        };
        let changed: BTreeMap<String, String> =
            redone.iter().filter(is_other).map(|now| (now.url.clone(), now.version.clone())).collect();
        let mut left = Vec::new();
        for day in days {
            let is_left = |receipt: &Receipt| {
                let now = receipt.reason.as_ref().and_then(|first| changed.get(first));
                receipt.outcome == Outcome::Copy
                    && now.is_some_and(|now| receipt.first_version.as_ref().is_some_and(|then| then != now))
            };
            left.extend(state.receipts_where(lake, day, is_left).await?.into_iter().map(|copy| copy.receipt));
        }
        Ok(left)
    }
}

/// Notes that the folder of an object is listed again, from its day on.
fn list_again(folders: &mut BTreeMap<String, Day>, receipt: &Receipt) {
    list_folder_again(folders, folder_of(&receipt.url), receipt.day);
}
