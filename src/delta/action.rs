//! The actions of which a Delta log consists, as the protocol spells them: those that flowlake writes, and as much of
//! those of others as it must know.
//!
//! <https://github.com/delta-io/delta/blob/master/PROTOCOL.md>

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A line of a version, or a row of a checkpoint: one of these is there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Who made the version, and how. Others write into it what they like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_info: Option<Value>,
    /// Which features a reader and a writer must know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// What the table is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta_data: Option<MetaData>,
    /// How far a writer has come in a log of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub txn: Option<Txn>,
    /// A data file is part of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add: Option<Add>,
    /// A data file is part of it no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove: Option<Remove>,
}

/// Who made a version of flowlake's.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitInfo {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// What was done, in a word.
    pub operation: String,
    /// What a reader of the table's history is shown beside it.
    pub operation_parameters: Value,
    /// Program and version.
    pub engine_info: String,
    /// What flowlake notes for itself.
    pub flowlake: Note,
}

/// What flowlake notes for itself in each of its versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Names the schema that the table has from this version on.
    pub schema: String,
    /// The nonce of the ledger's entry through which the version goes: that of another ledger is another one.
    #[serde(default)]
    pub entry: String,
    /// The oldest version of another writer that changed the table and was not repaired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<u64>,
}

/// Which features a reader and a writer must know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Protocol {
    /// A reader of an older version must not read the table.
    pub min_reader_version: i32,
    /// A writer of an older version must not write to it.
    pub min_writer_version: i32,
    /// From writer version 7 on: a writer that does not know one of these must not write to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer_features: Option<Vec<String>>,
}

/// What the table is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetaData {
    /// A UUID.
    pub id: String,
    /// For people.
    #[serde(default)]
    pub name: Option<String>,
    /// Of the data files.
    pub format: Format,
    /// The columns, as JSON.
    pub schema_string: String,
    /// The columns that stand in names of folders.
    #[serde(default, deserialize_with = "null_is_none")]
    pub partition_columns: Vec<String>,
    /// Properties of the table.
    #[serde(default, deserialize_with = "null_is_none")]
    pub configuration: BTreeMap<String, String>,
    /// Milliseconds since 1970. Flowlake leaves it out: it would change with each schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_time: Option<i64>,
}

/// The format of data files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// `parquet`.
    pub provider: String,
    /// None.
    #[serde(default, deserialize_with = "null_is_none")]
    pub options: BTreeMap<String, String>,
}

/// How far a writer has come in a log of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Txn {
    /// Names the writer's log.
    pub app_id: String,
    /// The last entry of it that the table has.
    pub version: i64,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<i64>,
}

/// A data file is part of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Add {
    /// Below the table's folder.
    pub path: String,
    /// By partition column; `None` is null.
    #[serde(default, deserialize_with = "null_is_none")]
    pub partition_values: BTreeMap<String, Option<String>>,
    /// Bytes.
    pub size: i64,
    /// Milliseconds since 1970.
    pub modification_time: i64,
    /// Whether rows came with it that the table did not have.
    pub data_change: bool,
    /// Rows and bounds, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<String>,
    /// Rows of the file that another program took out of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_vector: Option<Value>,
}

/// A data file is part of the table no more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remove {
    /// Below the table's folder.
    pub path: String,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<i64>,
    /// Whether rows went with it.
    pub data_change: bool,
    /// That of the file as it was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_vector: Option<Value>,
}

/// A file of a table is known by its path, and by which of its rows were taken out.
pub fn file_key(path: &str, deletion_vector: Option<&Value>) -> String {
    deletion_vector.map_or_else(|| path.to_owned(), |vector| format!("{path} without {vector}"))
}

/// Some writers say null where nothing is.
fn null_is_none<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Action {
    /// What flowlake noted, if it made the version.
    pub fn note(&self) -> Option<Note> {
        let note = self.commit_info.as_ref()?.get("flowlake")?;
        serde_json::from_value(note.clone()).ok()
    }

    /// Whether it changes what a reader of the table sees: a writer may note things about itself.
    pub fn is_of_table(&self) -> bool {
        self.protocol.is_some() || self.meta_data.is_some() || self.add.is_some() || self.remove.is_some()
    }
}

macro_rules! action_of {
    ($($kind:ident $field:ident),+) => {
        $(impl From<$kind> for Action {
            fn from($field: $kind) -> Action {
                Action { $field: Some($field), ..Action::default() }
            }
        })+
    };
}

impl From<CommitInfo> for Action {
    fn from(info: CommitInfo) -> Action {
        let commit_info = serde_json::to_value(info).expect("it is plain data");
        Action { commit_info: Some(commit_info), ..Action::default() }
    }
}

action_of!(Protocol protocol, MetaData meta_data, Txn txn, Add add, Remove remove);

/// The bytes of a version: a line an action.
pub fn encode(actions: &[Action]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for action in actions {
        serde_json::to_writer(&mut bytes, action).expect("an action is plain data");
        bytes.push(b'\n');
    }
    bytes
}

/// The actions of a version.
pub fn decode(bytes: &[u8]) -> Result<Vec<Action>, serde_json::Error> {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(serde_json::from_slice).collect()
}
