//! A table of very many columns: the view is made for each scan, of the columns that the scan names.
//!
//! Every rule of the engine looks at every column of a view, often at each for each: with 69,120 columns a `count(*)`
//! took minutes. Here the engine plans a plain table, and only what it wants of it becomes a view, as `serve` does for
//! all tables.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::{TableType, ViewTable};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::{BoxFuture, ready};

use super::table::LakeTable;
use crate::schema::{PREFIX, RESERVED, Table};

/// Makes the view of a table, or of some of its columns.
type MakeView = Box<dyn Fn(Arc<LakeTable>) -> Result<ViewTable> + Send + Sync>;

pub(super) struct Wide {
    table: Arc<LakeTable>,
    schema: SchemaRef,
    view: MakeView,
}

impl Wide {
    pub fn new(table: Arc<LakeTable>, view: MakeView) -> Result<Wide> {
        let base = view(Arc::new(table.with_columns(is_always_there)))?.schema();
        let whole = table.schema();
        let mut fields = Vec::with_capacity(whole.fields().len() + base.fields().len());
        for field in whole.fields() {
            match base.field_with_name(field.name()) {
                Ok(shown) => fields.push(Arc::new(shown.clone())),
                Err(_) if is_always_there(field.name()) => {}
                Err(_) => fields.push(field.clone()),
            }
        }
        let is_new = |name: &str| whole.field_with_name(name).is_err();
        fields.extend(base.fields().iter().filter(|field| is_new(field.name())).cloned());
        Ok(Wide { table, schema: Arc::new(Schema::new(fields)), view })
    }

    /// The view of the columns that a scan names, and where they stand in it.
    fn narrowed(&self, projection: Option<&Vec<usize>>, filters: &[Expr]) -> Result<(Arc<ViewTable>, Vec<usize>)> {
        let every: Vec<usize>;
        let projection = match projection {
            Some(projection) => projection,
            None => {
                every = (0..self.schema.fields().len()).collect();
                &every
            }
        };
        let projected = projection.iter().map(|&at| self.schema.field(at).name().as_str());
        let filtered = filters.iter().flat_map(Expr::column_refs).map(|column| column.name.as_str());
        let named: BTreeSet<&str> = projected.chain(filtered).collect();
        let narrow = self.table.with_columns(|column| is_always_there(column) || named.contains(column));
        let view = (self.view)(Arc::new(narrow))?;
        let schema = view.schema();
        let indices = projection.iter().map(|&at| schema.index_of(self.schema.field(at).name()));
        let indices: Vec<usize> = indices.collect::<std::result::Result<_, _>>()?;
        Ok((Arc::new(view), indices))
    }
}

/// Documented fields and what is computed from them, or stands for it in old lakes: few, however many columns there
/// are.
fn is_always_there(column: &str) -> bool {
    Table::all().any(|table| table.field(column).is_some()) || RESERVED.contains(&column.trim_start_matches(PREFIX))
}

impl fmt::Debug for Wide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a view of {} columns", self.schema.fields().len())
    }
}

impl TableProvider for Wide {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
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
        match self.narrowed(projection, filters) {
            Ok((view, indices)) => scan_columns(view, state, indices, filters, limit),
            Err(error) => Box::pin(ready(Err(error))),
        }
    }
}

/// Scans some columns of another table. With one lifetime, the compiler proves once that it may go to another thread.
pub(crate) fn scan_columns<'a>(
    table: Arc<dyn TableProvider>,
    state: &'a dyn Session,
    indices: Vec<usize>,
    filters: &'a [Expr],
    limit: Option<usize>,
) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
    Box::pin(async move { table.scan(state, Some(&indices), filters, limit).await })
}
