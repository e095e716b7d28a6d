//! What the program says: talk on stderr, and on stdout what the shell shows beside its answers.
//!
//! Nobody may listen. A closed pipe or a full disk there takes nothing from what was done: it is no error, and the exit
//! code says how the work ended. What a command was asked for is written by itself, and fails if it cannot be.

use std::fmt::Arguments;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use super::json;
use crate::progress::{Progress, When};

/// Whether each line on stderr is a JSON object.
static JSON: AtomicBool = AtomicBool::new(false);

pub(super) fn speak_json() {
    JSON.store(true, Ordering::Relaxed);
}

/// The bar of a run; no bar has a form in JSON.
pub(super) fn progress(when: When) -> Progress {
    Progress::new(if JSON.load(Ordering::Relaxed) { When::Never } else { when })
}

/// Says a line on stderr.
macro_rules! say {
    ($($text:tt)*) => { $crate::command::talk::on_stderr(format_args!("{}\n", format_args!($($text)*))) };
}

/// Shows a text on stdout, between the answers of the shell.
macro_rules! show {
    ($($text:tt)*) => { $crate::command::talk::on_stdout(format_args!($($text)*)) };
}

pub(super) use {say, show};

pub(super) fn on_stderr(text: Arguments) {
    let _ = match JSON.load(Ordering::Relaxed) {
        false => std::io::stderr().lock().write_fmt(text),
        true => writeln!(std::io::stderr().lock(), "{}", json::said(&text.to_string())),
    };
}

pub(super) fn on_stdout(text: Arguments) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_fmt(text).and_then(|()| out.flush());
}
