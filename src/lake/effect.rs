//! What the ledger says of source objects now: the receipts that are in effect.
//!
//! A receipt speaks of an object, not of files of its own commit. Of several conversions of an object the one of the
//! newest plan is in effect.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::receipts;
use super::{Commit, Day, Lake, LakeError, ObjectHash, Outcome, Receipt, State, Superseded, TaskRef, object_hash};

impl State {
    /// Every key day of which the lake has receipts.
    pub fn days(&self) -> BTreeSet<Day> {
        self.filed.receipts.keys().chain(self.plans.values().flat_map(|plan| &plan.plan.days)).copied().collect()
    }

    /// The receipts of one key day, in order of plan, task and object: an object that was checked has several.
    pub async fn receipts(&self, lake: &Lake, day: Day) -> Result<Vec<receipts::Filed>, LakeError> {
        self.receipts_where(lake, day, |_| true).await
    }

    /// Those of them that are wanted; no other is held.
    pub async fn receipts_where(
        &self,
        lake: &Lake,
        day: Day,
        wanted: impl Fn(&Receipt) -> bool,
    ) -> Result<Vec<receipts::Filed>, LakeError> {
        let mut found = Vec::new();
        self.visit_receipts(lake, day, wanted, |filed| found.push(filed)).await?;
        found.sort_by_key(|filed| (filed.plan, filed.task));
        Ok(found)
    }

    /// Hands on the wanted receipts of one key day, in no order. Conversions for which others stand are left out; what
    /// was set aside or skipped is not.
    pub async fn visit_receipts(
        &self,
        lake: &Lake,
        day: Day,
        wanted: impl Fn(&Receipt) -> bool,
        mut visit: impl FnMut(receipts::Filed),
    ) -> Result<(), LakeError> {
        let superseded = self.superseded(lake).await?;
        let redone = self.redone_of(lake, day, &superseded).await?;
        let is_replaced = |filed: &receipts::Filed| {
            let task = TaskRef { plan: filed.plan, task: filed.task };
            let newest = || redone.get(&object_hash(&filed.receipt.url));
            filed.receipt.outcome == Outcome::Converted
                && (superseded.tasks.contains(&task) || newest().is_some_and(|&newest| task < newest))
        };
        let visit = |filed| {
            if !is_replaced(&filed) {
                visit(filed)
            }
        };
        self.visit_every_receipt(lake, day, &superseded, wanted, visit).await
    }

    /// The wanted receipts of one key day, with those for which others stand, the oldest first.
    pub async fn conversions(
        &self,
        lake: &Lake,
        day: Day,
        wanted: impl Fn(&Receipt) -> bool,
    ) -> Result<Vec<receipts::Filed>, LakeError> {
        let superseded = self.superseded(lake).await?;
        let mut found = Vec::new();
        self.visit_every_receipt(lake, day, &superseded, wanted, |filed| found.push(filed)).await?;
        found.sort_by_key(|filed| (filed.plan, filed.task));
        Ok(found)
    }

    /// The newest task that decoded an object of this key day again.
    async fn redone_of(
        &self,
        lake: &Lake,
        day: Day,
        superseded: &Superseded,
    ) -> Result<HashMap<ObjectHash, TaskRef>, LakeError> {
        let mut newest: HashMap<ObjectHash, TaskRef> = HashMap::new();
        if !self.in_effect.values().any(|plan| plan.redone.contains(&day)) {
            return Ok(newest);
        }
        let converted = |receipt: &Receipt| receipt.outcome == Outcome::Converted;
        let note = |filed: receipts::Filed| {
            if self.in_effect.contains_key(&filed.plan) {
                let task = TaskRef { plan: filed.plan, task: filed.task };
                let known = newest.entry(object_hash(&filed.receipt.url)).or_insert(task);
                *known = task.max(*known);
            }
        };
        self.visit_every_receipt(lake, day, superseded, converted, note).await?;
        Ok(newest)
    }

    async fn visit_every_receipt(
        &self,
        lake: &Lake,
        day: Day,
        superseded: &Superseded,
        wanted: impl Fn(&Receipt) -> bool,
        mut visit: impl FnMut(receipts::Filed),
    ) -> Result<(), LakeError> {
        let mut visit = |filed: receipts::Filed| {
            if !self.lost.contains(&TaskRef { plan: filed.plan, task: filed.task }) {
                visit(filed);
            }
        };
        for relative in self.filed.receipts.get(&day).into_iter().flatten() {
            let filed = lake.filed(relative, |bytes| receipts::decode(bytes, day, &wanted)).await?;
            filed.into_iter().for_each(&mut visit);
        }
        for (plan, state) in self.counted(superseded).filter(|(_, state)| state.plan.days.contains(&day)) {
            let visit_commit = |Commit { head, receipts }: Commit| {
                let of_day = receipts.into_iter().filter(|receipt| receipt.day == day && wanted(receipt));
                for receipt in of_day {
                    let format = state.plan.settings.format.clone();
                    visit(receipts::Filed { receipt, plan, task: head.task, format });
                }
            };
            self.visit_commits(lake, plan, visit_commit).await?;
        }
        Ok(())
    }

    /// The newest receipts of those objects of one key day that are set aside now, in order of their URLs. What was
    /// converted, skipped or left out as a copy since is no longer set aside.
    pub async fn aside(&self, lake: &Lake, day: Day) -> Result<Vec<receipts::Filed>, LakeError> {
        let aside = |receipt: &Receipt| receipt.outcome == Outcome::Aside;
        let mut found = BTreeMap::new();
        for filed in self.receipts_where(lake, day, aside).await? {
            found.insert(filed.receipt.url.clone(), filed);
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let ends = |receipt: &Receipt| {
            let outcome = matches!(receipt.outcome, Outcome::Converted | Outcome::Skipped | Outcome::Copy);
            outcome && found.contains_key(&receipt.url)
        };
        for later in self.receipts_where(lake, day, ends).await? {
            let (url, at) = (&later.receipt.url, (later.plan, later.task));
            // Whatever its order: what is converted is never set aside.
            let is_over =
                |filed: &receipts::Filed| later.receipt.outcome == Outcome::Converted || at > (filed.plan, filed.task);
            if found.get(url).is_some_and(is_over) {
                found.remove(url);
            }
        }
        Ok(found.into_values().collect())
    }
}
