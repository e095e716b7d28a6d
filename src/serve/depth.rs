//! How deep a statement may be, judged before anything walks it.
//!
//! An expression such as `1+1+1+…` is a tree as deep as it is long, and whoever walks it by recursion (to plan it, to print it,
//! to drop it) needs stack for each level. Not all of them guard themselves, and a stack that overflows ends the whole server.
//! So the words and signs that can make a tree deeper are counted, and too many are refused. Lists (`IN (1, 2, …)`) are flat.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};

/// Operators, parentheses and keywords in the text of a statement. The stack of [`super::STACK_BYTES`] holds a tree of this
/// depth even in a build without optimisations. The time to plan it grows with the square, and cannot be interrupted.
const LEVELS_MAX: usize = 1_000;

pub(super) fn check(sql: &str) -> PgWireResult<()> {
    const STATEMENT_TOO_COMPLEX: &str = "54001";
    // Fewer bytes than levels cannot be too deep; a text that is no SQL is left to the engine's error.
    if sql.len() <= LEVELS_MAX || levels(sql).is_none_or(|levels| levels <= LEVELS_MAX) {
        return Ok(());
    }
    let text = format!("the statement has more than {LEVELS_MAX} operators and keywords; write long lists as IN (…)");
    Err(PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), STATEMENT_TOO_COMPLEX.to_owned(), text))))
}

fn levels(sql: &str) -> Option<usize> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().ok()?;
    Some(tokens.iter().filter(|token| nests(token)).count())
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
}
