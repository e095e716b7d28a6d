//! Aggregates of floats over a window whose rows come and go, without ever taking a value away again.
//!
//! The engine (DataFusion 55) subtracts what leaves: after 1e18 came and went, `1 + 2` was 0, and an infinity stayed
//! for good. Here the rows lie in two piles: what came since the last turn, added up as it comes; and what was there
//! before, of which each row knows what it and all younger ones add up to. When that pile is gone, the other one is
//! turned over. So every row is added twice, however wide the window is.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{FieldRef, Schema};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::{Accumulator, AggregateUDF};
use datafusion_physical_expr_common::physical_expr::PhysicalExpr;

use super::instead::{Instead, instead};
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

/// In the place of the engine's aggregate; `None` if it subtracts nothing.
pub fn framed(engines: &Arc<AggregateUDF>) -> Option<AggregateUDF> {
    SUBTRACTING.contains(&engines.name()).then(|| instead(Arc::clone(engines), Framed))
}

/// An aggregate as the engine has it, but for windows.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Framed;

impl Instead for Framed {
    fn of_window(&self, engines: &Arc<AggregateUDF>, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Frame::new(engines, &arguments)?))
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
