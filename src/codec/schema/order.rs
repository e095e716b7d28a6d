//! The order of columns, in files, tables and statements alike.

use super::{PROVENANCE, Table};

/// Documented fields in AWS's order, then all others, then flowlake's own. Those of one place are ordered by name.
pub fn rank(table: Table, column: &str) -> usize {
    let fields = || table.all_fields();
    let own = || PROVENANCE.iter().position(|own| own.column == column).map(|at| fields().count() + 1 + at);
    fields().position(|field| field.is_named(column)).or_else(own).unwrap_or_else(|| fields().count())
}
