//! The columns that flowlake itself adds to every row, and the names that the lake's partitions take.

use super::Kind;

/// One provenance column: where a row came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provenance {
    pub column: &'static str,
    pub kind: Kind,
    pub meaning: &'static str,
}

/// Provenance columns in file order, after the columns of the log itself.
pub const PROVENANCE: [Provenance; 5] = [
    Provenance { column: "log_account", kind: Kind::Text, meaning: "account in the object's key" },
    Provenance { column: "log_region", kind: Kind::Text, meaning: "region in the object's key" },
    Provenance { column: "log_id", kind: Kind::Text, meaning: "flow log id (fl-…) in the object's key" },
    Provenance { column: "log_object", kind: Kind::Text, meaning: "URL of the source object" },
    Provenance {
        column: "log_line",
        kind: Kind::Int64,
        meaning: "line number in the inflated object, from 1, headers and blank lines counted",
    },
];

/// Hive partition keys. They are directory names and never columns of a file.
pub const PARTITION_KEYS: [&str; 2] = ["date", "hour"];

/// Whether a log field may not use `column`, because flowlake does.
pub fn is_own(column: &str) -> bool {
    PARTITION_KEYS.contains(&column) || PROVENANCE.iter().any(|own| own.column == column)
}
