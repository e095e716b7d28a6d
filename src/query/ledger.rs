//! What queries ask of the ledger, in one place: data files, receipts, rejects, and the entries of the log.
//!
//! Everything but the data files is a stream that reads nothing until it is polled.

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::lake::{Commit, DataFile, Entry, Lake, LakeError, Receipt, RejectRecord, State, decode_lines};

/// Records of the ledger that are read at a time.
const READS_IN_FLIGHT_MAX: usize = 16;

/// The ledger as it was when the session began.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    lake: Lake,
    state: State,
}

/// Receipts of one task.
pub(super) struct Receipts {
    pub plan: u64,
    pub task: u64,
    pub receipts: Vec<Receipt>,
}

/// Lines, and whole objects, that one task set aside.
pub(super) struct SetAside {
    pub lines: Vec<RejectRecord>,
    pub objects: Vec<Receipt>,
}

impl Ledger {
    pub async fn open(lake: &Lake) -> Result<Ledger, LakeError> {
        let state = State::load(lake).await?;
        if state.create.is_none() {
            return Err(LakeError::NoLake { url: lake.names.lake_url().to_owned() });
        }
        Ok(Ledger { lake: lake.clone(), state })
    }

    /// Every data file that is committed.
    pub async fn files(&self) -> Result<Vec<DataFile>, LakeError> {
        let mut files = Vec::new();
        let mut commits = self.commits();
        while let Some(commit) = commits.try_next().await? {
            files.extend(commit.head.files);
        }
        Ok(files)
    }

    pub fn receipts(&self) -> BoxStream<'static, Result<Receipts, LakeError>> {
        let receipts =
            |commit: Commit| Receipts { plan: commit.head.plan, task: commit.head.task, receipts: commit.receipts };
        self.commits().map_ok(receipts).boxed()
    }

    pub fn set_aside(&self) -> BoxStream<'static, Result<SetAside, LakeError>> {
        let lake = self.lake.clone();
        let read = move |commit: Commit| {
            let lake = lake.clone();
            async move { set_aside(&lake, commit).await }
        };
        self.commits().map_ok(read).try_buffered(READS_IN_FLIGHT_MAX).boxed()
    }

    /// The log, by number.
    pub fn entries(&self) -> BoxStream<'static, Result<(u64, Entry), LakeError>> {
        let lake = self.lake.clone();
        let read = move |number| {
            let lake = lake.clone();
            async move { Ok(lake.entry(number).await?.map(|entry| (number, entry))) }
        };
        let found = stream::iter(0..self.state.next).map(read).buffered(READS_IN_FLIGHT_MAX);
        found.try_filter_map(|entry| async move { Ok(entry) }).boxed()
    }

    fn commits(&self) -> BoxStream<'static, Result<Commit, LakeError>> {
        let lake = self.lake.clone();
        let plans: Vec<u64> = self.state.plans.keys().copied().collect();
        let of_plan = move |plan: u64| {
            let lake = lake.clone();
            async move {
                let tasks = lake.committed(plan).await?;
                let read = move |task| {
                    let lake = lake.clone();
                    async move { lake.commit(plan, task).await }
                };
                Ok::<_, LakeError>(stream::iter(tasks).map(read).buffered(READS_IN_FLIGHT_MAX))
            }
        };
        let found = stream::iter(plans).map(of_plan).buffered(READS_IN_FLIGHT_MAX).try_flatten();
        found.try_filter_map(|commit| async move { Ok(commit) }).boxed()
    }
}

async fn set_aside(lake: &Lake, commit: Commit) -> Result<SetAside, LakeError> {
    use crate::lake::Outcome;
    let objects = commit.receipts.into_iter().filter(|receipt| receipt.outcome == Outcome::Aside).collect();
    let lines = match &commit.head.rejects {
        None => Vec::new(),
        Some(relative) => {
            let path = lake.names.inside(relative);
            decode_lines(&lake.need(&path).await?)
                .map_err(|reason| LakeError::Record { url: lake.names.url(&path), reason })?
        }
    };
    Ok(SetAside { lines, objects })
}
