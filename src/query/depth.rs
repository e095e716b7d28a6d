//! How deep a statement may be, judged before anything walks it.
//!
//! An expression such as `1+1+1+…` is a tree as deep as it is long, and whoever walks it by recursion (to plan it, to
//! print it, to drop it) needs stack for each level. Not all of them guard themselves, and a stack that overflows
//! ends the whole program. So the words and signs that can make a tree deeper are counted, and too many are refused.
//! Lists (`IN (1, 2, …)`) are flat.
//!
//! Relations are counted too, once the statement is parsed: each is a plan of its own, and a `WITH` that names the
//! one before it twice doubles them at every step.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, Statement, TableFactor, Visitor};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect, PostgreSqlDialect};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::walk;

/// Operators, parentheses and keywords in the text of a statement. The time to plan a tree of this depth grows with
/// the square, and cannot be interrupted.
const LEVELS_MAX: usize = 1_000;

/// Tables and subqueries of a statement, each `WITH` counted as often as it is named.
const RELATIONS_MAX: usize = 200;

/// Stack that a thread needs which plans: it holds a tree of the greatest depth even in a build without
/// optimisations.
pub const STACK_BYTES: usize = 64 << 20;

/// A statement that is not planned, since it would take too much of the stack or of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum TooComplex {
    #[error("the statement has more than {LEVELS_MAX} operators and keywords; write long lists as IN (…)")]
    Levels,
    #[error(
        "the statement has more than {RELATIONS_MAX} tables and subqueries, each WITH counted as often as it is named; \
         ask it in parts"
    )]
    Relations,
}

/// Judges the text of a statement, before it is parsed.
pub fn check(sql: &str) -> Result<(), TooComplex> {
    // Fewer bytes than levels cannot be too deep; a text that is no SQL is left to the engine's error.
    if sql.len() <= LEVELS_MAX || levels(sql).is_none_or(|levels| levels <= LEVELS_MAX) {
        return Ok(());
    }
    Err(TooComplex::Levels)
}

/// Judges a statement that was parsed.
pub fn check_relations(statement: &Statement) -> Result<(), TooComplex> {
    let mut relations = Relations::default();
    let _ = walk(statement, &mut relations);
    if relations.written.max(relations.expanded) <= RELATIONS_MAX {
        return Ok(());
    }
    Err(TooComplex::Relations)
}

/// Counts relations as they are written, and as they are once every name of a `WITH` stands for its query.
#[derive(Default)]
struct Relations {
    written: usize,
    expanded: usize,
    /// What `expanded` was before each query that is open.
    before: Vec<usize>,
    /// Queries of a `WITH` that are still to come, by their place in memory: the tree does not move meanwhile.
    named: HashMap<*const Query, String>,
    /// Expanded relations of each name. A name that stands for several queries counts as the largest.
    sizes: HashMap<String, usize>,
}

impl Visitor for Relations {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.before.push(self.expanded);
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.named.insert(std::ptr::from_ref(table.query.as_ref()), table.alias.name.value.to_lowercase());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let before = self.before.pop().unwrap_or_default();
        if let Some(name) = self.named.remove(&std::ptr::from_ref(query)) {
            let size = self.sizes.entry(name).or_default();
            *size = (*size).max(self.expanded.saturating_sub(before));
            // It counts where it is named.
            self.expanded = before;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let name = match factor {
            TableFactor::Table { name, .. } => name.0.last().and_then(|part| part.as_ident()),
            _ => None,
        };
        let size = name.and_then(|name| self.sizes.get(&name.value.to_lowercase())).copied();
        self.written += 1;
        self.expanded = self.expanded.saturating_add(size.unwrap_or(1).max(1));
        ControlFlow::Continue(())
    }
}

/// Counted in the dialect that finds more, `None` if the text is SQL in neither.
fn levels(sql: &str) -> Option<usize> {
    let dialects: [&dyn Dialect; 2] = [&PostgreSqlDialect {}, &GenericDialect {}];
    let tokens = dialects.into_iter().filter_map(|dialect| Tokenizer::new(dialect, sql).tokenize().ok());
    tokens.map(|tokens| tokens.iter().filter(|token| nests(token)).count()).max()
}

fn nests(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        Token::Whitespace(_) | Token::Comma | Token::SemiColon | Token::Period | Token::Number(..) | Token::EOF => {
            false
        }
        Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn lists_are_flat_and_chains_are_deep() {
        let list = format!("SELECT 1 WHERE 1 IN ({})", vec!["12345"; 50_000].join(", "));
        assert!(check(&list).is_ok());
        for deep in ["1+", "(", "NOT ", "a OR ", "- ", "x["] {
            assert!(check(&format!("SELECT {}1", deep.repeat(LEVELS_MAX))).is_err(), "{deep}");
            assert!(check(&format!("SELECT {}1", deep.repeat(100))).is_ok(), "{deep}");
        }
        assert!(check(&format!("SELECT '{}'", "+".repeat(100_000))).is_ok(), "signs in a text are no levels");
    }

    fn relations(sql: &str) -> bool {
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("a statement");
        check_relations(&statements[0]).is_ok()
    }

    #[test]
    fn relations_are_counted_as_often_as_they_are_named() {
        let tables = |count| vec!["t"; count].join(", ");
        assert!(relations(&format!("SELECT 1 FROM {}", tables(RELATIONS_MAX))));
        assert!(!relations(&format!("SELECT 1 FROM {}", tables(RELATIONS_MAX + 1))));
        let unions = |count| vec!["SELECT 1 FROM t"; count].join(" UNION ALL ");
        assert!(!relations(&unions(RELATIONS_MAX + 1)));
        assert!(!relations(&format!("SELECT 1 WHERE 1 IN ({})", unions(RELATIONS_MAX + 1))));
        // a0 is t; a1 is a0 and a0, …: two to the power of the steps.
        let doubled = |steps: usize| {
            let step = |at: usize| format!(", a{at} AS (SELECT 1 FROM a{before} x, A{before} y)", before = at - 1);
            let steps_text: String = (1..=steps).map(step).collect();
            format!("WITH a0 AS (SELECT 1 FROM t){steps_text} SELECT 1 FROM a{steps}")
        };
        assert!(relations(&doubled(7)));
        assert!(!relations(&doubled(8)));
        assert!(!relations(&format!("WITH unused AS ({}) SELECT 1", unions(RELATIONS_MAX + 1))));
        assert!(!relations(&format!("EXPLAIN {}", doubled(30))));
    }
}
