//! `flowlake ddl`: the statement goes to standard output, what to know besides to standard error.

use std::io::Write;

use crate::cli;
use crate::ddl::{self, Held, Name, Place};
use crate::error::{Error, Exit};
use crate::lake::Lake;
use crate::source::Location;

use super::talk::say;

pub async fn ddl(arguments: &cli::Ddl) -> Result<Exit, Error> {
    let location = Location::parse(&arguments.lake)?;
    let lake = Lake::open(&location, &arguments.lake_access.access()?).await?;
    let asked = arguments.of.or_else(|| arguments.table.as_ref().and_then(Name::table));
    let (held, other) = Held::read(&lake, asked).await?;
    let name = arguments.table.clone().unwrap_or_else(|| Name::of(held.table));
    let place = match &arguments.location {
        Some(text) => Place::new(text, arguments.engine, true)?,
        None => Place::new(lake.names.lake_url(), arguments.engine, false)?,
    };
    writeln!(std::io::stdout(), "{}", ddl::statement(arguments.engine, &held, &name, &place))?;
    for note in ddl::notes(arguments.engine, &held, &name) {
        say!("{note}");
    }
    if let Some(other) = other.filter(|_| asked.is_none()) {
        say!("the lake has another table: --table {}", other.name());
    }
    Ok(Exit::Done)
}
