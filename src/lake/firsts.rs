//! The objects for which copies were left out: whether the lake still has the content that a copy was left out for.
//!
//! A redo may have taken other content under the same URL since. An object that has another version now and the same
//! digest has the same content.

use std::collections::{BTreeSet, HashMap};

use super::{Day, Lake, LakeError, Outcome, Receipt, State, same_content};

/// What conversions of these objects read, the newest last.
#[derive(Debug, Default)]
pub struct Firsts(HashMap<String, Vec<Receipt>>);

impl Firsts {
    /// Reads the conversions of the wanted objects, by URL; those that were replaced as well.
    pub async fn load(
        lake: &Lake,
        state: &State,
        days: &BTreeSet<Day>,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Firsts, LakeError> {
        let wanted = |receipt: &Receipt| receipt.outcome == Outcome::Converted && is_wanted(&receipt.url);
        let mut firsts = Firsts::default();
        for &day in days {
            for filed in state.conversions(lake, day, wanted).await? {
                firsts.0.entry(filed.receipt.url.clone()).or_default().push(filed.receipt);
            }
        }
        Ok(firsts)
    }

    /// All of them.
    pub(super) fn every(&self) -> impl Iterator<Item = &Receipt> {
        self.0.values().flatten()
    }

    /// The conversion that counts.
    pub fn get(&self, url: &str) -> Option<&Receipt> {
        self.0.get(url).and_then(|receipts| receipts.last())
    }

    /// Whether what the lake has of an object is what it held in this version. Without one, any content counts: so
    /// receipts of earlier programs are read.
    pub fn holds(&self, url: &str, version: Option<&str>) -> bool {
        let Some(now) = self.get(url) else { return false };
        let Some(version) = version else { return true };
        let mut then = self.0[url].iter().filter(|receipt| receipt.version == version);
        now.version == version || then.any(|then| same_content(then, now) == Some(true))
    }
}
