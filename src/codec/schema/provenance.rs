//! The columns that flowlake itself adds to every row, the names that the lake's partitions take, and the one list of
//! names that no field of a log may have.

use super::Kind;

/// One provenance column: where a row came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provenance {
    /// The id of its column in Parquet files, in every table.
    pub id: i32,
    /// Its name in the lake.
    pub column: &'static str,
    /// Its type there.
    pub kind: Kind,
    /// What it says, in a few words.
    pub meaning: &'static str,
}

/// The account of the object's key.
pub const LOG_ACCOUNT: &str = "log_account";
/// The region of the object's key.
pub const LOG_REGION: &str = "log_region";
/// The flow log of the object's key.
pub const LOG_ID: &str = "log_id";
/// The object's URL.
pub const LOG_OBJECT: &str = "log_object";
/// The number of the line in the object, from 1.
pub const LOG_LINE: &str = "log_line";

/// Provenance columns in file order, after the columns of the log itself.
pub const PROVENANCE: [Provenance; 5] = [
    Provenance { id: 3, column: LOG_ACCOUNT, kind: Kind::Text, meaning: "account in the object's key" },
    Provenance { id: 4, column: LOG_REGION, kind: Kind::Text, meaning: "region in the object's key" },
    Provenance { id: 5, column: LOG_ID, kind: Kind::Text, meaning: "flow log id (fl-…) in the object's key" },
    Provenance { id: 6, column: LOG_OBJECT, kind: Kind::Text, meaning: "URL of the source object" },
    Provenance {
        id: 7,
        column: LOG_LINE,
        kind: Kind::Int64,
        meaning: "line number in the inflated object, from 1, headers and blank lines counted",
    },
];

/// Hive partition keys. They are directory names and never columns of a file.
pub const PARTITION_KEYS: [&str; 2] = ["date", "hour"];

/// Their ids: a table has them as columns.
pub const PARTITION_IDS: [i32; 2] = [1, 2];

/// The column of a file that holds all fields which have no column of their own, as a JSON object.
pub const OTHER_FIELDS: &str = "other_fields";

/// Its id.
pub const OTHER_FIELDS_ID: i32 = 8;

/// Ids up to this one are for columns of flowlake's own.
pub const OWN_IDS_MAX: i32 = 10;

/// Every name that flowlake gives a meaning of its own: provenance, partition keys, what is computed when a table is
/// read, and [`OTHER_FIELDS`]. A field of a log that has one of them gets [`PREFIX`].
pub const RESERVED: [&str; 10] = [
    LOG_ACCOUNT,
    LOG_REGION,
    LOG_ID,
    LOG_OBJECT,
    LOG_LINE,
    PARTITION_KEYS[0],
    PARTITION_KEYS[1],
    "start_time",
    "end_time",
    OTHER_FIELDS,
];

/// What stands before the column of a field whose name is reserved.
pub const PREFIX: &str = "field_";

/// The column of a field. Two fields share one only if they differ in nothing but `-` and `_`: a field that is called
/// `field-date` gets a prefix too, since the column `field_date` is that of a field `date`.
pub fn column_name(field: &str) -> String {
    let mut column = field.replace('-', "_");
    if RESERVED.contains(&column.trim_start_matches(PREFIX)) {
        column.insert_str(0, PREFIX);
    }
    column
}
