//! One table of a lake for DataFusion: files, partitions and bounds as the ledger names them. Nothing is listed.
//!
//! A filter on partition keys alone is answered here, exactly. Every other filter leaves out the files whose bounds of
//! `start` rule it out, and then goes to the Parquet reader for row groups, pages and rows.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Datelike;
use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, TimestampMicrosecondArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, DFSchema, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::scalar::ScalarValue;
use futures::future::{BoxFuture, ready};
use object_store::ObjectMeta;

use crate::columns::MICROS_PER_SECOND;
use crate::functions::truths::within;
use crate::lake::{DataFile, Lake};
use crate::schema::{Kind, PARTITION_KEYS, Partition, Table, rank};

/// Days from the first day of the proleptic Gregorian calendar to 1970-01-01, as chrono counts.
const EPOCH_DAYS_FROM_CE: i32 = 719_163;

/// Columns from which on a table is a very wide one: its view is made for each scan, and its files have no statistics.
/// A lake that this program wrote alone has fewer.
pub(super) const COLUMNS_MIN_OF_WIDE: usize = 1_024;

/// Bytes at the end of a file that are fetched at once, so that the footer comes with the first request.
const FOOTER_BYTES_HINT: usize = 128 << 10;

/// What scans found to read, for `--explain`: noted only while somebody asks, or a long session would gather notes
/// forever.
#[derive(Debug, Clone, Default)]
pub(super) struct Scans(Arc<Mutex<Option<Vec<String>>>>);

impl Scans {
    /// Begins anew. Notes are taken until the value is dropped.
    pub fn listen(&self) -> Listening {
        *self.lock() = Some(Vec::new());
        Listening(self.clone())
    }

    fn note(&self, note: impl FnOnce() -> String) {
        if let Some(notes) = self.lock().as_mut() {
            notes.push(note());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Listening(Scans);

impl Listening {
    pub fn notes(&self) -> Vec<String> {
        self.0.lock().clone().unwrap_or_default()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

#[derive(Debug)]
pub(super) struct LakeTable {
    table: Table,
    schema: TableSchema,
    files: Arc<[DataFile]>,
    partitions: RecordBatch,
    lake: Lake,
    scans: Scans,
}

impl LakeTable {
    /// `files` are of one table.
    pub fn new(lake: &Lake, table: Table, mut files: Vec<DataFile>, scans: Scans) -> Result<LakeTable> {
        files.sort_by(|a, b| (&a.partition, a.start_min, &a.path).cmp(&(&b.partition, b.start_min, &b.path)));
        let columns: BTreeMap<&str, Kind> =
            files.iter().flat_map(|file| file.columns.iter().map(|(name, &kind)| (name.as_str(), kind))).collect();
        let mut fields: Vec<Field> =
            columns.into_iter().map(|(name, kind)| Field::new(name, read_as(kind), true)).collect();
        fields.sort_by_cached_key(|field| rank(table, field.name()));
        let by_hour = files.iter().any(|file| file.partition.parse::<Partition>().is_ok_and(|of| of.is_by_hour()));
        let [date, hour] = PARTITION_KEYS;
        let mut keys = vec![Arc::new(Field::new(date, DataType::Date32, true))];
        if by_hour {
            keys.push(Arc::new(Field::new(hour, DataType::Int32, true)));
        }
        let values: Vec<Vec<ScalarValue>> = files.iter().map(|file| partition_values(file, by_hour)).collect();
        let column = |key: usize| {
            let of_key: Vec<ScalarValue> = values.iter().map(|values| values[key].clone()).collect();
            ScalarValue::iter_to_array(of_key)
        };
        let arrays = (0..keys.len()).map(column).collect::<Result<Vec<ArrayRef>>>()?;
        let partitions = RecordBatch::try_new(Arc::new(Schema::new(keys.clone())), arrays)?;
        let schema = TableSchema::builder(Arc::new(Schema::new(fields))).with_table_partition_cols(keys).build();
        Ok(LakeTable { table, schema, files: files.into(), partitions, lake: lake.clone(), scans })
    }

    /// The same table with some of its columns alone.
    pub fn with_columns(&self, is_wanted: impl Fn(&str) -> bool) -> LakeTable {
        let fields = self.schema.file_schema().fields();
        let fields: Vec<_> = fields.iter().filter(|field| is_wanted(field.name())).cloned().collect();
        let keys = self.schema.table_partition_cols().clone();
        LakeTable {
            table: self.table,
            schema: TableSchema::builder(Arc::new(Schema::new(fields))).with_table_partition_cols(keys).build(),
            files: Arc::clone(&self.files),
            partitions: self.partitions.clone(),
            lake: self.lake.clone(),
            scans: self.scans.clone(),
        }
    }

    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).fold(0, u64::saturating_add)
    }

    /// The least and greatest `start` of the table.
    pub fn starts(&self) -> Option<(i64, i64)> {
        let least = self.files.iter().filter_map(|file| file.start_min).min()?;
        Some((least, self.files.iter().filter_map(|file| file.start_max).max()?))
    }

    /// Indices of the files that may hold rows for `filters`.
    fn prune(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<usize>> {
        let mut kept = vec![true; self.files.len()];
        let (exact, bounds): (Vec<&Expr>, Vec<&Expr>) =
            filters.iter().map(within).partition(|filter| is_of_partition(filter));
        if let Some(filter) = conjunction(exact.into_iter().cloned()) {
            let schema = DFSchema::try_from(self.partitions.schema())?;
            let found = state.create_physical_expr(filter, &schema)?.evaluate(&self.partitions)?;
            let found = found.into_array(self.files.len())?;
            let found = found.as_boolean();
            kept.iter_mut().zip(found).for_each(|(kept, found)| *kept &= found == Some(true));
        }
        if let Some(filter) = conjunction(bounds.into_iter().cloned()) {
            let schema = self.schema.table_schema();
            let filter = state.create_physical_expr(filter, &DFSchema::try_from(schema.clone())?)?;
            // A filter that no bound can decide is no error: every file may hold rows then.
            if let Ok(predicate) = PruningPredicateBuilder::new().with_file_schema(schema.clone()).try_build(filter) {
                let found = predicate.prune(&Bounds(self))?;
                kept.iter_mut().zip(found).for_each(|(kept, found)| *kept &= found);
            }
        }
        Ok((0..self.files.len()).filter(|&index| kept[index]).collect())
    }

    /// The plan that reads what may be there for `filters`.
    fn plan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let kept = self.prune(state, filters)?;
        self.scans.note(|| {
            let (name, kept, all) = (self.table.name(), kept.len(), self.files.len());
            format!("{name}: {kept} of {all} files by the ledger's dates and bounds of start")
        });
        if kept.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema().project(columns)?),
                None => self.schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let reader = CachedParquetFileReaderFactory::new(self.lake.store.clone(), cache);
        let options = state.default_table_options().parquet;
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(options)
            .with_metadata_size_hint(FOOTER_BYTES_HINT)
            .with_parquet_file_reader_factory(Arc::new(reader));
        let files: Vec<PartitionedFile> = kept.iter().map(|&index| self.partitioned(index)).collect();
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse("lake://data")?, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(self.statistics_of(&kept))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn partitioned(&self, index: usize) -> PartitionedFile {
        let file = &self.files[index];
        let meta = ObjectMeta {
            location: self.lake.names.inside(&file.path),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size: file.bytes,
            e_tag: None,
            version: None,
        };
        let by_hour = self.partitions.num_columns() > 1;
        let mut partitioned =
            PartitionedFile::new_from_meta(meta).with_partition_values(partition_values(file, by_hour));
        // Set as they are: `with_statistics` would say that partition values are never null.
        // They have a place for every column, and would fill the memory where columns and files are very many.
        let is_wide = self.schema.table_schema().fields().len() >= COLUMNS_MIN_OF_WIDE;
        partitioned.statistics = (!is_wide).then(|| Arc::new(self.statistics_of(&[index])));
        partitioned
    }

    /// What the ledger knows of some files: exact rows, and the bounds of `start` and of the partition keys.
    fn statistics_of(&self, indices: &[usize]) -> Statistics {
        let schema = self.schema.table_schema();
        let mut statistics = Statistics::new_unknown(schema);
        let files = || indices.iter().map(|&index| &self.files[index]);
        statistics.num_rows = Precision::Exact(files().map(|file| file.rows as usize).fold(0, usize::saturating_add));
        // The ledger counts in seconds: of a finer start it knows no exact bounds.
        let is_exact = |start: &usize| schema.field(*start).data_type() == &DataType::Int64;
        if let Some(start) = schema.index_of(self.table.start).ok().filter(is_exact) {
            let column = &mut statistics.column_statistics[start];
            let least = files().filter_map(|file| file.start_min).min();
            let greatest = files().filter_map(|file| file.start_max).max();
            if let (Some(least), Some(greatest)) = (least, greatest) {
                column.min_value = Precision::Exact(ScalarValue::Int64(Some(least)));
                column.max_value = Precision::Exact(ScalarValue::Int64(Some(greatest)));
            }
        }
        statistics
    }
}

/// The type in which a column is read: texts as views, which group and compare without copies.
fn read_as(kind: Kind) -> DataType {
    match kind.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        other => other,
    }
}

/// Whether `filter` can be decided from the partition keys alone.
fn is_of_partition(filter: &Expr) -> bool {
    !filter.is_volatile()
        && filter.column_refs().iter().all(|column| PARTITION_KEYS.contains(&column.name.as_str()))
        && !filter.column_refs().is_empty()
}

fn partition_values(file: &DataFile, by_hour: bool) -> Vec<ScalarValue> {
    let partition = file.partition.parse::<Partition>().ok();
    let day = partition.and_then(|partition| partition.date);
    let mut values = vec![ScalarValue::Date32(day.map(|day| day.num_days_from_ce() - EPOCH_DAYS_FROM_CE))];
    if by_hour {
        values.push(ScalarValue::Int32(partition.and_then(|partition| partition.hour.number()).map(i32::from)));
    }
    values
}

/// Bounds of every file for pruning.
struct Bounds<'a>(&'a LakeTable);

impl Bounds<'_> {
    /// `start` is a file's bound in seconds, and `rest` how many microseconds later the bound of a finer one is.
    fn values(&self, column: &Column, start: impl Fn(&DataFile) -> Option<i64>, rest: i64) -> Option<ArrayRef> {
        if column.name == self.0.table.start {
            let seconds = self.0.files.iter().map(start);
            return Some(match self.0.table.kind(self.0.table.start) {
                Some(Kind::Timestamp) => {
                    let micros = |second: i64| second.checked_mul(MICROS_PER_SECOND)?.checked_add(rest);
                    let micros = seconds.map(|second| second.and_then(micros));
                    Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
                }
                _ => Arc::new(seconds.collect::<Int64Array>()),
            });
        }
        self.0.partitions.column_by_name(&column.name).cloned()
    }
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |file| file.start_min, 0)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |file| file.start_max, MICROS_PER_SECOND - 1)
    }

    fn num_containers(&self) -> usize {
        self.0.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let values = self.0.partitions.column_by_name(&column.name)?;
        let nulls = self.0.files.iter().enumerate().map(|(at, file)| if values.is_null(at) { file.rows } else { 0 });
        Some(Arc::new(UInt64Array::from_iter_values(nulls)))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.0.files.iter().map(|file| file.rows))))
    }

    #[allow(clippy::mutable_key_type, reason = "the trait's own signature")]
    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        self.schema.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match is_of_partition(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(answer).collect())
    }

    fn scan<'a, 'b, 'c, 'd, 'f>(
        &'a self,
        state: &'b dyn Session,
        projection: Option<&'c Vec<usize>>,
        filters: &'d [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'f, Result<Arc<dyn ExecutionPlan>>>
    where
        Self: 'f,
        'a: 'f,
        'b: 'f,
        'c: 'f,
        'd: 'f,
    {
        Box::pin(ready(self.plan(state, projection, filters, limit)))
    }
}
