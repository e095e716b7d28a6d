//! One line of values between spaces, those with spaces within in quotes: as load balancers write them.
//!
//! A quote ends a value only where a space or the end of the line follows, and no backslash stands before it: values
//! may hold quotes. What is between the quotes is kept as it stands.

use super::plain::{Fault, Line, NULL, Rules, Value, counted, row_of, text_of};
use crate::schema::{FIELDS_PER_HEADER_MAX, Framing};

/// The values of a line, without its newline; `None` if a quote is not closed.
fn tokens(line: &str) -> Option<Vec<&str>> {
    let mut rest = line.strip_suffix('\r').unwrap_or(line);
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start_matches(' ');
        if rest.is_empty() {
            return Some(tokens);
        }
        let token = match rest.strip_prefix('"') {
            Some(within) => {
                let end = closing(within)?;
                rest = &within[end + 1..];
                &within[..end]
            }
            None => {
                let (token, after) = rest.split_once(' ').unwrap_or((rest, ""));
                rest = after;
                token
            }
        };
        tokens.push(token);
    }
}

/// Where the quote is that ends a value.
fn closing(within: &str) -> Option<usize> {
    within.match_indices('"').map(|(at, _)| at).find(|&at| {
        let is_escaped = within[..at].bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1;
        !is_escaped && matches!(within.as_bytes().get(at + 1), None | Some(b' '))
    })
}

/// Reads a line, without its newline.
pub fn line<'a>(line: &'a [u8], rules: &Rules) -> Line<'a> {
    let text = match text_of(line) {
        Ok(text) => text,
        Err(other) => return other,
    };
    let Some(tokens) = tokens(text) else {
        return Line::Reject(Fault::of_line("line has a quote that is not closed"));
    };
    let layout = rules.layout;
    let Framing::Quoted { fields_min } = layout.table.framing else { unreachable!("the kind has lines with quotes") };
    if tokens.len() < fields_min {
        let reason =
            format!("line has {}, and lines of this log have at least {fields_min}", counted(tokens.len(), "field"));
        return Line::Reject(Fault::of_line(reason));
    }
    if tokens.len() > FIELDS_PER_HEADER_MAX {
        let reason = format!("line has {}; at most {FIELDS_PER_HEADER_MAX} are read", counted(tokens.len(), "field"));
        return Line::Reject(Fault::of_line(reason));
    }
    // The last column is for what the service added since.
    let known = layout.columns.len() - 1;
    if rules.may_be_two && tokens.len() > known {
        return Line::Reject(Fault::of_line(
            "line has more fields than are known, and may be two: gzip members are joined",
        ));
    }
    let (fields, others) = tokens.split_at(tokens.len().min(known));
    let missing = std::iter::repeat_n(NULL, known - fields.len());
    let values = fields.iter().copied().chain(missing).enumerate();
    row_of(values, rules).map_or_else(Line::Reject, |mut row| {
        let names = (known + 1..).map(|number| format!("field_{number}"));
        row.push(Value::others(names.zip(others.iter().copied())));
        Line::Row(row)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_between_spaces_or_in_quotes() {
        let of = |line| tokens(line).unwrap();
        assert_eq!(of("http 1 \"GET / HTTP/1.1\" -"), ["http", "1", "GET / HTTP/1.1", "-"]);
        assert_eq!(of("\"\" \"-\"\r"), ["", "-"]);
        assert_eq!(of("\"a \\\" b\" c"), ["a \\\" b", "c"]);
        assert_eq!(of("\"say \"hi\" to\" x"), ["say \"hi", "to\"", "x"], "a quote before a space ends a value");
        assert_eq!(of("\"h2\",\"http/1.1\" tls"), ["h2\",\"http/1.1", "tls"]);
        assert_eq!(of("  a  b "), ["a", "b"]);
        assert_eq!(tokens("a \"b c"), None);
        assert_eq!(tokens("a \"b\"c d"), None);
    }
}
