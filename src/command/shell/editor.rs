//! The line on which one types: history, colours, Tab, and Enter that waits until a statement is whole.
//!
//! The editor waits for keys, and so has a thread of its own; it reads a line whenever it is told to.

use std::borrow::Cow;
use std::path::PathBuf;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use tokio::sync::mpsc;

use super::paint::painted;
use super::script::is_whole;
use super::words::Words;
use crate::threads::ThreadError;

const PROMPT: &str = "flowlake> ";

/// Longer texts are not coloured, since they would be drawn anew with each key.
const PAINTED_BYTES_MAX: usize = 16 << 10;

/// What was typed.
pub(super) enum Typed {
    Text(String),
    /// Ctrl-C: the line is given up.
    Cleared,
    End,
}

/// The hands of the editor's thread.
pub(super) struct Keyboard {
    next: std::sync::mpsc::Sender<()>,
    typed: mpsc::Receiver<Typed>,
}

impl Keyboard {
    pub(super) fn open(words: Words) -> Result<Keyboard, ThreadError> {
        let (typed_out, typed) = mpsc::channel(1);
        let (next, next_in) = std::sync::mpsc::channel();
        let edit = move || edit(words, &next_in, &typed_out);
        let begun = std::thread::Builder::new().name("editor".to_owned()).spawn(edit);
        begun.map_err(|source| ThreadError::TooFew { given: 0, wanted: 1, source })?;
        Ok(Keyboard { next, typed })
    }

    /// Shows the prompt, and waits.
    pub(super) async fn read(&mut self) -> Typed {
        if self.next.send(()).is_err() {
            return Typed::End;
        }
        self.typed.recv().await.unwrap_or(Typed::End)
    }
}

fn edit(words: Words, next: &std::sync::mpsc::Receiver<()>, typed: &mpsc::Sender<Typed>) {
    let config = Config::builder().auto_add_history(true).completion_type(CompletionType::List).build();
    let Ok(mut editor) = Editor::<Keys, FileHistory>::with_config(config) else { return };
    editor.set_helper(Some(Keys(words)));
    let history = history_file();
    if let Some(file) = &history {
        // The first time there is none.
        let _ = editor.load_history(file);
    }
    while next.recv().is_ok() {
        let line = match editor.readline(PROMPT) {
            Ok(line) => Typed::Text(line),
            Err(ReadlineError::Interrupted) => Typed::Cleared,
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

/// What keys mean.
struct Keys(Words);

impl Completer for Keys {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        self.0.complete(line, at)
    }
}

impl Validator for Keys {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_whole(context.input()) { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Highlighter for Keys {
    fn highlight<'l>(&self, line: &'l str, _at: usize) -> Cow<'l, str> {
        if line.len() > PAINTED_BYTES_MAX { Cow::Borrowed(line) } else { Cow::Owned(painted(line)) }
    }

    fn highlight_char(&self, line: &str, _at: usize, kind: CmdKind) -> bool {
        kind != CmdKind::MoveCursor && line.len() <= PAINTED_BYTES_MAX
    }
}

impl Hinter for Keys {
    type Hint = String;
}

impl Helper for Keys {}
