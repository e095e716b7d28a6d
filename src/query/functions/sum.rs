//! `sum`, as DataFusion has it, but that a sum of integers which 64 bits cannot hold is an error.
//!
//! DataFusion goes on from the least number then: two flows of `bytes` at the limit summed up to -2. A state is one
//! integer, as it was, and is checked in every partition and again where partitions are added up.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanArray};
use datafusion::arrow::array::{PrimitiveArray, PrimitiveBuilder};
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type, UInt64Type};
use datafusion::common::{exec_datafusion_err, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};
use datafusion::scalar::ScalarValue;

/// The function, under DataFusion's name for it.
pub fn sum() -> AggregateUDF {
    AggregateUDF::new_from_impl(Sum { inner: sum_udaf() })
}

/// It has no rule of its own for `sum(x + 1)`: DataFusion's adds where nothing is checked.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum {
    inner: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Sum {
    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let is_distinct = arguments.is_distinct;
        match arguments.return_field.data_type() {
            DataType::Int64 if is_distinct => Ok(Box::new(Distinct(self.inner.accumulator(arguments)?))),
            DataType::Int64 => Ok(Box::new(One::<Int64Type>::default())),
            DataType::UInt64 if !is_distinct => Ok(Box::new(One::<UInt64Type>::default())),
            _ => self.inner.accumulator(arguments),
        }
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match arguments.return_field.data_type() {
            DataType::Int64 if !arguments.is_distinct => Ok(Box::new(Sliding::default())),
            _ => self.inner.create_sliding_accumulator(arguments),
        }
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        match arguments.return_field.data_type() {
            DataType::Int64 => Ok(Box::new(Groups::<Int64Type>::default())),
            DataType::UInt64 => Ok(Box::new(Groups::<UInt64Type>::default())),
            _ => self.inner.create_groups_accumulator(arguments),
        }
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if matches!(types, [DataType::Duration(_)]) {
            return plan_err!(
                "a sum of times is refused: nanoseconds of many records go beyond 64 bits; write sum(\"end\" - start), in seconds"
            );
        }
        self.inner.return_type(types)
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(arguments)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_udf()
    }

    fn value_from_stats(&self, arguments: &StatisticsArgs) -> Option<ScalarValue> {
        self.inner.value_from_stats(arguments)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

fn too_large() -> DataFusionError {
    exec_datafusion_err!("a sum is larger than an integer of 64 bits; sum decimals: sum(CAST(bytes AS DECIMAL(38, 0)))")
}

fn add<N: ArrowNativeTypeOp>(sum: &mut N, value: N) -> Result<()> {
    *sum = sum.add_checked(value).map_err(|_| too_large())?;
    Ok(())
}

/// The sum of all rows, `None` before the first that is not null.
struct One<T: ArrowPrimitiveType>(Option<T::Native>);

impl<T: ArrowPrimitiveType> Default for One<T> {
    fn default() -> One<T> {
        One(None)
    }
}

impl<T: ArrowPrimitiveType> fmt::Debug for One<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a sum of {}", T::DATA_TYPE)
    }
}

impl<T: ArrowPrimitiveType> Accumulator for One<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = values[0].as_primitive::<T>();
        let of_batch = datafusion::arrow::compute::sum_checked(values).map_err(|_| too_large())?;
        of_batch.map_or(Ok(()), |value| add(self.0.get_or_insert(T::Native::ZERO), value))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::new_primitive::<T>(self.0, &T::DATA_TYPE)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The sum of a window whose rows come and go: wide enough that no order of them matters.
#[derive(Debug, Default)]
struct Sliding {
    sum: i128,
    rows: u64,
}

impl Sliding {
    fn of(values: &ArrayRef) -> (i128, u64) {
        let values = values.as_primitive::<Int64Type>();
        (values.iter().flatten().map(i128::from).sum(), (values.len() - values.null_count()) as u64)
    }
}

impl Accumulator for Sliding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, rows) = Sliding::of(&values[0]);
        (self.sum, self.rows) = (self.sum + sum, self.rows + rows);
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, rows) = Sliding::of(&values[0]);
        (self.sum, self.rows) = (self.sum - sum, self.rows - rows);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = i64::try_from(self.sum).map_err(|_| too_large())?;
        Ok(ScalarValue::Int64((self.rows > 0).then_some(sum)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// DataFusion's own for `sum(DISTINCT integer)`: its state is the list of values, which are added up again.
#[derive(Debug)]
struct Distinct(Box<dyn Accumulator>);

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if let [ScalarValue::List(lists)] = self.0.state()?.as_slice() {
            for list in lists.iter().flatten() {
                datafusion::arrow::compute::sum_checked(list.as_primitive::<Int64Type>()).map_err(|_| too_large())?;
            }
        }
        self.0.evaluate()
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

/// The sum of every group; that of a group without a value means nothing.
struct Groups<T: ArrowPrimitiveType> {
    sums: Vec<T::Native>,
    have_value: Vec<bool>,
}

impl<T: ArrowPrimitiveType> Default for Groups<T> {
    fn default() -> Groups<T> {
        Groups { sums: Vec::new(), have_value: Vec::new() }
    }
}

impl<T: ArrowPrimitiveType> fmt::Debug for Groups<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sums of {} groups", self.sums.len())
    }
}

impl<T: ArrowPrimitiveType> Groups<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn add_all(
        &mut self,
        values: &PrimitiveArray<T>,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.sums.resize(total_groups, T::Native::ZERO);
        self.have_value.resize(total_groups, false);
        if values.null_count() == 0 && filter.is_none() {
            for (&value, &group) in values.values().iter().zip(groups) {
                add(&mut self.sums[group], value)?;
                self.have_value[group] = true;
            }
            return Ok(());
        }
        for ((row, value), &group) in values.iter().enumerate().zip(groups) {
            let is_asked = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if let Some(value) = value.filter(|_| is_asked) {
                add(&mut self.sums[group], value)?;
                self.have_value[group] = true;
            }
        }
        Ok(())
    }
}

impl<T: ArrowPrimitiveType> GroupsAccumulator for Groups<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.add_all(values[0].as_primitive::<T>(), groups, filter, total_groups)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.add_all(states[0].as_primitive::<T>(), groups, None, total_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (sums, have_value) = (emit_to.take_needed(&mut self.sums), emit_to.take_needed(&mut self.have_value));
        let mut array = PrimitiveBuilder::<T>::with_capacity(sums.len());
        array.append_values(&sums, &have_value);
        Ok(Arc::new(array.finish()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let Some(filter) = filter else { return Ok(vec![values[0].clone()]) };
        let is_asked = |row: usize| filter.is_valid(row) && filter.value(row);
        let values = values[0].as_primitive::<T>().iter().enumerate();
        let asked: PrimitiveArray<T> = values.map(|(row, value)| value.filter(|_| is_asked(row))).collect();
        Ok(vec![Arc::new(asked)])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<T::Native>() + self.have_value.capacity()
    }
}
