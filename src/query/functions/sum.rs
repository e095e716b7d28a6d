//! `sum`, as DataFusion has it, but that a sum of integers or decimals which its type cannot hold is an error.
//!
//! DataFusion goes on from the least number then: two flows of `bytes` at the limit summed up to -2. A state is one
//! number, as it was, and is checked in every partition and again where partitions are added up.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanArray};
use datafusion::arrow::array::{PrimitiveArray, PrimitiveBuilder};
use datafusion::arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, FieldRef, Int64Type, UInt64Type,
};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};
use datafusion::scalar::ScalarValue;

use super::super::decimals;
use super::exact::{Exact, Of, too_large};
use super::frame::Frame;

/// The function, under DataFusion's name for it.
pub fn sum() -> AggregateUDF {
    AggregateUDF::new_from_impl(Sum { inner: sum_udaf() })
}

/// It has no rule of its own for `sum(x + 1)`: DataFusion's adds where nothing is checked.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum {
    inner: Arc<AggregateUDF>,
}

/// What `$make::<T>(arguments)` gives for the type of a sum that has an end, `$other` for others.
macro_rules! with_end {
    ($returns:expr, $other:expr, $make:ident $arguments:tt) => {
        match $returns {
            DataType::Int64 => $make::<Int64Type> $arguments,
            DataType::UInt64 => $make::<UInt64Type> $arguments,
            DataType::Decimal32(..) => $make::<Decimal32Type> $arguments,
            DataType::Decimal64(..) => $make::<Decimal64Type> $arguments,
            DataType::Decimal128(..) => $make::<Decimal128Type> $arguments,
            DataType::Decimal256(..) => $make::<Decimal256Type> $arguments,
            _ => $other,
        }
    };
}

impl AggregateUDFImpl for Sum {
    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let returns = arguments.return_type().clone();
        if arguments.is_distinct {
            let inner = self.inner.accumulator(arguments)?;
            return with_end!(&returns, Ok(inner), distinct(inner, &returns));
        }
        with_end!(&returns, self.inner.accumulator(arguments), one(&returns))
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match arguments.return_type() {
            returns @ (DataType::Int64 | DataType::UInt64 | DataType::Decimal128(..)) => {
                Ok(Box::new(Exact::new(Of::Sum, returns, arguments.is_distinct)))
            }
            DataType::Float64 => Ok(Box::new(Frame::new(&self.inner, &arguments)?)),
            other => plan_err!("a sum of {other} over rows that come and go is refused; cast to DECIMAL(38, …)"),
        }
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let returns = arguments.return_type().clone();
        with_end!(&returns, self.inner.create_groups_accumulator(arguments), groups(&returns))
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if matches!(types, [DataType::Duration(_) | DataType::Interval(_)]) {
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

fn add<N: ArrowNativeTypeOp>(sum: &mut N, value: N, returns: &DataType) -> Result<()> {
    *sum = sum.add_checked(value).map_err(|_| too_large(returns))?;
    Ok(())
}

fn one<T: ArrowPrimitiveType>(returns: &DataType) -> Result<Box<dyn Accumulator>>
where
    T::Native: ArrowNativeTypeOp,
{
    Ok(Box::new(One::<T> { sum: None, returns: returns.clone() }))
}

/// The sum of all rows, `None` before the first that is not null.
struct One<T: ArrowPrimitiveType> {
    sum: Option<T::Native>,
    returns: DataType,
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
        let of_batch = datafusion::arrow::compute::sum_checked(values).map_err(|_| too_large(&self.returns))?;
        of_batch.map_or(Ok(()), |value| add(self.sum.get_or_insert(T::Native::ZERO), value, &self.returns))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::new_primitive::<T>(self.sum, &self.returns)?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = ScalarValue::new_primitive::<T>(self.sum, &self.returns)?;
        if self.returns.is_decimal() {
            decimals::check(&sum.to_array()?).map_err(|_| too_large(&self.returns))?;
        }
        Ok(sum)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

fn distinct<T: ArrowPrimitiveType>(inner: Box<dyn Accumulator>, returns: &DataType) -> Result<Box<dyn Accumulator>>
where
    T::Native: ArrowNativeTypeOp,
{
    Ok(Box::new(Distinct { inner, adder: one::<T>, returns: returns.clone() }))
}

/// DataFusion's own for `sum(DISTINCT number)`: its state is the list of values, which are added up again.
#[derive(Debug)]
struct Distinct {
    inner: Box<dyn Accumulator>,
    adder: fn(&DataType) -> Result<Box<dyn Accumulator>>,
    returns: DataType,
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut sum = (self.adder)(&self.returns)?;
        if let [ScalarValue::List(lists)] = self.inner.state()?.as_slice() {
            lists.iter().flatten().try_for_each(|list| sum.update_batch(&[list]))?;
        }
        sum.evaluate()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

fn groups<T: ArrowPrimitiveType>(returns: &DataType) -> Result<Box<dyn GroupsAccumulator>>
where
    T::Native: ArrowNativeTypeOp,
{
    Ok(Box::new(Groups::<T> { sums: Vec::new(), have_value: Vec::new(), returns: returns.clone() }))
}

/// The sum of every group; that of a group without a value means nothing.
struct Groups<T: ArrowPrimitiveType> {
    sums: Vec<T::Native>,
    have_value: Vec<bool>,
    returns: DataType,
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
                add(&mut self.sums[group], value, &self.returns)?;
                self.have_value[group] = true;
            }
            return Ok(());
        }
        for ((row, value), &group) in values.iter().enumerate().zip(groups) {
            let is_asked = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if let Some(value) = value.filter(|_| is_asked) {
                add(&mut self.sums[group], value, &self.returns)?;
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
        let sums = self.state(emit_to)?.swap_remove(0);
        decimals::check(&sums).map_err(|_| too_large(&self.returns))?;
        Ok(sums)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, have_value) = (emit_to.take_needed(&mut self.sums), emit_to.take_needed(&mut self.have_value));
        let mut array = PrimitiveBuilder::<T>::with_capacity(sums.len());
        array.append_values(&sums, &have_value);
        Ok(vec![Arc::new(array.finish().with_data_type(self.returns.clone()))])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<T>();
        let asked: PrimitiveArray<T> = match filter {
            None => values.clone(),
            Some(filter) => {
                let is_asked = |row: usize| filter.is_valid(row) && filter.value(row);
                values.iter().enumerate().map(|(row, value)| value.filter(|_| is_asked(row))).collect()
            }
        };
        Ok(vec![Arc::new(asked.with_data_type(self.returns.clone()))])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<T::Native>() + self.have_value.capacity()
    }
}
