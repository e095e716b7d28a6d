//! SQL functions for the field: names of protocols and services, addresses and prefixes, TCP flags, the server's port.
//!
//! All but `hash64` give null for null, and for a text that is no address; only a malformed CIDR is an error, since it
//! is the asker's own.

mod address;
mod average;
mod bounded;
mod count;
mod exact;
mod frame;
mod hash;
mod help;
mod iana;
mod matches;
mod moments;
mod neighbour;
mod port;
mod sum;
mod text;

#[cfg(test)]
mod tests;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use datafusion::functions::core::coalesce;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

pub(super) use bounded::register as bound;
pub(super) use help::help;
pub use help::{FunctionHelp, FunctionKind};

/// Makes every function known to a session.
pub(super) fn register(context: &SessionContext) {
    for function in all() {
        context.register_udf(ScalarUDF::new_from_impl(function));
    }
    context.register_udaf(count::count());
    context.register_udaf(sum::sum());
    context.register_udaf(average::average());
    context.register_udf(matches::regexp_match());
    // The engine's own `nvl` has a type of a few for both of its arguments: a value beyond it was null.
    context.register_udf(coalesce().as_ref().clone().with_aliases(["nvl", "ifnull"]));
    frame::register(context);
    neighbour::register(context);
}

fn all() -> Vec<Function> {
    const TEXT: DataType = DataType::Utf8View;
    const INT: DataType = DataType::Int64;
    vec![
        Function::new("protocol_name", &[&[INT]], TEXT, |columns| Ok(texts(&columns[0], text::protocol_name))).means(
            "protocol_name(number)",
            "IANA's keyword of a protocol: TCP, UDP, ICMP, …; null where there is none",
        ),
        Function::new("service_name", &[&[INT, INT]], TEXT, port::service_names)
            .means("service_name(port, protocol)", "the name of a service by its port: ssh, https, postgresql, …"),
        Function::new("service_port", &[&[INT, INT], &[INT, INT, INT]], INT, port::service_ports)
            .means("service_port(srcport, dstport [, tcp_flags])", "the port of the side that was called"),
        Function::new("tcp_flags", &[&[INT]], TEXT, |columns| Ok(texts(&columns[0], text::tcp_flags)))
            .means("tcp_flags(bits)", "the names of TCP flags: SYN or FIN,SYN,ACK; empty for 0"),
        Function::new("cidr_contains", &[&[TEXT, TEXT]], DataType::Boolean, address::cidr_contains)
            .means("cidr_contains(range, address)", "whether an address lies in a range such as 10.0.0.0/8"),
        Function::new("is_private", &[&[TEXT]], DataType::Boolean, address::is_private)
            .means("is_private(address)", "whether an address is of no use on the internet"),
        Function::new("ip_version", &[&[TEXT]], INT, address::ip_version).means("ip_version(address)", "4 or 6"),
        Function::new("ip_prefix", &[&[TEXT], &[TEXT, INT]], TEXT, address::ip_prefix).means(
            "ip_prefix(address [, bits])",
            "the network of an address; without bits /24 of IPv4 and /64 of IPv6",
        ),
        Function::new("url_decode", &[&[TEXT]], TEXT, text::url_decode)
            .means("url_decode(text)", "percent-decoded text, as tags in logs of version 11 need it"),
        Function::of_any("hash64", INT, hash::hash64)
            .means("hash64(value, …)", "a 64-bit number for values of any types, to group many rows by"),
    ]
}

type Body = fn(&[ArrayRef]) -> Result<ArrayRef>;

/// A pure function over whole columns.
#[derive(Debug)]
struct Function {
    name: &'static str,
    signature: Signature,
    returns: DataType,
    body: Body,
    documentation: Option<Documentation>,
}

impl Function {
    fn new(name: &'static str, arguments: &[&[DataType]], returns: DataType, body: Body) -> Function {
        let exact = arguments.iter().map(|types| TypeSignature::Exact(types.to_vec())).collect();
        let signature = Signature::one_of(exact, Volatility::Immutable);
        Function { name, signature, returns, body, documentation: None }
    }

    /// Of any number of columns of any types.
    fn of_any(name: &'static str, returns: DataType, body: Body) -> Function {
        let signature = Signature::variadic_any(Volatility::Immutable);
        Function { name, signature, returns, body, documentation: None }
    }

    /// How it is called, as `docs/sql.md` has it, and what it gives.
    fn means(self, usage: &str, meaning: &str) -> Function {
        Function { documentation: Some(Documentation::builder(help::OWN, meaning, usage).build()), ..self }
    }

    /// In the place of a function of the engine, which says what it is.
    fn in_place_of(self, other: &ScalarUDF) -> Function {
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
        let is_scalar = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { arguments.number_rows };
        let columns =
            arguments.args.into_iter().map(|value| value.into_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let result = (self.body)(&columns)?;
        if is_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// The values of an integer column.
fn ints(column: &ArrayRef) -> &Int64Array {
    column.as_primitive::<Int64Type>()
}

/// The values of a text column.
fn strings(column: &ArrayRef) -> &StringViewArray {
    column.as_string_view()
}

/// A text for each number that has one.
fn texts(column: &ArrayRef, name: impl Fn(i64) -> Option<std::borrow::Cow<'static, str>>) -> ArrayRef {
    Arc::new(ints(column).iter().map(|number| number.and_then(&name)).collect::<StringViewArray>())
}
