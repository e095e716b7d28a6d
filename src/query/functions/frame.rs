//! Aggregates of floats over a window whose rows come and go, without ever taking a value away again.
//!
//! The engine (DataFusion 55) subtracts what leaves: after 1e18 came and went, `1 + 2` was 0, and an infinity stayed
//! for good. Here the rows lie in two piles: what came since the last turn, added up as it comes; and what was there
//! before, of which each row knows what it and all younger ones add up to. When that pile is gone, the other one is
//! turned over. So every row is added twice, however wide the window is.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature,
};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use super::moments::Moments;

/// Aggregates of floats from which the engine subtracts, beside `sum` and `avg`.
const SUBTRACTING: [&str; 16] = [
    "corr",
    "covar_pop",
    "covar_samp",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "var_pop",
    "var",
];

/// Puts them in the place of the engine's own.
pub(super) fn register(context: &SessionContext) {
    let state = context.state();
    let found = SUBTRACTING.iter().filter_map(|name| state.aggregate_functions().get(*name));
    let own: Vec<AggregateUDF> =
        found.map(|inner| AggregateUDF::new_from_impl(Framed { inner: Arc::clone(inner) })).collect();
    for function in own {
        context.register_udaf(function);
    }
}

/// An aggregate as the engine has it, but for windows.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Framed {
    inner: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Framed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(arguments)
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Frame::new(&self.inner, &arguments)?))
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(arguments)
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.inner.create_groups_accumulator(arguments)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_udf()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.inner.default_value(data_type)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// What a new accumulator is made from.
struct Recipe {
    function: Arc<AggregateUDF>,
    return_field: FieldRef,
    schema: Schema,
    name: String,
    ignore_nulls: bool,
    is_distinct: bool,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    expr_fields: Vec<FieldRef>,
}

impl Recipe {
    fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        self.function.accumulator(AccumulatorArgs {
            return_field: Arc::clone(&self.return_field),
            schema: &self.schema,
            ignore_nulls: self.ignore_nulls,
            order_bys: &[],
            is_reversed: false,
            name: &self.name,
            is_distinct: self.is_distinct,
            exprs: &self.exprs,
            expr_fields: &self.expr_fields,
        })
    }
}

/// The rows of one window.
pub(super) struct Frame {
    recipe: Recipe,
    /// What its states are made of, if they are more than sums.
    moments: Option<Moments>,
    /// States of the older rows: the last one is of all of them, the one before it of all but the oldest.
    older: Vec<Vec<ScalarValue>>,
    younger: VecDeque<Vec<ArrayRef>>,
    of_younger: Box<dyn Accumulator>,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a window of {}", self.recipe.name)
    }
}

impl Frame {
    /// Of `function`, whose value must not depend on the order of rows.
    pub fn new(function: &Arc<AggregateUDF>, arguments: &AccumulatorArgs) -> Result<Frame> {
        let recipe = Recipe {
            function: Arc::clone(function),
            return_field: Arc::clone(&arguments.return_field),
            schema: arguments.schema.clone(),
            name: arguments.name.to_owned(),
            ignore_nulls: arguments.ignore_nulls,
            is_distinct: arguments.is_distinct,
            exprs: arguments.exprs.to_vec(),
            expr_fields: arguments.expr_fields.to_vec(),
        };
        let of_younger = recipe.accumulator()?;
        let moments = Moments::of(function.name()).filter(|_| !recipe.is_distinct);
        Ok(Frame { recipe, moments, older: Vec::new(), younger: VecDeque::new(), of_younger })
    }

    /// All younger rows become older ones.
    fn turn(&mut self) -> Result<()> {
        let mut sum = self.recipe.accumulator()?;
        while let Some(columns) = self.younger.pop_back() {
            for row in (0..columns[0].len()).rev() {
                let row: Vec<ArrayRef> = columns.iter().map(|column| column.slice(row, 1)).collect();
                sum.update_batch(&row)?;
                self.older.push(sum.state()?);
            }
        }
        self.of_younger = self.recipe.accumulator()?;
        Ok(())
    }
}

fn merge(into: &mut dyn Accumulator, state: &[ScalarValue]) -> Result<()> {
    into.merge_batch(&state.iter().map(ScalarValue::to_array).collect::<Result<Vec<_>>>()?)
}

impl Accumulator for Frame {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.younger.push_back(columns.to_vec());
        self.of_younger.update_batch(columns)
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for _ in 0..columns[0].len() {
            if self.older.is_empty() {
                self.turn()?;
            }
            self.older.pop();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let Some(older) = self.older.last() else { return self.of_younger.state() };
        if let Some(moments) = self.moments {
            return moments.together(older, &self.of_younger.state()?);
        }
        let mut all = self.recipe.accumulator()?;
        merge(&mut *all, older)?;
        merge(&mut *all, &self.of_younger.state()?)?;
        all.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.of_younger.merge_batch(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.older.is_empty() {
            return self.of_younger.evaluate();
        }
        let state = self.state()?;
        let mut all = self.recipe.accumulator()?;
        merge(&mut *all, &state)?;
        all.evaluate()
    }

    fn size(&self) -> usize {
        let of_state = self.older.last().map_or(0, |state| state.iter().map(ScalarValue::size).sum());
        // Batches are slices of the partition, which the window holds anyhow.
        size_of_val(self) + self.older.len() * of_state + self.younger.len() * size_of::<Vec<ArrayRef>>()
    }
}
