//! Addresses beyond the network: clients, servers, AWS's own services, and scanners.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::random::{Random, scramble};

/// Clients with a rank of their own; the busiest is seen 1 / ln(count) of the time.
const CLIENTS: u64 = 200_000;

/// Addresses from which ports are tried.
const SCANNERS: u64 = 3_000;

/// Share of clients that come from anywhere and hardly ever again.
const LONG_TAIL: f64 = 0.22;

/// Share of clients and servers on IPv6, where the interface has such an address.
const SIX: f64 = 0.35;

/// Names that `pkt-src-aws-service` gives, and the first two bytes of addresses that stand for them.
const SERVICES: [(&str, [u8; 2]); 6] = [
    ("S3", [52, 216]),
    ("DYNAMODB", [52, 94]),
    ("AMAZON", [52, 119]),
    ("EC2", [54, 210]),
    ("CLOUDFRONT", [18, 64]),
    ("API_GATEWAY", [3, 216]),
];

/// Ports that scanners try, the favourites first.
pub const SCANNED: [u16; 14] = [22, 23, 3389, 445, 8080, 5060, 6379, 80, 3306, 5432, 8443, 2375, 9200, 25];

/// Who is outside, for one seed.
#[derive(Debug, Clone, Copy)]
pub struct Outside {
    seed: u64,
}

/// An address and the AWS service that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Remote {
    pub address: IpAddr,
    pub service: Option<&'static str>,
}

impl Outside {
    pub fn new(seed: u64) -> Outside {
        Outside { seed: scramble(seed) }
    }

    /// Who calls in, or is called. IPv6 only where `six` allows it.
    pub fn client(&self, random: &mut Random, six: bool) -> Remote {
        let rank = if random.chance(LONG_TAIL) { CLIENTS + random.below(1 << 40) } else { random.zipf(CLIENTS) };
        let identity = scramble(self.seed ^ rank);
        let address =
            if six && random.chance(SIX) { IpAddr::V6(public_v6(identity)) } else { IpAddr::V4(public_v4(identity)) };
        Remote { address, service: None }
    }

    pub fn scanner(&self, random: &mut Random) -> Remote {
        let identity = scramble(self.seed ^ (1 << 60 | random.zipf(SCANNERS)));
        Remote { address: IpAddr::V4(public_v4(identity)), service: None }
    }
}

/// An endpoint of an AWS service.
pub fn service(random: &mut Random) -> Remote {
    let (name, [first, second]) = SERVICES[random.zipf(SERVICES.len() as u64) as usize];
    let host = random.zipf(400) as u16;
    let address = IpAddr::V4(Ipv4Addr::new(first, second, (host >> 8) as u8 + 8, host as u8));
    Remote { address, service: Some(name) }
}

/// A unicast address outside the private, shared, loopback, link-local, test and AWS service ranges used here.
fn public_v4(identity: u64) -> Ipv4Addr {
    let mut bits = identity;
    loop {
        let [a, b, c, d, ..] = bits.to_le_bytes();
        if !matches!(a, 0 | 3 | 10 | 18 | 52 | 54 | 100 | 127 | 169 | 172 | 192 | 198 | 203 | 224..) {
            return Ipv4Addr::new(a, b, c, d);
        }
        bits = scramble(bits);
    }
}

/// Half of them in compressed form, such as `2a02:cf40::1f`.
fn public_v6(identity: u64) -> Ipv6Addr {
    let [a, b, c, d] = [identity as u16, (identity >> 16) as u16, (identity >> 32) as u16, (identity >> 48) as u16];
    if d & 1 == 0 {
        Ipv6Addr::new(0x2a02, a, 0, 0, 0, 0, 0, b & 0xff)
    } else {
        Ipv6Addr::new(0x2400 | (a & 0xff), b, c, d, 0, 0, 0, 1)
    }
}
