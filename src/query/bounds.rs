//! Which dates, and which files, filters leave: judged by partition keys and by bounds of `start`, as the ledger has
//! them.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::Datelike;
use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, TimestampMicrosecondArray, UInt64Array};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::scalar::ScalarValue;

use crate::columns::MICROS_PER_SECOND;
use crate::functions::truths::within;
use crate::lake::index::Sums;
use crate::lake::{DataFile, Day};
use crate::schema::{Kind, PARTITION_KEYS, Partition, Table};

/// Days from the first day of the proleptic Gregorian calendar to 1970-01-01, as chrono counts.
const EPOCH_DAYS_FROM_CE: i32 = 719_163;

/// What is known of the rows of a file, or of all files of a date.
pub(super) struct Bound {
    /// Values of the first partition keys. A date does not know those of the keys behind `date`.
    keys: Vec<ScalarValue>,
    sums: Sums,
}

impl Bound {
    pub fn of_date(day: Day, sums: Sums) -> Bound {
        Bound { keys: vec![date_value(day)], sums }
    }

    pub fn of_file(file: &DataFile, by_hour: bool) -> Bound {
        Bound { keys: partition_values(file, by_hour), sums: Sums::of([file]) }
    }
}

/// The value of each partition key in the rows of a file.
pub(super) fn partition_values(file: &DataFile, by_hour: bool) -> Vec<ScalarValue> {
    let partition = file.partition.parse::<Partition>().ok();
    let mut values = vec![date_value(Day(partition.and_then(|partition| partition.date)))];
    if by_hour {
        values.push(ScalarValue::Int32(partition.and_then(|partition| partition.hour.number()).map(i32::from)));
    }
    values
}

fn date_value(day: Day) -> ScalarValue {
    ScalarValue::Date32(day.0.map(|day| day.num_days_from_ce() - EPOCH_DAYS_FROM_CE))
}

/// Whether `filter` can be decided from the partition keys alone.
pub(super) fn is_of_partition(filter: &Expr) -> bool {
    is_of(filter, &PARTITION_KEYS)
}

fn is_of(filter: &Expr, columns: &[&str]) -> bool {
    !filter.is_volatile()
        && filter.column_refs().iter().all(|column| columns.contains(&column.name.as_str()))
        && !filter.column_refs().is_empty()
}

/// The bounds of files, or of dates, of one table.
pub(super) struct Bounds<'a> {
    pub table: Table,
    /// The table's, with its partition keys.
    pub schema: &'a SchemaRef,
    /// All of them know the same keys.
    pub of: Vec<Bound>,
}

impl Bounds<'_> {
    /// Places of those that may hold rows for `filters`.
    pub fn prune(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<usize>> {
        let Some(first) = self.of.first() else { return Ok(Vec::new()) };
        let known = &PARTITION_KEYS[..first.keys.len()];
        let keys = self.keys(known)?;
        let mut kept = vec![true; self.of.len()];
        let (exact, bounds): (Vec<&Expr>, Vec<&Expr>) =
            filters.iter().map(within).partition(|filter| is_of(filter, known));
        if let Some(filter) = conjunction(exact.into_iter().cloned()) {
            let schema = DFSchema::try_from(keys.schema())?;
            let found = state.create_physical_expr(filter, &schema)?.evaluate(&keys)?;
            let found = found.into_array(self.of.len())?;
            kept.iter_mut().zip(found.as_boolean()).for_each(|(kept, found)| *kept &= found == Some(true));
        }
        if let Some(filter) = conjunction(bounds.into_iter().cloned()) {
            let filter = state.create_physical_expr(filter, &DFSchema::try_from(self.schema.clone())?)?;
            let predicate = PruningPredicateBuilder::new().with_file_schema(self.schema.clone()).try_build(filter);
            // A filter that no bound can decide is no error: everything may hold rows then.
            if let Ok(predicate) = predicate {
                let found = predicate.prune(&Statistics { bounds: self, keys: &keys })?;
                kept.iter_mut().zip(found).for_each(|(kept, found)| *kept &= found);
            }
        }
        Ok((0..self.of.len()).filter(|&index| kept[index]).collect())
    }

    fn keys(&self, known: &[&str]) -> Result<RecordBatch> {
        let field = |name: &&str| self.schema.field_with_name(name).cloned();
        let fields: Vec<Field> = known.iter().map(field).collect::<std::result::Result<_, _>>()?;
        let column = |key: usize| ScalarValue::iter_to_array(self.of.iter().map(|bound| bound.keys[key].clone()));
        let arrays = (0..known.len()).map(column).collect::<Result<Vec<ArrayRef>>>()?;
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }
}

/// Bounds as the engine asks for them.
struct Statistics<'a> {
    bounds: &'a Bounds<'a>,
    keys: &'a RecordBatch,
}

impl Statistics<'_> {
    fn sums(&self) -> impl Iterator<Item = &Sums> {
        self.bounds.of.iter().map(|bound| &bound.sums)
    }

    /// `start` is a bound in seconds, and `rest` how many microseconds later the bound of a finer one is.
    fn values(&self, column: &Column, start: impl Fn(&Sums) -> Option<i64>, rest: i64) -> Option<ArrayRef> {
        let table = self.bounds.table;
        if column.name == table.start {
            let seconds = self.sums().map(start);
            return Some(match table.kind(table.start) {
                Some(Kind::Timestamp) => {
                    let micros = |second: i64| second.checked_mul(MICROS_PER_SECOND)?.checked_add(rest);
                    let micros = seconds.map(|second| second.and_then(micros));
                    Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
                }
                _ => Arc::new(seconds.collect::<Int64Array>()),
            });
        }
        self.keys.column_by_name(&column.name).cloned()
    }
}

impl PruningStatistics for Statistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |sums| sums.start_min, 0)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |sums| sums.start_max, MICROS_PER_SECOND - 1)
    }

    fn num_containers(&self) -> usize {
        self.bounds.of.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let values = self.keys.column_by_name(&column.name)?;
        let nulls = self.sums().enumerate().map(|(at, sums)| if values.is_null(at) { sums.rows } else { 0 });
        Some(Arc::new(UInt64Array::from_iter_values(nulls)))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.sums().map(|sums| sums.rows))))
    }

    #[allow(clippy::mutable_key_type, reason = "the trait's own signature")]
    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
