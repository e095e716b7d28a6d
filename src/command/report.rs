//! `flowlake report`: the list of reports, or the rows of one.

use std::io::Write;

use crate::cli;
use crate::error::{Error, Exit};
use crate::query::format::Format;
use crate::query::{Answer, TimeZone};
use crate::report::{self, Asked, Pack, Request, Watch};

use super::ask::{Interrupt, on_threads, open};
use super::rows::{self, Page, Sheet, output, quietly, safe, screen_width};

pub(super) async fn run(arguments: cli::Report) -> Result<Exit, Error> {
    let threads = arguments.ask.options().threads;
    on_threads(threads, Interrupt::EndsAll, async move {
        let mut pack = Pack::embedded();
        if let Some(folder) = &arguments.dir {
            pack.add_folder(folder)?;
        }
        match &arguments.name {
            None => list(&arguments, &pack).await,
            Some(name) => one(&arguments, &pack, name).await,
        }
    })
    .await
}

async fn list(arguments: &cli::Report, pack: &Pack) -> Result<Exit, Error> {
    let session = open(&arguments.lake, &arguments.ask).await?;
    let mut out = output(&arguments.result)?;
    let written = match arguments.result.format {
        Format::Table => Ok(out.write_all(report::page(pack, &session, None, screen_width()).as_bytes())?),
        _ => {
            let answer = safe(Answer::of(report::rows(pack, &session)?), &arguments.result);
            let (sheet, _watching) = Sheet::new(None, answer, Page::of(&arguments.result));
            sheet.write(&mut out, |_| Ok(())).await.map(drop)
        }
    };
    quietly(written.and_then(|()| Ok(out.keep()?)))
}

async fn one(arguments: &cli::Report, pack: &Pack, name: &str) -> Result<Exit, Error> {
    let report = pack.get(name)?;
    let session = open(&arguments.lake, &arguments.ask).await?;
    let request = request(&arguments.choice, &arguments.ask.time_zone)?;
    let Asked { title, answer } = report::ask(&session, report, &request).await?;
    let answer = safe(answer, &arguments.result);
    let mut watch = match &arguments.fail_if {
        Some(condition) => Some(Watch::new(condition, &answer.schema())?),
        None => None,
    };
    let mut out = output(&arguments.result)?;
    let see = |batch: &_| watch.as_mut().map_or(Ok(()), |watch| watch.see(batch));
    let (sheet, watching) = Sheet::new(Some(title), answer, Page::of(&arguments.result));
    let written = sheet.write(&mut out, see).await;
    drop(watching);
    let exit = quietly(written.and_then(|written| {
        out.keep()?;
        rows::tell_columns(&written, rows::OTHER_FORMATS);
        Ok(())
    }))?;
    match watch {
        Some(watch) if watch.holds() => Ok(Exit::Difference),
        _ => Ok(exit),
    }
}

/// What the asker chose of a report.
pub(super) fn request(choice: &cli::ReportChoice, zone: &TimeZone) -> Result<Request, Error> {
    Ok(Request {
        window: report::window(choice.window.since, choice.window.until, zone)?,
        top: choice.top,
        against: choice.against,
        parameters: choice.param.clone(),
    })
}
