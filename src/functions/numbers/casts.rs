//! `CAST` and `TRY_CAST` into which no rule of the engine looks.

use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::Result;
use datafusion_common::format::DEFAULT_FORMAT_OPTIONS;
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs};

use super::super::call::{Own, call, heading_of_cast, of_one};

/// A cast, or one that is null where the value has no place in the type.
pub fn whole_cast(inner: Expr, to: DataType, is_try: bool) -> Expr {
    call(WholeCast { to, is_try }, vec![inner])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WholeCast {
    to: DataType,
    is_try: bool,
}

impl Own for WholeCast {
    fn name(&self) -> &str {
        if self.is_try { "whole_try_cast" } else { "whole_cast" }
    }

    fn returns(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn make(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let options = CastOptions { safe: self.is_try, format_options: DEFAULT_FORMAT_OPTIONS };
        of_one(&arguments.args[0], |values| Ok(cast_with_options(values, &self.to, &options)?))
    }

    /// As the cast names its column.
    fn heading(&self, arguments: &[Expr]) -> String {
        heading_of_cast(&arguments[0], &self.to, self.is_try)
    }

    fn field(&self, given: &[FieldRef]) -> Result<FieldRef> {
        self.field_of(given, self.is_try || given[0].is_nullable())
    }
}
