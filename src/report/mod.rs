//! Questions that come with flowlake: SQL files in `sql/`, embedded in the program.

use arrow::util::pretty::pretty_format_batches;

use crate::query::{QueryError, Session};

/// Rejected traffic by destination port.
pub const REJECTED_BY_PORT: &str = include_str!("../../sql/rejected-by-port.sql");

/// Answers one report as a table for people.
pub async fn table(session: &Session, report: &str) -> Result<String, QueryError> {
    let batches = session.sql(report).await?;
    let table = pretty_format_batches(&batches).map_err(datafusion::error::DataFusionError::from)?;
    Ok(table.to_string())
}
