//! `lead` and `lag`, which skip nulls rightly and see as far as they look.
//!
//! The engine (DataFusion 55) loses count of nulls between the rows that it streams, so that `lead(a, 2) IGNORE NULLS`
//! was null where there is a value. It also cuts the rows behind a LIMIT before the window is made, as if nulls were
//! not skipped and `lag(a, -2)` looked back. It cut a default to the type of the value: `lag(packets, 1, 0.5)` gave 0;
//! and took an offset of null for 1.
//!
//! Here a partition is looked at as a whole where nulls are skipped, which the engine does rightly, and a LIMIT stays
//! above what looks ahead. A value and its default have one type that holds both.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::binary::comparison_coercion;
use datafusion_expr::function::{ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::{
    Documentation, LimitEffect, PartitionEvaluator, ReversedUDWF, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use datafusion_physical_expr::expressions::Literal;
use datafusion_physical_expr_common::physical_expr::PhysicalExpr;

/// In the place of the engine's `lead` or `lag`.
pub fn neighbour(engines: Arc<WindowUDF>) -> WindowUDF {
    WindowUDF::new_from_impl(Neighbour::new(engines))
}

/// One of both, as the engine has it but for nulls and limits.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Neighbour {
    inner: Arc<WindowUDF>,
    signature: Signature,
}

impl Neighbour {
    fn new(inner: Arc<WindowUDF>) -> Neighbour {
        Neighbour { inner, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// The type of a value and of what stands for it where there is none.
    fn together(&self, value: &DataType, default: &DataType) -> Result<DataType> {
        // A text is what it stands beside.
        let is_as_value = default.is_null() || default.is_string() || (value.is_integer() && default.is_integer());
        if value == default || (is_as_value && !value.is_null()) {
            return Ok(value.clone());
        }
        match comparison_coercion(value, default) {
            Some(kind) if !value.is_string() => Ok(kind),
            _ if value.is_null() => Ok(default.clone()),
            _ => plan_err!("{} has a value of {value} and a default of {default}: cast one of them", self.name()),
        }
    }
}

impl WindowUDFImpl for Neighbour {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn expressions(&self, arguments: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        self.inner.expressions(arguments)
    }

    fn partition_evaluator(&self, arguments: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let offset = arguments.input_exprs().get(1).and_then(|offset| offset.downcast_ref::<Literal>());
        if offset.is_some_and(|offset| offset.value().is_null()) {
            return Ok(Box::new(Nowhere(arguments.input_fields()[0].data_type().clone())));
        }
        let skips_nulls = arguments.ignore_nulls();
        let inner = self.inner.partition_evaluator_factory(arguments)?;
        Ok(if skips_nulls { Box::new(WholePartition(inner)) } else { inner })
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        self.inner.field(arguments)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(match types {
            [value, offset, default] => {
                let kind = self.together(value, default)?;
                vec![kind.clone(), offset.clone(), kind]
            }
            [_] | [_, _] => types.to_vec(),
            _ => return plan_err!("{} takes a value, an offset and a default", self.name()),
        })
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        match self.inner.reverse_expr() {
            ReversedUDWF::Reversed(inner) => {
                ReversedUDWF::Reversed(Arc::new(WindowUDF::new_from_impl(Neighbour::new(inner))))
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

/// Nulls of a type: no row is so many rows away as nobody knows.
#[derive(Debug)]
struct Nowhere(DataType);

impl PartitionEvaluator for Nowhere {
    fn evaluate_all(&mut self, _values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        Ok(new_null_array(&self.0, rows))
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
