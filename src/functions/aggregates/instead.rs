//! Aggregates in the place of the engine's own: what they do not say themselves, the engine's says.
//!
//! But that they have no rule that writes `sum(x + 1)` anew: the engine's adds where nothing is checked.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::AggregateOrderSensitivity;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature, StatisticsArgs,
};

/// What is not as the engine has it.
pub(super) trait Instead: Debug + PartialEq + Eq + Hash + Send + Sync + 'static {
    fn signature<'a>(&'a self, engines: &'a AggregateUDF) -> &'a Signature {
        engines.signature()
    }

    /// The type of what it gives.
    fn returns(&self, engines: &AggregateUDF, given: &[DataType]) -> Result<DataType> {
        engines.return_type(given)
    }

    /// Of all rows.
    fn of_rows(&self, engines: &AggregateUDF, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        engines.accumulator(arguments)
    }

    /// Of a window whose rows come and go.
    fn of_window(&self, engines: &Arc<AggregateUDF>, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        engines.create_sliding_accumulator(arguments)
    }

    /// Whether [`Instead::of_groups`] is there.
    fn has_groups(&self, engines: &AggregateUDF, arguments: AccumulatorArgs) -> bool {
        engines.groups_accumulator_supported(arguments)
    }

    /// Of all groups at once.
    fn of_groups(&self, engines: &AggregateUDF, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        engines.create_groups_accumulator(arguments)
    }

    /// What one partition hands on to the next step.
    fn state(&self, engines: &AggregateUDF, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        engines.state_fields(arguments)
    }
}

/// The aggregate, under the engine's names for it.
pub(super) fn instead(engines: Arc<AggregateUDF>, own: impl Instead) -> AggregateUDF {
    AggregateUDF::new_from_impl(Replaced { engines, own })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Replaced<F> {
    engines: Arc<AggregateUDF>,
    own: F,
}

impl<F: Instead> AggregateUDFImpl for Replaced<F> {
    fn name(&self) -> &str {
        self.engines.name()
    }

    fn aliases(&self) -> &[String] {
        self.engines.aliases()
    }

    fn signature(&self) -> &Signature {
        self.own.signature(&self.engines)
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.own.returns(&self.engines, given)
    }

    fn is_nullable(&self) -> bool {
        self.engines.is_nullable()
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.own.of_rows(&self.engines, arguments)
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.own.of_window(&self.engines, arguments)
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.own.has_groups(&self.engines, arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.own.of_groups(&self.engines, arguments)
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.own.state(&self.engines, arguments)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.engines.coerce_types(given)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.engines.reverse_udf()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.engines.order_sensitivity()
    }

    fn default_value(&self, kind: &DataType) -> Result<ScalarValue> {
        self.engines.default_value(kind)
    }

    fn value_from_stats(&self, arguments: &StatisticsArgs) -> Option<ScalarValue> {
        self.engines.value_from_stats(arguments)
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.engines.inner().set_monotonicity(kind)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engines.documentation()
    }
}
