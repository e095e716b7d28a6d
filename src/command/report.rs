//! `flowlake report`: the list of reports, or the rows of one.

use std::io::Write;

use crate::cli::{self, Moment};
use crate::error::{Error, Exit};
use crate::query::format::{self, Format, Style};
use crate::query::{Answer, TimeZone, Window};
use crate::report::{self, Asked, Pack, ReportError, Request, Watch};

use super::query::{Interrupt, on_threads, open, output};

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
        Format::Table => Ok(out.write_all(report::page(pack, &session, page_width()).as_bytes())?),
        format => {
            let rows = super::query::safe(Answer::of(report::rows(pack, &session)?), &arguments.result);
            format::write(rows, format, &mut out, |_| Ok(())).await.map(drop)
        }
    };
    super::query::quietly(written.and_then(|()| Ok(out.keep()?)))
}

/// Columns of the terminal; 80 where there is none.
fn page_width() -> usize {
    const WITHOUT_TERMINAL: usize = 80;
    terminal_size::terminal_size_of(std::io::stdout()).map_or(WITHOUT_TERMINAL, |(width, _)| usize::from(width.0))
}

async fn one(arguments: &cli::Report, pack: &Pack, name: &str) -> Result<Exit, Error> {
    let report = pack.get(name)?;
    let session = open(&arguments.lake, &arguments.ask).await?;
    let request = Request {
        window: window(&arguments.window, &arguments.ask.time_zone)?,
        top: arguments.top,
        against: arguments.against,
        parameters: arguments.param.clone(),
    };
    let Asked { title, answer } = report::ask(&session, report, &request).await?;
    let answer = super::query::safe(answer, &arguments.result);
    let mut watch = match &arguments.fail_if {
        Some(condition) => Some(Watch::new(condition, &answer.schema())?),
        None => None,
    };
    let mut out = output(&arguments.result)?;
    let format = arguments.result.format;
    let written = async {
        match format {
            Format::Table => writeln!(out, "{}", format::shown(Style::Table, &title))?,
            Format::Markdown => writeln!(out, "## {}\n", format::shown(Style::Markdown, &title))?,
            _ => eprintln!("{}", format::shown(Style::Table, &title)),
        }
        let see = |batch: &_| watch.as_mut().map_or(Ok(()), |watch| watch.see(batch));
        format::write(answer, format, &mut out, see).await?;
        Ok(out.keep()?)
    };
    let exit = super::query::quietly(written.await)?;
    match watch {
        Some(watch) if watch.holds() => Ok(Exit::Difference),
        _ => Ok(exit),
    }
}

/// The window in Unix seconds. A date begins in the zone; as `--until` it stands for its end.
pub(super) fn window(options: &cli::WindowOptions, zone: &TimeZone) -> Result<Window, Error> {
    let start_of = |day: chrono::NaiveDate| {
        zone.day_start(day).ok_or_else(|| Error::Usage(format!("{day} has no beginning in {zone}")))
    };
    let since = match options.since {
        None => None,
        Some(Moment::At(at)) => Some(at),
        Some(Moment::Day(day)) => Some(start_of(day)?),
    };
    let until = match options.until {
        None => None,
        Some(Moment::At(at)) => Some(at),
        Some(Moment::Day(day)) => Some(start_of(day.succ_opt().unwrap_or(day))?),
    };
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        let (since, until, zone) = (zone.show(since), zone.show(until), zone.to_string());
        return Err(ReportError::EmptyWindow { since, until, zone }.into());
    }
    Ok(Window { since, until })
}
