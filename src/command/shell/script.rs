//! What is typed, or stands in a file, as statements and commands one after the other.
//!
//! A statement goes on over lines until its semicolon. A command begins with `\` where a statement could begin, and is
//! one line; only `\explain` goes on until the semicolon of the statement behind it.

use super::command::Command;
use super::tokens::{Token, TokenKind, tokens};

/// A statement without its semicolon, or a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// The line on which it begins, from 1.
    pub line: usize,
    pub text: &'a str,
}

/// The parts of a text. The last one may lack its semicolon.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    cut(text).0
}

/// Whether nothing has to follow: the last statement has its semicolon.
pub(super) fn is_whole(text: &str) -> bool {
    cut(text).1
}

fn cut(text: &str) -> (Vec<Part<'_>>, bool) {
    let mut parts = Vec::new();
    let (mut start, mut line) = (0, 1);
    let lines_in = |text: &str| text.matches('\n').count();
    loop {
        let before = blank(&text[start..]);
        line += lines_in(&text[start..start + before]);
        start += before;
        let rest = &text[start..];
        if rest.is_empty() {
            return (parts, true);
        }
        let (length, gap, is_whole) = part(rest);
        let part = rest[..length].trim_end();
        if !part.is_empty() {
            parts.push(Part { line, text: part });
        }
        line += lines_in(&rest[..length + gap]);
        start += length + gap;
        if !is_whole {
            return (parts, false);
        }
    }
}

/// Bytes of white space and comments with which a text begins.
fn blank(text: &str) -> usize {
    let is_blank = |token: &Token| matches!(token.kind, TokenKind::Space | TokenKind::Comment) && !token.is_open;
    tokens(text).take_while(is_blank).last().map_or(0, |token| token.at.end)
}

/// The length of the first part, the bytes that end it, and whether it has its end.
fn part(text: &str) -> (usize, usize, bool) {
    let line = text.find('\n').unwrap_or(text.len());
    let first = text[..line].trim();
    let is_command = first.starts_with('\\') && Command::named(first) != Some(Command::Explain);
    if is_command || Command::is_word(first.trim_end_matches(';').trim_end()) {
        return (line, 0, true);
    }
    match tokens(text).find(|token| token.kind == TokenKind::End) {
        Some(end) => (end.at.start, 1, true),
        None => (text.len(), 0, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(usize, &str)> {
        parts(text).into_iter().map(|part| (part.line, part.text)).collect()
    }

    #[test]
    fn statements_and_commands_follow_each_other() {
        let text = "-- head\nSELECT ';' ;\n\n\\timing\n\\explain SELECT 1\n+ 1;SELECT 2; -- done\n";
        let expected = [(2, "SELECT ';'"), (4, "\\timing"), (5, "\\explain SELECT 1\n+ 1"), (6, "SELECT 2")];
        assert_eq!(texts(text), expected);
        assert!(is_whole(text));
        assert_eq!(texts("SELECT 1;\nSELECT 2"), [(1, "SELECT 1"), (2, "SELECT 2")]);
        assert_eq!(texts(";;"), []);
        assert_eq!(texts("/* a\n*/ -- b\n\\d\n"), [(3, "\\d")]);
    }

    #[test]
    fn a_statement_goes_on_until_its_semicolon() {
        for open in
            ["SELECT 1", "SELECT 'a;", "SELECT 1 -- ;", "/* ;", "\\explain SELECT 1", "SELECT 1; SELECT", "SELECT \\d"]
        {
            assert!(!is_whole(open), "{open}");
        }
        for whole in
            ["", " \n", "SELECT 1;", "SELECT 1; -- said", "\\d", "\\d flow_logs", "quit", "help;", "-- nothing"]
        {
            assert!(is_whole(whole), "{whole}");
        }
    }
}
