//! Which line is a header: what it names, and where it stands.
//!
//! A header changes what every line after it means, and values can look like names: tags are free text. So a header is
//! proven, and a line that is not is a row, or a reject.
//!
//! | where the line stands | beside field names alone, a header has |
//! |---|---|
//! | first of an object, and no `--format` | documented names alone; or half of its names are, and `start`, `end` or five are among them; or as anywhere else |
//! | first, and it cannot be a row of `--format` | the same, or the names of the format |
//! | first, and it can be a row of `--format` | the names of the format; or at least three names, all documented; or as anywhere else |
//! | first of a later gzip member | the names in force; or `start`, `end` or two other documented ones |
//! | anywhere else | the names in force; or `start`, `end` and three other documented ones |

use std::collections::BTreeSet;

use super::fields::documented;
use super::layout::is_field_name;
use super::{Kind, Layout};

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// No layout is in force yet. With the layout of `--format`, if there is one.
    First(Option<&'a Layout>),
    /// Its first byte is the first of a gzip member, as where whole objects were joined. With the layout in force.
    Member(&'a Layout),
    /// With the layout in force.
    Middle(&'a Layout),
}

/// Documented names that one line would hardly have as values, all at once.
const MANY: usize = 5;

/// Names of a line that may be a row too, which together prove that it is none.
const ALL_DOCUMENTED_MIN: usize = 3;

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
        Place::Member(layout) => has_start || has_end || count >= 2 || layout.is_named(tokens),
        Place::Middle(layout) => is_appended || layout.is_named(tokens),
    }
}

/// Names begin with a letter, so that they are values of texts alone.
fn may_be_row(tokens: &[&str], layout: &Layout) -> bool {
    tokens.len() == layout.fields() && layout.columns.iter().all(|column| column.kind == Kind::Text)
}
