//! `flowlake serve`: until a signal comes.

use crate::cli;
use crate::error::{Error, Exit};
use crate::lake::Lake;
use crate::output::temporary_folder;
use crate::serve::Server;
use crate::source::Location;

use super::signals::Signals;
use super::talk::say;

pub async fn serve(arguments: &cli::Serve) -> Result<Exit, Error> {
    let location = Location::parse(&arguments.lake)?;
    temporary_folder()?;
    let lake = Lake::open(&location, &arguments.lake_access.access()?).await?;
    let server = Server::bind(lake, &arguments.options()).await?;
    say!("serving {} on postgres://{}/flowlake, read-only", location.url(), server.address()?);
    if !server.has_tables() {
        say!("warning: the lake holds no rows yet; tables appear with its first commit");
    }
    let mut signals = Signals::all()?;
    server.run(signals.next()).await?;
    Ok(Exit::Done)
}
