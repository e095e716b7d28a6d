//! One table of a lake for DataFusion: files, partitions and bounds as the ledger names them. Nothing is listed.
//!
//! ```text
//! filters ─▶ dates (bounds of all files of each) ─▶ their files, read from the index ─▶ files (own bounds) ─▶ scan
//! ```
//!
//! A filter on partition keys alone is answered here, exactly. Every other filter leaves out the files whose bounds of
//! `start` rule it out, and then goes to the Parquet reader for row groups, pages and rows.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::scalar::ScalarValue;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::ObjectMeta;

use super::bounds::{Bound, Bounds, is_of_partition, partition_values};
use crate::lake::index::Sums;
use crate::lake::{DataFile, Day, Lake, LiveDate, read_ahead};
use crate::schema::{Kind, PARTITION_KEYS, Table, rank};

/// Dates whose files are read from the ledger at a time.
const DATES_IN_FLIGHT_MAX: usize = 16;

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
    dates: Arc<BTreeMap<Day, LiveDate>>,
    lake: Lake,
    scans: Scans,
}

impl LakeTable {
    /// `dates` are those of one table.
    pub fn new(lake: &Lake, table: Table, dates: BTreeMap<Day, LiveDate>, scans: Scans) -> LakeTable {
        // Dates share their sets of columns.
        let mut met = HashSet::new();
        let sets = dates.values().map(|date| &date.columns).filter(|columns| met.insert(Arc::as_ptr(columns)));
        let columns: BTreeMap<&str, Kind> =
            sets.flat_map(|columns| columns.iter()).map(|(name, &kind)| (name.as_str(), kind)).collect();
        let mut fields: Vec<Field> =
            columns.into_iter().map(|(name, kind)| Field::new(name, read_as(kind), true)).collect();
        fields.sort_by_cached_key(|field| rank(table, field.name()));
        let [date, hour] = PARTITION_KEYS;
        let mut keys = vec![Arc::new(Field::new(date, DataType::Date32, true))];
        if dates.values().any(|date| date.sums.by_hour) {
            keys.push(Arc::new(Field::new(hour, DataType::Int32, true)));
        }
        let schema = TableSchema::builder(Arc::new(Schema::new(fields))).with_table_partition_cols(keys).build();
        LakeTable { table, schema, dates: Arc::new(dates), lake: lake.clone(), scans }
    }

    /// The same table with some of its columns alone.
    pub fn with_columns(&self, is_wanted: impl Fn(&str) -> bool) -> LakeTable {
        let fields = self.schema.file_schema().fields();
        let fields: Vec<_> = fields.iter().filter(|field| is_wanted(field.name())).cloned().collect();
        let keys = self.schema.table_partition_cols().clone();
        LakeTable {
            table: self.table,
            schema: TableSchema::builder(Arc::new(Schema::new(fields))).with_table_partition_cols(keys).build(),
            dates: Arc::clone(&self.dates),
            lake: self.lake.clone(),
            scans: self.scans.clone(),
        }
    }

    pub fn rows(&self) -> u64 {
        self.sums().map(|sums| sums.rows).fold(0, u64::saturating_add)
    }

    /// The least and greatest `start` of the table.
    pub fn starts(&self) -> Option<(i64, i64)> {
        let least = self.sums().filter_map(|sums| sums.start_min).min()?;
        Some((least, self.sums().filter_map(|sums| sums.start_max).max()?))
    }

    fn sums(&self) -> impl Iterator<Item = &Sums> {
        self.dates.values().map(|date| &date.sums)
    }

    /// The files of those dates that may hold rows for `filters`, read from the ledger.
    async fn files(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<Arc<[DataFile]>>> {
        let dates = self.dates.iter().map(|(&day, date)| Bound::of_date(day, date.sums)).collect();
        let kept = self.bounds(dates).prune(state, filters)?;
        let dates: Vec<&LiveDate> = self.dates.values().collect();
        let asked: Vec<&LiveDate> = kept.into_iter().map(|at| dates[at]).collect();
        let external = |error| DataFusionError::External(Box::new(error));
        read_ahead(&self.lake, &asked, dates.len()).await.map_err(external)?;
        let read: Vec<_> = asked.into_iter().map(|date| date.files(&self.lake)).collect();
        stream::iter(read).buffered(DATES_IN_FLIGHT_MAX).try_collect().await.map_err(external)
    }

    fn bounds(&self, of: Vec<Bound>) -> Bounds<'_> {
        Bounds { table: self.table, schema: self.schema.table_schema(), of }
    }

    /// The plan that reads what may be there for `filters`.
    async fn plan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let by_date = self.files(state, filters).await?;
        let mut files: Vec<&DataFile> = by_date.iter().flat_map(|files| files.iter()).collect();
        files.sort_by(|a, b| (&a.partition, a.start_min, &a.path).cmp(&(&b.partition, b.start_min, &b.path)));
        let bounds = self.bounds(files.iter().map(|file| Bound::of_file(file, self.is_by_hour())).collect());
        let kept: Vec<&DataFile> = bounds.prune(state, filters)?.into_iter().map(|at| files[at]).collect();
        self.scans.note(|| {
            let all = self.sums().map(|sums| sums.files).fold(0, u64::saturating_add);
            let (name, kept) = (self.table.name(), kept.len());
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
        let files: Vec<PartitionedFile> = kept.iter().map(|file| self.partitioned(file)).collect();
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse("lake://data")?, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(self.statistics_of(&kept))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn is_by_hour(&self) -> bool {
        self.schema.table_partition_cols().len() > 1
    }

    fn partitioned(&self, file: &DataFile) -> PartitionedFile {
        let meta = ObjectMeta {
            location: self.lake.names.inside(&file.path),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size: file.bytes,
            e_tag: None,
            version: None,
        };
        let mut partitioned =
            PartitionedFile::new_from_meta(meta).with_partition_values(partition_values(file, self.is_by_hour()));
        // Set as they are: `with_statistics` would say that partition values are never null.
        // They have a place for every column, and would fill the memory where columns and files are very many.
        let is_wide = self.schema.table_schema().fields().len() >= COLUMNS_MIN_OF_WIDE;
        partitioned.statistics = (!is_wide).then(|| Arc::new(self.statistics_of(&[file])));
        partitioned
    }

    /// What the ledger knows of some files: exact rows, and the bounds of `start`.
    fn statistics_of(&self, files: &[&DataFile]) -> Statistics {
        let schema = self.schema.table_schema();
        let mut statistics = Statistics::new_unknown(schema);
        let sums = Sums::of(files.iter().copied());
        statistics.num_rows = Precision::Exact(sums.rows as usize);
        // The ledger counts in seconds: of a finer start it knows no exact bounds.
        let is_exact = |start: &usize| schema.field(*start).data_type() == &DataType::Int64;
        if let Some(start) = schema.index_of(self.table.start).ok().filter(is_exact) {
            let column = &mut statistics.column_statistics[start];
            if let (Some(least), Some(greatest)) = (sums.start_min, sums.start_max) {
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
        Box::pin(self.plan(state, projection, filters, limit))
    }
}
