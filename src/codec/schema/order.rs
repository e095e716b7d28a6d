//! The order of columns, in files, tables and statements alike.

use super::fields::place;
use super::{FIELDS, PROVENANCE};

/// Documented fields in AWS's order, then all others, then flowlake's own. Those of one place are ordered by name.
pub fn rank(column: &str) -> usize {
    let own = || PROVENANCE.iter().position(|own| own.column == column).map(|at| FIELDS.len() + 1 + at);
    place(column).or_else(own).unwrap_or(FIELDS.len())
}
