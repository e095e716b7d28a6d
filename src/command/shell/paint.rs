//! The colours of SQL while it is typed.

use super::tokens::{TokenKind, tokens};

/// Words that are coloured; those that are columns of flow logs are not.
const KEYWORDS: &str = "\
    ALL AND ANTI ANY AS ASC BETWEEN BY CASE CAST CROSS CUBE DESC DESCRIBE DISTINCT ELSE END EXCEPT EXCLUDE \
    EXISTS EXPLAIN EXTRACT FALSE FILTER FIRST FOLLOWING FROM FULL GROUP HAVING ILIKE IN INNER INTERSECT \
    INTERVAL IS JOIN LAST LATERAL LEFT LIKE LIMIT NATURAL NOT NULL NULLS OFFSET ON OR ORDER OUTER OVER \
    PARTITION PRECEDING QUALIFY RIGHT ROLLUP SELECT SEMI SHOW THEN TIMESTAMP TRUE UNBOUNDED UNION USING \
    VALUES WHEN WHERE WITH";

const KEYWORD: &str = "\x1b[1;34m";
const TEXT: &str = "\x1b[32m";
const NUMBER: &str = "\x1b[36m";
const COMMENT: &str = "\x1b[2m";
const COMMAND: &str = "\x1b[35m";
const PLAIN: &str = "\x1b[0m";

/// The same text with the colours of a terminal.
pub(super) fn painted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() * 2);
    let mut rest = text;
    // A command is one colour, and only the statement of `\explain` looks like one.
    if text.trim_start().starts_with('\\') {
        let word = text.len() - text.trim_start().len();
        let end = text[word..].find(char::is_whitespace).map_or(text.len(), |at| word + at);
        shown += &format!("{COMMAND}{}{PLAIN}", &text[..end]);
        rest = &text[end..];
    }
    for token in tokens(rest) {
        let part = &rest[token.at];
        let colour = match token.kind {
            TokenKind::Word if is_keyword(part) => KEYWORD,
            TokenKind::Text => TEXT,
            TokenKind::Number => NUMBER,
            TokenKind::Comment => COMMENT,
            _ => "",
        };
        if colour.is_empty() {
            shown += part;
        } else {
            // Each line by itself, since the editor draws them apart.
            let lines: Vec<String> = part.split('\n').map(|line| format!("{colour}{line}{PLAIN}")).collect();
            shown += &lines.join("\n");
        }
    }
    shown
}

fn is_keyword(word: &str) -> bool {
    KEYWORDS.split(' ').any(|keyword| keyword.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_texts_numbers_and_comments_have_colours() {
        assert_eq!(
            painted("select x, 'from' from t -- 1"),
            "\x1b[1;34mselect\x1b[0m x, \x1b[32m'from'\x1b[0m \x1b[1;34mfrom\x1b[0m t \x1b[2m-- 1\x1b[0m"
        );
        assert_eq!(painted("\\rows 10"), "\x1b[35m\\rows\x1b[0m \x1b[36m10\x1b[0m");
        assert_eq!(painted("'a\nb"), "\x1b[32m'a\x1b[0m\n\x1b[32mb\x1b[0m");
    }
}
