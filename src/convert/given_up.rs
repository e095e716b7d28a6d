//! Objects whose tasks were given up and that no listing gives any more: they are planned all the same, as they were,
//! so that the run that cannot read them names them, and its plan says what became of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::discover::Listing;
use crate::lake::receipts::Filed;
use crate::lake::{Body, Day, Entry, Lake, LakeError, Outcome, Purpose, State, folder_of};
use crate::source::{Filter, Object, Reach};

/// Objects of tasks that were given up, by URL, with the newest plan that had each.
#[derive(Debug, Default)]
pub(super) struct GivenUp(BTreeMap<String, (u64, Object)>);

impl GivenUp {
    /// Those that a listing is to give again: in folders that are listed from their days on, and not closed to it. None
    /// where there is no lake yet.
    pub async fn load(
        ledger: Option<(&Lake, &State)>,
        filter: &Filter,
        listing: &Listing,
        reach: &Reach,
    ) -> Result<GivenUp, LakeError> {
        let mut given_up = GivenUp::default();
        let Some((lake, state)) = ledger else { return Ok(given_up) };
        let mut lost: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for task in state.lost.iter().filter(|_| !state.unread.is_empty()) {
            lost.entry(task.plan).or_default().insert(task.task);
        }
        for (number, lost) in lost {
            let Some(Entry { body: Body::Plan(plan), .. }) = lake.entry(number).await? else { continue };
            if !matches!(plan.purpose, Purpose::Convert | Purpose::Redo) {
                continue;
            }
            let tasks = match lake.tasks(&plan).await {
                // Nobody knows any more what they were.
                Err(LakeError::Body { .. }) => continue,
                tasks => tasks?,
            };
            let tasks = tasks.into_iter().filter(|task| lost.contains(&task.task));
            for object in tasks.flat_map(|task| task.objects) {
                let is_open = listing.denied.iter().all(|denied| !object.url.starts_with(&denied.prefix));
                let is_again = state.unread.contains_key(folder_of(&object.url));
                let is_read = object.copy_of.is_none();
                if is_read && is_again && is_open && filter.takes(&object) && reach.may_hold(&object.url) {
                    given_up.0.insert(object.url.clone(), (number, object));
                }
            }
        }
        Ok(given_up)
    }

    /// Takes one out that the listing gave with something in it.
    pub fn met(&mut self, object: &Object) {
        if !self.0.is_empty() && object.size > 0 {
            self.0.remove(&object.url);
        }
    }

    /// Those that the listing did not give, and of which nothing was planned or told since.
    pub async fn not_met(mut self, ledger: Option<(&Lake, &State)>) -> Result<Vec<Object>, LakeError> {
        let Some((lake, state)) = ledger.filter(|_| !self.0.is_empty()) else { return Ok(Vec::new()) };
        for number in state.open_plans() {
            for object in state.tasks(lake, number).await?.into_iter().flat_map(|task| task.objects) {
                self.0.remove(&object.url);
            }
        }
        let days: BTreeSet<Day> = self.0.values().map(|(_, object)| Day(object.day)).collect();
        for day in days {
            let known = state.receipts_where(lake, day, |receipt| self.0.contains_key(&receipt.url)).await?;
            for Filed { receipt, plan, .. } in known {
                let is_settled = |of: u64| match receipt.outcome {
                    Outcome::Converted => true,
                    Outcome::Aside | Outcome::Skipped | Outcome::Copy | Outcome::Unread => plan > of,
                    Outcome::Confirmed | Outcome::Differs => false,
                };
                if self.0.get(&receipt.url).is_some_and(|(of, _)| is_settled(*of)) {
                    self.0.remove(&receipt.url);
                }
            }
        }
        let mut objects: Vec<Object> = self.0.into_values().map(|(_, object)| object).collect();
        objects.sort_by_key(|object| Reverse(object.day));
        Ok(objects)
    }
}
