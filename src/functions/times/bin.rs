//! `date_bin` of a time that lies more than 292 years from its origin is an error.
//!
//! The engine (DataFusion 55) counts the nanoseconds between the two in 64 bits. Where they do not suffice it gave
//! null, and a group of all such rows.

use std::sync::Arc;

use arrow::array::Array;
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::super::instead::{Instead, instead};

/// In the place of the engine's `date_bin`.
pub fn bins(engines: Arc<ScalarUDF>) -> ScalarUDF {
    instead(engines, Bins)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bins;

impl Instead for Bins {
    fn make(&self, engines: &ScalarUDF, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (given, rows) = (arguments.args.clone(), arguments.number_rows);
        let made = engines.invoke_with_args(arguments)?;
        let found = made.to_array(rows)?;
        if found.null_count() > 0 {
            let given = given.iter().map(|value| value.to_array(rows)).collect::<Result<Vec<_>>>()?;
            let is_lost = |row: usize| found.is_null(row) && given.iter().all(|values| values.is_valid(row));
            if (0..rows).any(is_lost) {
                return exec_err!(
                    "date_bin cannot count from an origin that lies more than 292 years from a time: give a nearer one"
                );
            }
        }
        Ok(made)
    }
}
