//! `substr`, whose numbers may be integers of any size.
//!
//! The engine (DataFusion 55) takes those of 32 and 64 bits alone, and clients send a small number as `smallint`.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

/// In the place of the engine's `substr`.
pub fn substr(engines: Arc<ScalarUDF>) -> ScalarUDF {
    let whole = DataType::Int64;
    let texts = [DataType::Utf8View, DataType::Utf8, DataType::LargeUtf8];
    let of = |text: DataType| [vec![text.clone(), whole.clone()], vec![text, whole.clone(), whole.clone()]];
    let exact = texts.into_iter().flat_map(of).map(TypeSignature::Exact).collect();
    ScalarUDF::new_from_impl(Substr { engines, signature: Signature::one_of(exact, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Substr {
    engines: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for Substr {
    fn name(&self) -> &str {
        self.engines.name()
    }

    fn aliases(&self) -> &[String] {
        self.engines.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.engines.return_type(given)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engines.documentation()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.engines.invoke_with_args(arguments)
    }
}
