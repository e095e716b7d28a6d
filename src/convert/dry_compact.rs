//! What a compaction would merge: nothing is written.

use std::collections::BTreeMap;
use std::fmt;

use chrono::Utc;
use serde::Serialize;

use super::compacting::{Choice, check_bloom, dates_to_compact, groups_of, still_damaged, target};
use super::{ConvertError, Options, sides};
use crate::lake::{Lake, State};
use crate::progress::{bytes, some};

/// What a compaction would merge.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WouldCompact {
    /// Dates of a table with small files that would be merged.
    pub dates: u64,
    /// Files whose rows would go into others.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Files that would take their place, more or less.
    pub files_estimated: u64,
}

/// Looks for small files as a compaction does, by the clock of this host.
pub async fn compact_dry_run(options: &Options) -> Result<WouldCompact, ConvertError> {
    sides::check(options).await?;
    let lake = Lake::open(&options.lake, &options.lake_access).await?;
    let state = State::open(&lake).await?;
    let mut would = WouldCompact::default();
    let Some(compaction) = &options.compaction else { return Ok(would) };
    check_bloom(&state, compaction)?;
    let (target, now) = (target(options), Utc::now());
    let dates = dates_to_compact(&lake, &state, compaction, (target, now)).await?;
    let damaged = if dates.is_empty() { BTreeMap::new() } else { still_damaged(&lake, &state).await? };
    let choice = Choice { target, now, damaged };
    for date in dates {
        let groups = groups_of((&lake, &state), &date, compaction, &choice).await?;
        would.dates += u64::from(!groups.is_empty());
        for group in groups {
            let bytes: u64 = group.iter().map(|file| file.bytes).sum();
            would.files += group.len() as u64;
            would.bytes += bytes;
            would.files_estimated += bytes.div_ceil(target);
        }
    }
    Ok(would)
}

impl fmt::Display for WouldCompact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.files == 0 {
            return writeln!(f, "there is nothing to merge");
        }
        let (files, dates) = (some(self.files, "file", "files"), some(self.dates, "date", "dates"));
        let made = some(self.files_estimated, "file", "files");
        writeln!(f, "would merge {files} ({}) of {dates} into about {made}", bytes(self.bytes))
    }
}
