//! `coalesce`, in which a text stands for what it stands beside.
//!
//! The engine (DataFusion 55) knows no common type of a text and a date or a length of time, and refused
//! `coalesce(date, '2000-01-01')`.

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalUnit};
use datafusion_common::Result;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::instead::{Instead, instead};

/// In the place of the engine's, and of its `nvl`, which has a type of a few for both of its arguments: a value beyond
/// it was null.
pub fn coalesce(engines: Arc<ScalarUDF>) -> ScalarUDF {
    instead(engines, Coalesce).with_aliases(["nvl", "ifnull"])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Coalesce;

impl Instead for Coalesce {
    fn types(&self, engines: &ScalarUDF, types: &[DataType]) -> Result<Vec<DataType>> {
        let refusal = match engines.coerce_types(types) {
            Ok(types) => return Ok(types),
            Err(refusal) => refusal,
        };
        let others: Vec<DataType> = types.iter().filter(|kind| !kind.is_string() && !kind.is_null()).cloned().collect();
        let is_length = |kind: &DataType| matches!(kind, DataType::Duration(_) | DataType::Interval(_));
        let kind = match others.as_slice() {
            [] => None,
            // Texts such as `1 hour` are intervals only.
            lengths if lengths.iter().all(is_length) => Some(DataType::Interval(IntervalUnit::MonthDayNano)),
            [kind] => Some(kind.clone()),
            others => engines.coerce_types(others).ok().and_then(|types| types.into_iter().next()),
        };
        kind.map(|kind| vec![kind; types.len()]).ok_or(refusal)
    }

    fn make(&self, engines: &ScalarUDF, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        engines.invoke_with_args(arguments)
    }
}
