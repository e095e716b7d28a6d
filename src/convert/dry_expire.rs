//! What an expiry would remove: nothing is written.

use std::fmt;

use chrono::{NaiveDate, Utc};
use serde::Serialize;

use super::expiring::{last_date, old_dates};
use super::{ConvertError, Options, sides};
use crate::lake::{Lake, State};
use crate::progress::{bytes, some};

/// What an expiry would remove.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WouldExpire {
    /// The last date.
    pub through: NaiveDate,
    /// Dates of a table that have rows.
    pub dates: u64,
    /// Their rows.
    pub rows: u64,
    /// The data files that hold them.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
}

/// Looks for old dates as an expiry does, by the clock of this host.
pub async fn expire_dry_run(options: &Options) -> Result<WouldExpire, ConvertError> {
    sides::check(options).await?;
    let lake = Lake::open(&options.lake, &options.lake_access).await?;
    let state = State::open(&lake).await?;
    let Some(expiry) = options.expiry else { return Ok(WouldExpire::default()) };
    let Some(through) = last_date(&expiry, Utc::now())? else { return Ok(WouldExpire::default()) };
    let mut would = WouldExpire { through, ..WouldExpire::default() };
    for (_, date) in old_dates(&lake, &state, through).await? {
        let files = date.files(&lake).await?;
        let taken = || files.iter().filter(|file| state.may_be_taken(&file.path));
        would.dates += u64::from(taken().next().is_some());
        would.rows += taken().map(|file| file.rows).sum::<u64>();
        would.files += taken().count() as u64;
        would.bytes += taken().map(|file| file.bytes).sum::<u64>();
    }
    Ok(would)
}

impl fmt::Display for WouldExpire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WouldExpire { through, dates, rows, files, .. } = *self;
        let (dates, rows, files) =
            (some(dates, "date", "dates"), some(rows, "row", "rows"), some(files, "file", "files"));
        writeln!(f, "would remove dates through {through}: {rows} in {files} ({}) of {dates}", bytes(self.bytes))
    }
}
