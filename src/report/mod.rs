//! Ready questions: SQL files with a header, embedded in the program or in a folder of the user's own.
//!
//! ```text
//! sql/*.sql ─▶ Report (header, statement) ─┐
//! window, --top, --param ─▶ bound values ──┴─▶ query::Session ─▶ title, rows ─▶ format, or the dashboard's page
//! ```
//!
//! A statement never names its window: the tables that it sees are narrowed to it.

mod condition;
pub mod dashboard;
mod error;
mod header;
mod list;
mod moment;
mod pack;
mod parameter;
mod run;

#[cfg(test)]
mod tests;

pub use condition::{Condition, Watch};
pub use error::ReportError;
pub use header::{Report, Theme};
pub use list::{lack, page, rows};
pub use moment::{Moment, moment, window};
pub use pack::Pack;
pub use parameter::Parameter;
pub use run::{Asked, Request, ask};

/// The report that `flowlake demo` shows.
pub const REJECTED_BY_PORT: &str = "rejected-by-port";
