//! Numbers and texts with something right behind them, which the parser takes for a name.
//!
//! | written | to the parser | becomes |
//! |---|---|---|
//! | `0b10`, `0o17`, `0x1F`, `0X1f` | `0 AS b10`, `0 AS o17`, the bytes of `X'1F'`, `0 AS X1f` | 2, 15, 31, 31 |
//! | `123abc`, `0x1G`, `1_` | `123 AS abc` and so on | an error, as in PostgreSQL |
//! | `'a'` and `'b'` on the next line | `'a' AS b` | `'ab'`, as in PostgreSQL |
//! | `'a' 'b'` on one line | `'a' AS b` | an error, as in PostgreSQL |
//!
//! The tree of a statement no longer tells this, so its text is read, before it is parsed.

use std::borrow::Cow;

use datafusion::sql::sqlparser::dialect::{GenericDialect, PostgreSqlDialect};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::shown;

/// What is refused, with what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum Touching {
    #[error("`{0}` is no number; put a blank between a number and a name, and AS before the name of a column")]
    Number(String),
    #[error("two texts stand beside each other: {0}; put a comma between them, or join them with concat")]
    Texts(String),
}

/// The text of a statement in which its numbers and texts stand alone. A text that is no SQL stays as it is.
pub(crate) fn apart(sql: &str) -> Result<Cow<'_, str>, Touching> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location();
    let tokens = tokens.or_else(|_| Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location());
    let Ok(tokens) = tokens else { return Ok(Cow::Borrowed(sql)) };
    let mut places = Places { sql, line: 1, column: 1, at: 0 };
    let mut apart = String::new();
    // Up to where the text is in `apart`, and up to where tokens are read.
    let (mut copied, mut read) = (0, Location { line: 0, column: 0 });
    for (at, token) in tokens.iter().enumerate() {
        if token.span.start < read {
            continue;
        }
        let start = places.of(token.span.start);
        let (end, instead) = match &token.token {
            number if is_number(number, &sql[start..]) => {
                let end = start + length(number, &sql[start..]);
                if sql[end..].starts_with('\'') {
                    return Err(Touching::Number(shortened(&sql[start..=end])));
                }
                let signs = sql[start..end].chars().count() as u64;
                read = Location { column: token.span.start.column + signs, ..token.span.start };
                (end, digits(&sql[start..end])?)
            }
            text if is_text(text) => {
                let (last, instead) = texts(&tokens[at..], start, &mut places)?;
                read = tokens[at + last].span.end;
                (places.of(read), instead)
            }
            _ => continue,
        };
        if let Some(instead) = instead {
            apart += &sql[copied..start];
            apart += &instead;
            copied = end;
        }
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(sql));
    }
    apart += &sql[copied..];
    Ok(Cow::Owned(apart))
}

/// Finds bytes by lines and columns that only grow.
struct Places<'a> {
    sql: &'a str,
    line: u64,
    column: u64,
    at: usize,
}

impl Places<'_> {
    fn of(&mut self, place: Location) -> usize {
        if (place.line, place.column) < (self.line, self.column) {
            (self.line, self.column, self.at) = (1, 1, 0);
        }
        for sign in self.sql[self.at..].chars() {
            if (self.line, self.column) >= (place.line, place.column) {
                break;
            }
            self.at += sign.len_utf8();
            (self.line, self.column) = if sign == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        }
        self.at
    }
}

/// Whether a number begins here. `X'1F'` is none, which the parser takes for `0x1F`.
fn is_number(token: &Token, written: &str) -> bool {
    let begins = |sign: char| sign.is_ascii_digit() || sign == '.';
    matches!(token, Token::Number(..) | Token::HexStringLiteral(_)) && written.starts_with(begins)
}

/// Bytes of a number and of the word that it touches.
fn length(number: &Token, written: &str) -> usize {
    let number = match number {
        Token::Number(digits, _) if written.starts_with(digits.as_str()) => digits.len(),
        _ => 0,
    };
    let is_word = |sign: char| sign.is_alphanumeric() || sign == '_';
    number + written[number..].find(|sign| !is_word(sign)).unwrap_or(written.len() - number)
}

/// A number in plain digits, if it is written otherwise.
fn digits(written: &str) -> Result<Option<String>, Touching> {
    let refused = || Touching::Number(shortened(written));
    let lower = written.to_ascii_lowercase();
    // An underscore stands before a digit.
    if lower.ends_with('_') || lower.contains("__") {
        return Err(refused());
    }
    let plain = lower.replace('_', "");
    let bases = [("0x", 16), ("0o", 8), ("0b", 2)];
    let number = match bases.into_iter().find_map(|(prefix, base)| Some((plain.strip_prefix(prefix)?, base))) {
        Some((digits, base)) => u128::from_str_radix(digits, base).map_err(|_| refused())?.to_string(),
        None if plain.parse::<f64>().is_err() => return Err(refused()),
        None if plain == lower => return Ok(None),
        None => plain,
    };
    // What follows stays in its column.
    Ok(Some(format!("{number:width$}", width = written.len())))
}

/// Which token is the last of texts that stand one below the other, and all of them as one text.
fn texts(tokens: &[TokenWithSpan], start: usize, places: &mut Places) -> Result<(usize, Option<String>), Touching> {
    let sql = places.sql;
    let opened = places.of(tokens[0].span.end);
    let (mut last, mut end, mut more, mut between) = (0, opened, String::new(), String::new());
    loop {
        let behind = &tokens[last + 1..];
        let blanks = behind.iter().take_while(|token| matches!(token.token, Token::Whitespace(_))).count();
        let Some(next) = behind.get(blanks).filter(|next| is_text(&next.token)) else { break };
        let (from, to) = (places.of(next.span.start), places.of(next.span.end));
        let gap = &sql[end..from];
        if !gap.contains(['\n', '\r']) || !sql[from..].starts_with('\'') {
            return Err(Touching::Texts(shortened(&sql[start..to])));
        }
        more += &sql[from + 1..to - 1];
        between += gap;
        (last, end) = (last + blanks + 1, to);
    }
    // What follows stays on its line.
    Ok((last, (last > 0).then(|| format!("{}{more}'{between}", &sql[start..opened - 1]))))
}

fn is_text(token: &Token) -> bool {
    matches!(
        token,
        Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
    )
}

/// As much of it as an error has room for.
fn shortened(written: &str) -> String {
    const SHOWN_MAX: usize = 60;
    shown::line(&written.chars().take(SHOWN_MAX).collect::<String>()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PostgreSQL 16, "Lexical Structure": numbers of other bases, underscores, and texts on several lines.
    #[test]
    fn numbers_and_texts_are_read_as_postgresql_reads_them() {
        for (sql, right) in [
            ("SELECT 0b10, 0o17,0X1f, 0x1F+0B_1", "SELECT 2   , 15  ,31  , 31  +1   "),
            ("SELECT a&0b10=0x_02", "SELECT a&2   =2    "),
            ("SELECT 0xFFFFFFFFFF", "SELECT 1099511627775"),
            ("SELECT 1_000, 1_5.2_5", "SELECT 1000 , 15.25  "),
            ("SELECT 1, 1.5, .5, 1e5, 1E-5, 2. FROM t1", "SELECT 1, 1.5, .5, 1e5, 1E-5, 2. FROM t1"),
            (
                "SELECT X'1F', b'01', '0b10', \"0b10\", a0b10 -- 0b10",
                "SELECT X'1F', b'01', '0b10', \"0b10\", a0b10 -- 0b10",
            ),
            ("SELECT t.x1, $1, a[1:2], 1 a, 1\"b\"", "SELECT t.x1, $1, a[1:2], 1 a, 1\"b\""),
            ("SELECT 'a'\n'b', 0b1", "SELECT 'ab'\n, 1  "),
            ("SELECT 'a''' -- c\n  '''b'\n'' x", "SELECT 'a''''b' -- c\n  \n x"),
            ("SELECT E'\\n'\n'\\n'", "SELECT E'\\n\\n'\n"),
            ("SELECT '\u{e4}',0b11,'\u{20ac}' AS b", "SELECT '\u{e4}',3   ,'\u{20ac}' AS b"),
            ("no 'sql", "no 'sql"),
        ] {
            assert_eq!(apart(sql).as_deref(), Ok(right), "{sql}");
        }
    }

    #[test]
    fn what_touches_is_refused() {
        for wrong in [
            "123abc", "0x", "0x1G", "0b", "0b12", "0o8", "1_", "1__0", "1_a", "1.5x", "1e", "0x1_", "5L", "1\u{e4}",
            "1'a'",
        ] {
            let said = apart(&format!("SELECT {wrong} FROM t")).expect_err(wrong).to_string();
            assert!(said.contains("is no number"), "{wrong}: {said}");
        }
        for wrong in ["'a' 'b'", "'a'  'b'\n'c'", "E'a' 'b'", "'a'\nE'b'", "date '2023-09-14' 'x'"] {
            let said = apart(&format!("SELECT {wrong}")).expect_err(wrong).to_string();
            assert!(said.contains("beside each other"), "{wrong}: {said}");
        }
    }
}
