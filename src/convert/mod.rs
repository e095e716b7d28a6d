//! The write flow, end to end: opens both sides, finishes what earlier runs began, lists, plans, and runs the tasks.
//!
//! ```text
//! open plans of the ledger ──┐
//! list ──▶ subtract ──▶ plan ┴──▶ tasks ──▶ worker threads ──▶ publish ──▶ seal
//! ```
//!
//! This is the one module that knows every stage. What it adds of its own is order: who runs when, and what is summed.

mod again;
mod at_source;
mod before;
mod compacting;
mod conductor;
mod copies;
mod discover;
mod dry;
mod dry_compact;
mod dry_expire;
mod error;
mod expired;
mod expiring;
mod flow;
mod given_up;
mod holders;
mod lost;
mod options;
mod others;
mod planning;
mod projecting;
mod run;
mod seal;
mod show;
mod sides;
mod summary;
mod wording;
mod writing;

pub use crate::execute::Stop;
pub use dry::{DryRun, dry_run};
pub use dry_compact::{WouldCompact, compact_dry_run};
pub use dry_expire::{WouldExpire, expire_dry_run};
pub use error::ConvertError;
pub use flow::{compact, compact_between, expire, expire_between, plan_between, run, run_between};
pub use options::{Again, Compaction, Expiry, Options, Until};
pub use sides::{Sides, open_writer};
pub use summary::{
    Checked, Compacted, Converted, Duplicates, Effort, Ending, LeftOut, PassedOver, Refused, Replaced, Scope, Summary,
};
