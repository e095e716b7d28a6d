//! `sum`, as DataFusion has it, but that a sum of integers or decimals which its type cannot hold is an error.
//!
//! DataFusion goes on from the least number then: two flows of `bytes` at the limit summed up to -2. A state is one
//! number, as it was, and is checked in every partition and again where partitions are added up.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Int64Type, UInt64Type, i256,
};
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::{Accumulator, AggregateUDF, EmitTo, GroupsAccumulator};

use super::super::numbers::decimals;
use super::exact::{Exact, Of, too_large};
use super::frame::Frame;
use super::instead::{Instead, instead};

/// In the place of the engine's `sum`.
pub fn sum(engines: Arc<AggregateUDF>) -> AggregateUDF {
    instead(engines, Sum)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum;

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

impl Instead for Sum {
    fn returns(&self, engines: &AggregateUDF, given: &[DataType]) -> Result<DataType> {
        if matches!(given, [DataType::Duration(_) | DataType::Interval(_)]) {
            return plan_err!(
                "a sum of times is refused: nanoseconds of many records go beyond 64 bits; write sum(\"end\" - start), in seconds"
            );
        }
        engines.return_type(given)
    }

    fn of_rows(&self, engines: &AggregateUDF, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let returns = arguments.return_type().clone();
        if arguments.is_distinct {
            let inner = engines.accumulator(arguments)?;
            return with_end!(&returns, Ok(inner), distinct(inner, &returns));
        }
        with_end!(&returns, engines.accumulator(arguments), one(&returns))
    }

    fn of_window(&self, engines: &Arc<AggregateUDF>, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match arguments.return_type() {
            returns @ (DataType::Int64 | DataType::UInt64 | DataType::Decimal128(..)) => {
                Ok(Box::new(Exact::new(Of::Sum, returns, arguments.is_distinct)))
            }
            DataType::Float64 => Ok(Box::new(Frame::new(engines, &arguments)?)),
            other => plan_err!("a sum of {other} over rows that come and go is refused; cast to DECIMAL(38, …)"),
        }
    }

    fn of_groups(&self, engines: &AggregateUDF, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let returns = arguments.return_type().clone();
        with_end!(&returns, engines.create_groups_accumulator(arguments), groups(&returns))
    }
}

/// A number that tells when a sum goes beyond its type. An error for each row would take most of the time of a sum:
/// the rows of a batch are added up first, and then it is asked.
trait Summand: ArrowNativeTypeOp {
    /// Adds a number, wrapping around. Whether that was too much.
    fn add_overflows(&mut self, number: Self) -> bool;

    /// What these numbers add up to, if it is seen at a glance that none is negative and that it is not too much. No
    /// sum of some of them is greater.
    fn sum_of_small(_numbers: &[Self]) -> Option<Self> {
        None
    }
}

macro_rules! summand {
    ($($number:ty)+) => {
        $(impl Summand for $number {
            fn add_overflows(&mut self, number: $number) -> bool {
                let (sum, is_too_large) = self.overflowing_add(number);
                *self = sum;
                is_too_large
            }
        })+
    };
}

summand!(i32 u64 i128);

impl Summand for i64 {
    fn add_overflows(&mut self, number: i64) -> bool {
        let (sum, is_too_large) = self.overflowing_add(number);
        *self = sum;
        is_too_large
    }

    /// Counters are none of them negative, and far from the end of the type.
    fn sum_of_small(numbers: &[i64]) -> Option<i64> {
        let add = |(bits, sum): (u64, i64), &number: &i64| (bits | number as u64, sum.wrapping_add(number));
        let (bits, sum) = numbers.iter().fold((0, 0), add);
        (bits <= i64::MAX as u64 / numbers.len().max(1) as u64).then_some(sum)
    }
}

impl Summand for i256 {
    fn add_overflows(&mut self, number: i256) -> bool {
        let sum = self.checked_add(number);
        *self = self.wrapping_add(number);
        sum.is_none()
    }
}

fn one<T: ArrowPrimitiveType>(returns: &DataType) -> Result<Box<dyn Accumulator>>
where
    T::Native: Summand,
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
    T::Native: Summand,
{
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = values[0].as_primitive::<T>();
        if values.null_count() == values.len() {
            return Ok(());
        }
        let sum = self.sum.get_or_insert(T::Native::ZERO);
        let numbers = values.values().iter();
        let is_too_large = match (T::Native::sum_of_small(values.values()), asked(values, None)) {
            (Some(of_all), None) => sum.add_overflows(of_all),
            (Some(_), Some(_)) => arrow::compute::sum(values).is_some_and(|of_batch| sum.add_overflows(of_batch)),
            (None, None) => numbers.fold(false, |is, &number| is | sum.add_overflows(number)),
            (None, Some(asked)) => numbers.zip(&asked).fold(false, |is, (&number, is_asked)| {
                is | sum.add_overflows(if is_asked { number } else { T::Native::ZERO })
            }),
        };
        if is_too_large { Err(too_large(&self.returns)) } else { Ok(()) }
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
    T::Native: Summand,
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
    T::Native: Summand,
{
    let most = Some(T::Native::ZERO);
    Ok(Box::new(Groups::<T> { sums: Vec::new(), have_value: Vec::new(), most, returns: returns.clone() }))
}

/// The sum of every group; that of a group without a value means nothing. Numbers that stay far from the end of the
/// type are added without asking each time whether it was too much; `tests.rs` holds sums against plain additions.
struct Groups<T: ArrowPrimitiveType> {
    sums: Vec<T::Native>,
    have_value: Vec<bool>,
    /// All numbers so far together, while none was negative: no sum is greater. If it stays within the type with a
    /// whole batch added, no sum of that batch has to be looked at.
    most: Option<T::Native>,
    returns: DataType,
}

impl<T: ArrowPrimitiveType> fmt::Debug for Groups<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sums of {} groups", self.sums.len())
    }
}

impl<T: ArrowPrimitiveType> Groups<T>
where
    T::Native: Summand,
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
        let (numbers, asked) = (values.values(), asked(values, filter));
        let added = self.most.zip(T::Native::sum_of_small(numbers));
        self.most = added.and_then(|(most, of_batch)| most.add_checked(of_batch).ok());
        let sums = self.sums.as_mut_slice();
        // Of the same length, so that a place is looked at once.
        let have_value = &mut self.have_value[..sums.len()];
        let mut is_too_large = false;
        match self.most {
            Some(_) => each(numbers, groups, asked.as_ref(), |group, number, is_asked| {
                sums[group] = sums[group].add_wrapping(number);
                have_value[group] |= is_asked;
            }),
            None => each(numbers, groups, asked.as_ref(), |group, number, is_asked| {
                is_too_large |= sums[group].add_overflows(number);
                have_value[group] |= is_asked;
            }),
        }
        if is_too_large { Err(too_large(&self.returns)) } else { Ok(()) }
    }
}

/// Goes over rows: each with its group and its number, which is zero where the row is not asked for.
#[inline(always)]
fn each<N: ArrowNativeTypeOp>(
    numbers: &[N],
    groups: &[usize],
    asked: Option<&BooleanBuffer>,
    mut row: impl FnMut(usize, N, bool),
) {
    let Some(asked) = asked else {
        return numbers.iter().zip(groups).for_each(|(&number, &group)| row(group, number, true));
    };
    let bits = asked.bit_chunks();
    let words = bits.iter().chain([bits.remainder_bits()]);
    for ((numbers, groups), word) in numbers.chunks(64).zip(groups.chunks(64)).zip(words) {
        let rows = numbers.iter().zip(groups);
        if word == u64::MAX {
            rows.for_each(|(&number, &group)| row(group, number, true));
            continue;
        }
        for (place, (&number, &group)) in rows.enumerate() {
            let is_asked = word >> place & 1 == 1;
            row(group, if is_asked { number } else { N::ZERO }, is_asked);
        }
    }
}

/// The rows that have a value and pass the filter; `None` is all of them.
fn asked<T: ArrowPrimitiveType>(values: &PrimitiveArray<T>, filter: Option<&BooleanArray>) -> Option<BooleanBuffer> {
    let filter = filter.map(|filter| match filter.nulls() {
        Some(nulls) => filter.values() & nulls.inner(),
        None => filter.values().clone(),
    });
    let valid = values.nulls().filter(|valid| valid.null_count() > 0).map(NullBuffer::inner);
    match (valid, filter) {
        (None, filter) => filter,
        (Some(valid), None) => Some(valid.clone()),
        (Some(valid), Some(filter)) => Some(valid & &filter),
    }
}

impl<T: ArrowPrimitiveType> GroupsAccumulator for Groups<T>
where
    T::Native: Summand,
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
        let valid = Some(NullBuffer::from(have_value)).filter(|valid| valid.null_count() > 0);
        let sums = PrimitiveArray::<T>::new(sums.into(), valid);
        Ok(vec![Arc::new(sums.with_data_type(self.returns.clone()))])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<T>();
        let valid = asked(values, filter).map(NullBuffer::new);
        let state = PrimitiveArray::<T>::new(values.values().clone(), valid);
        Ok(vec![Arc::new(state.with_data_type(self.returns.clone()))])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<T::Native>() + self.have_value.capacity()
    }
}

#[cfg(test)]
mod tests;
