//! What a conversion is asked to do.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::commit::UPLOAD_PART_BYTES;
use crate::execute::PUBLISHING_MAX;
use crate::plan::Copies;
use crate::schema::{Compression, PartitionBy};
use crate::source::{Access, Filter, Location};

/// What a conversion is asked to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the logs lie. None of them may lie in the lake, nor the lake in one of them.
    pub sources: Vec<Location>,
    /// Where rows go. A lake that is not there yet is made with the first plan, unless something is decoded again.
    pub lake: Location,
    /// Options of the sources' stores, such as credentials: the same for all of them.
    pub source_access: Access,
    /// Options of the lake's store.
    pub lake_access: Access,
    /// The first key day whose objects are listed or decoded again, inclusive; `None` for no limit.
    pub since: Option<NaiveDate>,
    /// The last such key day, inclusive; `None` for no limit.
    pub until: Option<NaiveDate>,
    /// Account ids, as objects' keys name them, to which the run is limited; all if empty.
    pub accounts: Vec<String>,
    /// Region names, as objects' keys name them, to which the run is limited; all if empty.
    pub regions: Vec<String>,
    /// Days that an incremental run goes back from what it listed last; `None` lists everything.
    pub lookback_days: Option<u32>,
    /// Fields of objects without a header line: `default`, or AWS's LogFormat text (`${version} ${vpc-id} …`). With
    /// `None` such objects are set aside whole.
    pub format: Option<String>,
    /// `None` takes the lake's, and `date` for a new one.
    pub partition_by: Option<PartitionBy>,
    /// The folder for files that wait to be published. `None` takes one in a lake on disk, else the system's temporary
    /// folder.
    pub scratch: Option<PathBuf>,
    /// Of the pages of data files that new plans give.
    pub compression: Compression,
    /// In bytes: a data file that would pass it ends, and the next one begins.
    pub file_bytes_max: u64,
    /// Threads asked for that decode and encode; [`Options::threads_allowed`] may be fewer.
    pub threads: usize,
    /// Memory to plan with, in bytes: for what is fetched and sent, and for each thread.
    pub memory_bytes: u64,
    /// No task is begun after this time; `None` ends with the last task.
    pub stop_after: Option<Duration>,
    /// Whether the command line asked for [`dry_run`](super::dry_run). [`run`](super::run) does not look at it.
    pub dry_run: bool,
    /// What is done with objects that are copies of others.
    pub copies: Copies,
    /// The id of a lake that this run makes; `None` draws one.
    pub lake_id: Option<String>,
    /// Instead of what is new: what was decoded before.
    pub again: Option<Again>,
    /// Whether what is decoded again goes on without objects that are gone at their source, where data files are gone
    /// with rows of theirs: these rows are lost. Otherwise such files stay gone.
    pub gone_for_good: bool,
    /// How long files stay that others take the place of, for readers that are at it and for those who list folders.
    pub retention: Duration,
    /// Whether objects are fetched that the ledger names and that are not of the sources.
    pub trust_plans: bool,
    /// Whether tables without a Delta log get one in a lake that was born without.
    pub delta: bool,
    /// Which small files are merged once what is new is converted; `None` merges none.
    pub compaction: Option<Compaction>,
    /// Which dates are removed; `None` removes none.
    pub expiry: Option<Expiry>,
}

/// Which dates are removed, and how soon they are gone from storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// The last one. Rows without a date stay.
    pub until: Until,
    /// Whether files are deleted at once, without regard to queries that read them.
    pub now: bool,
}

/// A date, or an age from which it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// This date.
    Date(NaiveDate),
    /// The last date of which every moment is older, by the clock of the lake's store.
    Age(TimeDelta),
}

impl Until {
    /// The date; `None` of an age that no calendar reaches.
    pub fn date(self, now: DateTime<Utc>) -> Option<NaiveDate> {
        match self {
            Until::Date(date) => Some(date),
            Until::Age(age) => now.checked_sub_signed(age).and_then(|time| time.date_naive().pred_opt()),
        }
    }
}

/// Which small files are merged into files of [`Options::file_bytes_max`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compaction {
    /// The first date of rows, inclusive; `None` for no limit.
    pub since: Option<NaiveDate>,
    /// The last date of rows, inclusive; `None` for no limit. With either limit, rows without a date stay as they are.
    pub until: Option<NaiveDate>,
    /// How long a date has to be over, by the clock of the lake's store. Rows without a date are of no date that ends:
    /// their files have to be of this age.
    pub settled: Duration,
    /// Columns of texts that get a bloom filter.
    pub bloom: Vec<String>,
}

/// What [`Options::of_lake`] says where the command line has the same defaults.
const FILE_BYTES_MAX: u64 = 256 << 20;
const MEMORY_BYTES: u64 = 512 << 20;
const RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Memory that one task takes at most, beside fetched objects: a whole inflated object, dictionaries, open row groups.
const TASK_BYTES: u64 = 224 << 20;

/// Threads of the runtime on which tasks are decoded; what they wait for takes others of these.
const THREADS_MAX: usize = 256;

/// Memory of finished tasks that go up.
const PUBLISHING_BYTES: u64 = (PUBLISHING_MAX * UPLOAD_PART_BYTES) as u64;

impl Options {
    /// Work on a lake, of which nothing is said yet, with a thread for each core.
    pub fn of_lake(lake: Location, lake_access: Access) -> Options {
        Options {
            sources: Vec::new(),
            lake,
            source_access: Access::default(),
            lake_access,
            since: None,
            until: None,
            accounts: Vec::new(),
            regions: Vec::new(),
            lookback_days: None,
            format: None,
            partition_by: None,
            scratch: None,
            compression: Compression::default(),
            file_bytes_max: FILE_BYTES_MAX,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
            memory_bytes: MEMORY_BYTES,
            stop_after: None,
            dry_run: false,
            copies: Copies::default(),
            lake_id: None,
            again: None,
            retention: RETENTION,
            trust_plans: false,
            gone_for_good: false,
            delta: false,
            compaction: None,
            expiry: None,
        }
    }

    /// Threads that decode and encode: as many as asked for, and as `--memory` has room for beside what is fetched and
    /// sent.
    pub fn threads_allowed(&self) -> usize {
        let room = self.memory_bytes.saturating_sub(self.fetch_bytes_max() + PUBLISHING_BYTES) / TASK_BYTES;
        self.threads.min(room as usize).clamp(1, THREADS_MAX)
    }

    /// What a listing is limited to.
    pub(super) fn filter(&self) -> Filter {
        let [accounts, regions] = [&self.accounts, &self.regions].map(|names| names.iter().cloned().collect());
        Filter { accounts, regions, since: self.since, until: self.until }
    }

    /// Compressed bytes that may be fetched ahead.
    pub(super) fn fetch_bytes_max(&self) -> u64 {
        self.memory_bytes / 16
    }
}

/// What is decoded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Everything of the days, accounts and regions that the options name.
    Days,
    /// Objects that were set aside, and objects of which lines were.
    Rejects,
}
