//! The ready reports for assistants: which there are, and what one is asked for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ToolError;
use crate::query::Session;
use crate::report::{Moment, Pack, Parameter, Report, Request, Theme, lack, moment, window};

/// The reports, of one theme or all.
pub(super) fn list(pack: &Pack, session: &Session, theme: Option<&str>) -> Result<Value, ToolError> {
    let wrong = |reason| ToolError::Argument { argument: "theme", reason };
    let only = theme.map(Theme::parse).transpose().map_err(wrong)?;
    let wanted = pack.reports().iter().filter(|report| only.is_none_or(|only| report.theme == only));
    Ok(json!({ "reports": wanted.map(|report| told(report, session)).collect::<Vec<_>>() }))
}

fn told(report: &Report, session: &Session) -> Value {
    let parameter = |parameter: &Parameter| {
        let Parameter { name, kind, default, meaning } = parameter;
        json!({ "name": name, "type": kind.name(), "default": default, "meaning": meaning })
    };
    json!({
        "name": report.name,
        "title": report.title,
        "theme": report.theme.word(),
        "meaning": report.meaning,
        "parameters": report.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "has_window": report.table.is_some(),
        "cannot_run": lack(report, session),
    })
}

/// What the caller chose, read as the command line reads it.
pub(super) fn request(
    since: Option<&str>,
    until: Option<&str>,
    parameters: &BTreeMap<String, Value>,
    session: &Session,
) -> Result<Request, ToolError> {
    let read = |argument, text: Option<&str>| -> Result<Option<Moment>, ToolError> {
        text.map(moment).transpose().map_err(|reason| ToolError::Argument { argument, reason })
    };
    let window = window(read("since", since)?, read("until", until)?, session.time_zone())?;
    let pair = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    };
    Ok(Request { window, parameters: parameters.iter().map(pair).collect(), ..Request::default() })
}
