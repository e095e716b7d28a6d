//! What queries ask of the ledger, in one place: data files, receipts, rejects, and the entries of the log.
//!
//! Everything but the data files is a stream that reads nothing until it is polled.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::lake::receipts::Filed;
use crate::lake::{DataFile, Entry, Lake, LakeError, LiveDates, Receipt, RejectRecord, Relative, State, decode_lines};

/// Records of the ledger that are read at a time.
const READS_IN_FLIGHT_MAX: usize = 16;
/// Days whose receipts are read at a time.
const DAYS_IN_FLIGHT_MAX: usize = 2;

/// The ledger as it was when the session began.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    lake: Lake,
    state: State,
}

/// Lines, and whole objects, that were set aside.
pub(super) struct SetAside {
    pub lines: Vec<RejectRecord>,
    pub objects: Vec<Receipt>,
}

impl Ledger {
    pub async fn open(lake: &Lake) -> Result<Ledger, LakeError> {
        Ok(Ledger { lake: lake.clone(), state: State::open(lake).await? })
    }

    /// Every live data file, in the order in which tasks made them.
    pub async fn files(&self) -> Result<Vec<DataFile>, LakeError> {
        let heads = self.state.heads(&self.lake).await?;
        Ok(heads.into_iter().flat_map(|head| head.files).collect())
    }

    /// The same by table and date, read when somebody asks for a date.
    pub async fn live_dates(&self) -> Result<LiveDates, LakeError> {
        self.state.live_dates(&self.lake).await
    }

    /// Receipts of one key day after the other.
    pub fn receipts(&self) -> BoxStream<'static, Result<Vec<Filed>, LakeError>> {
        let (lake, state) = (self.lake.clone(), Arc::new(self.state.clone()));
        let read = move |day| {
            let (lake, state) = (lake.clone(), state.clone());
            async move { state.receipts(&lake, day).await }
        };
        stream::iter(self.state.days()).map(read).buffered(DAYS_IN_FLIGHT_MAX).boxed()
    }

    /// Whole objects that were set aside, and lines of others.
    pub fn set_aside(&self) -> BoxStream<'static, Result<SetAside, LakeError>> {
        let shared = Arc::new(self.state.clone());
        let of_day = |day| {
            let (lake, state) = (self.lake.clone(), Arc::clone(&shared));
            async move {
                let aside = state.aside(&lake, day).await?;
                let objects = aside.into_iter().map(|filed| filed.receipt).collect();
                Ok(SetAside { objects, lines: Vec::new() })
            }
        };
        let days: Vec<_> = self.state.days().into_iter().map(of_day).collect();
        let objects = stream::iter(days).buffered(DAYS_IN_FLIGHT_MAX);
        let (lake, state) = (self.lake.clone(), self.state.clone());
        let heads = async move {
            let heads = state.heads(&lake).await?;
            let read = move |relative: Relative| {
                let lake = lake.clone();
                async move {
                    let lines = lake.decoded(&relative, |bytes| decode_lines(&bytes)).await?;
                    Ok(SetAside { lines, objects: Vec::new() })
                }
            };
            let rejects = heads.into_iter().filter_map(|head| head.rejects);
            Ok::<_, LakeError>(stream::iter(rejects).map(read).buffered(READS_IN_FLIGHT_MAX))
        };
        objects.chain(stream::once(heads).try_flatten()).boxed()
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
}
