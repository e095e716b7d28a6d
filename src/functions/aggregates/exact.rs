//! Sums of integers without rounding and without an end, for windows whose rows come and go and for averages.
//!
//! The engine (DataFusion 55) adds up 64 bits that wrap, or floats: a large value that came and went left 0 behind
//! where small ones had been.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, UInt64Type};
use datafusion_common::{DataFusionError, Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::super::numbers::decimals;

/// What a state carries of a sum. Its digits are not checked: all of 128 bits may be used.
pub(super) const STATE: DataType = DataType::Decimal128(38, 0);

/// What is made of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Sum,
    Average,
}

/// The values of a column of integers, times or decimals, nulls among them.
fn values(column: &ArrayRef) -> Result<Vec<Option<i128>>> {
    Ok(match column.data_type() {
        DataType::UInt64 => column.as_primitive::<UInt64Type>().iter().map(|value| value.map(i128::from)).collect(),
        DataType::Decimal128(..) => column.as_primitive::<Decimal128Type>().iter().collect(),
        _ => {
            let integers = cast(column, &DataType::Int64)?;
            integers.as_primitive::<Int64Type>().iter().map(|value| value.map(i128::from)).collect()
        }
    })
}

/// `sum / rows` in the type of an average: a float for integers, whole steps for times.
fn average(sum: i128, rows: u64, returns: &DataType) -> Result<ScalarValue> {
    match returns {
        DataType::Float64 => Ok(ScalarValue::Float64((rows > 0).then(|| sum as f64 / rows as f64))),
        times => {
            let steps = if rows > 0 { i64::try_from(sum / i128::from(rows)).ok() } else { None };
            ScalarValue::Int64(steps).cast_to(times)
        }
    }
}

/// The sum or average of the rows that are there.
#[derive(Debug)]
pub(super) struct Exact {
    of: Of,
    returns: DataType,
    sum: i128,
    /// Values that were added.
    rows: u64,
    /// How often each value is there, where each counts once.
    seen: Option<HashMap<i128, u64>>,
}

impl Exact {
    pub fn new(of: Of, returns: &DataType, is_distinct: bool) -> Exact {
        Exact { of, returns: returns.clone(), sum: 0, rows: 0, seen: is_distinct.then(HashMap::new) }
    }

    fn add(&mut self, value: i128) -> Result<()> {
        let is_first = self.seen.as_mut().is_none_or(|seen| {
            let times = seen.entry(value).or_default();
            *times += 1;
            *times == 1
        });
        if is_first {
            self.sum = self.sum.checked_add(value).ok_or_else(|| too_large(&self.returns))?;
            self.rows += 1;
        }
        Ok(())
    }

    fn take(&mut self, value: i128) -> Result<()> {
        let is_last = self.seen.as_mut().is_none_or(|seen| match seen.get_mut(&value) {
            Some(times) if *times > 1 => {
                *times -= 1;
                false
            }
            _ => seen.remove(&value).is_some(),
        });
        if is_last {
            self.sum = self.sum.checked_sub(value).ok_or_else(|| too_large(&self.returns))?;
            self.rows -= 1;
        }
        Ok(())
    }
}

impl Accumulator for Exact {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        values(&columns[0])?.into_iter().flatten().try_for_each(|value| self.add(value))
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        values(&columns[0])?.into_iter().flatten().try_for_each(|value| self.take(value))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    /// Rows and sum; of distinct values, their list.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let decimal = |value: i128| ScalarValue::Decimal128(Some(value), 38, 0);
        Ok(match &self.seen {
            None => vec![ScalarValue::UInt64(Some(self.rows)), decimal(self.sum)],
            Some(seen) => {
                let values: Vec<ScalarValue> = seen.keys().copied().map(decimal).collect();
                vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &STATE))]
            }
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        if self.seen.is_some() {
            return states[0].as_list::<i32>().iter().flatten().try_for_each(|list| self.update_batch(&[list]));
        }
        for (rows, sum) in states[0].as_primitive::<UInt64Type>().iter().zip(values(&states[1])?) {
            self.rows += rows.unwrap_or_default();
            let sum = self.sum.checked_add(sum.unwrap_or_default());
            self.sum = sum.ok_or_else(|| too_large(&self.returns))?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = (self.rows > 0).then_some(self.sum);
        match (self.of, &self.returns) {
            (Of::Average, returns) => average(self.sum, self.rows, returns),
            (Of::Sum, DataType::Int64) => {
                let sum = sum.map(i64::try_from).transpose().map_err(|_| too_large(&self.returns))?;
                Ok(ScalarValue::Int64(sum))
            }
            (Of::Sum, DataType::UInt64) => {
                let sum = sum.map(u64::try_from).transpose().map_err(|_| too_large(&self.returns))?;
                Ok(ScalarValue::UInt64(sum))
            }
            (Of::Sum, DataType::Decimal128(precision, scale)) => {
                let sum = ScalarValue::Decimal128(sum, *precision, *scale);
                decimals::check(&sum.to_array()?).map_err(|_| too_large(&self.returns))?;
                Ok(sum)
            }
            (Of::Sum, other) => exec_err!("a sum of {other} is no sum of integers"),
        }
    }

    fn size(&self) -> usize {
        let seen = self.seen.as_ref().map_or(0, |seen| seen.capacity() * (size_of::<(i128, u64)>() + 1));
        size_of_val(self) + seen
    }
}

/// The average of every group.
#[derive(Debug)]
pub(super) struct Averages {
    returns: DataType,
    sums: Vec<i128>,
    rows: Vec<u64>,
}

impl Averages {
    pub fn new(returns: &DataType) -> Averages {
        Averages { returns: returns.clone(), sums: Vec::new(), rows: Vec::new() }
    }

    fn grow(&mut self, total_groups: usize) {
        self.sums.resize(total_groups, 0);
        self.rows.resize(total_groups, 0);
    }

    fn add(&mut self, group: usize, sum: i128, rows: u64) -> Result<()> {
        let sum = self.sums[group].checked_add(sum);
        self.sums[group] = sum.ok_or_else(|| too_large(&self.returns))?;
        self.rows[group] += rows;
        Ok(())
    }
}

fn state(sums: impl Iterator<Item = i128>, rows: impl Iterator<Item = u64>) -> Result<Vec<ArrayRef>> {
    let sums = Decimal128Array::from_iter_values(sums).with_data_type(STATE);
    Ok(vec![Arc::new(UInt64Array::from_iter_values(rows)), Arc::new(sums)])
}

fn is_asked(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

impl GroupsAccumulator for Averages {
    fn update_batch(
        &mut self,
        columns: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.grow(total_groups);
        for ((row, value), &group) in values(&columns[0])?.into_iter().enumerate().zip(groups) {
            if let Some(value) = value.filter(|_| is_asked(filter, row)) {
                self.add(group, value, 1)?;
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.grow(total_groups);
        let rows = states[0].as_primitive::<UInt64Type>().iter();
        for ((rows, sum), &group) in rows.zip(values(&states[1])?).zip(groups) {
            self.add(group, sum.unwrap_or_default(), rows.unwrap_or_default())?;
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (sums, rows) = (emit_to.take_needed(&mut self.sums), emit_to.take_needed(&mut self.rows));
        if self.returns == DataType::Float64 {
            let averages = sums.into_iter().zip(rows).map(|(sum, rows)| (rows > 0).then(|| sum as f64 / rows as f64));
            return Ok(Arc::new(averages.collect::<Float64Array>()));
        }
        let steps = sums.into_iter().zip(rows).map(|(sum, rows)| match rows {
            0 => None,
            rows => i64::try_from(sum / i128::from(rows)).ok(),
        });
        Ok(cast(&steps.collect::<Int64Array>(), &self.returns)?)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, rows) = (emit_to.take_needed(&mut self.sums), emit_to.take_needed(&mut self.rows));
        state(sums.into_iter(), rows.into_iter())
    }

    fn convert_to_state(&self, columns: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = values(&columns[0])?.into_iter().enumerate();
        let asked: Vec<Option<i128>> = values.map(|(row, value)| value.filter(|_| is_asked(filter, row))).collect();
        let rows = asked.iter().map(|value| u64::from(value.is_some()));
        state(asked.iter().map(|value| value.unwrap_or_default()), rows)
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.rows.capacity() * size_of::<u64>()
    }
}

pub(super) fn too_large(returns: &DataType) -> DataFusionError {
    match returns {
        DataType::Int64 | DataType::UInt64 => exec_datafusion_err!(
            "a sum is larger than an integer of 64 bits; sum decimals: sum(CAST(bytes AS DECIMAL(38, 0)))"
        ),
        other => exec_datafusion_err!("a sum is larger than {other} holds"),
    }
}
