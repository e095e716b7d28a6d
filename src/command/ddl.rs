//! `flowlake ddl`: the statement goes to standard output, what to know besides to standard error.

use std::io::Write;

use crate::cli;
use crate::ddl::{self, DdlError, Engine, Followed, Held, Name, Place};
use crate::error::{Error, Exit};
use crate::lake::{Lake, State};
use crate::query::QueryError;
use crate::source::Location;

use super::rows::quietly;
use super::talk::say;

pub async fn ddl(arguments: &cli::Ddl) -> Result<Exit, Error> {
    let location = Location::parse(&arguments.lake)?;
    let lake = Lake::open(&location, &arguments.lake_access.access()?).await?;
    let asked = arguments.of.or_else(|| arguments.table.as_ref().and_then(Name::table));
    let state = State::open(&lake).await.map_err(DdlError::from)?;
    let (held, other) = Held::read(&lake, &state, asked).await?;
    let name = arguments.table.clone().unwrap_or_else(|| Name::of(held.table));
    let place = match &arguments.location {
        Some(text) => Place::new(text, arguments.engine, true)?,
        None => Place::new(lake.names.lake_url(), arguments.engine, false)?,
    };
    match arguments.hive {
        true => hive(arguments.engine, &held, &name, &place)?,
        false => followed(arguments.engine, &held, &name, &place, Followed::of(&lake, &state, held.table).await?)?,
    }
    if let Some(other) = other.filter(|_| asked.is_none()) {
        say!("the lake has another table: --table {}", other.name());
    }
    Ok(Exit::Done)
}

/// For engines that follow the Delta log, if there is one.
fn followed(engine: Engine, held: &Held, name: &Name, place: &Place, log: Followed) -> Result<(), Error> {
    match log {
        Followed::No(reason) => {
            say!("{reason}");
            return hive(engine, held, name, place);
        }
        Followed::Changed(version) => say!(
            "warning: another program changed the Delta table in version {version}; `flowlake delta LAKE --repair` makes \
             it again what the ledger says"
        ),
        Followed::Yes => {}
    }
    quietly(
        writeln!(std::io::stdout(), "{}", ddl::delta::statement(engine, held, name, place)).map_err(QueryError::Output),
    )?;
    ddl::delta::notes(engine, name).into_iter().for_each(|note| say!("{note}"));
    Ok(())
}

fn hive(engine: Engine, held: &Held, name: &Name, place: &Place) -> Result<(), Error> {
    quietly(
        writeln!(std::io::stdout(), "{}", ddl::hive::statement(engine, held, name, place)).map_err(QueryError::Output),
    )?;
    ddl::hive::notes(engine, held, name).into_iter().for_each(|note| say!("{note}"));
    Ok(())
}
