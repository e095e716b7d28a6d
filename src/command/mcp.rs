//! `flowlake mcp`: until the client ends it, or a signal comes.

use crate::cli;
use crate::error::{Error, Exit};
use crate::mcp;

use super::ask::lake_of;
use super::signals::Signals;
use super::talk::say;

pub(super) async fn mcp(arguments: &cli::Mcp) -> Result<Exit, Error> {
    let lake = lake_of(&arguments.lake, &arguments.ask).await?;
    let mut signals = Signals::all()?;
    say!("{} for assistants, read-only, over standard input and output", lake.names.lake_url());
    mcp::serve(lake, arguments.options(), signals.next()).await?;
    Ok(Exit::Done)
}
