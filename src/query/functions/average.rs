//! `avg`, as DataFusion has it, but that integers and times are added up exactly.
//!
//! DataFusion adds integers as floats, which lose what is beyond 53 bits, and times as 64 bits, which wrap: nanoseconds
//! of 150 million flows of a minute. An average of integers is a float as before.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::types::{
    NativeType, logical_float64, logical_int8, logical_int16, logical_int32, logical_int64, logical_uint8,
    logical_uint16, logical_uint32, logical_uint64,
};
use datafusion::error::Result;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Coercion, Documentation, GroupsAccumulator, ReversedUDAF, Signature,
    TypeSignature, TypeSignatureClass, Volatility,
};

use super::exact::{Averages, Exact, Of, STATE};
use super::frame::Frame;

/// The function, under DataFusion's names for it.
pub fn average() -> AggregateUDF {
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
    AggregateUDF::new_from_impl(Average { inner: avg_udaf(), signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Average {
    inner: Arc<AggregateUDF>,
    signature: Signature,
}

fn is_exact(kind: &DataType) -> bool {
    matches!(kind, DataType::Int64 | DataType::UInt64 | DataType::Duration(_) | DataType::Timestamp(..))
}

impl AggregateUDFImpl for Average {
    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if is_exact(arguments.expr_fields[0].data_type()) {
            return Ok(Box::new(Exact::new(Of::Average, arguments.return_type(), arguments.is_distinct)));
        }
        self.inner.accumulator(arguments)
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match arguments.expr_fields[0].data_type() {
            kind if is_exact(kind) => self.accumulator(arguments),
            DataType::Float64 => Ok(Box::new(Frame::new(&self.inner, &arguments)?)),
            _ => self.inner.create_sliding_accumulator(arguments),
        }
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        match is_exact(arguments.expr_fields[0].data_type()) {
            true => !arguments.is_distinct,
            false => self.inner.groups_accumulator_supported(arguments),
        }
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        match is_exact(arguments.expr_fields[0].data_type()) {
            true => Ok(Box::new(Averages::new(arguments.return_type()))),
            false => self.inner.create_groups_accumulator(arguments),
        }
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if !is_exact(arguments.input_fields[0].data_type()) {
            return self.inner.state_fields(arguments);
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

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match &types[0] {
            time @ DataType::Timestamp(..) => Ok(time.clone()),
            _ => self.inner.return_type(types),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_udf()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}
