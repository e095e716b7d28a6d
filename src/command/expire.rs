//! `flowlake expire`: removes old dates of a lake.

use super::{print, work};
use crate::cli;
use crate::convert;
use crate::error::{Error, Exit};

pub(super) async fn expire(arguments: &cli::Expire) -> Result<Exit, Error> {
    let options = arguments.options()?;
    if options.dry_run {
        print(arguments.talk.json, &convert::expire_dry_run(&options).await?)?;
        return Ok(Exit::Done);
    }
    let talk = &arguments.talk;
    work((talk.progress, talk.json), async |progress, stop| convert::expire(&options, progress, stop).await).await
}
