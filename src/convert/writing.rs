//! Plans that a run writes to the ledger, against rivals.

use super::ConvertError;
use super::discover::Listing;
use super::planning::{Gathered, Pass, Planner};
use super::run::Run;
use crate::commit::{Appended, Draft};
use crate::lake::{Body, Create, Lake, State};
use crate::plan::cut;

/// A run that writes plans to the ledger.
pub(super) struct Writing<'run, 'a> {
    pub run: &'run mut Run<'a>,
    pub listing: &'run Listing,
    /// The first plan that was open when the listing began, else the next one.
    pub settled: u64,
}

impl Planner for Writing<'_, '_> {
    fn ledger(&self) -> Option<(&Lake, &State)> {
        Some((&self.run.ledger.writer.lake, &self.run.ledger.state))
    }

    /// What was judged is true only of the plans that were known then: after a rival's, everything is judged again.
    async fn take(&mut self, gathered: Gathered) -> Result<Pass, ConvertError> {
        if self.run.stop.is_soon() || self.birth().await? == Birth::Now {
            return Ok(Pass::Ends);
        }
        let settings = self.run.settings(self.run.options.format.clone());
        let by_hour = settings.partition_by.is_by_hour();
        let Gathered { purpose, objects, is_last, put_off } = gathered;
        let count = objects.len() as u64;
        let draft = tokio::task::spawn_blocking(move || Draft::new(purpose, settings, &cut(objects, by_hour)));
        let mut draft = draft.await.expect("cutting a plan does not panic");
        if is_last {
            // What was put off is listed again, wherever it lies.
            let is_planned = |chain: &String| {
                put_off.range(chain.clone()..).next().is_none_or(|folder| !folder.starts_with(chain.as_str()))
            };
            let mut frontiers = self.listing.frontiers.clone();
            frontiers.retain(|chain, _| is_planned(chain));
            draft = draft.marked(frontiers, self.listing.is_full && put_off.is_empty(), self.settled);
        }
        loop {
            let newest = self.run.ledger.state.newest_plan;
            match self.run.ledger.plan(&draft).await? {
                Appended::Ours(number) => {
                    self.run.summary.converted.objects_planned += count;
                    // After the last plan nothing is judged any more.
                    let holds = is_last || self.run.ledger.state.newest_plan == Some(number);
                    return Ok(if holds { Pass::GoesOn } else { Pass::Ends });
                }
                // A seal took the number.
                Appended::Lost if self.run.ledger.state.newest_plan == newest => {}
                Appended::Lost => return Ok(Pass::Ends),
            }
        }
    }
}

/// When the entry was written that a lake's log begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Birth {
    Before,
    /// By this run or by a rival: the log has grown.
    Now,
}

impl Writing<'_, '_> {
    /// The first plan of a lake is preceded by its birth, once.
    async fn birth(&mut self) -> Result<Birth, ConvertError> {
        let run = &mut *self.run;
        let unborn = run.ledger.state.create.is_none();
        if unborn {
            run.ledger.writer.probe_conditional_create().await?;
            let create = Create {
                lake_id: run.options.lake_id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
                partition_by: run.options.partition_by.unwrap_or_default(),
                delta: true,
            };
            run.ledger.append(Body::Create(create)).await?;
        }
        run.check_partitioning()?;
        Ok(if unborn { Birth::Now } else { Birth::Before })
    }
}
