//! Which line is a header: what it names, and where it stands.
//!
//! A header changes what every line after it means, and values can look like names: tags are free text. So a header is
//! proven, and a line that is not is a row, or a reject. A reject that resembles a header may be one: what the lines
//! after it mean is not known.
//!
//! Beside field names alone, a header has:
//! - as the first line of an object, without `--format`: documented names alone; or half of its names are documented,
//!   and `start`, `end` or five are among them; or as anywhere else.
//! - as the first line, where it cannot be a row of `--format`: the same, or the names of the format.
//! - as the first line, where it can be a row of `--format`: the names of the format; or at least three names, all
//!   documented; or as anywhere else.
//! - as the first line of a later gzip member: the names in force; or `start`, `end` or two other documented ones.
//! - as the same, where it can be a row: the names in force; or at least two names, all documented; or as anywhere
//!   else.
//! - anywhere else: the names in force; or `start`, `end` and three other documented ones.

use std::collections::BTreeSet;

use super::layout::is_field_name;
use super::table::documented;
use super::{Kind, Layout};

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// No layout is in force yet. With the layout of `--format`, if there is one.
    First(Option<&'a Layout>),
    /// It begins a gzip member, as where whole objects were joined. With the layout in force.
    Member(&'a Layout),
    /// With the layout in force.
    Middle(&'a Layout),
}

/// Documented names that one line would hardly have as values, all at once.
const MANY: usize = 5;

/// Names of a line that may be a row too, which together prove that it is none.
const ALL_DOCUMENTED_MIN: usize = 3;

/// Documented names of a line that begins a gzip member, or of one that resembles a header.
const FEW: usize = 2;

/// What some programs write before a text, to say that it is UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The tokens of a line as the names of a header: a byte order mark belongs to none.
pub fn names(mut tokens: Vec<&str>) -> Vec<&str> {
    if let Some(first) = tokens.first_mut() {
        *first = first.strip_prefix(BYTE_ORDER_MARK).unwrap_or(first);
    }
    tokens
}

/// Whether a line that is neither a header nor a row resembles a header of as many fields as the one in force: whatever
/// stands between the names, and in whatever case they are written, half of them are documented.
pub fn resembles_header(line: &str, layout: &Layout) -> bool {
    let is_between = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '#' | BYTE_ORDER_MARK);
    let tokens = line.split(is_between).filter(|token| !token.is_empty()).map(str::to_ascii_lowercase);
    let (mut count, mut named) = (0, BTreeSet::new());
    for token in tokens {
        count += 1;
        named.extend(documented(&token).map(|field| field.log));
    }
    count == layout.fields() && named.len() >= FEW && named.len() * 2 >= count
}

/// Whether the tokens of a line are a header.
pub fn is_header(tokens: &[&str], place: Place) -> bool {
    if tokens.is_empty() || !tokens.iter().all(|token| is_field_name(token)) {
        return false;
    }
    let named: BTreeSet<&str> = tokens.iter().filter_map(|token| documented(token)).map(|field| field.log).collect();
    let (count, has_start, has_end) = (named.len(), named.contains("start"), named.contains("end"));
    let is_all = count == tokens.len();
    let is_appended = has_start && has_end && count >= MANY;
    let is_half = count * 2 >= tokens.len();
    let is_first = is_all || is_appended || is_half && (has_start || has_end || count >= MANY);
    match place {
        Place::First(None) => is_first,
        Place::First(Some(format)) => {
            let is_more = match may_be_row(tokens, format) {
                true => is_appended || is_all && count >= ALL_DOCUMENTED_MIN,
                false => is_first,
            };
            is_more || format.is_named(tokens)
        }
        Place::Member(layout) => {
            let is_more = match may_be_row(tokens, layout) {
                true => is_appended || is_all && count >= FEW,
                false => has_start || has_end || count >= FEW,
            };
            is_more || layout.is_named(tokens)
        }
        Place::Middle(layout) => is_appended || layout.is_named(tokens),
    }
}

/// Whether a header in which gzip members begin is one line that they cut, and not the end of a line and a header
/// behind it: its names are those in force, or all of them are documented and no two are the same.
pub fn is_one_header(names: &[&str], layout: Option<&Layout>) -> bool {
    let distinct: BTreeSet<&str> = names.iter().filter_map(|name| documented(name)).map(|field| field.log).collect();
    distinct.len() == names.len() || layout.is_some_and(|layout| layout.is_named(names))
}

/// Names begin with a letter, so that they are values of texts alone.
fn may_be_row(tokens: &[&str], layout: &Layout) -> bool {
    tokens.len() == layout.fields() && layout.columns.iter().all(|column| column.kind == Kind::Text)
}
