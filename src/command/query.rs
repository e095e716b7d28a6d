//! `flowlake query`: one statement and out, or a shell.

use std::io::{self, IsTerminal, Read, Write};

use crate::cli;
use crate::error::{Error, Exit};
use crate::query::{QueryError, Seen, Session};
use crate::shown;
use crate::source::{self, Access, Location};

use super::ask::{Interrupt, lake_of, on_threads};
use super::rows::{self, Page, Sheet, output, quietly, safe, tell_unread};
use super::shell;

pub(super) async fn run(arguments: cli::Query) -> Result<Exit, Error> {
    let wants_shell = arguments.sql.is_none() && arguments.file.is_none() && io::stdin().is_terminal();
    let interrupt = if wants_shell { Interrupt::IsTheShells } else { Interrupt::EndsAll };
    let threads = arguments.ask.options().threads;
    on_threads(threads, interrupt, async move {
        let lake = lake_of(&arguments.lake, &arguments.ask).await?;
        if wants_shell {
            // What is committed behind this look is found by the next one.
            let seen = Seen::of(&lake).await.map_err(QueryError::from)?;
            let session = with_tables(Session::open(&lake, arguments.ask.options()).await?, &arguments).await?;
            return shell::run(session, seen, arguments.result, arguments.ask.time_zone).await;
        }
        let session = with_tables(Session::open(&lake, arguments.ask.options()).await?, &arguments).await?;
        one(&session, &arguments).await
    })
    .await
}

/// Adds the tables that the options name.
async fn with_tables(mut session: Session, arguments: &cli::Query) -> Result<Session, Error> {
    for (name, file) in &arguments.table {
        session.add_file(name, file).await?;
    }
    if let Some(raw) = &arguments.raw {
        let access = Access::parse(&arguments.source.source_option)?;
        session.add_raw(source::open(&Location::parse(raw)?, &access).await?).await?;
    }
    Ok(session)
}

async fn one(session: &Session, arguments: &cli::Query) -> Result<Exit, Error> {
    let statement = statement(arguments)?;
    if arguments.explain {
        let plan = session.explain(&statement).await?;
        return quietly(io::stdout().write_all(shown::lines(&plan).as_bytes()).map_err(QueryError::Output));
    }
    let mut out = output(&arguments.result)?;
    let answer = safe(session.sql(&statement).await?, &arguments.result);
    let (sheet, watching) = Sheet::new(None, answer, Page::of(&arguments.result));
    let written = sheet.write(&mut out, |_| Ok(())).await;
    drop(watching);
    let written = written.and_then(|written| {
        out.keep()?;
        rows::tell_columns(&written, rows::OTHER_FORMATS);
        Ok(())
    });
    tell_unread(session);
    quietly(written)
}

/// The statement as given: as an argument, in a file, or on standard input.
fn statement(arguments: &cli::Query) -> Result<String, Error> {
    let text = match (&arguments.sql, &arguments.file) {
        (Some(sql), _) => sql.clone(),
        (None, Some(file)) => {
            std::fs::read_to_string(file).map_err(|error| Error::Usage(format!("{}: {error}", file.display())))?
        }
        (None, None) => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            text
        }
    };
    let text = text.trim().trim_end_matches(';').trim_end();
    if text.is_empty() {
        return Err(Error::Usage("there is no statement; write SELECT … FROM flow_logs".to_owned()));
    }
    Ok(text.to_owned())
}
