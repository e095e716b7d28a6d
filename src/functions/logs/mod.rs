//! SQL functions for the field: names of protocols and services, addresses and prefixes, TCP flags, the server's port.
//!
//! All but `hash64` give null for null, and for a text that is no address; only a malformed CIDR is an error, since it
//! is the asker's own.

mod address;
mod hash;
mod iana;
mod port;
mod text;

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::datatypes::DataType;
use datafusion_expr::ScalarUDF;

use super::function::{Function, ints};

/// Every function, to be made known to a session.
pub fn all() -> Vec<ScalarUDF> {
    const TEXT: DataType = DataType::Utf8View;
    const INT: DataType = DataType::Int64;
    let functions = vec![
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
    ];
    functions.into_iter().map(ScalarUDF::new_from_impl).collect()
}

/// A text for each number that has one.
fn texts(column: &ArrayRef, name: impl Fn(i64) -> Option<Cow<'static, str>>) -> ArrayRef {
    Arc::new(ints(column).iter().map(|number| number.and_then(&name)).collect::<StringViewArray>())
}
