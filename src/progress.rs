//! What a person sees while work goes on: one line on stderr, fed by counters, and nothing when stderr is no terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::threads;

/// When to draw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// When stderr is a terminal.
    #[default]
    Auto,
    /// Also where stderr is no terminal.
    Always,
    /// Not at all.
    Never,
}

/// Counters of one run, and the bar that shows them.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    records: Arc<AtomicU64>,
    objects: Arc<AtomicU64>,
    objects_total: Arc<AtomicU64>,
    /// What is counted as objects.
    noun: Arc<AtomicU64>,
}

/// What objects are called, by their place in [`Progress::noun`].
const NOUNS: [&str; 2] = ["objects", "files"];

impl Progress {
    /// A bar that shows nothing yet.
    pub fn new(when: When) -> Progress {
        let target = match when {
            When::Auto if io::stderr().is_terminal() => ProgressDrawTarget::term_like_with_hz(Box::new(Terminal), 20),
            When::Auto => ProgressDrawTarget::hidden(),
            When::Always => ProgressDrawTarget::stderr_with_hz(4),
            When::Never => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let zero = || Arc::new(AtomicU64::new(0));
        Progress { bar, records: zero(), objects: zero(), objects_total: zero(), noun: zero() }
    }

    /// Listing begins.
    pub fn listing(&self) {
        self.bar.set_style(style("{spinner} listing: {msg}"));
        // It begins a thread, and panics if it gets none.
        if !self.bar.is_hidden() && threads::look(1).is_ok() {
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
    }

    /// Objects listed so far.
    pub fn listed(&self, objects: u64) {
        self.bar.set_message(format!("{} objects", count(objects)));
    }

    /// Work on this many objects and compressed bytes begins.
    pub fn converting(&self, objects: u64, bytes: u64) {
        self.objects_total.store(objects, Ordering::Relaxed);
        self.noun.store(0, Ordering::Relaxed);
        self.objects.store(0, Ordering::Relaxed);
        self.bar.set_style(style("{bar:30} {bytes}/{total_bytes} {msg} eta {eta}"));
        self.bar.set_length(bytes);
        self.bar.set_position(0);
    }

    /// A statement has run for so long.
    pub fn asking(&self, elapsed: Duration) {
        self.bar.set_style(style("{spinner} {elapsed}: {msg}"));
        self.bar.set_elapsed(elapsed);
    }

    /// How far the statement is.
    pub fn read(&self, so_far: &str) {
        self.bar.set_message(so_far.to_owned());
        self.bar.tick();
    }

    /// This many data files and bytes are to be read again.
    pub fn reading_files(&self, files: u64, bytes: u64) {
        self.converting(files, bytes);
        self.noun.store(1, Ordering::Relaxed);
    }

    /// Writes to a stream that may be the same terminal, with the bar out of the way.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// One object of so many compressed bytes is decoded.
    pub fn object(&self, bytes: u64) {
        let done = self.objects.fetch_add(1, Ordering::Relaxed) + 1;
        self.bar.inc(bytes);
        let records = self.records.load(Ordering::Relaxed);
        let rate = records as f64 / self.bar.elapsed().as_secs_f64().max(1e-9);
        let noun = NOUNS[self.noun.load(Ordering::Relaxed) as usize];
        let total = self.objects_total.load(Ordering::Relaxed);
        self.bar.set_message(format!("{}/{} {noun}, {} records/s", count(done), count(total), count(rate as u64)));
    }

    /// So many rows were decoded.
    pub fn records(&self, rows: u64) {
        self.records.fetch_add(rows, Ordering::Relaxed);
    }

    /// Takes the bar off the terminal.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// The terminal behind stderr, a little narrower than it is: what the keyboard echoes behind the line, such as `^C`,
/// would else begin a new one, and leave this one where it stands.
#[derive(Debug)]
struct Terminal;

/// Columns that stay free.
const FREE: u16 = 4;

/// Columns of a terminal that does not say.
const WIDTH: u16 = 80;

fn moved(columns_or_lines: usize, to: char) -> io::Result<()> {
    if columns_or_lines == 0 { Ok(()) } else { write!(io::stderr(), "\x1b[{columns_or_lines}{to}") }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        let width = terminal_size::terminal_size_of(io::stderr()).map_or(WIDTH, |(width, _)| width.0);
        width.saturating_sub(FREE).max(1)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        moved(lines, 'A')
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        moved(lines, 'B')
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        moved(columns, 'C')
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        moved(columns, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        writeln!(io::stderr(), "{text}")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        io::stderr().write_all(text.as_bytes())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write_str("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A count with thousands separated: `1,234,567`.
pub fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// So many of something, by the words for one and for another number of them: `1 object`, `1,234 objects`.
pub fn some(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A size in binary units: `1.50 MiB`.
pub fn bytes(number: u64) -> String {
    HumanBytes(number).to_string()
}
