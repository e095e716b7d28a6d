//! `flowlake repair`: opens the lake as a writer, and says what was done.

use super::talk::say;
use crate::cli;
use crate::commit::{self, HostLock, When, WholeTables};
use crate::convert::{self, ConvertError};
use crate::error::{Error, Exit};
use crate::lake::{LakeError, State};
use crate::output::temporary_folder;
use crate::shown;
use crate::source::Location;

pub(super) async fn repair(arguments: &cli::Repair) -> Result<Exit, Error> {
    let location = Location::parse(&arguments.lake)?;
    if location.path().is_some_and(|folder| !folder.exists()) {
        return Err(LakeError::NoLake { url: location.url() }.into());
    }
    let places = Vec::from_iter(temporary_folder());
    let _lock = HostLock::take(&location.url(), &places).map_err(ConvertError::from)?;
    let writer = convert::open_writer(&location, &arguments.lake_access.access()?).await?;
    let whole_tables = if arguments.gone_for_good { WholeTables::AreGone } else { WholeTables::AreAway };
    let repaired = commit::repair(writer.clone(), whole_tables).await.map_err(ConvertError::from)?;
    super::print(arguments.json, &repaired)?;
    // Readers of Delta logs would look for the files of what was given up.
    let state = State::load(&writer.lake).await?;
    let projected = commit::project(&writer, &state, When::Changed).await.map_err(ConvertError::from)?;
    projected.unreadable.iter().for_each(|error| say!("{}", shown::line(&error.to_string())));
    Ok(if repaired.left_something() { Exit::SetAside } else { Exit::Done })
}
