//! Objects that are gone at their source, and with them data files in which they had rows: what `--gone-for-good` takes
//! for lost.

use std::collections::BTreeSet;

use super::ConvertError;
use super::run::Run;
use crate::lake::receipts::Filed;
use crate::lake::{Day, Inputs, Names, Outcome, Receipt};
use crate::source::Object;

impl Run<'_> {
    /// Whether one of the inputs is gone or damaged: nothing is lost where all are there. They are read.
    pub(super) async fn lacks_one(&self, inputs: &Inputs) -> Result<bool, ConvertError> {
        let lake = &self.ledger.writer.lake;
        for file in &inputs.files {
            if lake.unlike(&file.path, Some(file.bytes), &file.hash).await?.is_some() {
                return Ok(true);
            }
        }
        for name in &inputs.rejects {
            if lake.unlike(name, None, Names::hash_of(name).unwrap_or_default()).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes objects out of `gone`, as their receipts have them. One of which a copy was left out is named and stays:
    /// the copy may be all that there is of it.
    pub(super) async fn as_they_were(&mut self, gone: &mut BTreeSet<String>) -> Result<Vec<Object>, ConvertError> {
        let (lake, state) = (&self.ledger.writer.lake, &self.ledger.state);
        let days: BTreeSet<Day> = gone.iter().map(|url| Day(Object::of_url(url, 0, "").day)).collect();
        let (mut objects, mut have_copies) = (Vec::new(), BTreeSet::new());
        for day in days {
            let is_copy = |receipt: &Receipt| receipt.reason.as_ref().is_some_and(|first| gone.contains(first));
            let wanted = |receipt: &Receipt| match receipt.outcome {
                Outcome::Converted => gone.contains(&receipt.url),
                Outcome::Copy => is_copy(receipt),
                _ => false,
            };
            for Filed { receipt, .. } in state.receipts_where(lake, day, wanted).await? {
                match receipt.outcome {
                    Outcome::Copy => have_copies.extend(receipt.reason),
                    _ => objects.push(Object::of_url(&receipt.url, receipt.size, &receipt.version)),
                }
            }
        }
        objects.retain(|object| !have_copies.contains(&object.url));
        for object in &objects {
            gone.remove(&object.url);
        }
        for url in have_copies.iter().filter(|url| gone.remove(*url)) {
            let why = "it is gone at the source, and a copy of it was left out that may be there: nothing is given up";
            self.summary.note_kept(format!("{url}: {why}"));
        }
        Ok(objects)
    }
}
