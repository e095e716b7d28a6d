//! What is wrong with a statement, said with the line, a mark under the place, and the nearest name that exists.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use strsim::levenshtein;

use super::{QueryError, Session, words};
use crate::shown;

/// The line and column of a mistake, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

/// The error of a statement that could not be planned.
pub(super) fn of(statement: &str, error: DataFusionError, session: &Session) -> QueryError {
    let root = error.find_root();
    let text = root.strip_backtrace();
    if matches!(root, DataFusionError::ResourcesExhausted(_)) {
        return QueryError::while_running(error, session.memory_bytes());
    }
    if matches!(root, DataFusionError::ObjectStore(_) | DataFusionError::External(_) | DataFusionError::IoError(_)) {
        return QueryError::Engine(error);
    }
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let place = span
        .map(|span| Place { line: span.start.line as usize, column: span.start.column as usize })
        .or_else(|| place_in(&text));
    let (message, hint) = explain(&error, &text, session);
    let place = place.or_else(|| find_name(statement, &message));
    let mut said = message;
    if let Some(place) = place {
        said += &marked(statement, place);
    }
    if let Some(hint) = hint {
        said += &format!("\n  (hint: {hint})");
    }
    QueryError::Statement(said)
}

/// The message and, where there is one, what may have been meant.
fn explain(error: &DataFusionError, text: &str, session: &Session) -> (String, Option<String>) {
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, valid_fields } = schema.as_ref()
    {
        let names: Vec<&str> = valid_fields.iter().map(|field| field.name.as_str()).collect();
        let hint = match nearest(&field.name, &names) {
            Some(near) if near == field.name => "behind GROUP BY there are only its columns and aggregates".to_owned(),
            Some(near) => format!("did you mean `{}`?", shown::line(near)),
            None if names.is_empty() => "no table is named in FROM".to_owned(),
            None => format!("there are {}", shortened(&names)),
        };
        return (format!("there is no column `{}`", shown::line(&field.name)), Some(hint));
    }
    if let Some(table) = text.split("table '").nth(1).and_then(|rest| rest.split("' not found").next())
        && text.contains("not found")
    {
        let name = table.trim_start_matches("datafusion.").trim_start_matches("public.");
        let known = session.table_names();
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        let hint = match nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", shortened(&names)),
        };
        return (format!("there is no table `{name}` in this lake"), Some(hint));
    }
    let said = words::of(error);
    let text = said.as_str();
    if text.contains("only supports a single SQL statement") {
        return ("there is more than one statement".to_owned(), Some("ask them one by one".to_owned()));
    }
    let text = text.strip_prefix("ParserError(\"").and_then(|text| text.strip_suffix("\")")).unwrap_or(text);
    let text = text.strip_prefix("TokenizerError(\"").and_then(|text| text.strip_suffix("\")")).unwrap_or(text);
    let hint = text.contains("Placeholder").then(|| {
        "a statement with $names is a report: `flowlake report LAKE --dir FOLDER` gives them values".to_owned()
    });
    let hint = hint.or_else(|| {
        let of_one_name = ["duplicate unqualified field name", "require unique expression names"];
        of_one_name.iter().any(|said| text.contains(said)).then(|| {
            "a column and its casts have one name to the engine: give them names with AS, in a query in FROM where they \
             are grouped"
                .to_owned()
        })
    });
    (text.split(" at Line:").next().unwrap_or(text).replace("\\\"", "\"").replace("\\'", "'"), hint)
}

/// `… at Line: 1, Column: 8`, as the parser says it.
fn place_in(text: &str) -> Option<Place> {
    let (_, rest) = text.rsplit_once("Line: ")?;
    let (line, rest) = rest.split_once(", Column: ")?;
    let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(Place { line: line.parse().ok()?, column: column.parse().ok()? })
}

/// Where the name that a message quotes first stands in the statement.
fn find_name(statement: &str, message: &str) -> Option<Place> {
    let name = message.split(['`', '\'']).nth(1).filter(|name| !name.is_empty())?;
    let last = name.rsplit('.').next().unwrap_or(name);
    let lower = statement.to_lowercase();
    let at = lower.find(&name.to_lowercase()).or_else(|| lower.find(&last.to_lowercase()))?;
    let before = statement.get(..at)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some(Place { line, column })
}

/// The line of the statement with a mark under its column; nothing if there is no such line.
fn marked(statement: &str, place: Place) -> String {
    let Some(line) = statement.lines().nth(place.line.saturating_sub(1)).filter(|_| place.line > 0) else {
        return String::new();
    };
    // Tabs would shift the mark.
    let shown: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let number = place.line.to_string();
    let pad = " ".repeat(number.len());
    format!("\n  {number} | {}\n  {pad} | {}^", shown.trim_end(), " ".repeat(place.column.saturating_sub(1)))
}

fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let mut text = names.iter().take(SHOWN).map(|name| shown::line(name)).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text += &format!(" and {} more", names.len() - SHOWN);
    }
    if text.is_empty() { "none: the lake has no rows yet".to_owned() } else { text }
}

/// The name with the fewest edits, if they are few for its length.
pub(crate) fn nearest<'a>(wanted: &str, names: &[&'a str]) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let (edits, name) = names.iter().map(|name| (levenshtein(&wanted, &name.to_lowercase()), *name)).min()?;
    (edits <= wanted.chars().count().max(3) / 3 + 1).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("dstprt", &["srcport", "dstport", "dstaddr"]), Some("dstport"));
        assert_eq!(nearest("FLOWLOGS", &["flow_logs", "tgw_flow_logs"]), Some("flow_logs"));
        assert_eq!(nearest("completely_other", &["dstport"]), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn a_mark_stands_under_its_column() {
        assert_eq!(marked("SELECT\n\tx", Place { line: 2, column: 2 }), "\n  2 |  x\n    |  ^");
        assert_eq!(marked("SELECT 1", Place { line: 7, column: 1 }), "");
        assert_eq!(place_in("Expected: x at Line: 3, Column: 14"), Some(Place { line: 3, column: 14 }));
        assert_eq!(place_in("no place"), None);
    }
}
