//! The SQL shell of `flowlake query`: history, lines until a semicolon, completion, and a few commands with `\`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, Helper};
use tokio::sync::mpsc;

use crate::cli;
use crate::error::{Error, Exit};
use crate::query::format::{self, Format};
use crate::query::{Names, QueryError, Session};
use crate::shown;

const HELP: &str = "\
SELECT …;      ask; a statement goes on over lines until its semicolon
\\d             tables
\\d NAME        columns of a table
\\timing        show how long each statement took, or no longer
\\format NAME   table, csv, tsv, json, ndjson or markdown
\\explain SQL;  the plan and the files that it would read
\\q             leave; so does Ctrl-D. Ctrl-C cancels what runs
";

/// What the thread that reads lines hands on.
enum Typed {
    Line(String),
    Cancelled,
    End,
}

pub(super) async fn run(session: Session, result: cli::ResultOptions) -> Result<Exit, Error> {
    let names = session.names().await;
    eprintln!("{} records in {}; \\? for help, \\q to leave", session.rows(), session.lake_url());
    let (typed_out, mut typed) = mpsc::channel(1);
    let (next_out, next) = std::sync::mpsc::channel();
    let helper = Words { names: names.clone() };
    // The editor waits for keys, and so has a thread of its own; it reads a line whenever it is told to.
    std::thread::spawn(move || edit(helper, &next, &typed_out));
    let mut shell = Shell { session: Arc::new(session), names, result, has_timing: false };
    loop {
        if next_out.send(()).is_err() {
            return Ok(Exit::Done);
        }
        match typed.recv().await {
            None | Some(Typed::End) => return Ok(Exit::Done),
            Some(Typed::Cancelled) => {}
            Some(Typed::Line(line)) => {
                if !shell.line(line.trim()).await {
                    return Ok(Exit::Done);
                }
            }
        }
    }
}

struct Shell {
    session: Arc<Session>,
    names: Names,
    result: cli::ResultOptions,
    has_timing: bool,
}

impl Shell {
    /// Does what a line says; `false` to leave.
    async fn line(&mut self, line: &str) -> bool {
        let statement = line.trim_end_matches(';').trim();
        let (word, rest) = statement.split_once(char::is_whitespace).unwrap_or((statement, ""));
        match word {
            "" => {}
            "\\q" | "quit" | "exit" => return false,
            "\\?" | "\\h" | "help" => print!("{HELP}"),
            "\\timing" => {
                self.has_timing = !self.has_timing;
                println!("timing is {}", if self.has_timing { "on" } else { "off" });
            }
            "\\d" => self.describe(rest.trim()),
            "\\format" => match rest.trim().parse() {
                Ok(Format::Parquet) => eprintln!("error: parquet is no text for a terminal"),
                Ok(format) => self.result.format = format,
                Err(error) => eprintln!("error: {error}"),
            },
            "\\explain" => match self.session.explain(rest).await {
                Ok(plan) => print!("{}", shown::lines(&plan)),
                Err(error) => eprintln!("error: {}", error.shown()),
            },
            word if word.starts_with('\\') => eprintln!("error: there is no `{word}`; \\? shows what there is"),
            _ => self.ask(statement).await,
        }
        true
    }

    fn describe(&self, table: &str) {
        if table.is_empty() {
            self.names.tables.keys().for_each(|name| println!("{}", shown::line(name)));
        } else if let Some(columns) = self.names.tables.get(table) {
            let columns: Vec<_> = columns.iter().map(|(name, kind)| (shown::line(name), kind)).collect();
            let width = columns.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
            columns.iter().for_each(|(name, kind)| println!("{name:width$}  {kind}"));
        } else {
            eprintln!("error: there is no table `{table}`");
        }
    }

    async fn ask(&self, statement: &str) {
        let began = Instant::now();
        let (session, result, statement) = (Arc::clone(&self.session), self.result.clone(), statement.to_owned());
        // A task of its own: some operators compute for long before they give way.
        let mut asked = tokio::spawn(async move {
            let answer = session.sql(&statement).await?;
            let is_safe = result.spreadsheet_safe && matches!(result.format, Format::Csv | Format::Tsv);
            let answer = if is_safe { format::defuse(answer) } else { answer };
            let mut out = std::io::BufWriter::new(std::io::stdout());
            format::write(answer, result.format, &mut out, |_| Ok(())).await
        });
        let result: Result<u64, QueryError> = tokio::select! {
            result = &mut asked => match result {
                Ok(result) => result,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
            _ = tokio::signal::ctrl_c() => {
                asked.abort();
                eprintln!("cancelled");
                // What it met does not count for the next answer.
                self.session.take_unread();
                return;
            }
        };
        super::query::tell_unread(&self.session);
        match result {
            Ok(rows) if self.has_timing => eprintln!("{rows} rows in {:.3} s", began.elapsed().as_secs_f64()),
            Ok(rows) => eprintln!("{rows} rows"),
            Err(error) => eprintln!("error: {}", error.shown()),
        }
    }
}

fn edit(helper: Words, next: &std::sync::mpsc::Receiver<()>, typed: &mpsc::Sender<Typed>) {
    let config = Config::builder().auto_add_history(true).build();
    let Ok(mut editor) = Editor::<Words, FileHistory>::with_config(config) else { return };
    editor.set_helper(Some(helper));
    let history = history_file();
    if let Some(file) = &history {
        // The first time there is none.
        let _ = editor.load_history(file);
    }
    while next.recv().is_ok() {
        let line = match editor.readline("flowlake> ") {
            Ok(line) => Typed::Line(line),
            Err(ReadlineError::Interrupted) => Typed::Cancelled,
            Err(_) => Typed::End,
        };
        if let Some(file) = &history {
            // A shell without a history is still a shell.
            let _ = editor.append_history(file);
        }
        if typed.blocking_send(line).is_err() {
            return;
        }
    }
}

/// `$XDG_STATE_HOME/flowlake/history`, by default below `~/.local/state`.
fn history_file() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let folder = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home)?.join("flowlake");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// Completes names, and knows when a statement is whole.
struct Words {
    names: Names,
}

const KEYWORDS: [&str; 26] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "DISTINCT",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "IS NULL",
    "IS NOT NULL",
    "BETWEEN",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "DESC",
    "AS",
];

impl Completer for Words {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '\\');
        let start = line[..at]
            .rfind(|c| !is_name(c))
            .map_or(0, |before| before + line[before..].chars().next().map_or(1, char::len_utf8));
        let word = line[start..at].to_lowercase();
        let mut found: Vec<String> = self.names.tables.keys().cloned().collect();
        found.extend(self.names.tables.values().flatten().map(|(column, _)| column.clone()));
        found.extend(self.names.functions.iter().map(|name| format!("{name}(")));
        found.extend(KEYWORDS.map(str::to_owned));
        found.extend(["\\d", "\\timing", "\\format", "\\explain", "\\q"].map(str::to_owned));
        found.retain(|name| !word.is_empty() && name.to_lowercase().starts_with(&word));
        found.sort();
        found.dedup();
        let pair = |name: String| Pair { display: name.clone(), replacement: name };
        Ok((start, found.into_iter().map(pair).collect()))
    }
}

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let line = context.input().trim();
        let is_command = line.starts_with('\\') && !line.starts_with("\\explain");
        let is_whole = line.is_empty() || line.ends_with(';') || is_command;
        let is_whole = is_whole || matches!(line, "quit" | "exit" | "help");
        Ok(if is_whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}

impl Helper for Words {}
