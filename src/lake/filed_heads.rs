//! The live files of all dates behind a checkpoint, as the heads of its commits tell them: the same that its lists say,
//! read at once.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::OnceCell;

use super::index::{self, DateOf};
use super::live::carried;
use super::{CommitHead, DataFile, FileOfTask, Lake, LakeError, Relative, State, TaskRef, decode_lines};

/// The live files behind a checkpoint, by date. They are read once, if somebody asks.
#[derive(Debug)]
pub(super) struct FiledHeads {
    heads: Option<Relative>,
    lost: BTreeSet<TaskRef>,
    replaced: BTreeSet<TaskRef>,
    files: OnceCell<BTreeMap<DateOf, Vec<DataFile>>>,
}

impl FiledHeads {
    pub fn of(state: &State) -> FiledHeads {
        let (lost, replaced) = (state.lost.clone(), state.replaced.clone());
        FiledHeads { heads: state.filed.heads.clone(), lost, replaced, files: OnceCell::new() }
    }

    /// All of them, if they were read.
    pub fn known(&self) -> Option<&BTreeMap<DateOf, Vec<DataFile>>> {
        self.files.get()
    }

    /// All of them. The files of a date are in the order of their names, as in its list.
    pub async fn read(&self, lake: &Lake) -> Result<&BTreeMap<DateOf, Vec<DataFile>>, LakeError> {
        let read = || async {
            let Some(name) = &self.heads else { return Ok(BTreeMap::new()) };
            let decode = |bytes: bytes::Bytes| -> Result<Vec<CommitHead>, String> { decode_lines(&bytes) };
            let files = live_of(lake.filed(name, decode).await?, &self.lost, &self.replaced);
            let no_index = || LakeError::Filed {
                url: lake.names.url(&lake.names.inside(name)),
                reason: "its commits have files of which no list can be made".to_owned(),
            };
            let by_date = index::by_date(files).ok_or_else(no_index)?;
            let bare = |files: Vec<FileOfTask>| files.into_iter().map(|file| file.file).collect();
            Ok(by_date.into_iter().map(|(date, files)| (date, bare(files))).collect())
        };
        self.files.get_or_try_init(read).await
    }
}

/// The live data files that the heads of all commits through a checkpoint leave.
fn live_of(mut heads: Vec<CommitHead>, lost: &BTreeSet<TaskRef>, replaced: &BTreeSet<TaskRef>) -> Vec<FileOfTask> {
    heads.retain(|head| !lost.contains(&head.task_ref()) && !replaced.contains(&head.task_ref()));
    carried(Vec::new(), heads)
}

impl State {
    /// The live data files that the heads of all commits through a checkpoint leave.
    pub fn live_of(&self, heads: Vec<CommitHead>) -> Vec<FileOfTask> {
        live_of(heads, &self.lost, &self.replaced)
    }
}
