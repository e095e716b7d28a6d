//! The engine behind every connection: the lake's tables as the schema `public`, Postgres's own catalog beside it, a
//! bounded pool of memory under it.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::TrackConsumersPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::prelude::SessionContext;

use super::catalog::{Catalog, Frozen, Public};
use super::pg_catalog::{CatalogSchema, World, register};
use super::settings::{DATABASE, Settings};
use crate::query::SharedPool;

/// Temporary files of sorts and groups that do not fit in memory, of all statements together.
const SPILL_BYTES_MAX: u64 = 16 << 30;

/// Consumers that an error about memory names.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::new(3).expect("not zero");

/// The engine that each connection takes a copy of.
pub(super) fn base(catalog: &Catalog, memory_bytes: u64) -> Result<SessionContext> {
    let first = catalog.first.state();
    let memory = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
    let runtime = RuntimeEnvBuilder::new()
        .with_object_store_registry(first.runtime_env().object_store_registry.clone())
        .with_memory_pool(Arc::new(TrackConsumersPool::new(SharedPool::new(memory), CONSUMERS_NAMED)))
        .with_max_temp_directory_size(SPILL_BYTES_MAX)
        .build_arc()?;
    let config = first
        .config()
        .clone()
        .with_default_catalog_and_schema(DATABASE, "public")
        .with_create_default_catalog_and_schema(false)
        // The engine's own would hide Postgres's.
        .with_information_schema(false);
    let state = SessionStateBuilder::new_from_existing(first)
        .with_config(config)
        .with_runtime_env(runtime)
        .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
        .build();
    Ok(SessionContext::new_with_state(state))
}

/// The engine of one client: what it sets is set for it alone.
pub(super) fn own(
    base: &SessionContext,
    catalog: &Arc<Catalog>,
    settings: &Settings,
    rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
) -> Result<SessionContext> {
    let world = World { catalog: catalog.clone(), settings: settings.clone() };
    let schemas = MemoryCatalogProvider::new();
    let public = Public { catalog: catalog.clone(), settings: settings.clone() };
    schemas.register_schema("public", Arc::new(public))?;
    for schema in ["pg_catalog", "information_schema"] {
        let provider: Arc<dyn SchemaProvider> = Arc::new(CatalogSchema { schema, world: world.clone() });
        schemas.register_schema(schema, provider)?;
    }
    let list = MemoryCatalogProviderList::new();
    list.register_catalog(DATABASE.to_owned(), Arc::new(Frozen(Arc::new(schemas))));
    let state = SessionStateBuilder::new_from_existing(base.state())
        .with_catalog_list(Arc::new(list))
        .with_physical_optimizer_rule(rule);
    let context = SessionContext::new_with_state(state.build());
    register(&context, &world);
    Ok(context)
}
