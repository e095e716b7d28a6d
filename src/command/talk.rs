//! What the program says: talk on stderr, and on stdout what the shell shows beside its answers.
//!
//! Nobody may listen. A closed pipe or a full disk there takes nothing from what was done: it is no error, and the exit
//! code says how the work ended. What a command was asked for is written by itself, and fails if it cannot be.

use std::fmt::Arguments;
use std::io::Write;

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
    let _ = std::io::stderr().lock().write_fmt(text);
}

pub(super) fn on_stdout(text: Arguments) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_fmt(text).and_then(|()| out.flush());
}
