//! `flowlake config`: where settings were looked for, the named lakes, and the options, as tables on standard output.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};

use super::rows::{quietly, screen_width};
use crate::cli;
use crate::config::{Environment, InForce, Row};
use crate::error::{Error, Exit};
use crate::output::Output;
use crate::query::format::{self, Format, Room};
use crate::query::{Answer, QueryError};
use crate::shown;

pub(super) async fn config(arguments: &cli::Config) -> Result<Exit, Error> {
    let (command, lake) = arguments.asked();
    if let Some(name) = lake.filter(|name| !name.starts_with('@')) {
        return Err(Error::Usage(format!("\"{name}\" is no @NAME of a lake; write @{name}")));
    }
    let in_force = InForce::of(command, lake, Environment::of_process())?;
    quietly(write(&in_force, command.is_some()).await)
}

async fn write(in_force: &InForce, is_of_one: bool) -> Result<(), QueryError> {
    let mut out = Output::standard();
    if in_force.looked.is_empty() {
        writeln!(out, "FLOWLAKE_CONFIG is set to nothing: no file is read")?;
    }
    for looked in &in_force.looked {
        writeln!(out, "{}", shown::line(&looked.to_string()))?;
    }
    if !in_force.lakes.is_empty() {
        writeln!(out)?;
        let column = |at: usize| in_force.lakes.iter().map(|lake| lake[at].clone()).collect();
        let columns = [("name", column(0)), ("lake", column(1)), ("sources", column(2)), ("from", column(3))];
        table(columns.into(), &mut out).await?;
    }
    writeln!(out)?;
    if in_force.options.is_empty() {
        writeln!(out, "no option is set; `flowlake config COMMAND` shows the defaults")?;
    } else {
        let column = |of: fn(&Row) -> String| in_force.options.iter().map(of).collect();
        let mut columns = vec![
            ("option", column(|row| row.option.clone())),
            ("value", column(|row| row.value.clone())),
            ("from", column(|row| row.origin.clone())),
        ];
        if !is_of_one {
            columns.push(("commands", column(|row| row.commands.join(", "))));
        }
        table(columns, &mut out).await?;
    }
    Ok(out.keep()?)
}

async fn table(columns: Vec<(&str, Vec<String>)>, out: &mut Output) -> Result<(), QueryError> {
    let columns = columns.into_iter().map(|(name, texts)| (name, Arc::new(StringArray::from(texts)) as ArrayRef));
    let rows = RecordBatch::try_from_iter(columns).map_err(|error| QueryError::Engine(error.into()))?;
    let room = Room { width: std::io::stdout().is_terminal().then(screen_width), rows: None };
    format::write(Answer::of(rows), Format::Table, room, out, |_| Ok(())).await.map(drop)
}
