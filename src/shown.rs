//! Texts from keys, logs and ledgers as people see them: nothing in them moves a terminal's cursor or passes for
//! another line.

use std::borrow::Cow;

/// A text as one line: control characters, line feeds among them, and marks that turn or hide text are shown as
/// escapes.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// As [`line()`] for a message of our own that has several lines: line feeds stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_hidden(c))
}

fn escaped(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Control characters, other line ends, and marks that turn the direction of writing or take no room, with which a
/// value could look like another.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text in lines of at most `width` columns; a word that is longer has a line of its own.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_wrapped_at_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a wordthatislong b", 5), ["a", "wordthatislong", "b"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn what_would_act_is_shown() {
        assert_eq!(line("logs/é 日本.gz"), "logs/é 日本.gz");
        assert!(matches!(line("plain"), Cow::Borrowed(_)));
        assert_eq!(line("a\u{1b}[31m\nb\r\t\u{9b}1A\u{7f}\0"), "a\\u{1b}[31m\\nb\\r\\t\\u{9b}1A\\u{7f}\\u{0}");
        assert_eq!(line("\u{202e}gz.exe\u{2028}"), "\\u{202e}gz.exe\\u{2028}");
        assert_eq!(lines("one\n  two\u{1b}"), "one\n  two\\u{1b}");
    }
}
