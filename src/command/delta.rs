//! `flowlake delta`: holds Delta logs against the ledger, and says what differs.

use std::io::Write;

use super::rows::quietly;
use super::talk::say;
use crate::cli;
use crate::commit::{HostLock, repair_delta};
use crate::convert::{self, ConvertError};
use crate::delta::{self, Checked};
use crate::error::{Error, Exit};
use crate::lake::{Lake, State};
use crate::output::temporary_folder;
use crate::progress::{count, some};
use crate::query::QueryError;
use crate::schema::Table;
use crate::shown;
use crate::source::Location;

/// Files named of a list.
const NAMED_MAX: usize = 5;

pub(super) async fn delta(arguments: &cli::Delta) -> Result<Exit, Error> {
    let location = Location::parse(&arguments.lake)?;
    let access = arguments.lake_access.access()?;
    let lake = Lake::open(&location, &access).await?;
    let mut state = State::open(&lake).await?;
    if arguments.repair {
        let places = Vec::from_iter(temporary_folder());
        let _lock = HostLock::take(&location.url(), &places).map_err(ConvertError::from)?;
        let writer = convert::open_writer(&location, &access).await?;
        for table in Table::all() {
            if let Some(version) = repair_delta(&writer, &mut state, table).await.map_err(ConvertError::from)? {
                say!("{}: version {version} undoes what other programs did", table.name());
            }
        }
    }
    let mut is_sound = true;
    let mut tables = 0;
    for table in Table::all() {
        let Some(checked) = delta::check(&lake, &state, table).await? else { continue };
        tables += 1;
        is_sound &= checked.is_sound();
        print(arguments.json, &checked)?;
    }
    if tables == 0 {
        say!("no table of this lake is a Delta table; `flowlake convert SOURCE LAKE --delta` makes them so");
    }
    Ok(if is_sound { Exit::Done } else { Exit::Difference })
}

fn print(json: bool, checked: &Checked) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    if json {
        let line = serde_json::to_string(checked).map_err(std::io::Error::from)?;
        quietly(writeln!(out, "{line}").map_err(QueryError::Output))?;
        return Ok(());
    }
    quietly(write!(out, "{}", Words(checked)).map_err(QueryError::Output))?;
    Ok(())
}

struct Words<'a>(&'a Checked);

impl std::fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Checked { table, version, through, newest, files, rows, compared, lacking, surplus, foreign } = self.0;
        let (files, rows) = (some(*files, "file", "files"), some(*rows, "row", "rows"));
        writeln!(f, "{}: version {version} has {files} with {rows}", table.name())?;
        match through {
            Some(through) if through == newest => writeln!(f, "  it is as new as the ledger")?,
            Some(through) => writeln!(f, "  it goes through entry {through} of the ledger's {newest}")?,
            None => writeln!(f, "  none of its versions is flowlake's")?,
        }
        if through.is_some() && !compared {
            writeln!(f, "  it was not compared: the ledger has filed what it lacks, and the next run writes it")?;
        }
        if let Some(foreign) = foreign {
            writeln!(f, "  another program changed the table in version {foreign}")?;
        }
        write_names(f, ["live file that it does not have", "live files that it does not have"], lacking)?;
        write_names(f, ["file that is not live", "files that are not live"], surplus)
    }
}

fn write_names(f: &mut std::fmt::Formatter<'_>, [one, many]: [&str; 2], names: &[String]) -> std::fmt::Result {
    if names.is_empty() {
        return Ok(());
    }
    writeln!(f, "  {}:", some(names.len() as u64, one, many))?;
    names.iter().take(NAMED_MAX).try_for_each(|name| writeln!(f, "    {}", shown::line(name)))?;
    match names.len().saturating_sub(NAMED_MAX) {
        0 => Ok(()),
        more => writeln!(f, "    … and {} more", count(more as u64)),
    }
}
