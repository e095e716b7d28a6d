//! A call of a tool: its arguments as they were sent, and what is done for it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Weak;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::answer::{self, Room};
use super::held::Held;
use super::{ToolError, reports, status, tables};
use crate::report::Pack;

/// The text of a statement.
const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// What calls are answered from.
pub(super) struct Desk {
    held: Held,
    pack: Pack,
    room: Room,
}

impl Desk {
    pub fn new(held: Held, room: Room) -> Desk {
        Desk { held, pack: Pack::embedded(), room }
    }

    fn room(&self, rows: Option<NonZeroUsize>) -> Room {
        Room { rows: rows.map_or(self.room.rows, |rows| rows.get().min(self.room.rows)), ..self.room }
    }
}

#[derive(Debug)]
pub(super) enum Call {
    Status,
    ListTables,
    DescribeTable(Table),
    ListReports(Theme),
    RunReport(Report),
    Query(Query),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    table: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Theme {
    theme: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    name: String,
    since: Option<String>,
    until: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    max_rows: Option<NonZeroUsize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    sql: String,
    max_rows: Option<NonZeroUsize>,
}

impl Call {
    /// Reads the arguments of the tool of this name; there is one.
    pub fn read(tool: &str, arguments: Map<String, Value>) -> Result<Call, ToolError> {
        Ok(match tool {
            "status" => read::<Nothing>("status", arguments).map(|_| Call::Status)?,
            "list_tables" => read::<Nothing>("list_tables", arguments).map(|_| Call::ListTables)?,
            "describe_table" => Call::DescribeTable(read("describe_table", arguments)?),
            "list_reports" => Call::ListReports(read("list_reports", arguments)?),
            "run_report" => Call::RunReport(read("run_report", arguments)?),
            "query" => Call::Query(read("query", arguments)?),
            _ => return Err(ToolError::Broken),
        })
    }

    /// Answers it. Joins end when nobody waits for `statement` any more.
    pub async fn run(self, desk: &Desk, statement: Weak<()>) -> Result<Value, ToolError> {
        let session = desk.held.session(statement).await?;
        let Desk { pack, room, .. } = desk;
        match self {
            Call::Status => status::status(session).await,
            Call::ListTables => Ok(tables::list(&session).await),
            Call::DescribeTable(asked) => tables::describe(&session, &asked.table, room.bytes).await,
            Call::ListReports(asked) => reports::list(pack, &session, asked.theme.as_deref()),
            Call::RunReport(asked) => {
                let room = desk.room(asked.max_rows);
                let request =
                    reports::request(asked.since.as_deref(), asked.until.as_deref(), &asked.parameters, &session)?;
                let report = pack.get(&asked.name)?;
                let begun = crate::report::ask(&session, report, &request).await?;
                drop(session);
                let mut said = answer::read(begun.answer, room).await?;
                said["title"] = Value::from(begun.title);
                Ok(said)
            }
            Call::Query(asked) => {
                let sql = asked.sql.trim().trim_end_matches(';').trim_end();
                if sql.is_empty() {
                    return Err(ToolError::NoStatement);
                }
                if sql.len() > STATEMENT_BYTES_MAX {
                    return Err(ToolError::TooLong { bytes: sql.len(), max: STATEMENT_BYTES_MAX });
                }
                let begun = session.sql(sql).await?;
                drop(session);
                answer::read(begun, desk.room(asked.max_rows)).await
            }
        }
    }
}

fn read<T: DeserializeOwned>(tool: &'static str, arguments: Map<String, Value>) -> Result<T, ToolError> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| ToolError::Arguments { tool, reason: error.to_string() })
}
