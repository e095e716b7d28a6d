//! The lake's tables as they are now: looked up anew whenever the ledger has grown.
//!
//! A prepared statement keeps the columns it was prepared with, but not the files: those are resolved when it runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProvider, SchemaProvider, Session as Planner, TableProvider};
use datafusion::common::Statistics;
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use futures::future::{BoxFuture, ready};
use tokio::sync::Mutex;

use super::settings::Settings;
use crate::lake::Lake;
use crate::query::{Options, QueryError, Seen, Session, TimeZone, Veiled, scan_columns};

/// Zones whose tables are kept. A client that goes through more has them made anew.
const ZONES_MAX: usize = 64;

type Tables = BTreeMap<String, Arc<dyn TableProvider>>;

/// The tables of a lake, and what they were read from.
pub(super) struct Catalog {
    lake: Lake,
    now: RwLock<Arc<Snapshot>>,
    /// The session that was open first: its functions and stores serve all later ones.
    pub(super) first: Veiled<SessionContext>,
    seen: Mutex<Seen>,
}

/// The lake at one moment. Sessions differ in the zone of its times.
struct Snapshot {
    session: Session,
    by_zone: RwLock<BTreeMap<String, Arc<Tables>>>,
}

impl Snapshot {
    fn new(session: Session) -> Arc<Snapshot> {
        Arc::new(Snapshot { session, by_zone: RwLock::default() })
    }

    fn tables(&self, zone: &TimeZone) -> std::result::Result<Arc<Tables>, QueryError> {
        if let Some(tables) = self.by_zone.read().expect("no holder of the lock panics").get(zone.name()) {
            return Ok(tables.clone());
        }
        let tables = Arc::new(self.session.tables_in(zone)?);
        let mut by_zone = self.by_zone.write().expect("no holder of the lock panics");
        if by_zone.len() >= ZONES_MAX {
            by_zone.clear();
        }
        by_zone.insert(zone.name().to_owned(), tables.clone());
        Ok(tables)
    }
}

impl Catalog {
    pub(super) async fn open(lake: Lake) -> std::result::Result<Catalog, QueryError> {
        let seen = Mutex::new(Seen::of(&lake).await?);
        let session = Session::open(&lake, Options::default()).await?;
        let first = Veiled::new(session.context().clone());
        let now = RwLock::new(Snapshot::new(session));
        Ok(Catalog { lake, now, first, seen })
    }

    /// Looks for new commits, unless that was done just now. One caller reads; the others wait for it.
    pub(super) async fn refresh(&self) -> std::result::Result<(), QueryError> {
        let mut seen = self.seen.lock().await;
        let Some(look) = seen.again(&self.lake).await? else { return Ok(()) };
        if look.differs(&seen) {
            let session = Session::open(&self.lake, Options::default()).await?;
            *self.now.write().expect("no holder of the lock panics") = Snapshot::new(session);
        }
        *seen = look;
        Ok(())
    }

    /// The tables as they are now, with times in a zone.
    pub(super) fn tables(&self, zone: &TimeZone) -> std::result::Result<Arc<Tables>, QueryError> {
        let now = self.now.read().expect("no holder of the lock panics").clone();
        now.tables(zone)
    }

    pub(super) fn has_tables(&self) -> bool {
        self.tables(&TimeZone::utc()).is_ok_and(|tables| !tables.is_empty())
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Catalog({})", self.lake.names.lake_url())
    }
}

/// The schema `public` of one client's session: the lake's tables, and no way to add one.
#[derive(Debug)]
pub(super) struct Public {
    pub(super) catalog: Arc<Catalog>,
    pub(super) settings: Settings,
}

impl Public {
    fn tables(&self) -> Arc<Tables> {
        self.catalog.tables(&self.settings.time_zone()).unwrap_or_default()
    }
}

#[async_trait]
impl SchemaProvider for Public {
    fn table_names(&self) -> Vec<String> {
        self.tables().keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let zone = self.settings.time_zone();
        let tables = self.catalog.tables(&zone).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let then = tables.get(name).cloned();
        Ok(then.map(|then| Arc::new(Live { catalog: self.catalog.clone(), zone, name: name.to_owned(), then }) as _))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables().contains_key(name)
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
    zone: TimeZone,
    name: String,
    then: Arc<dyn TableProvider>,
}

impl Live {
    /// The table as it is now, and where the columns stand in it that a scan names.
    fn now(&self, projection: Option<&Vec<usize>>) -> Result<(Arc<dyn TableProvider>, Vec<usize>)> {
        let tables = self.catalog.tables(&self.zone).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let now = tables
            .get(&self.name)
            .ok_or_else(|| DataFusionError::Plan(format!("the table {} is not in the lake any more", self.name)))?;
        // Columns may have come since, and stand elsewhere: the same names are meant.
        let (then, schema) = (self.then.schema(), now.schema());
        let indices: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..then.fields().len()).collect());
        if Arc::ptr_eq(now, &self.then) {
            return Ok((now.clone(), indices));
        }
        let indices = indices.into_iter().map(|index| schema.index_of(then.field(index).name()));
        Ok((now.clone(), indices.collect::<std::result::Result<_, _>>()?))
    }
}

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

    fn scan<'a, 'b, 'c, 'd, 'f>(
        &'a self,
        planner: &'b dyn Planner,
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
        match self.now(projection) {
            Ok((now, indices)) => scan_columns(now, planner, indices, filters, limit),
            Err(error) => Box::pin(ready(Err(error))),
        }
    }
}
