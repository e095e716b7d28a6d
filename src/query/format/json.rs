//! JSON as PostgreSQL writes it where arrow's writer would lose a value: infinities and NaN, which JSON has no numbers
//! for, are the texts `"Infinity"`, `"-Infinity"` and `"NaN"`, not null.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{
    Encoder, EncoderFactory, EncoderOptions, NullableEncoder, WriterBuilder, make_encoder,
};

/// How arrow writes floats by itself.
static PLAIN: LazyLock<EncoderOptions> = LazyLock::new(EncoderOptions::default);

/// What all JSON is written by.
pub(super) fn builder() -> WriterBuilder {
    WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(Arc::new(Floats))
}

/// Makes the encoder of floats, of those within lists too.
#[derive(Debug)]
struct Floats;

impl EncoderFactory for Floats {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        if !array.data_type().is_floating() {
            return Ok(None);
        }
        let values = cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone();
        let encoder = Box::new(OfFloats { values, finite: make_encoder(field, array, &PLAIN)? });
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

struct OfFloats<'a> {
    values: Float64Array,
    finite: NullableEncoder<'a>,
}

impl Encoder for OfFloats<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        match self.values.value(row) {
            value if value.is_finite() => self.finite.encode(row, out),
            value if value.is_nan() => out.extend_from_slice(b"\"NaN\""),
            value if value > 0.0 => out.extend_from_slice(b"\"Infinity\""),
            _ => out.extend_from_slice(b"\"-Infinity\""),
        }
    }
}
