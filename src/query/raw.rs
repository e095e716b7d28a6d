//! Gzip logs as tables without converting them: the decoder that `convert` uses, behind a stream of batches.
//!
//! The columns are those of the first object with rows of each flow log, whose format never changes, and of some
//! objects beside. An object that has yet another column is an error: it would be left out silently.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::DateTime;
use datafusion::arrow::array::{ArrayRef, Date32Array, Int32Array, Int64Array, StringViewArray, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::PartitionStream;
use tokio::sync::mpsc::Sender;

use super::{Options, QueryError};
use crate::columns::{Chunk, Dictionaries, NULL_INT, NULL_TEXT, Values};
use crate::decode::{self, Decoder, Reject, Sink, Verdict};
use crate::fetch::{self, Budget, Stores};
use crate::reading::decode_object;
use crate::schema::{
    LOG_ACCOUNT, LOG_ID, LOG_LINE, LOG_OBJECT, LOG_REGION, OTHER_FIELDS, PROVENANCE, Table, Unknown, rank,
};
use crate::source::{Object, Store, list_whole};

/// Objects that belong to no flow log by their key, and are opened for their columns.
const LOOSE_OPENED_MAX: usize = 32;

/// Objects of one flow log that are opened until one has rows.
const OPENED_PER_LOG_MAX: usize = 8;

/// Compressed bytes in flight of all partitions together: this share of the session's memory, and never less than so
/// many.
const MEMORY_SHARE: u64 = 4;
const BYTES_IN_FLIGHT_MIN: u64 = 64 << 20;

const SECONDS_PER_DAY: i64 = 86_400;

/// Batches that wait for the query, in each partition.
const BATCHES_WAITING_MAX: usize = 4;

/// What could not be read, of all raw tables of a session.
#[derive(Debug, Default)]
pub(super) struct Unread {
    pub lines: AtomicU64,
    pub objects: AtomicU64,
}

/// The raw tables of a source, with as many partitions as the session has threads.
pub(super) async fn tables(
    store: Store,
    options: &Options,
    unread: &Arc<Unread>,
) -> std::result::Result<Vec<(Table, Arc<dyn TableProvider>)>, QueryError> {
    let objects = list(&store).await?;
    let stores = Stores::new([store]);
    let opened = first_of_each_log(&objects);
    let bytes = usize::try_from((options.memory_bytes / MEMORY_SHARE).max(BYTES_IN_FLIGHT_MIN)).unwrap_or(usize::MAX);
    let budget = Budget::new(fetch::Options { bytes_in_flight_max: bytes, ..fetch::Options::default() });
    let runtime = tokio::runtime::Handle::current();
    let reader = Reader { stores, runtime, budget, unread: Arc::clone(unread), unknown: Unknown::default() };
    let peek = Reader { unread: Arc::default(), ..reader.clone() };
    let columns = tokio::task::spawn_blocking(move || peek.columns(opened)).await.expect("decoding does not panic")?;
    let reader = Reader { unknown: unknown_of(&columns), ..reader };
    let mut tables: Vec<(Table, Arc<dyn TableProvider>)> = Vec::new();
    for (table, columns) in columns {
        let schema = schema_of(table, columns);
        let mut shares: Vec<Vec<Object>> = vec![Vec::new(); options.threads.clamp(1, objects.len().max(1))];
        let share_count = shares.len();
        objects.iter().enumerate().for_each(|(at, object)| shares[at % share_count].push(object.clone()));
        let partition = |objects| {
            let (schema, reader) = (schema.clone(), reader.clone());
            Arc::new(Share { table, schema, objects, reader }) as Arc<dyn PartitionStream>
        };
        let shares = shares.into_iter().map(partition).collect();
        tables.push((table, Arc::new(StreamingTable::try_new(schema.clone(), shares)?)));
    }
    Ok(tables)
}

type Columns = BTreeMap<Table, BTreeMap<String, DataType>>;

/// What readers take for columns: those that were found. If they were too many, every other field is one of the rest;
/// else it has a column of its own, which is an error.
fn unknown_of(found: &Columns) -> Unknown {
    let known = found
        .iter()
        .map(|(&table, columns)| (table, columns.keys().filter(|name| table.field(name).is_none()).cloned().collect()));
    let are_too_many = found.values().any(|columns| columns.contains_key(OTHER_FIELDS));
    Unknown { known: known.collect(), new_per_task: if are_too_many { 0 } else { u32::MAX } }
}

async fn list(store: &Store) -> std::result::Result<Vec<Object>, QueryError> {
    let mut objects = Vec::new();
    let take = |some: Vec<Object>| {
        objects.extend(some);
        Ok::<_, QueryError>(())
    };
    list_whole(store, take).await?;
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(objects)
}

/// The first objects of each flow log; an object of none stands alone.
fn first_of_each_log(objects: &[Object]) -> Vec<Vec<Object>> {
    let mut logs: BTreeMap<&str, Vec<Object>> = BTreeMap::new();
    for object in objects {
        let Some(log) = &object.log_id else { continue };
        let first = logs.entry(log).or_default();
        if first.len() < OPENED_PER_LOG_MAX {
            first.push(object.clone());
        }
    }
    let loose = objects.iter().filter(|object| object.log_id.is_none()).take(LOOSE_OPENED_MAX);
    logs.into_values().chain(loose.map(|object| vec![object.clone()])).collect()
}

fn schema_of(table: Table, columns: BTreeMap<String, DataType>) -> SchemaRef {
    let mut fields: Vec<Field> = columns.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect();
    fields.sort_by_key(|field| rank(table, field.name()));
    let own = PROVENANCE.iter().map(|own| Field::new(own.column, text_as_view(own.kind.data_type()), true));
    fields.extend(own);
    fields.push(Field::new("date", DataType::Date32, true));
    Arc::new(Schema::new(fields))
}

fn text_as_view(kind: DataType) -> DataType {
    if kind == DataType::Utf8 { DataType::Utf8View } else { kind }
}

/// Fetches and decodes objects on a thread of its own.
#[derive(Debug, Clone)]
struct Reader {
    stores: Stores,
    runtime: tokio::runtime::Handle,
    budget: Arc<Budget>,
    unread: Arc<Unread>,
    unknown: Unknown,
}

impl Reader {
    /// Decodes objects one after the other into what `sink` makes of each.
    fn read<S: Sink>(&self, objects: Vec<Object>, mut sink: impl FnMut(&Object) -> S) -> Result<()> {
        let budget = Arc::clone(&self.budget);
        let unknown = self.unknown.clone();
        let mut decoder = Decoder::new(decode::Settings { unknown, ..decode::Settings::default() });
        for (at, body) in fetch::fetch(&self.runtime, self.stores.clone(), objects.clone(), budget) {
            let object = &objects[at];
            let failed = |what: String| DataFusionError::Execution(format!("{}: {what}", object.url));
            let mut sink = sink(object);
            let body = body.map_err(|error| failed(error.to_string()))?;
            let verdict = decode_object(&mut decoder, object, body, None, &mut sink);
            match verdict {
                Ok(Verdict::Decoded(decoded)) => {
                    self.unread.lines.fetch_add(decoded.counts.rejects, Ordering::Relaxed);
                }
                Ok(Verdict::Aside { rows_given: false, .. }) => {
                    self.unread.objects.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Verdict::Aside { reason, .. }) => return Err(failed(reason)),
                Ok(Verdict::Skipped { .. }) => {}
                Err(error) => return Err(failed(error.to_string())),
            }
        }
        Ok(())
    }

    /// The columns of every table. Of each log another object is opened as long as none had rows.
    fn columns(&self, logs: Vec<Vec<Object>>) -> Result<Columns> {
        let (tables, with_rows) = (RefCell::default(), RefCell::new(BTreeSet::new()));
        for turn in 0..OPENED_PER_LOG_MAX {
            let is_open = |log: &&Vec<Object>| !log.iter().any(|object| with_rows.borrow().contains(&object.url));
            let opened: Vec<Object> = logs.iter().filter(is_open).filter_map(|log| log.get(turn)).cloned().collect();
            self.read(opened, |object| Noting { url: object.url.clone(), tables: &tables, with_rows: &with_rows })?;
        }
        Ok(tables.into_inner())
    }
}

/// Notes the columns of one object's chunks.
struct Noting<'a> {
    url: String,
    tables: &'a RefCell<Columns>,
    with_rows: &'a RefCell<BTreeSet<String>>,
}

impl Sink for Noting<'_> {
    fn rows(&mut self, chunk: &Chunk, _dictionaries: &Dictionaries) -> io::Result<()> {
        if chunk.rows() == 0 {
            return Ok(());
        }
        self.with_rows.borrow_mut().insert(self.url.clone());
        let mut tables = self.tables.borrow_mut();
        let columns = tables.entry(chunk.layout.table).or_default();
        for column in &chunk.layout.columns {
            columns.entry(column.name.clone()).or_insert_with(|| text_as_view(column.kind.data_type()));
        }
        Ok(())
    }

    fn reject(&mut self, _reject: Reject) -> io::Result<()> {
        Ok(())
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Some objects of a source, as one partition of a table.
struct Share {
    table: Table,
    schema: SchemaRef,
    objects: Vec<Object>,
    reader: Reader,
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "raw_{}: {} objects", self.table.name(), self.objects.len())
    }
}

impl PartitionStream for Share {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(self.schema.clone(), BATCHES_WAITING_MAX);
        let (out, objects, reader) = (stream.tx(), self.objects.clone(), self.reader.clone());
        let (table, schema) = (self.table, self.schema.clone());
        stream.spawn_blocking(move || {
            let read = reader.read(objects, |object| Rows {
                table,
                schema: schema.clone(),
                object: object.clone(),
                out: out.clone(),
            });
            // Nobody waits for the rest: the query has ended.
            if out.is_closed() { Ok(()) } else { read }
        });
        stream.build()
    }
}

/// Sends the rows of one object as batches.
struct Rows {
    table: Table,
    schema: SchemaRef,
    object: Object,
    out: Sender<Result<RecordBatch>>,
}

impl Sink for Rows {
    fn rows(&mut self, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
        if chunk.layout.table != self.table {
            return Ok(());
        }
        let batch = self.batch(chunk, dictionaries)?;
        self.out.blocking_send(Ok(batch)).map_err(|_| io::Error::other("the query has ended"))
    }

    fn reject(&mut self, _reject: Reject) -> io::Result<()> {
        Ok(())
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Rows {
    fn batch(&self, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<RecordBatch> {
        for column in &chunk.layout.columns {
            if self.schema.index_of(&column.name).is_err() {
                let name = &column.name;
                return Err(io::Error::other(format!("it has a column `{name}` that other objects lack; convert it")));
            }
        }
        let columns = self.schema.fields().iter().map(|field| self.column(field, chunk, dictionaries)).collect();
        RecordBatch::try_new(self.schema.clone(), columns).map_err(io::Error::other)
    }

    fn column(&self, field: &Field, chunk: &Chunk, dictionaries: &Dictionaries) -> ArrayRef {
        let rows = chunk.rows();
        let constant = |text: Option<&str>| -> ArrayRef { Arc::new(StringViewArray::from(vec![text; rows])) };
        match field.name().as_str() {
            LOG_ACCOUNT => return constant(self.object.account.as_deref()),
            LOG_REGION => return constant(self.object.region.as_deref()),
            LOG_ID => return constant(self.object.log_id.as_deref()),
            LOG_OBJECT => return constant(Some(&self.object.url)),
            LOG_LINE => return Arc::new(Int64Array::from(chunk.lines.clone())),
            _ => {}
        }
        let place = |name: &str| chunk.layout.columns.iter().position(|column| column.name == name);
        if field.data_type() == &DataType::Date32 {
            // As in a lake: without a `start` it is the day of the key.
            let of_key = self.object.day.map(|day| (day - DateTime::UNIX_EPOCH.date_naive()).num_days() as i32);
            let day = |start: i64| match start {
                NULL_INT => of_key,
                start => Some(start.div_euclid(SECONDS_PER_DAY) as i32),
            };
            let [starts, _] = chunk.times();
            if starts.is_empty() {
                return Arc::new(Date32Array::from(vec![of_key; rows]));
            }
            return Arc::new(starts.iter().map(|&start| day(start)).collect::<Date32Array>());
        }
        let Some(at) = place(field.name()) else { return new_null_array(field.data_type(), rows) };
        match &chunk.values[at] {
            Values::Text(ids) => {
                let dictionary = dictionaries.get(chunk.slots[at]);
                let text = |&id: &u32| (id != NULL_TEXT).then(|| String::from_utf8_lossy(dictionary.text(id)));
                Arc::new(ids.iter().map(text).collect::<StringViewArray>())
            }
            Values::Int(values) if field.data_type() == &DataType::Int32 => {
                Arc::new(values.iter().map(|&v| (v != NULL_INT).then_some(v as i32)).collect::<Int32Array>())
            }
            Values::Int(values) => {
                Arc::new(values.iter().map(|&v| (v != NULL_INT).then_some(v)).collect::<Int64Array>())
            }
            Values::Array(array) => Arc::clone(array),
        }
    }
}
