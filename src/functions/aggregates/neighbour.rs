//! `lead` and `lag`, which skip nulls rightly and see as far as they look.
//!
//! The engine (DataFusion 55) loses count of nulls between the rows that it streams, so that `lead(a, 2) IGNORE NULLS`
//! was null where there is a value. It also cuts the rows behind a LIMIT before the window is made, as if nulls were
//! not skipped and `lag(a, -2)` looked back. Here a partition is looked at as a whole where nulls are skipped, which
//! the engine does rightly, and a LIMIT stays above what looks ahead.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::{
    Documentation, LimitEffect, PartitionEvaluator, ReversedUDWF, Signature, WindowUDF, WindowUDFImpl,
};
use datafusion_physical_expr::expressions::Literal;
use datafusion_physical_expr_common::physical_expr::PhysicalExpr;

/// In the place of the engine's `lead` or `lag`.
pub fn neighbour(engines: Arc<WindowUDF>) -> WindowUDF {
    WindowUDF::new_from_impl(Neighbour { inner: engines })
}

/// One of both, as the engine has it but for nulls and limits.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Neighbour {
    inner: Arc<WindowUDF>,
}

impl WindowUDFImpl for Neighbour {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn expressions(&self, arguments: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        self.inner.expressions(arguments)
    }

    fn partition_evaluator(&self, arguments: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let skips_nulls = arguments.ignore_nulls();
        let inner = self.inner.partition_evaluator_factory(arguments)?;
        Ok(if skips_nulls { Box::new(WholePartition(inner)) } else { inner })
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        self.inner.field(arguments)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        match self.inner.reverse_expr() {
            ReversedUDWF::Reversed(inner) => {
                ReversedUDWF::Reversed(Arc::new(WindowUDF::new_from_impl(Neighbour { inner })))
            }
            other => other,
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn limit_effect(&self, arguments: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        let looks_back = match arguments.get(1).map(|offset| offset.downcast_ref::<Literal>()) {
            None => true,
            Some(offset) => matches!(offset.map(Literal::value), Some(ScalarValue::Int64(Some(0..)))),
        };
        if self.name() == "lag" && looks_back { LimitEffect::None } else { LimitEffect::Unknown }
    }
}

/// What is asked of all rows of a partition at once.
#[derive(Debug)]
struct WholePartition(Box<dyn PartitionEvaluator>);

impl PartitionEvaluator for WholePartition {
    fn get_range(&self, row: usize, rows: usize) -> Result<Range<usize>> {
        self.0.get_range(row, rows)
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        self.0.evaluate_all(values, rows)
    }

    fn supports_bounded_execution(&self) -> bool {
        false
    }
}
