//! A function over whole columns, by its name, types and body.

use std::hash::{Hash, Hasher};

use arrow::array::{ArrayRef, AsArray, Int64Array, StringViewArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion_common::Result;
use datafusion_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use super::call::of_all;

/// The section of the help in which flowlake's functions stand.
pub const OWN: DocSection = DocSection { include: true, label: "For flow logs", description: None };

type Body = fn(&[ArrayRef]) -> Result<ArrayRef>;

/// A pure function over whole columns.
#[derive(Debug)]
pub(crate) struct Function {
    name: &'static str,
    signature: Signature,
    returns: DataType,
    body: Body,
    documentation: Option<Documentation>,
}

impl Function {
    pub fn new(name: &'static str, arguments: &[&[DataType]], returns: DataType, body: Body) -> Function {
        let exact = arguments.iter().map(|types| TypeSignature::Exact(types.to_vec())).collect();
        let signature = Signature::one_of(exact, Volatility::Immutable);
        Function { name, signature, returns, body, documentation: None }
    }

    /// Of any number of columns of any types.
    pub fn of_any(name: &'static str, returns: DataType, body: Body) -> Function {
        let signature = Signature::variadic_any(Volatility::Immutable);
        Function { name, signature, returns, body, documentation: None }
    }

    /// How it is called, as `docs/sql.md` has it, and what it gives.
    pub fn means(self, usage: &str, meaning: &str) -> Function {
        Function { documentation: Some(Documentation::builder(OWN, meaning, usage).build()), ..self }
    }

    /// In the place of a function of the engine, which says what it is.
    pub fn in_place_of(self, other: &ScalarUDF) -> Function {
        Function { documentation: other.documentation().cloned(), ..self }
    }
}

/// Names of functions are unique.
impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.documentation.as_ref()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        of_all(arguments, |columns| (self.body)(columns))
    }
}

/// The values of an integer column.
pub(crate) fn ints(column: &ArrayRef) -> &Int64Array {
    column.as_primitive::<Int64Type>()
}

/// The values of a text column.
pub(crate) fn strings(column: &ArrayRef) -> &StringViewArray {
    column.as_string_view()
}
