//! Postgres's own catalog, as far as a lake has one: `pg_catalog` and `information_schema`, and the functions over
//! them.
//!
//! Which tables and columns there are stands in `relations.txt`, in Postgres's order. Most of them never have a row.
//! The others are made when they are asked for, from the tables that the lake has then.

mod functions;
mod information;
mod names;
mod relations;
mod rows;
mod types;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::json::ReaderBuilder;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use serde_json::Value;

use super::catalog::Catalog;
use super::settings::Settings;
pub(super) use functions::{NAME_OF, OID_OF, register};
pub(super) use names::{procedure_name, type_name};
use relations::{RELATIONS, Relation};
pub(super) use relations::{has, is_always_empty, is_array};

/// Ids of schemas.
const PG_CATALOG: u32 = 11;
const PUBLIC: u32 = 2200;
const INFORMATION_SCHEMA: u32 = 12_423;

/// The id of the one role, and its owner's of everything.
const ROLE: u32 = 10;

const DATABASE_ID: u32 = 16_384;

/// What one client sees of the catalog.
#[derive(Clone)]
pub(super) struct World {
    pub(super) catalog: Arc<Catalog>,
    pub(super) settings: Settings,
}

/// A table of the lake as the catalog describes it.
struct Described {
    name: String,
    oid: u32,
    schema: SchemaRef,
}

impl World {
    fn tables(&self) -> Result<Vec<Described>> {
        let tables = self.catalog.tables(&self.settings.time_zone());
        let tables = tables.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let described = |(name, table): (&String, &Arc<dyn TableProvider>)| Described {
            name: name.clone(),
            oid: table_oid(name),
            schema: table.schema(),
        };
        Ok(tables.iter().map(described).collect())
    }

    fn rows(&self, relation: &Relation) -> Result<Vec<Value>> {
        let tables = self.tables()?;
        Ok(match relation.schema {
            "information_schema" => information::rows(relation.name, &tables, &self.settings),
            _ => rows::rows(relation.name, &tables, &self.settings),
        })
    }
}

/// The id of a table: the same in every session and after every start. Those that Postgres gives itself are below.
fn table_oid(name: &str) -> u32 {
    const FIRST: u32 = 20_000;
    FIRST + hash(name) % (1 << 30)
}

/// FNV-1a.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// One schema of the catalog.
pub(super) struct CatalogSchema {
    pub(super) schema: &'static str,
    pub(super) world: World,
}

impl fmt::Debug for CatalogSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.schema)
    }
}

#[async_trait]
impl SchemaProvider for CatalogSchema {
    fn table_names(&self) -> Vec<String> {
        let own = RELATIONS.iter().filter(|relation| relation.schema == self.schema);
        own.map(|relation| relation.name.to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(relation) = relations::find(self.schema, name) else { return Ok(None) };
        let schema = relation.arrow_schema();
        let rows = self.world.rows(relation)?;
        // A column that rows have and the relation has not would be lost in silence.
        debug_assert!(
            rows.iter().flat_map(Value::as_object).flatten().all(|(column, _)| schema.index_of(column).is_ok())
        );
        let mut decoder = ReaderBuilder::new(schema.clone()).with_batch_size(rows.len().max(1)).build_decoder()?;
        decoder.serialize(&rows)?;
        let batches = decoder.flush()?.into_iter().collect();
        Ok(Some(Arc::new(MemTable::try_new(schema, vec![batches])?)))
    }

    fn table_exist(&self, name: &str) -> bool {
        has(self.schema, name)
    }
}

/// The id of Postgres's type for a column of the engine.
fn type_oid(kind: &DataType) -> u32 {
    let field = datafusion::arrow::datatypes::Field::new("", kind.clone(), true);
    super::encode::postgres_type(&field).map_or(types::TEXT, |kind| kind.oid())
}
