//! The engine behind every connection: the lake's tables as the schema `public`, Postgres's own catalog beside it, a bounded
//! pool of memory under it.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::arrow::array::StringArray;
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::TrackConsumersPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::setup_pg_catalog;

use super::catalog::{Catalog, Frozen, Public};
use crate::query::SharedPool;

/// The database's name, as clients see it.
pub(super) const DATABASE: &str = "flowlake";

/// Temporary files of sorts and groups that do not fit in memory, of all statements together.
const SPILL_BYTES_MAX: u64 = 16 << 30;

/// Consumers that an error about memory names.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::new(3).expect("not zero");

/// The engine that each connection takes a copy of.
pub(super) fn base(catalog: &Arc<Catalog>, memory_bytes: u64) -> Result<SessionContext, String> {
    let first = catalog.first.state();
    let memory = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
    let runtime = RuntimeEnvBuilder::new()
        .with_object_store_registry(first.runtime_env().object_store_registry.clone())
        .with_memory_pool(Arc::new(TrackConsumersPool::new(SharedPool::new(memory), CONSUMERS_NAMED)))
        .with_max_temp_directory_size(SPILL_BYTES_MAX)
        .build_arc()
        .map_err(|error| error.to_string())?;
    let config = first
        .config()
        .clone()
        .with_default_catalog_and_schema(DATABASE, "public")
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true);
    let memory_catalog = Arc::new(MemoryCatalogProvider::new());
    memory_catalog.register_schema("public", Arc::new(Public(catalog.clone()))).map_err(|error| error.to_string())?;
    let list = Arc::new(MemoryCatalogProviderList::new());
    let state = SessionStateBuilder::new_from_existing(first)
        .with_config(config)
        .with_runtime_env(runtime)
        .with_catalog_list(list)
        .build();
    let context = SessionContext::new_with_state(state);
    context.register_catalog(DATABASE, memory_catalog.clone());
    setup_pg_catalog(&context, DATABASE, EmptyContextProvider).map_err(|error| error.to_string())?;
    context.register_udf(current_setting());
    context.register_catalog(DATABASE, Arc::new(Frozen(memory_catalog)));
    Ok(context)
}

/// What Grafana and others ask for by name when they connect.
const SETTINGS: [(&str, &str); 8] = [
    ("server_version_num", "160006"),
    ("server_version", "16.6"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("search_path", "public"),
    ("timezone", "UTC"),
    ("standard_conforming_strings", "on"),
    ("default_transaction_read_only", "on"),
];

/// Postgres's `current_setting(name)`; a name that is not known gives null.
fn current_setting() -> ScalarUDF {
    let value = |name: &str| {
        let name = name.to_ascii_lowercase();
        SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    };
    let call = move |arguments: &[ColumnarValue]| match arguments {
        [ColumnarValue::Scalar(ScalarValue::Utf8(name))] => {
            let found = name.as_deref().and_then(value).map(str::to_owned);
            Ok(ColumnarValue::Scalar(ScalarValue::Utf8(found)))
        }
        [ColumnarValue::Array(names)] => {
            let names = datafusion::common::cast::as_string_array(names)?;
            let found: StringArray = names.iter().map(|name| name.and_then(value)).collect();
            Ok(ColumnarValue::Array(Arc::new(found)))
        }
        _ => Err(datafusion::error::DataFusionError::Plan("current_setting takes one name".to_owned())),
    };
    create_udf("current_setting", vec![DataType::Utf8], DataType::Utf8, Volatility::Stable, Arc::new(call))
}
