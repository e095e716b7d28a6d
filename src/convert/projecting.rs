//! The Delta logs follow the ledger: a version behind each plan that was sealed, and what earlier runs left out.

use super::ConvertError;
use super::run::Run;
use crate::commit::{Projected, When, project};

impl Run<'_> {
    /// Writes what the Delta logs lack of the ledger. One that cannot be read, or that others wrote to, keeps nothing
    /// from being converted.
    pub(super) async fn project(&mut self, when: When) -> Result<(), ConvertError> {
        let (state, is_born) = (&self.ledger.state, self.ledger.state.is_born_with_delta());
        let (next, is_newer) = (state.next, when == When::Newer);
        let is_done = self.projected.is_some_and(|(done, newer)| done == next && (newer || !is_newer));
        if when != When::Asked && (is_done || !is_born && !self.was_given_delta_log) {
            return Ok(());
        }
        let projected = project(&self.ledger.writer, &self.ledger.state, when).await?;
        let names = &self.ledger.writer.lake.names;
        let Projected { versions, begun, foreign, unreadable } = projected;
        let summary = &mut self.summary.delta;
        summary.delta_versions += versions;
        // Nobody made views of a lake before it was born.
        let begun = begun.into_iter().filter(|_| !is_born);
        summary.delta_begun.extend(begun.map(|table| names.url(&names.inside(table.name()))));
        for reason in unreadable.iter().map(ToString::to_string) {
            if !summary.delta_unreadable.contains(&reason) {
                summary.delta_unreadable.push(reason);
            }
        }
        for (table, version) in foreign {
            let url = names.url(&names.delta_version(table, version));
            if !summary.delta_foreign.contains(&url) {
                summary.delta_foreign.push(url);
            }
        }
        self.projected = Some((next, is_newer));
        Ok(())
    }

    /// Before a checkpoint of the ledger, behind which single changes are not told any more.
    pub(super) async fn project_and_checkpoint(&mut self) -> Result<(), ConvertError> {
        let is_due = self.ledger.is_checkpoint_due();
        self.project(if is_due { When::Newer } else { When::Changed }).await?;
        self.ledger.checkpoint_if_due().await?;
        Ok(())
    }

    /// The end of a run: what it and earlier ones left out.
    pub(super) async fn project_all(&mut self) -> Result<(), ConvertError> {
        self.project(if self.options.delta { When::Asked } else { When::Changed }).await
    }
}
