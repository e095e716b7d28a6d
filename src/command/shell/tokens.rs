//! SQL as it is typed, cut into words, texts, numbers and comments: enough to colour it and to see where it ends.
//!
//! Unlike the engine's parser it takes a statement that is not whole yet. Texts and comments are as in the engine's
//! dialect: `'it''s'`, `E'it\'s'`, `"a name"`, `-- to the end of the line`, `/* over lines, /* nested */ */`.

use std::ops::Range;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Space,
    Word,
    Number,
    /// In `'`.
    Text,
    /// In `"`.
    Name,
    Comment,
    /// The semicolon that ends a statement.
    End,
    Sign,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: TokenKind,
    /// Bytes of the text.
    pub at: Range<usize>,
    /// Whether it goes on behind the end of what was typed.
    pub is_open: bool,
}

/// The tokens of a text, without gaps between them, cut as they are asked for.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = text[start..].chars().next()?;
        let (kind, length, is_open) = token(&text[start..], first);
        let at = start..start + length;
        start = at.end;
        Some(Token { kind, at, is_open })
    })
}

/// The kind and the length in bytes of the token with which `text` begins, and whether it is open.
fn token(text: &str, first: char) -> (TokenKind, usize, bool) {
    let run = |is_part: fn(char) -> bool| text.find(|c| !is_part(c)).unwrap_or(text.len());
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    match first {
        '\'' => quoted(text, 1, '\'', false, TokenKind::Text),
        '"' => quoted(text, 1, '"', false, TokenKind::Name),
        'e' | 'E' if text[1..].starts_with('\'') => quoted(text, 2, '\'', true, TokenKind::Text),
        '-' if text.starts_with("--") => (TokenKind::Comment, text.find('\n').unwrap_or(text.len()), false),
        '/' if text.starts_with("/*") => comment(text),
        ';' => (TokenKind::End, 1, false),
        c if c.is_whitespace() => (TokenKind::Space, run(char::is_whitespace), false),
        c if c.is_ascii_digit() => (TokenKind::Number, run(|c| c.is_ascii_alphanumeric() || c == '.'), false),
        c if is_word(c) => (TokenKind::Word, run(|c| c.is_alphanumeric() || c == '_' || c == '$'), false),
        c => (TokenKind::Sign, c.len_utf8(), false),
    }
}

/// A text behind `open` bytes, up to its closing quote; a doubled quote is one of the text.
fn quoted(text: &str, open: usize, quote: char, has_escapes: bool, kind: TokenKind) -> (TokenKind, usize, bool) {
    let mut rest = text[open..].char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        if has_escapes && c == '\\' {
            rest.next();
        } else if c == quote && rest.next_if(|(_, next)| *next == quote).is_none() {
            return (kind, open + at + 1, false);
        }
    }
    (kind, text.len(), true)
}

fn comment(text: &str) -> (TokenKind, usize, bool) {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return (TokenKind::Comment, at, false);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    (TokenKind::Comment, text.len(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(TokenKind, &str)> {
        tokens(text).filter(|t| t.kind != TokenKind::Space).map(|t| (t.kind, &text[t.at])).collect()
    }

    #[test]
    fn texts_and_comments_are_whole() {
        use TokenKind::{Comment, End, Name, Number, Sign, Text, Word};
        assert_eq!(
            shown("SELECT 'it''s;', \"a;\", 1.5e3 -- c;\n/* a /* ; */ b */;é"),
            [
                (Word, "SELECT"),
                (Text, "'it''s;'"),
                (Sign, ","),
                (Name, "\"a;\""),
                (Sign, ","),
                (Number, "1.5e3"),
                (Comment, "-- c;"),
                (Comment, "/* a /* ; */ b */"),
                (End, ";"),
                (Word, "é")
            ]
        );
        assert_eq!(shown(r"E'it\'s' 'a\'"), [(Text, r"E'it\'s'"), (Text, r"'a\'")]);
    }

    #[test]
    fn what_is_not_closed_is_open() {
        for text in ["'a", "'a''", "E'a\\'", "\"a", "/* a /* b */", "/*", "'日本"] {
            let tokens: Vec<Token> = tokens(text).collect();
            assert!(tokens.len() == 1 && tokens[0].is_open, "{text}: {tokens:?}");
        }
        assert!(tokens("SELECT 'a' -- b").all(|token| !token.is_open));
    }

    #[test]
    fn no_byte_is_lost() {
        for text in ["", "日本 'x", "a$b $top::int", "\u{a0}\t'\\", "1..2;;", "/*/ */"] {
            assert_eq!(tokens(text).map(|token| &text[token.at]).collect::<String>(), text);
        }
    }
}
