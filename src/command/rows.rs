//! Where the rows of an answer go, how much of them a terminal shows, and what is told beside them.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use datafusion::arrow::record_batch::RecordBatch;

use crate::cli;
use crate::error::{Error, Exit};
use crate::output::Output;
use crate::progress::{When, count, some};
use crate::query::format::{self, Format, Room, Written};
use crate::query::{Answer, QueryError, Reading, Session};
use crate::shown;

use super::talk::{self, say};

/// Columns of what people read where there is no terminal, and of a terminal that does not say.
const WIDTH: usize = 80;

/// A statement that takes longer shows how far it is.
const SHOWN_AFTER: Duration = Duration::from_millis(700);

const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// How one sees the columns that a terminal has no room for.
pub(super) const OTHER_FORMATS: &str = "--format line shows all";

/// What an answer is written as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    pub format: Format,
    pub room: Room,
}

impl Page {
    /// Rows as the options say. What goes to a terminal is fitted to it.
    pub(super) fn of(result: &cli::ResultOptions) -> Page {
        let is_screen = result.output.is_none() && io::stdout().is_terminal();
        let room = Room { width: is_screen.then(screen_width), rows: None };
        Page { format: result.format, room }
    }
}

/// Columns of the terminal.
pub(super) fn screen_width() -> usize {
    terminal_size::terminal_size_of(io::stdout()).map_or(WIDTH, |(width, _)| usize::from(width.0))
}

/// An answer on its way to people or programs.
pub(super) struct Sheet {
    title: Option<String>,
    answer: Answer,
    page: Page,
    /// What is drawn over the place where the rows will be.
    cover: Option<Cover>,
}

impl Sheet {
    /// Until what is given beside it is dropped, a terminal shows how far the statement is. Drop it where it was made:
    /// a statement that computes may not notice for long that it was ended.
    pub(super) fn new(title: Option<String>, answer: Answer, page: Page) -> (Sheet, Watching) {
        let cover = answer.reading().map(Cover::draw);
        let watching = Watching(cover.clone());
        (Sheet { title, answer, page, cover }, watching)
    }

    /// Writes the title, where there is one, and the rows below it.
    pub(super) async fn write(
        self,
        out: &mut Output,
        see: impl FnMut(&RecordBatch) -> Result<(), QueryError>,
    ) -> Result<Written, QueryError> {
        match (self.title.as_deref(), self.page.format) {
            (None, _) => {}
            (Some(title), Format::Table | Format::Line) => writeln!(out, "{}", shown::line(title))?,
            (Some(title), Format::Markdown) => writeln!(out, "## {}\n", format::in_markdown(title))?,
            (Some(title), _) => say!("{}", shown::line(title)),
        }
        // Rows may be for the same terminal, by a pager or another program behind a pipe.
        let cover = self.cover.filter(|_| !out.is_file());
        let mut out = Uncovered { out, cover };
        format::write(self.answer, self.page.format, self.page.room, &mut out, see).await
    }
}

/// Says that columns are missing, and how they are seen.
pub(super) fn tell_columns(written: &Written, remedy: &str) {
    match written.columns_left_out {
        0 => {}
        1 => say!("1 column is left out: the terminal is too narrow; {remedy}"),
        n => say!("{n} columns are left out: the terminal is too narrow; {remedy}"),
    }
}

/// The rows as the asker wants them written.
pub(super) fn safe(answer: Answer, result: &cli::ResultOptions) -> Answer {
    if result.spreadsheet_safe { format::defuse(answer) } else { answer }
}

pub(super) fn tell_unread(session: &Session) {
    let (lines, objects) = session.take_unread();
    if lines + objects > 0 {
        let (lines, objects) = (some(lines, "line", "lines"), some(objects, "object", "objects"));
        say!("of the raw logs {lines} and {objects} could not be read and are not among the rows");
    }
}

/// A reader that has seen enough, such as `head`, is no failure.
pub(super) fn quietly(written: Result<(), QueryError>) -> Result<Exit, Error> {
    match written {
        Ok(()) => Ok(Exit::Done),
        Err(error) if error.is_broken_pipe() => Ok(Exit::Done),
        Err(error) => Err(error.into()),
    }
}

/// Where the rows of an answer go.
pub(super) fn output(result: &cli::ResultOptions) -> Result<Output, Error> {
    if result.spreadsheet_safe && !matches!(result.format, Format::Csv | Format::Tsv) {
        return Err(Error::Usage("--spreadsheet-safe is for --format csv and tsv".to_owned()));
    }
    match &result.output {
        Some(target) => Output::to(target).map_err(|error| Error::of_option("--output", &error)),
        None if result.format == Format::Parquet && io::stdout().is_terminal() => {
            Err(Error::Usage("parquet is no text for a terminal; give --output FILE".to_owned()))
        }
        None => Ok(Output::standard()),
    }
}

/// Keeps showing how far a statement is, on a terminal's standard error, until it is dropped.
pub(super) struct Watching(Option<Cover>);

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(cover) = &self.0 {
            cover.clear();
        }
    }
}

/// A line that a thread of its own draws: the workers of the runtime may compute for seconds on end.
#[derive(Clone)]
struct Cover(Arc<Mutex<Option<Drawing>>>);

struct Drawing {
    /// Dropped to end it.
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Cover {
    fn draw(reading: Reading) -> Cover {
        if !io::stderr().is_terminal() {
            return Cover(Arc::default());
        }
        let (stop, stopped) = mpsc::channel::<()>();
        let draw = move || {
            let goes_on = |after| stopped.recv_timeout(after) == Err(RecvTimeoutError::Timeout);
            if !goes_on(SHOWN_AFTER) {
                return;
            }
            let progress = talk::progress(When::Auto);
            progress.asking(SHOWN_AFTER);
            loop {
                let so_far = reading.so_far();
                let files =
                    so_far.percent.map(|percent| format!("{percent} % of the files read, ")).unwrap_or_default();
                progress.read(&format!("{files}{} rows; Ctrl-C ends it", count(so_far.rows)));
                if !goes_on(SHOWN_EVERY) {
                    break progress.clear();
                }
            }
        };
        // Without one the rows come all the same.
        let thread = std::thread::Builder::new().name("cover".to_owned()).spawn(draw).ok();
        Cover(Arc::new(Mutex::new(thread.map(|thread| Drawing { stop, thread }))))
    }

    /// Nothing is drawn any more when it returns.
    fn clear(&self) {
        let drawing = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Drawing { stop, thread }) = drawing {
            drop(stop);
            // A thread that panicked has said so, and draws nothing any more either.
            let _ = thread.join();
        }
    }
}

/// An output that takes the cover away when its first byte comes.
struct Uncovered<'a> {
    out: &'a mut Output,
    cover: Option<Cover>,
}

impl Write for Uncovered<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(cover) = self.cover.take() {
            cover.clear();
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
