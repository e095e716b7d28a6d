//! One report on one lake: is it possible, over which window, with which values, and under which title.

use std::collections::BTreeMap;

use datafusion::scalar::ScalarValue;

use super::{Report, ReportError};
use crate::query::{Answer, Session, Window};
use crate::schema::Table;

/// What the asker chose.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The time that it is about.
    pub window: Window,
    /// Rows at most; `None` is the default of the report.
    pub top: Option<u32>,
    /// Seconds of the earlier window.
    pub against: Option<i64>,
    /// `name=value` as they were given.
    pub parameters: Vec<String>,
}

/// A report that runs.
pub struct Asked {
    /// Title, window and time zone.
    pub title: String,
    /// Its rows, as they come.
    pub answer: Answer,
}

/// Begins to answer `report`.
pub async fn ask(session: &Session, report: &Report, request: &Request) -> Result<Asked, ReportError> {
    let values = values(report, request);
    let Some(table) = report.table else { return ask_ledger(session, report, request, values?).await };
    if session.rows() == 0 {
        return Err(ReportError::EmptyLake { url: session.lake_url().to_owned() });
    }
    let needs_start = request.window != Window::default();
    check_fields(session, report, table, needs_start)?;
    let values = values?;
    let window = window(session, report, table, request)?;
    let optional: Vec<&str> = report.optional.iter().map(String::as_str).collect();
    let before = report.against.map(|length| {
        let since = window.since.unwrap_or_default();
        let before = Window { since: Some(since - request.against.unwrap_or(length)), until: Some(since) };
        ("flow_logs_before", before)
    });
    let narrowed = session.narrowed(window, before, &optional)?;
    let answer = session.sql_with(&report.sql, values).await?;
    drop(narrowed);
    let mut title = title(session, report, table, window);
    if let Some(length) = report.against {
        let length = std::time::Duration::from_secs(request.against.unwrap_or(length).unsigned_abs());
        title += &format!(" against the {} before", humantime::format_duration(length));
    }
    Ok(Asked { title, answer })
}

/// What the ledger knows is of the whole lake.
async fn ask_ledger(
    session: &Session,
    report: &Report,
    request: &Request,
    values: Vec<(String, ScalarValue)>,
) -> Result<Asked, ReportError> {
    if request.window != Window::default() {
        return Err(ReportError::NoWindow(report.name.clone()));
    }
    if request.against.is_some() {
        return Err(ReportError::NoAgainst(report.name.clone()));
    }
    let answer = session.sql_with(&report.sql, values).await?;
    Ok(Asked { title: report.title.clone(), answer })
}

fn check_fields(session: &Session, report: &Report, table: Table, needs_start: bool) -> Result<(), ReportError> {
    let columns = session.columns(table);
    let mut lacks = report.lacks(columns.as_deref());
    if needs_start && !lacks.contains(&"start") && !columns.iter().flatten().any(|column| column == "start") {
        lacks.push("start");
    }
    if lacks.is_empty() {
        return Ok(());
    }
    let fields: Vec<String> = lacks.iter().map(|field| format!("`{}`", field.replace('_', "-"))).collect();
    Err(ReportError::Fields {
        report: report.name.clone(),
        table: table.name(),
        s: if fields.len() == 1 { "" } else { "s" },
        fields: fields.join(", "),
    })
}

/// The window asked for. A report that compares begins with the last day, unless told.
fn window(session: &Session, report: &Report, table: Table, request: &Request) -> Result<Window, ReportError> {
    if request.against.is_some() && report.against.is_none() {
        return Err(ReportError::NoAgainst(report.name.clone()));
    }
    let mut window = request.window;
    let zone = session.time_zone();
    let Some((first, last)) = session.starts(table) else { return Ok(window) };
    if report.against.is_some() && window.since.is_none() {
        window.since = Some(zone.start_of_day_at(last.min(window.until.unwrap_or(i64::MAX).saturating_sub(1))));
    }
    let (since, until) = (window.since.unwrap_or(i64::MIN), window.until.unwrap_or(i64::MAX));
    if since >= until {
        let show = |at: i64| zone.show(at);
        return Err(ReportError::EmptyWindow { since: show(since), until: show(until), zone: zone.to_string() });
    }
    if until <= first || since > last {
        let (first, last) = (zone.show(first), zone.show(last));
        return Err(ReportError::NothingInWindow { first, last, zone: zone.to_string() });
    }
    Ok(window)
}

/// A value for each parameter: given, `--top`, or the default.
fn values(report: &Report, request: &Request) -> Result<Vec<(String, ScalarValue)>, ReportError> {
    let mut given = BTreeMap::new();
    for pair in &request.parameters {
        let (name, value) = pair.split_once('=').ok_or_else(|| ReportError::NotAPair(pair.clone()))?;
        given.insert(name.trim(), value);
    }
    let top = request.top.map(|top| top.to_string());
    if let Some(top) = &top {
        given.insert("top", top);
    }
    if let Some(name) = given.keys().find(|name| !report.parameters.iter().any(|known| known.name == **name)) {
        let known: Vec<&str> = report.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(ReportError::NoParameter { report: report.name.clone(), name: (*name).to_owned(), known });
    }
    let value = |parameter: &super::Parameter| {
        let text = given.get(parameter.name.as_str()).copied().or(parameter.default.as_deref());
        let text = text.ok_or_else(|| ReportError::Missing {
            report: report.name.clone(),
            name: parameter.name.clone(),
            meaning: parameter.meaning.clone(),
        })?;
        Ok((parameter.name.clone(), parameter.value(text)?))
    };
    report.parameters.iter().map(value).collect()
}

/// `Rejected traffic by port, 2023-09-14 00:00:00 to 2023-09-15 00:00:00 (UTC)`
fn title(session: &Session, report: &Report, table: Table, window: Window) -> String {
    let zone = session.time_zone();
    let (first, last) = session.starts(table).unzip();
    let show = |asked: Option<i64>, held: Option<i64>| asked.or(held).map(|at| zone.show(at));
    match (show(window.since, first), show(window.until, last)) {
        (Some(since), Some(until)) => format!("{}, {since} to {until} ({zone})", report.title),
        _ => format!("{} (times are {zone})", report.title),
    }
}
