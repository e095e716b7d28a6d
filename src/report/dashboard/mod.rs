//! One page about a lake: the rows of some reports as JSON, and a script that draws them.
//!
//! Promises: the page is whole in itself and asks for nothing (its Content-Security-Policy forbids it to); every number
//! is a report's; values of logs stand in JSON, where no character of theirs can end the script that holds them.

use std::collections::BTreeMap;

use datafusion::arrow::json::writer::{JsonArray, WriterBuilder};
use datafusion::arrow::record_batch::RecordBatch;
use serde::Serialize;
use serde_json::Value;

use super::{Pack, ReportError, Request, ask};
use crate::query::{QueryError, Session, Window};
use crate::schema::Table;

/// The reports on the page, in its order, with the parameters that differ from their defaults.
const PANELS: [(&str, &[&str]); 9] = [
    ("totals", &[]),
    ("accept-reject-by-minute", &[]),
    ("traffic-by-service", &["top=40"]),
    ("rejected-by-port", &["top=12"]),
    ("top-talkers", &["top=12"]),
    ("rejected-by-source", &["top=12"]),
    ("bytes-by-pair", &["top=30"]),
    ("protocols", &[]),
    ("log-health", &[]),
];

const HOUR: i64 = 3600;

/// Longest windows that are drawn by the minute and by the hour: some hundred points are what a line can show.
const BY_MINUTE_MAX: i64 = 12 * HOUR;
const BY_HOUR_MAX: i64 = 45 * 24 * HOUR;

/// What the script of the page reads.
#[derive(Serialize)]
struct Data {
    zone: String,
    bucket: &'static str,
    reports: BTreeMap<&'static str, Rows>,
}

/// The rows of one report, or why it has none.
#[derive(Default, Serialize)]
struct Rows {
    title: String,
    meaning: String,
    missing: Option<String>,
    columns: Vec<String>,
    rows: Vec<Value>,
}

/// The page as HTML.
pub async fn page(session: &Session, pack: &Pack, window: Window) -> Result<String, ReportError> {
    let bucket = bucket(session, window);
    let mut data = Data { zone: session.time_zone().to_string(), bucket, reports: BTreeMap::new() };
    for (name, parameters) in PANELS {
        let mut parameters: Vec<String> = parameters.iter().map(|pair| (*pair).to_owned()).collect();
        if name == "accept-reject-by-minute" {
            parameters.push(format!("bucket={bucket}"));
        }
        let request = Request { window, parameters, ..Request::default() };
        data.reports.insert(name, rows(session, pack, name, &request).await?);
    }
    let zone = session.time_zone();
    let (first, last) = session.starts(Table::FLOW_LOGS).unzip();
    let show = |asked: Option<i64>, held: Option<i64>| asked.or(held).map(|at| zone.show(at));
    let heading = format!("Flow logs of {}", session.lake_url());
    let shown = match (show(window.since, first), show(window.until, last)) {
        (Some(since), Some(until)) => format!("Records that start from {since} to {until}, {zone}"),
        _ => format!("All records; times are {zone}"),
    };
    let footer =
        format!("Made by flowlake {}; every number is that of a report of the same name.", env!("CARGO_PKG_VERSION"));
    Ok(filled(&[
        ("title", &escaped(&heading)),
        ("heading", &escaped(&heading)),
        ("window", &escaped(&shown)),
        ("footer", &escaped(&footer)),
        ("style", include_str!("style.css")),
        ("script", include_str!("script.js")),
        ("data", &embedded(&data)),
    ]))
}

async fn rows(session: &Session, pack: &Pack, name: &str, request: &Request) -> Result<Rows, ReportError> {
    let report = pack.get(name)?;
    let mut rows = Rows { title: report.title.clone(), meaning: report.meaning.clone(), ..Rows::default() };
    match ask(session, report, request).await {
        Ok(asked) => {
            let schema = asked.answer.schema();
            rows.columns = schema.fields().iter().map(|field| field.name().clone()).collect();
            rows.rows = json(&asked.answer.collect().await?)?;
        }
        Err(missing @ ReportError::Fields { .. }) => rows.missing = Some(missing.to_string()),
        Err(other) => return Err(other),
    }
    Ok(rows)
}

/// Rows as objects, nulls and all. Reports are short.
fn json(batches: &[RecordBatch]) -> Result<Vec<Value>, QueryError> {
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(&mut text);
    let written = batches.iter().try_for_each(|batch| writer.write(batch)).and_then(|()| writer.finish());
    written.map_err(|error| QueryError::Engine(error.into()))?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&text).map_err(|error| QueryError::Output(error.into()))
}

fn bucket(session: &Session, window: Window) -> &'static str {
    let Some((first, last)) = session.starts(Table::FLOW_LOGS) else { return "minute" };
    let since = window.since.map_or(first, |since| since.max(first));
    let until = window.until.map_or(last, |until| until.min(last));
    let length = until - since;
    if length <= BY_MINUTE_MAX {
        "minute"
    } else if length <= BY_HOUR_MAX {
        "hour"
    } else {
        "day"
    }
}

/// The template with its places filled, each once; what is filled in is not looked at again.
fn filled(values: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut rest = include_str!("page.html");
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("the template closes what it opens");
        let (_, value) = values.iter().find(|(known, _)| *known == name).expect("the template names what there is");
        page += before;
        page += value;
        rest = after;
    }
    page + rest
}

/// JSON that may stand in a script element: no `<` can end it.
fn embedded(data: &impl Serialize) -> String {
    let json = serde_json::to_string(data).expect("rows are plain data");
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// Text that may stand in HTML.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_place() {
        assert_eq!(escaped("<b>\"&'"), "&lt;b&gt;&quot;&amp;&#39;");
        let data = embedded(&serde_json::json!({ "a": "</script><script>alert(1)" }));
        assert!(!data.contains('<'));
        assert_eq!(serde_json::from_str::<Value>(&data).unwrap()["a"], "</script><script>alert(1)");
    }

    #[test]
    fn what_is_filled_in_is_not_a_place_again() {
        let names = ["title", "heading", "window", "footer", "style", "script", "data"];
        let values: Vec<(&str, &str)> = names.iter().map(|name| (*name, "{{title}}")).collect();
        let page = filled(&values);
        assert_eq!(page.matches("{{title}}").count(), names.len());
        assert!(!page.contains("{{data}}"));
    }
}
