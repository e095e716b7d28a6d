//! `flowlake dashboard`: one page, written when every report is answered.

use std::io::Write;

use crate::cli;
use crate::error::{Error, Exit};
use crate::output::Output;
use crate::report::{Pack, dashboard, window};

use super::ask::{Interrupt, on_threads, open};
use super::talk::say;

pub(super) async fn run(arguments: cli::Dashboard) -> Result<Exit, Error> {
    let threads = arguments.ask.options().threads;
    on_threads(threads, Interrupt::EndsAll, async move {
        let session = open(&arguments.lake, &arguments.ask).await?;
        let window = window(arguments.window.since, arguments.window.until, &arguments.ask.time_zone)?;
        let mut out = Output::to(&arguments.output).map_err(|error| Error::of_option("--output", &error))?;
        let page = dashboard::page(&session, &Pack::embedded(), window).await?;
        out.write_all(page.as_bytes())?;
        out.keep()?;
        say!("wrote {} ({} KiB)", arguments.output.display(), page.len().div_ceil(1024));
        Ok(Exit::Done)
    })
    .await
}
