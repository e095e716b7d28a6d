//! The Delta logs follow the ledger: a version behind each plan that was sealed, and what earlier runs left out.

use super::ConvertError;
use super::run::Run;
use crate::commit::{CommitError, Projected, When, project};
use crate::delta::DeltaError;

impl Run<'_> {
    /// Writes what the Delta logs lack of the ledger. One that cannot be read, or that others wrote to, keeps nothing
    /// from being converted.
    pub(super) async fn project(&mut self, when: When) -> Result<(), ConvertError> {
        let projected = match project(&self.ledger.writer, &self.ledger.state, when).await {
            Ok(projected) => projected,
            Err(CommitError::Delta(error @ DeltaError::Record { .. })) => {
                let reason = error.to_string();
                let unreadable = &mut self.summary.delta.delta_unreadable;
                if !unreadable.contains(&reason) {
                    unreadable.push(reason);
                }
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let names = &self.ledger.writer.lake.names;
        let Projected { versions, begun, foreign } = projected;
        let summary = &mut self.summary.delta;
        summary.delta_versions += versions;
        summary.delta_begun.extend(begun.into_iter().map(|table| names.url(&names.inside(table.name()))));
        for (table, version) in foreign {
            let url = names.url(&names.delta_version(table, version));
            if !summary.delta_foreign.contains(&url) {
                summary.delta_foreign.push(url);
            }
        }
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
