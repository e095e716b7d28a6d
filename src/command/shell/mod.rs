//! The SQL shell of `flowlake query`: statements, reports and commands, one after the other.
//!
//! ```text
//! keys ─▶ editor (history, paint, words) ─▶ text ─▶ script ─┬▶ command ─▶ what it does ──┐
//!                                                           └▶ statement, report ─▶ answers ─▶ terminal, or file of \o
//! ```
//!
//! - Each statement is asked of the lake as it is then: the ledger is looked at before it, once a second at most.
//! - Ctrl-C ends what runs, wherever it waits, and never the shell. SIGTERM and a terminal that hangs up end the shell
//!   as `\q` does.
//! - Only a terminal shows a part of an answer: a file has all of it, or it is said that it has not.

mod answers;
mod command;
mod editor;
mod file;
mod functions;
mod look;
mod paint;
mod script;
mod tokens;
mod words;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::signal::ctrl_c;
use tokio::sync::Mutex;

use crate::cli;
use crate::error::{Error, Exit};
use crate::output::Output;
use crate::progress::count;
use crate::query::format::{Format, Room};
use crate::query::{QueryError, Seen, Session, TimeZone};
use crate::report::{self, Pack, Theme};
use crate::shown;

use super::report::request;
use super::rows::{Page, output, screen_width};
use super::signals::Signals;
use super::talk::{say, show};
use command::{Command, words};
use editor::{Keyboard, Typed};
use file::File;
use look::{Look, PARQUET};
use script::{Part, parts};
use words::{Known, Words};

/// Files that `\i` reads within each other.
const FILES_NESTED_MAX: usize = 16;

/// How long a statement that was ended may still write, before the prompt comes back.
const LAST_ROWS: Duration = Duration::from_millis(500);

/// How long a shell that is told to end waits for its file.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Why a part could not be done; a message for people. What was interrupted needs none.
type Failed = String;

/// What comes after a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Leave,
}

/// Takes what is typed until the end.
pub(super) async fn run(
    session: Session,
    seen: Seen,
    result: cli::ResultOptions,
    time_zone: TimeZone,
) -> Result<Exit, Error> {
    if result.format == Format::Parquet {
        return Err(Error::Usage(format!("the shell writes no parquet; {PARQUET}")));
    }
    let file = match &result.output {
        Some(path) => Some(File::open(path.clone(), output(&result)?)),
        None => None,
    };
    say!("{} records in {}; \\? for help, \\q to leave", count(session.rows()), session.lake_url());
    let known = Known::default();
    known.set(session.names().await);
    let pack = Pack::embedded();
    let mut keyboard = Keyboard::open(Words { known: known.clone(), pack: pack.clone() })?;
    let session = Arc::new(session);
    let look = Look::new(result);
    let mut shell = Shell { session, seen, known, pack, time_zone, look, file, busy: Arc::default() };
    let mut ends = Signals::but_interrupt()?;
    let exit = loop {
        let typed = tokio::select! {
            typed = keyboard.read() => typed,
            () = ends.next() => break Exit::Interrupted,
        };
        let text = match typed {
            Typed::End => break Exit::Done,
            Typed::Cleared => continue,
            Typed::Text(text) => text,
        };
        let done = tokio::select! {
            done = shell.text(&text, 0) => done,
            _ = ctrl_c() => Err("cancelled".to_owned()),
            () = ends.next() => break Exit::Interrupted,
        };
        // What was ended may have rows in hand.
        let _ = tokio::time::timeout(LAST_ROWS, shell.busy.lock()).await;
        match done {
            Ok(Next::GoOn) => {}
            Ok(Next::Leave) => break Exit::Done,
            Err(failed) => {
                say!("{}", &failed);
                if let Some(part) = shell.file.as_ref().and_then(File::cut_short) {
                    say!("{}", &part);
                }
                // What a statement met that failed does not count for the next answer.
                shell.session.take_unread();
            }
        }
    };
    let closed = tokio::select! {
        closed = shell.close() => closed,
        _ = ctrl_c() => Err(STILL_WRITTEN.to_owned()),
        () = tokio::time::sleep(LAST_WORDS), if exit == Exit::Interrupted => Err(STILL_WRITTEN.to_owned()),
    };
    Ok(match closed {
        Ok(()) => exit,
        Err(failed) => {
            say!("{}", &failed);
            Exit::Failed
        }
    })
}

const STILL_WRITTEN: &str = "error: the file of \\o is not kept: a statement that was ended still writes to it";

struct Shell {
    session: Arc<Session>,
    seen: Seen,
    known: Known,
    pack: Pack,
    time_zone: TimeZone,
    look: Look,
    file: Option<File>,
    /// Held while rows are written.
    busy: Arc<Mutex<()>>,
}

impl Shell {
    /// Does what a text says, up to the first part that fails. `depth` counts the files of `\i` around it.
    async fn text(&mut self, text: &str, depth: usize) -> Result<Next, Failed> {
        for part in parts(text) {
            if self.part(part, depth).await? == Next::Leave {
                return Ok(Next::Leave);
            }
        }
        Ok(Next::GoOn)
    }

    async fn part(&mut self, part: Part<'_>, depth: usize) -> Result<Next, Failed> {
        let Some((command, rest)) = Command::read(part.text) else {
            return match part.text.strip_prefix('\\') {
                None => self.ask(part.text).await.map(|()| Next::GoOn),
                Some(_) => {
                    let word = part.text.split_whitespace().next().unwrap_or_default();
                    Err(format!("error: there is no `{}`; \\? shows what there is", shown::line(word)))
                }
            };
        };
        match command {
            Command::Quit => return Ok(Next::Leave),
            Command::Help => show!("{}", command::help()),
            Command::Describe => self.describe(rest).await?,
            Command::Functions if rest.is_empty() => {
                show!("{}", functions::page(&self.known.get().functions, screen_width()));
            }
            Command::Functions => {
                show!("{}", functions::one(&self.known.get().functions, rest, screen_width()).map_err(error)?);
            }
            Command::Reports => {
                let theme = if rest.is_empty() { None } else { Some(Theme::parse(rest).map_err(error)?) };
                self.look_again().await?;
                show!("{}", report::page(&self.pack, &self.session, theme, screen_width()));
            }
            Command::Report => self.report(rest).await?,
            Command::Explain => self.explain(rest).await?,
            Command::Include => return Box::pin(self.include(rest, depth)).await,
            Command::Output => self.output(rest).await?,
            Command::Expanded => self.look.expand(),
            Command::Format => self.look.format(rest)?,
            Command::Rows => self.look.rows(rest)?,
            Command::Timing => self.look.timing(),
        }
        Ok(Next::GoOn)
    }

    /// Takes what was committed since the last look.
    async fn look_again(&mut self) -> Result<(), Failed> {
        let fail = |failed: QueryError| error(failed.shown());
        let look = self.seen.again(self.session.lake()).await.map_err(|failed| fail(failed.into()))?;
        let Some(look) = look else { return Ok(()) };
        if look.differs(&self.seen) {
            let now = self.session.reopened().await.map_err(fail)?;
            self.known.set(now.names().await);
            if now.rows() != self.session.rows() {
                say!("the lake has changed: {} records now", count(now.rows()));
            }
            self.session = Arc::new(now);
        }
        self.seen = look;
        Ok(())
    }

    async fn describe(&mut self, table: &str) -> Result<(), Failed> {
        self.look_again().await?;
        let names = self.known.get();
        if table.is_empty() {
            names.tables.keys().for_each(|name| show!("{}\n", shown::line(name)));
            return Ok(());
        }
        let Some(columns) = names.tables.get(table) else {
            let names: Vec<&str> = names.tables.keys().map(String::as_str).collect();
            let near = crate::query::nearest(table, &names).map(|near| format!("; did you mean `{near}`?"));
            return Err(format!("error: there is no table `{}`{}", shown::line(table), near.unwrap_or_default()));
        };
        let columns: Vec<_> = columns.iter().map(|(name, kind)| (shown::line(name), kind)).collect();
        let width = columns.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        columns.iter().for_each(|(name, kind)| show!("{name:width$}  {kind}\n"));
        Ok(())
    }

    async fn explain(&mut self, statement: &str) -> Result<(), Failed> {
        self.look_again().await?;
        let plan = self.session.explain(statement).await.map_err(|failed| error(failed.shown()))?;
        show!("{}", shown::lines(&plan));
        Ok(())
    }

    async fn report(&mut self, line: &str) -> Result<(), Failed> {
        let words = words(line).map_err(error)?;
        let asked =
            cli::ShellReport::try_parse_from(words).map_err(|failed| failed.to_string().trim_end().to_owned())?;
        self.look_again().await?;
        let began = Instant::now();
        let fail = |failed: Error| error(failed.shown());
        let report = self.pack.get(&asked.name).map_err(|failed| fail(failed.into()))?;
        let request = request(&asked.choice, &self.time_zone).map_err(fail)?;
        let asked = report::ask(&self.session, report, &request).await.map_err(|failed| fail(failed.into()))?;
        self.write(Some(asked.title), asked.answer, began).await
    }

    async fn include(&mut self, path: &str, depth: usize) -> Result<Next, Failed> {
        let file = one_file(path, "\\i FILE")?;
        let path = file.display().to_string();
        // Not on this task: a pipe that nobody writes to would keep Ctrl-C waiting.
        let text = tokio::fs::read_to_string(&file).await;
        let text = text.map_err(|failed| error(format!("{}: {failed}", shown::line(&path))))?;
        if depth == FILES_NESTED_MAX {
            return Err(error(format!("{}: files are read {FILES_NESTED_MAX} deep at most", shown::line(&path))));
        }
        for part in parts(&text) {
            let next = self.part(part, depth + 1).await;
            if next.map_err(|failed| format!("{} line {}: {failed}", shown::line(&path), part.line))? == Next::Leave {
                return Ok(Next::Leave);
            }
        }
        Ok(Next::GoOn)
    }

    async fn output(&mut self, path: &str) -> Result<(), Failed> {
        self.close().await?;
        if path.is_empty() {
            return Ok(());
        }
        let path = one_file(path, "\\o FILE")?;
        let target = path.clone();
        // Not on this task: a pipe that nobody reads would keep Ctrl-C waiting.
        let out = tokio::task::spawn_blocking(move || Output::to(&target)).await;
        let out = out.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
        self.file = Some(File::open(path, out.map_err(error)?));
        Ok(())
    }

    /// Closes the file of `\o`. It stays that file if this is ended while it waits.
    async fn close(&mut self) -> Result<(), Failed> {
        let Some(file) = &self.file else { return Ok(()) };
        let closed = file.close().await;
        self.file = None;
        say!("{}", &closed.map_err(error)?);
        Ok(())
    }

    /// How the next answer is written.
    fn page(&self) -> Page {
        let is_screen = self.file.is_none() && io::stdout().is_terminal();
        let room = Room { width: Some(screen_width()), rows: self.look.rows_max };
        Page { format: self.look.result.format, room: if is_screen { room } else { Room::default() } }
    }
}

fn error(failed: impl std::fmt::Display) -> Failed {
    format!("error: {failed}")
}

/// The one file of this machine that a command names.
fn one_file(line: &str, usage: &str) -> Result<PathBuf, Failed> {
    cli::local(one_word(line, usage)?.into()).map_err(error)
}

/// The only word of a line.
fn one_word(line: &str, usage: &str) -> Result<String, Failed> {
    match words(line).map_err(error)?.as_slice() {
        [word] if !word.is_empty() => Ok(word.clone()),
        _ => Err(error(format!("write {usage}; a name with spaces stands in quotes"))),
    }
}
