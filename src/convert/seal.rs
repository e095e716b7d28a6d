//! The end of a plan: once all of its tasks are done, everything is put in its place and a seal says what they came to.

use super::{ConvertError, Run};
use crate::commit::{clear_waiting, sweep, switch};
use crate::lake::{Body, Commit, Purpose, Seal, Totals};

impl Run<'_> {
    /// Puts what earlier runs decoded again in its place: who lists folders may lack rows until then.
    pub(super) async fn finish_redos_that_are_done(&mut self) -> Result<(), ConvertError> {
        for number in self.ledger.state.open_plans() {
            if self.ledger.state.plans[&number].is_redo_under_way() {
                self.seal_if_done(number).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn seal_if_done(&mut self, number: u64) -> Result<(), ConvertError> {
        // Whoever loses the number reads on, and may find that a rival has sealed the plan.
        while self.ledger.state.is_open(number) {
            let Some(seal) = self.seal_of(number).await? else { return Ok(()) };
            let replaces = !seal.replaced.is_empty();
            self.ledger.append(Body::Seal(seal)).await?;
            if replaces {
                clear_waiting(&self.ledger.writer, &self.ledger.state).await?;
            }
        }
        Ok(())
    }

    /// What there is to say of a plan once all of its tasks are done, and everything lies in its place.
    async fn seal_of(&mut self, number: u64) -> Result<Option<Seal>, ConvertError> {
        let lake = self.ledger.writer.lake.clone();
        if self.ledger.state.to_do(number, &lake.committed(number).await?) > 0 {
            return Ok(None);
        }
        let mark = self.ledger.state.plans[&number].plan.mark.clone();
        let mut seal = Seal { plan: number, mark, ..Seal::default() };
        let add = |Commit { head, .. }: Commit| {
            seal.totals.add(&head.totals);
            seal.replaced.extend(head.replaces);
            for file in head.files {
                seal.columns.entry(file.table).or_default().extend(file.columns);
            }
        };
        self.ledger.state.visit_commits(&lake, number, add).await?;
        self.summary.intents_ignored.extend(sweep(&self.ledger.writer, number).await?);
        if self.ledger.state.plans[&number].plan.purpose == Purpose::Redo {
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
        Ok(Some(seal))
    }
}
