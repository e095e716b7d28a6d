//! What a version says of the ledger. Nothing but the ledger decides its bytes, so that two runs which write the same
//! version write the same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde_json::{Value, json};

use super::action::{Action, Add, CommitInfo, Format, MetaData, Note, Protocol, Remove, Txn};
use super::schema::{partition_columns, schema};
use crate::lake::{Added, Changes, DataFile, Entry, Relative, State};
use crate::schema::{Kind, PARTITION_KEYS, Partition, PartitionBy, Table};

/// A writer must know it to write to the table, and no other program does. Readers look at the reader version alone.
const FEATURE: &str = "flowlake";

/// The reader version that every reader knows.
const READER_VERSION: i32 = 1;

/// The writer version from which on features are named.
const WRITER_VERSION: i32 = 7;

/// What a version says of itself in the history of the table.
const ENGINE: &str = concat!("flowlake ", env!("CARGO_PKG_VERSION"));

/// A table of a lake as its Delta log describes it: as the ledger has it through one entry.
#[derive(Debug, Clone)]
pub struct Described {
    table: Table,
    by: PartitionBy,
    app_id: String,
    id: String,
    schema: String,
}

impl Described {
    /// `None` if the lake has no such table.
    pub fn of(state: &State, table: Table) -> Option<Described> {
        let (create, columns) = (state.create.as_ref()?, state.columns.get(&table)?);
        let by = create.partition_by;
        Some(Described {
            table,
            by,
            app_id: app_id(&create.lake_id),
            id: id(&create.lake_id, table),
            schema: schema(table, columns, by),
        })
    }

    /// The name under which flowlake notes how far it has come: that of this lake, so that a log which was copied into
    /// another lake is not taken for its own.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// Names the schema.
    pub fn schema_name(&self) -> String {
        blake3::hash(self.schema.as_bytes()).to_hex()[..16].to_owned()
    }

    /// The actions of a version that carries the ledger through the entry of number `through`.
    pub fn version(&self, through: u64, entry: &Entry, of: Version<'_>) -> Vec<Action> {
        let at = milliseconds(entry);
        let note = Note { schema: self.schema_name(), entry: entry.nonce.clone(), foreign: of.foreign };
        let info = CommitInfo {
            timestamp: at,
            operation: of.operation.to_owned(),
            operation_parameters: json!({}),
            engine_info: ENGINE.to_owned(),
            flowlake: note,
        };
        let txn = Txn { app_id: self.app_id.clone(), version: through as i64, last_updated: Some(at) };
        let mut actions = vec![info.into()];
        if of.describes {
            actions.extend([self.protocol().into(), self.meta_data().into()]);
        }
        actions.push(txn.into());
        actions.extend(of.edits.removed.iter().map(|removed| {
            let Removed { path, deletion_vector, is_change } = removed.clone();
            Action::from(Remove { path, deletion_timestamp: Some(at), data_change: is_change, deletion_vector })
        }));
        actions.extend(self.adds(of.edits, at).map(Action::from));
        actions
    }

    /// What edits add, as actions.
    pub fn adds<'a>(&'a self, edits: &'a Edits, at: i64) -> impl Iterator<Item = Add> + 'a {
        edits.added.iter().filter_map(move |added| self.add(added, at))
    }

    /// What changes of all tables are to this one.
    pub fn edits(&self, changes: Changes) -> Edits {
        let added = changes.added.into_values().filter(|added| added.file.table == self.table).collect();
        let removed = changes.removed.into_iter().filter_map(|(name, is_change)| {
            Some(Removed { path: self.path(&name)?, deletion_vector: None, is_change })
        });
        Edits { added, removed: removed.collect() }
    }

    fn protocol(&self) -> Protocol {
        Protocol {
            min_reader_version: READER_VERSION,
            min_writer_version: WRITER_VERSION,
            writer_features: Some(vec![FEATURE.to_owned()]),
        }
    }

    fn meta_data(&self) -> MetaData {
        MetaData {
            id: self.id.clone(),
            name: Some(self.table.name().to_owned()),
            format: Format { provider: "parquet".to_owned(), options: BTreeMap::new() },
            schema_string: self.schema.clone(),
            partition_columns: partition_columns(self.by).iter().map(|&name| name.to_owned()).collect(),
            configuration: BTreeMap::new(),
            created_time: None,
        }
    }

    fn add(&self, Added { file, is_new }: &Added, at: i64) -> Option<Add> {
        Some(Add {
            path: self.path(&file.path)?,
            partition_values: self.partition_values(file),
            size: file.bytes as i64,
            modification_time: at,
            data_change: *is_new,
            stats: Some(stats(file)),
            deletion_vector: None,
        })
    }

    /// A file's name below the table's folder; `None` of what lies elsewhere. No character of our names is escaped in
    /// a URL.
    pub fn path(&self, name: &Relative) -> Option<String> {
        name.strip_prefix(self.table.name())?.strip_prefix('/').map(str::to_owned)
    }

    fn partition_values(&self, file: &DataFile) -> BTreeMap<String, Option<String>> {
        let partition: Option<Partition> = file.partition.parse().ok();
        let date = partition.and_then(|partition| partition.date).map(|date| date.to_string());
        let hour = partition.and_then(|partition| partition.hour.number()).map(|hour| hour.to_string());
        let values = PARTITION_KEYS.iter().map(|&key| key.to_owned()).zip([date, hour]);
        values.take(partition_columns(self.by).len()).collect()
    }

    /// What is to be added and removed so that a table of the files `there`, which are keyed as in a
    /// [`Snapshot`](super::Snapshot), has those that are live.
    pub fn difference(&self, there: &BTreeMap<String, Add>, live: Vec<DataFile>) -> Edits {
        let mut edits = Edits::default();
        let mut wanted = BTreeSet::new();
        for file in live.into_iter().filter(|file| file.table == self.table) {
            let Some(path) = self.path(&file.path) else { continue };
            if !there.get(&path).is_some_and(|add| self.is_of(add, &file)) {
                edits.added.push(Added { file, is_new: true });
            }
            wanted.insert(path);
        }
        let surplus = there.iter().filter(|(key, _)| !wanted.contains(*key));
        edits.removed = surplus.map(|(_, add)| Removed::of(add)).collect();
        edits
    }

    /// Whether what is said of a file is what the ledger says.
    pub fn is_of(&self, add: &Add, file: &DataFile) -> bool {
        let (size, rows) = (file.bytes as i64, file.rows);
        add.deletion_vector.is_none()
            && add.size == size
            && add.partition_values == self.partition_values(file)
            && rows_of(add) == Some(rows)
    }
}

/// What a version says besides how far it goes.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// What was done, in a word of Delta's.
    pub operation: &'a str,
    /// Whether it says what the table is: the first one, and one with other columns.
    pub describes: bool,
    /// The oldest version of another writer that changed the table.
    pub foreign: Option<u64>,
    /// What becomes of the table's files.
    pub edits: &'a Edits,
}

/// What becomes of the files of one table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edits {
    /// Files that become part of it.
    pub added: Vec<Added>,
    /// Files that are part of it no more.
    pub removed: Vec<Removed>,
}

/// A file that is part of a table no more. Others may have added what is no name in a lake.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// As it was added.
    pub path: String,
    /// As it was added.
    pub deletion_vector: Option<Value>,
    /// Whether rows go with it.
    pub is_change: bool,
}

impl Removed {
    fn of(add: &Add) -> Removed {
        Removed { path: add.path.clone(), deletion_vector: add.deletion_vector.clone(), is_change: true }
    }
}

impl Edits {
    /// Whether nothing becomes of any file.
    pub fn is_nothing(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// The rows that an action to add a file speaks of.
pub fn rows_of(add: &Add) -> Option<u64> {
    let stats: serde_json::Value = serde_json::from_str(add.stats.as_deref()?).ok()?;
    stats.get("numRecords")?.as_u64()
}

/// Rows always, bounds where they are known: readers take a bound that is null for something else.
fn stats(file: &DataFile) -> String {
    let start = file.table.start;
    let is_number = file.columns.get(start).is_some_and(|kind| matches!(kind, Kind::Seconds | Kind::Int64));
    match (file.start_min, file.start_max) {
        (Some(min), Some(max)) if is_number => {
            json!({ "numRecords": file.rows, "minValues": { start: min }, "maxValues": { start: max } })
        }
        _ => json!({ "numRecords": file.rows }),
    }
    .to_string()
}

fn milliseconds(entry: &Entry) -> i64 {
    DateTime::parse_from_rfc3339(&entry.at).map_or(0, |at| at.timestamp_millis())
}

fn app_id(lake_id: &str) -> String {
    format!("flowlake/{lake_id}")
}

fn id(lake_id: &str, table: Table) -> String {
    let hash = blake3::hash(format!("{lake_id}/{}", table.name()).as_bytes());
    let bytes: [u8; 16] = hash.as_bytes()[..16].try_into().expect("a hash has 32 bytes");
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
