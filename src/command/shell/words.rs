//! What Tab completes: by what stands before it names of the lake, reports, functions, files or keywords.

use std::sync::{Arc, PoisonError, RwLock};

use rustyline::completion::{FilenameCompleter, Pair};

use super::command::Command;
use crate::query::Names;
use crate::query::format::Format;
use crate::report::{Pack, Theme};

/// Phrases of a statement.
const PHRASES: [&str; 26] = [
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

/// The names of the lake as it is now, which the shell changes while the editor reads them.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<RwLock<Arc<Names>>>);

impl Known {
    pub(super) fn get(&self) -> Arc<Names> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, names: Names) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
    }
}

/// All that can be completed.
pub(super) struct Words {
    pub known: Known,
    pub pack: Pack,
}

impl Words {
    /// Where the word before `at` begins, and what it may become.
    pub(super) fn complete(&self, line: &str, at: usize) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = &line[..at];
        let command = Command::read(before.trim_start()).filter(|_| before.trim_start().contains(char::is_whitespace));
        match command {
            Some((Command::Include | Command::Output, _)) => return FilenameCompleter::new().complete_path(line, at),
            Some((Command::Report, _)) if before.split_whitespace().count() > 2 => {
                return Ok(among(before, &["--since", "--until", "--top", "--against", "--param"]));
            }
            _ => {}
        }
        let names = self.known.get();
        let columns = || names.tables.values().flatten().map(|(column, _)| column.as_str());
        let functions = |sign: &str| names.functions.iter().map(|known| format!("{}{sign}", known.name)).collect();
        let mut found: Vec<String> = match command.map(|(command, _)| command) {
            Some(Command::Report) => self.pack.reports().iter().map(|report| report.name.clone()).collect(),
            Some(Command::Reports) => Theme::ALL.map(|(_, word, _)| word.to_owned()).to_vec(),
            Some(Command::Format) => Format::ALL.map(|(_, name)| name.to_owned()).to_vec(),
            Some(Command::Describe) => names.tables.keys().cloned().collect(),
            Some(Command::Functions) => functions(""),
            None | Some(Command::Explain) => {
                let mut all: Vec<String> = functions("(");
                all.extend(names.tables.keys().cloned());
                all.extend(columns().map(str::to_owned));
                all.extend(PHRASES.map(str::to_owned));
                all.extend(Command::ALL.map(|(_, name, ..)| name.to_owned()));
                all
            }
            Some(_) => Vec::new(),
        };
        found.sort();
        found.dedup();
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        Ok(among(before, &found))
    }
}

/// Those of `names` that begin with the last word.
fn among(before: &str, names: &[&str]) -> (usize, Vec<Pair>) {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '\\' | '-');
    let start = before.trim_end_matches(is_name).len();
    let word = before[start..].to_lowercase();
    let fits = |name: &&&str| !word.is_empty() && name.to_lowercase().starts_with(&word);
    let pair = |name: &&str| Pair { display: (*name).to_owned(), replacement: (*name).to_owned() };
    (start, names.iter().filter(fits).map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Vec<String> {
        let words = Words { known: Known::default(), pack: Pack::embedded() };
        let tables = [("flow_logs".to_owned(), vec![("dstport".to_owned(), "Int32".to_owned())])];
        words.known.set(Names { tables: tables.into(), functions: Vec::new() });
        let (start, found) = words.complete(line, line.len()).unwrap();
        found.into_iter().map(|pair| format!("{}{}", &line[..start], pair.replacement)).collect()
    }

    #[test]
    fn words_are_completed_by_what_stands_before_them() {
        assert_eq!(found("SELECT dstp"), ["SELECT dstport"]);
        assert_eq!(found("SELECT max(dstp"), ["SELECT max(dstport"]);
        assert_eq!(found("\\d flo"), ["\\d flow_logs"]);
        assert_eq!(found("\\rep"), ["\\report", "\\reports"]);
        assert_eq!(found("\\report log-h"), ["\\report log-health"]);
        assert_eq!(found("\\report log-health --si"), ["\\report log-health --since"]);
        assert_eq!(found("\\reports sus"), ["\\reports suspicious"]);
        assert_eq!(found("\\format nd"), ["\\format ndjson"]);
        assert_eq!(found("日本 dstp"), ["日本 dstport"]);
        assert_eq!(found("SELECT "), Vec::<String>::new());
    }
}
