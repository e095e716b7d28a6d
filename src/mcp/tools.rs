//! What each tool is called, what it gives, and which arguments it takes, as a client is told.

use std::sync::Arc;

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use crate::report::Theme;

/// All tools; `rows` is the most that an answer has.
pub(super) fn all(rows: usize) -> Vec<Tool> {
    let max_rows = || json!({ "type": "integer", "minimum": 1, "description": format!("Rows at most, up to {rows}, the default.") });
    vec![
        tool(
            ("status", "State of the lake"),
            "How the lake stands: rows, files, days and the first and newest record of each table, runs that finished or \
             are open, and what was set aside because it could not be read.",
            (json!({}), &[]),
            json!({ "lake": text(), "time_zone": text(), "tables": list(), "tables_without_rows": list(),
                    "runs": object(), "set_aside": object() }),
        ),
        tool(
            ("list_tables", "Tables"),
            "The tables of the lake with what they hold, their number of columns, and of records the rows and times.",
            (json!({}), &[]),
            json!({ "time_zone": text(), "tables": list() }),
        ),
        tool(
            ("describe_table", "Columns of a table"),
            "The columns of a table with their types, and what each means where that is known.",
            (json!({ "table": described("The name of the table, such as flow_logs or lake.runs.") }), &["table"]),
            json!({ "name": text(), "columns_in_all": number(), "columns_shown": number(), "truncated": flag(),
                    "columns": list() }),
        ),
        tool(
            ("list_reports", "Ready reports"),
            "Ready questions about the lake: name, theme, what each says, its parameters with defaults, and why one \
             cannot run on this lake.",
            (
                json!({ "theme": { "type": "string", "enum": Theme::ALL.map(|(_, word, _)| word),
                                "description": "Only the reports of this theme." } }),
                &[],
            ),
            json!({ "reports": list() }),
        ),
        tool(
            ("run_report", "Run a report"),
            "Answers one of the ready questions of `list_reports`. Without `since` and `until` it is about all records.",
            (
                json!({
                    "name": described("The name of the report, such as rejected-by-port."),
                    "since": described("Only records that start at this time or later: a date (2023-09-14), an RFC 3339 \
                                        time, or an age such as 24h or 7d."),
                    "until": described("Only records that start before this time; a date stands for its end."),
                    "parameters": { "type": "object", "additionalProperties": { "type": ["string", "integer"] },
                                    "description": "Values for the parameters of the report by their names, such as \
                                                    {\"top\": 20}; those that are left out have their defaults." },
                    "max_rows": max_rows(),
                }),
                &["name"],
            ),
            with_rows(json!({ "title": text() })),
        ),
        tool(
            ("query", "Ask in SQL"),
            "Answers one SELECT over the tables of the lake, in SQL close to PostgreSQL's (the engine is Apache \
             DataFusion). Functions for flow logs: protocol_name(protocol), service_name(port, protocol), \
             tcp_flags(bits), cidr_contains(range, address), is_private(address), ip_prefix(address, bits). Quote \
             \"end\". Filter on date or start_time; nothing can be written.",
            (
                json!({ "sql": described("One statement: SELECT, WITH … SELECT, or EXPLAIN."), "max_rows": max_rows() }),
                &["sql"],
            ),
            with_rows(json!({})),
        ),
    ]
}

fn tool((name, title): (&'static str, &str), says: &'static str, takes: (Value, &[&str]), gives: Value) -> Tool {
    let (properties, required) = takes;
    let input =
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let gives_always: Vec<String> = gives.as_object().into_iter().flat_map(Map::keys).cloned().collect();
    let output = json!({ "type": "object", "properties": gives, "required": gives_always });
    let hints =
        ToolAnnotations::with_title(title).read_only(true).destructive(false).idempotent(true).open_world(false);
    Tool::new(name, says, schema(input))
        .with_title(title)
        .with_raw_output_schema(schema(output))
        .with_annotations(hints)
}

fn schema(value: Value) -> Arc<Map<String, Value>> {
    match value {
        Value::Object(map) => Arc::new(map),
        _ => Arc::default(),
    }
}

/// What every answer with rows has, beside `more`.
fn with_rows(mut more: Value) -> Value {
    let columns =
        json!({ "type": "array", "items": { "type": "object" }, "description": "Name and type of each column." });
    let rows = json!({ "type": "array", "items": { "type": "array" },
                       "description": "Each row as a list of values in the order of the columns." });
    let shown = json!({ "type": "integer", "description": "How many rows are here." });
    let truncated =
        json!({ "type": "boolean", "description": "Whether the answer has more rows, which are not here." });
    for (name, value) in [("columns", columns), ("rows", rows), ("rows_shown", shown), ("truncated", truncated)] {
        more[name] = value;
    }
    more
}

fn described(says: &str) -> Value {
    json!({ "type": "string", "description": says })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn number() -> Value {
    json!({ "type": "integer" })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn list() -> Value {
    json!({ "type": "array" })
}

fn object() -> Value {
    json!({ "type": "object" })
}
