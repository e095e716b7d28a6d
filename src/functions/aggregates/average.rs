//! `avg`, as DataFusion has it, but that integers and times are added up exactly.
//!
//! DataFusion adds integers as floats, which lose what is beyond 53 bits, and times as 64 bits, which wrap: nanoseconds
//! of 150 million flows of a minute. An average of integers is a float as before.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::Result;
use datafusion_common::types::{
    NativeType, logical_float64, logical_int8, logical_int16, logical_int32, logical_int64, logical_uint8,
    logical_uint16, logical_uint32, logical_uint64,
};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{
    Accumulator, AggregateUDF, Coercion, GroupsAccumulator, Signature, TypeSignature, TypeSignatureClass, Volatility,
};

use super::exact::{Averages, Exact, Of, STATE};
use super::frame::Frame;
use super::instead::{Instead, instead};

/// In the place of the engine's `avg`.
pub fn average(engines: Arc<AggregateUDF>) -> AggregateUDF {
    let exact = |class| TypeSignature::Coercible(vec![Coercion::new_exact(class)]);
    let widened = |to, from, native| TypeSignature::Coercible(vec![Coercion::new_implicit(to, from, native)]);
    let native = TypeSignatureClass::Native;
    let signed = [logical_int8(), logical_int16(), logical_int32()].map(native).to_vec();
    let unsigned = [logical_uint8(), logical_uint16(), logical_uint32()].map(native).to_vec();
    let types = vec![
        exact(TypeSignatureClass::Decimal),
        exact(TypeSignatureClass::Duration),
        exact(TypeSignatureClass::Timestamp),
        widened(native(logical_uint64()), unsigned, NativeType::UInt64),
        widened(native(logical_int64()), signed, NativeType::Int64),
        widened(native(logical_float64()), vec![TypeSignatureClass::Float], NativeType::Float64),
    ];
    let signature = Signature::one_of(types, Volatility::Immutable);
    instead(engines, Average { signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Average {
    signature: Signature,
}

fn is_exact(kind: &DataType) -> bool {
    matches!(kind, DataType::Int64 | DataType::UInt64 | DataType::Duration(_) | DataType::Timestamp(..))
}

impl Instead for Average {
    fn signature<'a>(&'a self, _engines: &'a AggregateUDF) -> &'a Signature {
        &self.signature
    }

    fn returns(&self, engines: &AggregateUDF, given: &[DataType]) -> Result<DataType> {
        match &given[0] {
            time @ DataType::Timestamp(..) => Ok(time.clone()),
            _ => engines.return_type(given),
        }
    }

    fn of_rows(&self, engines: &AggregateUDF, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if is_exact(arguments.expr_fields[0].data_type()) {
            return Ok(Box::new(Exact::new(Of::Average, arguments.return_type(), arguments.is_distinct)));
        }
        engines.accumulator(arguments)
    }

    fn of_window(&self, engines: &Arc<AggregateUDF>, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match arguments.expr_fields[0].data_type() {
            kind if is_exact(kind) => self.of_rows(engines, arguments),
            DataType::Float64 => Ok(Box::new(Frame::new(engines, &arguments)?)),
            _ => engines.create_sliding_accumulator(arguments),
        }
    }

    fn has_groups(&self, engines: &AggregateUDF, arguments: AccumulatorArgs) -> bool {
        match is_exact(arguments.expr_fields[0].data_type()) {
            true => !arguments.is_distinct,
            false => engines.groups_accumulator_supported(arguments),
        }
    }

    fn of_groups(&self, engines: &AggregateUDF, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        match is_exact(arguments.expr_fields[0].data_type()) {
            true => Ok(Box::new(Averages::new(arguments.return_type()))),
            false => engines.create_groups_accumulator(arguments),
        }
    }

    fn state(&self, engines: &AggregateUDF, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if !is_exact(arguments.input_fields[0].data_type()) {
            return engines.state_fields(arguments);
        }
        let name = |part: &str| format!("{}[{part}]", arguments.name);
        Ok(match arguments.is_distinct {
            true => vec![Field::new_list(name("values"), Field::new_list_field(STATE, true), true).into()],
            false => vec![
                Field::new(name("count"), DataType::UInt64, true).into(),
                Field::new(name("sum"), STATE, true).into(),
            ],
        })
    }
}
