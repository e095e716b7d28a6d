//! Ports: which side of a flow is the server, and what its service is called.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringViewArray};
use datafusion_common::Result;

use super::super::function::ints;
use super::iana;

/// SYN alone opens a connection; with ACK it answers one.
const SYN: i64 = 2;
const SYN_ACK: i64 = 18;

/// `service_port(srcport, dstport [, tcp_flags])`: the port of the side that was called.
pub fn service_ports(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let (sources, destinations) = (ints(&columns[0]), ints(&columns[1]));
    let flags = columns.get(2).map(ints);
    let port = |row: usize| {
        let at = |column: &Int64Array| column.is_valid(row).then(|| column.value(row));
        service_port(at(sources)?, at(destinations)?, flags.and_then(at))
    };
    Ok(Arc::new((0..sources.len()).map(port).collect::<Int64Array>()))
}

/// Flags first: they say who called. Then a port that only servers have; then one that has a name; then the lower one.
fn service_port(source: i64, destination: i64, flags: Option<i64>) -> Option<i64> {
    match flags {
        Some(flags) if flags & SYN_ACK == SYN_ACK => return Some(source),
        Some(flags) if flags & SYN != 0 => return Some(destination),
        _ => {}
    }
    let rank = |port: i64| match port {
        0 => 3,
        1..1024 => 0,
        port if iana::service(port, iana::TCP).or_else(|| iana::service(port, iana::UDP)).is_some() => 1,
        _ => 2,
    };
    // Of two servers' ports, or two clients', the lower one; port 0 only if both are 0.
    let (_, port) = (rank(source), source).min((rank(destination), destination));
    Some(port)
}

/// `service_name(port, protocol)`, as IANA and common use have it.
pub fn service_names(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let names = ints(&columns[0]).iter().zip(ints(&columns[1]));
    let names = names.map(|(port, protocol)| iana::service(port?, protocol?));
    Ok(Arc::new(names.collect::<StringViewArray>()))
}
