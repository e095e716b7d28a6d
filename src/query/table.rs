//! One table of a lake for DataFusion: its files and their partitions, as the ledger names them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::scalar::ScalarValue;
use object_store::ObjectMeta;

use crate::lake::{DataFile, Lake};
use crate::schema::Kind;

/// Days from the first day of the proleptic Gregorian calendar to 1970-01-01, as chrono counts.
const EPOCH_DAYS_FROM_CE: i32 = 719_163;

#[derive(Debug)]
pub(super) struct LakeTable {
    schema: TableSchema,
    files: Vec<PartitionedFile>,
}

impl LakeTable {
    pub(super) fn new(lake: &Lake, files: Vec<DataFile>) -> LakeTable {
        let columns: BTreeMap<&str, Kind> =
            files.iter().flat_map(|file| file.columns.iter().map(|(name, &kind)| (name.as_str(), kind))).collect();
        let fields: Vec<Field> =
            columns.into_iter().map(|(name, kind)| Field::new(name, kind.data_type(), true)).collect();
        let by_hour = files.iter().any(|file| file.partition.contains("/hour="));
        let mut keys = vec![Arc::new(Field::new("date", DataType::Date32, true))];
        if by_hour {
            keys.push(Arc::new(Field::new("hour", DataType::Int32, true)));
        }
        let schema = TableSchema::builder(Arc::new(Schema::new(fields))).with_table_partition_cols(keys).build();
        let files = files.iter().map(|file| partitioned(lake, file, by_hour)).collect();
        LakeTable { schema, files }
    }
}

fn partitioned(lake: &Lake, file: &DataFile, by_hour: bool) -> PartitionedFile {
    let meta = ObjectMeta {
        location: lake.names.inside(&file.path),
        last_modified: chrono::DateTime::UNIX_EPOCH,
        size: file.bytes,
        e_tag: None,
        version: None,
    };
    let value = |key: &str| {
        file.partition.split('/').find_map(|part| part.strip_prefix(key)).filter(|value| !value.starts_with("__HIVE"))
    };
    let day = value("date=").and_then(|date| date.parse::<NaiveDate>().ok());
    let days = day.map(|day| chrono::Datelike::num_days_from_ce(&day) - EPOCH_DAYS_FROM_CE);
    let mut values = vec![ScalarValue::Date32(days)];
    if by_hour {
        values.push(ScalarValue::Int32(value("hour=").and_then(|hour| hour.parse().ok())));
    }
    PartitionedFile::new_from_meta(meta).with_partition_values(values)
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        self.schema.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let source = Arc::new(ParquetSource::new(self.schema.clone()));
        let store = ObjectStoreUrl::parse("lake://data")?;
        let groups = FileGroup::new(self.files.clone()).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(store, source)
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
