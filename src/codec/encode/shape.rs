//! The columns of a data file in their canonical order, whatever the order of the layouts that feed it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescPtr, TypePtr};

use super::EncodeError;
use crate::schema::{Column, Kind, LOG_LINE, LOG_OBJECT, Layout, PROVENANCE, Table, rank, with_ids};

/// Provenance that every row has; the rest of it is not in every object's key.
const REQUIRED: [&str; 2] = [LOG_OBJECT, LOG_LINE];

/// The columns of some data files of a task.
pub struct Shape {
    pub table: Table,
    /// Columns of the log, then those of [`PROVENANCE`].
    pub columns: Vec<Column>,
    /// Index in `columns` of the table's start.
    pub start: Option<usize>,
    pub sort: SortColumns,
    /// With the ids of columns.
    pub schema: TypePtr,
    pub descr: SchemaDescPtr,
    /// Without them, as arrays are.
    pub arrow: SchemaRef,
    /// Whether the stage's own pages hold all columns.
    pub is_direct: bool,
}

/// Index in a shape's columns of those that the rows of a page are ordered by.
#[derive(Debug, Clone, Copy)]
pub struct SortColumns {
    /// Source and destination.
    pub ports: Option<[usize; 2]>,
    pub addresses: Option<[usize; 2]>,
    pub interface: Option<usize>,
    pub object: usize,
}

impl SortColumns {
    fn of(table: Table, columns: &[Column]) -> SortColumns {
        let find = |name: &str, kind: Kind| {
            columns.iter().position(|column| column.name == name && column.kind.same_storage(kind))
        };
        let both = |[source, destination]: [&str; 2], kind: Kind| Some([find(source, kind)?, find(destination, kind)?]);
        SortColumns {
            ports: table.rows.ports.and_then(|ports| both(ports, Kind::Port)),
            addresses: table.rows.ends.and_then(|ends| both(ends, Kind::Text)),
            interface: table.rows.of.and_then(|of| find(of, Kind::Text)),
            object: find(LOG_OBJECT, Kind::Text).expect("every shape has the provenance columns"),
        }
    }
}

impl Shape {
    fn new(table: Table, mut columns: Vec<Column>) -> Result<Shape, ParquetError> {
        columns.extend(PROVENANCE.iter().map(|own| Column { name: own.column.to_owned(), kind: own.kind }));
        let arrow_field = |column: &Column| Field::new(&column.name, column.kind.data_type(), !is_required(column));
        let arrow = Arc::new(Schema::new(columns.iter().map(arrow_field).collect::<Vec<_>>()));
        let is_direct = columns.iter().all(|column| column.kind.is_direct());
        let descr = Arc::new(ArrowSchemaConverter::new().schema_root(table.name()).convert(&with_ids(table, &arrow))?);
        let schema = descr.root_schema_ptr();
        let start = columns.iter().position(|column| column.is_documented_as(table, table.start));
        let sort = SortColumns::of(table, &columns);
        Ok(Shape { table, columns, start, sort, schema, descr, arrow, is_direct })
    }

    /// Columns that come from the log.
    pub fn log_columns(&self) -> &[Column] {
        &self.columns[..self.columns.len() - PROVENANCE.len()]
    }
}

/// Whether `column` may not be null.
pub fn is_required(column: &Column) -> bool {
    REQUIRED.contains(&column.name.as_str())
}

/// How the chunks of a layout are taken apart.
pub struct Plan {
    /// Place of the shape in [`Shapes`].
    pub shape: usize,
    /// For each column of the log in file order, its index in the layout.
    pub sources: Vec<usize>,
}

/// All shapes of a task, and the plan for each layout seen so far.
#[derive(Default)]
pub struct Shapes {
    shapes: Vec<Arc<Shape>>,
    by_columns: HashMap<(Table, Vec<Column>), usize>,
    plans: HashMap<Arc<Layout>, Arc<Plan>>,
    /// Chunks of one layout come in long rows.
    last: Option<(Arc<Layout>, Arc<Plan>)>,
}

impl Shapes {
    pub fn get(&self, shape: usize) -> &Arc<Shape> {
        &self.shapes[shape]
    }

    pub fn plan(&mut self, layout: &Arc<Layout>) -> Result<Arc<Plan>, EncodeError> {
        if let Some((_, plan)) = self.last.as_ref().filter(|(last, _)| Arc::ptr_eq(last, layout)) {
            return Ok(Arc::clone(plan));
        }
        let plan = match self.plans.get(layout) {
            Some(plan) => Arc::clone(plan),
            None => {
                let plan = Arc::new(self.new_plan(layout)?);
                self.plans.insert(Arc::clone(layout), Arc::clone(&plan));
                plan
            }
        };
        self.last = Some((Arc::clone(layout), Arc::clone(&plan)));
        Ok(plan)
    }

    fn new_plan(&mut self, layout: &Layout) -> Result<Plan, EncodeError> {
        let mut sources: Vec<usize> = (0..layout.columns.len()).collect();
        sources.sort_by_key(|&source| {
            let name = &layout.columns[source].name;
            (rank(layout.table, name), name)
        });
        let columns: Vec<Column> = sources.iter().map(|&source| layout.columns[source].clone()).collect();
        let key = (layout.table, columns);
        let shape = match self.by_columns.get(&key) {
            Some(&shape) => shape,
            None => {
                let shape = Shape::new(key.0, key.1.clone()).map_err(EncodeError::Page)?;
                self.shapes.push(Arc::new(shape));
                self.by_columns.insert(key, self.shapes.len() - 1);
                self.shapes.len() - 1
            }
        };
        Ok(Plan { shape, sources })
    }
}
