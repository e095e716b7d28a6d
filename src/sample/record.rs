//! One record, as facts: what was seen at an interface, before it becomes a line of some format.

use std::net::IpAddr;

use super::network::Place;

/// Whether there was traffic to report, with the traffic.
#[derive(Debug, Clone, Copy)]
pub enum Status {
    Ok(Traffic),
    NoData,
    SkipData,
}

#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Where it was recorded.
    pub at: Place<'a>,
    /// The interface at the other side of the hop, where that is one of ours.
    pub next_hop: Option<Place<'a>>,
    /// Unix seconds.
    pub start: i64,
    /// Unix seconds.
    pub end: i64,
    pub status: Status,
    /// The interface belongs to a service of AWS, whose account is not told.
    pub is_account_unknown: bool,
}

/// One side of a flow.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    pub address: IpAddr,
    pub port: u16,
    /// Differs from `address` where the flow passes a NAT gateway.
    pub packet_address: IpAddr,
    pub service: Option<&'static str>,
}

#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    pub source: Side,
    pub destination: Side,
    /// IANA number.
    pub protocol: u8,
    pub packets: u64,
    pub bytes: u64,
    /// OR of the TCP flags seen; `None` for other protocols.
    pub tcp_flags: Option<u8>,
    pub verdict: Verdict,
    pub is_egress: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    Reject,
    /// Rejected by "block public access", for which AWS gives no bytes.
    RejectBlockedPublicAccess,
}

impl Side {
    pub fn new(address: IpAddr, port: u16) -> Side {
        Side { address, port, packet_address: address, service: None }
    }
}
