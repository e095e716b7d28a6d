//! What seals change of the live data files: for those who follow a lake entry by entry.
//!
//! Only sealed plans are looked at. What the tasks of an open plan gave is live already for readers of the ledger; who
//! follows the log gets a plan as a whole.

use std::collections::BTreeMap;

use super::{Commit, CommitHead, DataFile, Lake, LakeError, Names, Purpose, Relative, State};

/// A difference of two sets of live data files, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files that became live.
    pub added: BTreeMap<Relative, Added>,
    /// Files that are live no more, and whether rows went with them.
    pub removed: BTreeMap<Relative, bool>,
}

/// A file that became live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// As its commit says.
    pub file: DataFile,
    /// Whether its rows are new; a file that only got another name, or merged others, has rows that were there.
    pub is_new: bool,
}

impl Changes {
    /// Takes in what a commit changes, in the order of the seals.
    fn take(&mut self, head: CommitHead, purpose: Purpose) {
        // What came and went again since was never seen.
        let mut unseen: BTreeMap<Relative, bool> = BTreeMap::new();
        let mut seen = Vec::new();
        for name in head.taken.removes.into_iter().filter(|name| Names::place_of(name).is_some()) {
            match self.added.remove(&name) {
                Some(added) => drop(unseen.insert(name, added.is_new)),
                None => seen.push(name),
            }
        }
        // Rows that nobody has seen go with others into one file: to who follows the changes, all of it is new.
        let merges_new = purpose == Purpose::Compact && unseen.values().any(|is_new| *is_new);
        let is_change = purpose.changes_rows() || merges_new;
        for name in seen {
            *self.removed.entry(name).or_default() |= is_change;
        }
        for file in head.files {
            let was_new = unseen.get(&Names::aside(&file.path)).copied().unwrap_or_default();
            self.added.insert(file.path.clone(), Added { file, is_new: is_change || was_new });
        }
    }
}

impl State {
    /// What the seals behind entry `after` changed, in their order. `None` if single commits do not tell it: a
    /// checkpoint has filed some of the plans, or whole tasks were taken out of the lake since.
    pub async fn changes_since(&self, lake: &Lake, after: u64) -> Result<Option<Changes>, LakeError> {
        let is_filed = self.filed.through.is_some_and(|through| through > after);
        if is_filed || self.upset.is_some_and(|upset| upset > after) {
            return Ok(None);
        }
        let sealed = self.plans.iter().filter_map(|(&number, plan)| Some((plan.sealed_at?, number)));
        let mut sealed: Vec<(u64, u64)> = sealed.filter(|(seal, _)| *seal > after).collect();
        sealed.sort_unstable();
        let mut changes = Changes::default();
        for (_, number) in sealed {
            let purpose = self.plans[&number].plan.purpose;
            self.visit_commits(lake, number, |Commit { head, .. }| changes.take(head, purpose)).await?;
        }
        Ok(Some(changes))
    }

    /// The live data files as the seals leave them. `None` while a redo of the first formats is between its last commit
    /// and its seal: nobody can tell which of its files lie where.
    pub async fn sealed_files(&self, lake: &Lake) -> Result<Option<Vec<DataFile>>, LakeError> {
        if !self.superseded(lake).await?.by.is_empty() {
            return Ok(None);
        }
        let heads = self.heads(lake).await?.into_iter().filter(|head| !self.is_open(head.plan));
        Ok(Some(heads.flat_map(|head| head.files).collect()))
    }
}
