//! Intents say what may be cleaned up of a plan that is open. Once it is closed they are deleted.

use std::collections::BTreeSet;

use super::{CommitError, LakeWriter, remove_published};
use crate::lake::{Relative, State};

/// Deletes the intents of all closed plans: of the one that was closed just now, of those that a killed run left, and
/// of those that earlier programs left. It lists the folder of all intents once.
///
/// Nobody reads them any more: what dead attempts published was removed before the seal, and a living one that loses
/// removes its own. Of a plan that is void, what it published is removed first, which a killed run may have left out.
/// Who may not delete leaves them: they are waste, and nothing is wrong with the lake.
pub async fn clear_intents(writer: &LakeWriter, state: &State) -> Result<(), CommitError> {
    let lake = &writer.lake;
    let (mut closed, mut void): (Vec<Relative>, BTreeSet<u64>) = Default::default();
    for meta in lake.list(&lake.names.all_intents()).await? {
        let Some(of) = lake.names.intent_of(&meta.location).filter(|of| state.is_closed(of.plan)) else { continue };
        void.extend(state.plans.get(&of.plan).filter(|plan| plan.void).map(|_| of.plan));
        closed.extend(lake.names.named(&meta.location));
    }
    for plan in void {
        remove_published(writer, plan).await?;
    }
    match writer.delete_all(&closed).await {
        Err(error @ CommitError::Denied { .. }) => {
            tracing::warn!("intents of plans that are over stay: {error}");
            Ok(())
        }
        deleted => deleted,
    }
}
