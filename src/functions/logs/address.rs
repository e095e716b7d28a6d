//! Addresses: what range they lie in, and the network they are of. An IPv4 address in IPv6 form counts as IPv4.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, StringViewArray, StringViewBuilder};
use datafusion_common::{Result, exec_err};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::super::function::{ints, strings};

/// `ip_prefix` without a number of bits: what one site usually has.
const PREFIX_BITS: (i64, i64) = (24, 64);

fn parse(text: &str) -> Option<IpAddr> {
    parse_v4(text.as_bytes())
        .map(IpAddr::V4)
        .or_else(|| text.parse::<IpAddr>().ok().map(|address| address.to_canonical()))
}

/// Dotted decimal without leading zeros, as the standard library reads it, in one pass.
fn parse_v4(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut octets, mut place, mut value, mut digits) = ([0; 4], 0, 0_u32, 0);
    for &byte in text {
        match byte {
            b'0'..=b'9' if digits == 0 || value > 0 => {
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return None;
                }
            }
            b'.' if digits > 0 && place < 3 => {
                octets[place] = value as u8;
                (place, value, digits) = (place + 1, 0, 0);
            }
            _ => return None,
        }
    }
    if place != 3 || digits == 0 {
        return None;
    }
    octets[3] = value as u8;
    Some(Ipv4Addr::from(octets))
}

fn addresses(column: &ArrayRef) -> impl Iterator<Item = Option<IpAddr>> + '_ {
    strings(column).iter().map(|text| text.and_then(parse))
}

/// `cidr_contains('10.0.0.0/8', address)`; an address alone is a range of one.
pub fn cidr_contains(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let mut last: Option<(&str, IpNet)> = None;
    let mut found = Vec::with_capacity(columns[1].len());
    for (cidr, address) in strings(&columns[0]).iter().zip(addresses(&columns[1])) {
        let Some(cidr) = cidr else {
            found.push(None);
            continue;
        };
        // The range is nearly always the same constant.
        let net = match last {
            Some((text, net)) if text == cidr => net,
            _ => parse_cidr(cidr)?,
        };
        last = Some((cidr, net));
        found.push(address.map(|address| net.contains(&address)));
    }
    Ok(Arc::new(BooleanArray::from(found)))
}

fn parse_cidr(text: &str) -> Result<IpNet> {
    let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    match net {
        Some(net) => Ok(canonical(net)),
        None => exec_err!("cidr_contains: \"{text}\" is no range of addresses; write 10.0.0.0/8 or 2001:db8::/32"),
    }
}

/// A range of IPv4 addresses in IPv6 form (`::ffff:10.0.0.0/104`) counts as IPv4 too.
fn canonical(net: IpNet) -> IpNet {
    const MAPPED_BITS: u8 = 96;
    let IpNet::V6(v6) = net else { return net };
    let v4 = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(MAPPED_BITS));
    v4.and_then(|(address, bits)| Ipv4Net::new(address, bits).ok()).map_or(net, IpNet::V4)
}

/// Whether an address is of no use on the internet: private (RFC 1918), shared (100.64.0.0/10), loopback, link-local,
/// or IPv6's unique local.
pub fn is_private(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let private = |address: IpAddr| match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    let found = addresses(&columns[0]).map(|address| address.map(private)).collect::<BooleanArray>();
    Ok(Arc::new(found))
}

/// 4 or 6.
pub fn ip_version(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let version = |address: IpAddr| if address.is_ipv4() { 4 } else { 6 };
    Ok(Arc::new(addresses(&columns[0]).map(|address| address.map(version)).collect::<Int64Array>()))
}

/// The network of an address, such as `10.1.2.0/24`; without bits, /24 of IPv4 and /64 of IPv6. Null if the address has
/// not so many bits.
pub fn ip_prefix(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let mut found = StringViewBuilder::with_capacity(columns[0].len());
    for (row, address) in addresses(&columns[0]).enumerate() {
        let bits = match columns.get(1).map(ints) {
            None => address.map(|address| if address.is_ipv4() { PREFIX_BITS.0 } else { PREFIX_BITS.1 }),
            Some(bits) => bits.is_valid(row).then(|| bits.value(row)),
        };
        match address.zip(bits).and_then(|(address, bits)| prefix(address, bits)) {
            Some(net) => found.append_value(net.to_string()),
            None => found.append_null(),
        }
    }
    let found: StringViewArray = found.finish();
    Ok(Arc::new(found))
}

fn prefix(address: IpAddr, bits: i64) -> Option<IpNet> {
    let bits = u8::try_from(bits).ok()?;
    match address {
        IpAddr::V4(v4) => Ipv4Net::new(v4, bits).ok().map(|net| IpNet::V4(net.trunc())),
        IpAddr::V6(v6) => Ipv6Net::new(v6, bits).ok().map(|net| IpNet::V6(net.trunc())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_reading_of_ipv4_is_the_standard_librarys() {
        let parts =
            ["0", "1", "9", "10", "99", "100", "199", "249", "255", "256", "300", "00", "01", "", "a", "-1", "1 "];
        for a in parts {
            for b in parts {
                for text in
                    [format!("{a}.{b}.1.2"), format!("1.2.{a}.{b}"), format!("{a}.{b}"), format!("1.{a}.{b}.4.5")]
                {
                    assert_eq!(parse_v4(text.as_bytes()), text.parse::<Ipv4Addr>().ok(), "{text}");
                }
            }
        }
    }
}
