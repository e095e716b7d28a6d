//! What earlier runs found in plans that this run finishes: who dies before its end tells nobody.
//!
//! A run that was stopped in good order told it once already, and nothing in the ledger says so: it is told twice
//! rather than never.

use std::collections::{BTreeMap, HashSet};

use super::copies::FoundCopies;
use super::summary::keep;
use super::{ConvertError, Summary};
use crate::lake::receipts::Filed;
use crate::lake::{Commit, Lake, Outcome, Purpose, Receipt, State, same_content};
use crate::plan::{Copies, same_checksum};
use crate::source;

/// The plans that were open when a run began and are not finished, with what their commits told when this run first
/// looked at them.
#[derive(Debug, Default)]
pub(super) struct Before(BTreeMap<u64, Option<FoundBefore>>);

/// What the tasks and commits of an open plan tell.
#[derive(Debug, Default)]
pub(super) struct FoundBefore {
    objects_aside: u64,
    aside: Vec<String>,
    objects_differing: u64,
    differing: Vec<String>,
    rejects: u64,
}

impl Before {
    pub(super) fn of(state: &State) -> Before {
        Before(state.open_plans().into_iter().map(|number| (number, None)).collect())
    }

    /// Proves the commits of an open plan, and remembers what they tell if it was open before and this is the first
    /// look.
    pub(super) async fn look(&mut self, lake: &Lake, state: &State, number: u64) -> Result<(), ConvertError> {
        let Some(slot @ None) = self.0.get_mut(&number) else {
            return Ok(state.visit_commits(lake, number, drop).await?);
        };
        let mut found = FoundBefore::default();
        let note = |commit: Commit| commit.receipts.iter().for_each(|receipt| found.add(receipt));
        state.visit_commits(lake, number, note).await?;
        *slot = Some(found);
        Ok(())
    }

    /// Tells what was found in a plan before this run, once it is finished.
    pub(super) async fn tell(
        &mut self,
        (lake, state): (&Lake, &State),
        number: u64,
        summary: &mut Summary,
    ) -> Result<(), ConvertError> {
        if !state.is_open(number)
            && let Some(Some(found)) = self.0.remove(&number)
        {
            found.tell(summary);
            copies_in(lake, state, number).await?.tell(summary, Copies::Keep);
        }
        Ok(())
    }
}

impl FoundBefore {
    fn add(&mut self, receipt: &Receipt) {
        let named = || format!("{}: {}", receipt.url, receipt.reason.as_deref().unwrap_or_default());
        self.rejects += receipt.rejects;
        match receipt.outcome {
            Outcome::Aside => {
                self.objects_aside += 1;
                keep(&mut self.aside, named());
            }
            Outcome::Differs => {
                self.objects_differing += 1;
                keep(&mut self.differing, named());
            }
            // What could not be read is listed again, and told by who tries it.
            Outcome::Unread | Outcome::Copy | Outcome::Converted | Outcome::Skipped | Outcome::Confirmed => {}
        }
    }

    fn tell(self, summary: &mut Summary) {
        summary.converted.objects_aside += self.objects_aside;
        summary.checked.objects_differing += self.objects_differing;
        summary.converted.rejects += self.rejects;
        self.aside.into_iter().for_each(|named| keep(&mut summary.left_out.aside, named));
        self.differing.into_iter().for_each(|named| keep(&mut summary.checked.differing, named));
    }
}

/// Objects that a plan converted although they are copies, as receipts tell it: by their checksums at the source, or by
/// what they held.
async fn copies_in(lake: &Lake, state: &State, number: u64) -> Result<FoundCopies, ConvertError> {
    let mut found = FoundCopies::default();
    let plan = &state.plans[&number].plan;
    if plan.purpose != Purpose::Convert {
        return Ok(found);
    }
    let is_converted = |receipt: &Receipt| receipt.outcome == Outcome::Converted;
    for &day in plan.days.iter().rev() {
        let mut planned = HashSet::new();
        let note = |filed: Filed| planned.extend(delivery_of(&filed.receipt).filter(|_| filed.plan == number));
        state.visit_receipts(lake, day, is_converted, note).await?;
        let wanted = |receipt: &Receipt| {
            is_converted(receipt) && delivery_of(receipt).is_some_and(|delivery| planned.contains(&delivery))
        };
        let mut met: BTreeMap<Delivery, Vec<(u64, Receipt)>> = BTreeMap::new();
        let note = |Filed { plan, receipt, .. }: Filed| {
            let delivery = delivery_of(&receipt).expect("it is wanted");
            met.entry(delivery).or_default().push((plan, Receipt { parts: Vec::new(), ..receipt }));
        };
        state.visit_receipts(lake, day, wanted, note).await?;
        met.into_values().for_each(|same_name| found.add_all(number, same_name));
    }
    Ok(found)
}

/// A name in AWS's form, and a size.
type Delivery = (String, u64);

fn delivery_of(receipt: &Receipt) -> Option<Delivery> {
    source::delivery(&receipt.url).map(|name| (name.to_owned(), receipt.size))
}

impl FoundCopies {
    /// Holds objects of one name and size that a plan converted against those of earlier plans, and against those
    /// before them in it.
    fn add_all(&mut self, plan: u64, mut receipts: Vec<(u64, Receipt)>) {
        receipts.retain(|(of, _)| *of <= plan);
        receipts.sort_by(|(a, of_a), (b, of_b)| (a, &of_a.url).cmp(&(b, &of_b.url)));
        for (at, (_, receipt)) in receipts.iter().enumerate().filter(|(_, (of, _))| *of == plan) {
            let firsts = || receipts[..at].iter().map(|(_, first)| first).filter(|first| first.url != receipt.url);
            let is_copy = |first: &&Receipt| {
                same_checksum(&first.version, &receipt.version) || same_content(first, receipt) == Some(true)
            };
            if let Some(first) = firsts().find(is_copy) {
                self.note_copy(&receipt.url, &first.url);
            } else if let Some(first) = firsts().find(|first| same_content(first, receipt).is_none()) {
                self.note_may_be(&receipt.url, &first.url);
            }
        }
    }
}
