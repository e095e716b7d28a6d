//! The lake's tables as they are now: looked up anew whenever the ledger has grown.
//!
//! A prepared statement keeps the columns it was prepared with, but not the files: those are resolved when it runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProvider, SchemaProvider, Session as Planner, TableProvider};
use datafusion::common::Statistics;
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use tokio::sync::Mutex;

use crate::lake::{Lake, LakeError, State};
use crate::query::{Options, QueryError, Session};

/// How long what was read of the ledger is taken for new.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

type Tables = BTreeMap<String, Arc<dyn TableProvider>>;

/// The tables of a lake, and what they were read from.
pub(super) struct Catalog {
    lake: Lake,
    tables: RwLock<Arc<Tables>>,
    /// The session that was open first: its functions and stores serve all later ones.
    pub(super) first: SessionContext,
    seen: Mutex<Seen>,
}

/// How far the ledger was read, and when.
struct Seen {
    at: Instant,
    mark: Mark,
}

/// What changes when a commit is added: the next log entry, and the commits of plans that are not sealed.
type Mark = (u64, usize);

impl Catalog {
    pub(super) async fn open(lake: Lake) -> std::result::Result<Catalog, QueryError> {
        let mark = mark(&lake).await?;
        let session = Session::open(&lake, Options::default()).await?;
        let first = session.context().clone();
        let tables = RwLock::new(Arc::new(tables(&first).await?));
        Ok(Catalog { lake, tables, first, seen: Mutex::new(Seen { at: Instant::now(), mark }) })
    }

    /// Looks for new commits, unless that was done just now. One caller reads; the others wait for it.
    pub(super) async fn refresh(&self) -> std::result::Result<(), QueryError> {
        let mut seen = self.seen.lock().await;
        if seen.at.elapsed() < LOOK_AGAIN_AFTER {
            return Ok(());
        }
        // Before the files are read: what is committed in between is found the next time.
        let mark = mark(&self.lake).await?;
        if mark != seen.mark {
            let session = Session::open(&self.lake, Options::default()).await?;
            let tables = tables(session.context()).await?;
            *self.tables.write().expect("no holder of the lock panics") = Arc::new(tables);
            seen.mark = mark;
        }
        seen.at = Instant::now();
        Ok(())
    }

    pub(super) fn now(&self) -> Arc<Tables> {
        self.tables.read().expect("no holder of the lock panics").clone()
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Catalog({})", self.lake.names.lake_url())
    }
}

async fn mark(lake: &Lake) -> std::result::Result<Mark, LakeError> {
    let state = State::load(lake).await?;
    if state.create.is_none() {
        return Err(LakeError::NoLake { url: lake.names.lake_url().to_owned() });
    }
    let mut commits = 0;
    for plan in state.open_plans() {
        commits += lake.committed(plan).await?.len();
    }
    Ok((state.next, commits))
}

/// Whatever the session has in its default schema.
async fn tables(context: &SessionContext) -> Result<Tables> {
    let options = context.copied_config().options().catalog.clone();
    let catalog = context.catalog(&options.default_catalog);
    let mut tables = Tables::new();
    if let Some(schema) = catalog.and_then(|catalog| catalog.schema(&options.default_schema)) {
        for name in schema.table_names() {
            if let Some(table) = schema.table(&name).await? {
                tables.insert(name, table);
            }
        }
    }
    Ok(tables)
}

/// The schema `public`: the lake's tables, and no way to add one.
#[derive(Debug)]
pub(super) struct Public(pub(super) Arc<Catalog>);

#[async_trait]
impl SchemaProvider for Public {
    fn table_names(&self) -> Vec<String> {
        self.0.now().keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let then = self.0.now().get(name).cloned();
        Ok(then.map(|then| Arc::new(Live { catalog: self.0.clone(), name: name.to_owned(), then }) as _))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.now().contains_key(name)
    }
}

/// A catalog that takes no schema after it was made.
#[derive(Debug)]
pub(super) struct Frozen(pub(super) Arc<dyn CatalogProvider>);

impl CatalogProvider for Frozen {
    fn schema_names(&self) -> Vec<String> {
        self.0.schema_names()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.0.schema(name)
    }
}

/// A table with the columns of one moment and the files of the moment when it is scanned.
#[derive(Debug)]
struct Live {
    catalog: Arc<Catalog>,
    name: String,
    then: Arc<dyn TableProvider>,
}

#[async_trait]
impl TableProvider for Live {
    fn schema(&self) -> SchemaRef {
        self.then.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.then.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        None
    }

    async fn scan(
        &self,
        planner: &dyn Planner,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let tables = self.catalog.now();
        let now = tables
            .get(&self.name)
            .ok_or_else(|| DataFusionError::Plan(format!("the table {} is not in the lake any more", self.name)))?;
        if Arc::ptr_eq(now, &self.then) {
            return now.scan(planner, projection, filters, limit).await;
        }
        // Columns may have come since, and stand elsewhere: the same names are meant.
        let (then, schema) = (self.then.schema(), now.schema());
        let indices: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..then.fields().len()).collect());
        let indices = indices.into_iter().map(|index| schema.index_of(then.field(index).name()));
        let indices = indices.collect::<std::result::Result<Vec<usize>, _>>()?;
        now.scan(planner, Some(&indices), filters, limit).await
    }
}
