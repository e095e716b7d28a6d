//! `--fail-if`: a comparison of the number of rows, or of a column of any row, with a value.

use std::str::FromStr;
use std::sync::Arc;

use datafusion::arrow::array::{Array, BooleanArray, Scalar};
use datafusion::arrow::compute::kernels::cmp;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::scalar::ScalarValue;

use super::ReportError;
use crate::query::QueryError;

/// `rows > 0`, `flows >= 1000`, `log_status = SKIPDATA`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    column: String,
    operator: Operator,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

/// The longer ones first: `>=` begins with `>`.
const OPERATORS: [(&str, Operator); 8] = [
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("!=", Operator::NotEqual),
    ("<>", Operator::NotEqual),
    ("==", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("=", Operator::Equal),
];

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Condition, String> {
        let wrong = || format!("\"{text}\" is no condition; write 'rows > 0' or 'COLUMN >= VALUE'");
        let at = text.find(['<', '>', '=', '!']).ok_or_else(wrong)?;
        let (column, rest) = text.split_at(at);
        let (sign, operator) = OPERATORS.into_iter().find(|(sign, _)| rest.starts_with(sign)).ok_or_else(wrong)?;
        let value = rest[sign.len()..].trim();
        let value = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')).unwrap_or(value);
        let column = column.trim();
        if column.is_empty() || value.is_empty() || column.contains(char::is_whitespace) {
            return Err(wrong());
        }
        Ok(Condition { column: column.to_owned(), operator, value: value.to_owned() })
    }
}

/// A condition that is held against rows as they come.
pub struct Watch {
    operator: Operator,
    /// The column and what it is compared with; `None` is the number of rows.
    column: Option<(usize, ScalarValue)>,
    rows: i128,
    rows_wanted: i128,
    has_held: bool,
}

impl Watch {
    /// The condition must fit the columns.
    pub fn new(condition: &Condition, schema: &SchemaRef) -> Result<Watch, ReportError> {
        let Condition { column, operator, value } = condition;
        let literal = |kind: &DataType| ReportError::Literal {
            column: column.clone(),
            value: value.clone(),
            kind: kind.to_string(),
        };
        let watch = Watch { operator: *operator, column: None, rows: 0, rows_wanted: 0, has_held: false };
        if column == "rows" && schema.index_of("rows").is_err() {
            let rows_wanted = value.parse().map_err(|_| literal(&DataType::Int64))?;
            return Ok(Watch { rows_wanted, ..watch });
        }
        let Ok(at) = schema.index_of(column) else {
            let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            return Err(ReportError::Column { column: column.clone(), known: known.join(", ") });
        };
        let kind = schema.field(at).data_type();
        let wanted = ScalarValue::try_from_string(value.clone(), kind).map_err(|_| literal(kind))?;
        Ok(Watch { column: Some((at, wanted)), ..watch })
    }

    /// Looks at the next rows.
    pub fn see(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        self.rows += batch.num_rows() as i128;
        let Some((at, wanted)) = self.column.as_ref().filter(|_| !self.has_held) else { return Ok(()) };
        let column: Arc<dyn Array> = Arc::clone(batch.column(*at));
        let wanted = Scalar::new(wanted.to_array()?);
        let found = match self.operator {
            Operator::Less => cmp::lt(&column, &wanted),
            Operator::LessOrEqual => cmp::lt_eq(&column, &wanted),
            Operator::Equal => cmp::eq(&column, &wanted),
            Operator::NotEqual => cmp::neq(&column, &wanted),
            Operator::GreaterOrEqual => cmp::gt_eq(&column, &wanted),
            Operator::Greater => cmp::gt(&column, &wanted),
        };
        let found: BooleanArray = found.map_err(DataFusionError::from)?;
        self.has_held = found.true_count() > 0;
        Ok(())
    }

    /// Whether it held, after the last rows.
    pub fn holds(&self) -> bool {
        if self.column.is_some() {
            return self.has_held;
        }
        match self.operator {
            Operator::Less => self.rows < self.rows_wanted,
            Operator::LessOrEqual => self.rows <= self.rows_wanted,
            Operator::Equal => self.rows == self.rows_wanted,
            Operator::NotEqual => self.rows != self.rows_wanted,
            Operator::GreaterOrEqual => self.rows >= self.rows_wanted,
            Operator::Greater => self.rows > self.rows_wanted,
        }
    }
}
