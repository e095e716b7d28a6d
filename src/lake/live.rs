//! What the lake holds: the heads of the commits that are in effect, and the data files that are live.
//!
//! A file is live if a commit in effect names it and no commit in effect removes it. A commit is in effect from its
//! creation on, or from the seal of its plan on: the plan says which. In plans to redo of the first formats, a task
//! stands for another one as a whole instead.
//!
//! A plan to show gives files other names. They stay files of the task that made them.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    Commit, CommitHead, DataFile, Effect, FileOfTask, Lake, LakeError, Names, PlanState, Relative, State, TaskRef,
    Totals, decode_lines,
};

/// What was decoded again, and by whom.
#[derive(Debug, Clone, Default)]
pub struct Superseded {
    /// Plans to redo that are done and not sealed: their files are read where they wait.
    pub by: BTreeSet<u64>,
    /// Tasks for which others stand.
    pub tasks: BTreeSet<TaskRef>,
}

impl State {
    /// The tasks for which others stand. A plan to redo counts from its last commit on, at once for all of its tasks.
    pub async fn superseded(&self, lake: &Lake) -> Result<Superseded, LakeError> {
        let mut superseded = Superseded { by: BTreeSet::new(), tasks: self.replaced.clone() };
        for (&number, _) in self.plans.iter().filter(|(_, state)| state.is_redo_under_way()) {
            let committed = lake.committed(number).await?;
            if self.to_do(number, &committed) == 0 {
                superseded.by.insert(number);
                for task in committed.into_iter().filter(|&task| !self.is_lost(number, task)) {
                    let replaces = lake.commit(number, task).await?.and_then(|commit| commit.head.replaces);
                    superseded.tasks.extend(replaces);
                }
            }
        }
        Ok(superseded)
    }

    /// Plans of which no checkpoint has filed the records, and of which commits are in effect.
    pub(super) fn counted<'a>(&'a self, superseded: &'a Superseded) -> impl Iterator<Item = (u64, &'a PlanState)> {
        let counts = |(number, state): &(u64, &PlanState)| match state.plan.effect {
            _ if state.void => false,
            Effect::AtSeal => state.sealed,
            Effect::AtCommit => !state.is_redo_under_way() || superseded.by.contains(number),
        };
        self.plans.iter().map(|(&number, state)| (number, state)).filter(counts)
    }

    /// The heads of all commits that are in effect, in order of plan and task, with those of their files that are live.
    pub async fn heads(&self, lake: &Lake) -> Result<Vec<CommitHead>, LakeError> {
        // Asked once: a redo that is finished meanwhile must not lose its old rows before its new ones are among the
        // heads.
        let superseded = self.superseded(lake).await?;
        let mut heads = self.heads_counted(lake, &superseded).await?;
        self.check_totals(lake, &heads)?;
        heads.retain(|head| !superseded.tasks.contains(&head.task_ref()));
        keep_live(&mut heads);
        heads.sort_by_key(|head| (head.plan, head.task));
        Ok(heads)
    }

    /// Like [`State::heads`], with commits for which others stand, and with files that other commits removed.
    pub async fn every_head(&self, lake: &Lake) -> Result<Vec<CommitHead>, LakeError> {
        let superseded = self.superseded(lake).await?;
        self.heads_counted(lake, &superseded).await
    }

    async fn heads_counted(&self, lake: &Lake, superseded: &Superseded) -> Result<Vec<CommitHead>, LakeError> {
        let mut heads: Vec<CommitHead> = match &self.filed.heads {
            Some(relative) => lake.filed(relative, |bytes| decode_lines(&bytes)).await?,
            None => Vec::new(),
        };
        heads.retain(|head| !self.is_lost(head.plan, head.task));
        heads.extend(self.heads_not_filed(lake, superseded).await?);
        Ok(heads)
    }

    /// The heads of commits in effect that no checkpoint has filed, without those that were given up.
    pub(super) async fn heads_not_filed(
        &self,
        lake: &Lake,
        superseded: &Superseded,
    ) -> Result<Vec<CommitHead>, LakeError> {
        let mut heads = Vec::new();
        for (number, state) in self.counted(superseded) {
            let add = |Commit { mut head, .. }| {
                if state.is_redo_under_way() {
                    head.files.iter_mut().for_each(|file| file.path = Names::waiting(&file.path));
                }
                heads.push(head);
            };
            self.visit_commits(lake, number, add).await?;
        }
        heads.retain(|head| !self.is_lost(head.plan, head.task));
        Ok(heads)
    }

    /// That the heads of all sealed plans come to what their seals say: a checkpoint may have filed a plan of which a
    /// commit was gone.
    fn check_totals(&self, lake: &Lake, heads: &[CommitHead]) -> Result<(), LakeError> {
        let Some(filed) = &self.filed.heads else { return Ok(()) };
        let totals = self.sum_of(heads);
        if totals == self.totals {
            return Ok(());
        }
        let reason = format!("its commits have {} rows, their seals say {}", totals.rows, self.totals.rows);
        Err(LakeError::Filed { url: lake.names.url(&lake.names.inside(filed)), reason })
    }

    /// What the heads of sealed plans come to, without what others stand for.
    pub fn sum_of(&self, heads: &[CommitHead]) -> Totals {
        let (mut given, mut taken) = (Totals::default(), Totals::default());
        let mut expired: HashSet<&Relative> = HashSet::new();
        for head in heads.iter().filter(|head| !self.is_open(head.plan)) {
            given.add(&head.totals);
            match head.taken.expired {
                // Tasks of which files left the lake may have been given up since.
                true => expired.extend(&head.taken.removes),
                false => taken.add(&head.taken.totals),
            }
            if self.replaced.contains(&head.task_ref()) {
                taken.add(&head.totals.of_conversions());
            }
        }
        // Whoever shows a file of a task that was given up still names it.
        let is_lost = |path| Names::task_of_published(path).is_some_and(|maker| self.is_lost(maker.plan, maker.task));
        let files = heads.iter().flat_map(|head| &head.files);
        let files = files.filter(|file| expired.contains(&file.path) && !is_lost(&file.path));
        taken.add(&Totals::of_expired(files));
        given.subtract(&taken);
        given
    }
}

/// Leaves in the heads of all commits in effect the files that none of them removes, by the names under which they lie
/// now.
pub fn keep_live(heads: &mut [CommitHead]) {
    let Some(changes) = Changes::take(heads) else { return };
    for head in heads {
        head.files.retain_mut(|file| changes.leave(file));
        head.rejects.take_if(|rejects| changes.removed.contains(rejects));
    }
}

/// The live files behind some commits in effect, given those before them.
pub fn carried(mut before: Vec<FileOfTask>, mut heads: Vec<CommitHead>) -> Vec<FileOfTask> {
    let changes = Changes::take(&mut heads);
    for head in heads {
        let task = head.task_ref();
        before.extend(head.files.into_iter().map(|file| FileOfTask { file, task }));
    }
    if let Some(changes) = changes {
        before.retain_mut(|file| changes.leave(&mut file.file));
    }
    before
}

/// What commits say of the files of others.
struct Changes {
    removed: HashSet<Relative>,
    /// From a name aside to the one that the file has now.
    shown: HashMap<Relative, Relative>,
}

impl Changes {
    /// Takes the files out of the heads that these show alone; `None` if they remove nothing.
    fn take(heads: &mut [CommitHead]) -> Option<Changes> {
        let removed: HashSet<Relative> = all_removed(heads.iter()).cloned().collect();
        let shown = heads.iter_mut().flat_map(take_shown).collect();
        (!removed.is_empty()).then_some(Changes { removed, shown })
    }

    /// Gives a file the name that it has now, and tells whether it is live.
    fn leave(&self, file: &mut DataFile) -> bool {
        if let Some(name) = self.shown.get(&file.path) {
            file.path = name.clone();
        }
        !self.removed.contains(&file.path)
    }
}

/// Takes the files out of a commit that it shows: their names aside, and those that they have now.
fn take_shown(head: &mut CommitHead) -> Vec<(Relative, Relative)> {
    let removes = &head.taken.removes;
    if removes.is_empty() {
        return Vec::new();
    }
    let shown = head.files.extract_if(.., |file| removes.contains(&Names::aside(&file.path)));
    shown.map(|file| (Names::aside(&file.path), file.path)).collect()
}

/// Every name that one of these commits removes.
pub fn all_removed<'a>(heads: impl Iterator<Item = &'a CommitHead>) -> impl Iterator<Item = &'a Relative> {
    heads.flat_map(|head| &head.taken.removes)
}
