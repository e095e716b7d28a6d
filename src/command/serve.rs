//! `flowlake serve`: until a signal comes.

use tokio::signal::unix::{SignalKind, signal};

use crate::cli;
use crate::convert;
use crate::error::{Error, Exit};
use crate::serve::Server;
use crate::source::Location;

pub async fn serve(arguments: &cli::Serve) -> Result<Exit, Error> {
    let location = Location::parse(&arguments.lake)?;
    let lake = convert::open_lake(&location, &arguments.lake_access.access()?).await?;
    let server = Server::bind(lake, &arguments.options()).await?;
    eprintln!("serving {} on postgres://{}/flowlake, read-only", location.url(), server.address()?);
    if !server.has_tables() {
        eprintln!("warning: the lake holds no rows yet; tables appear with its first commit");
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    server.run(stop).await?;
    Ok(Exit::Done)
}
