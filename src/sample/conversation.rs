//! A conversation and the traffic it makes: packets, bytes and flags of both directions.

use std::net::IpAddr;

use super::network::Place;
use super::random::Random;
use super::record::{Side, Traffic, Verdict};

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// A conversation: who opened it, with whom, how.
#[derive(Debug, Clone, Copy)]
pub struct Conversation<'a> {
    pub client: Side,
    pub server: Side,
    pub protocol: u8,
    /// Whether the interface where the burst is recorded is the client.
    pub is_opened_here: bool,
    pub other: Option<Place<'a>>,
}

/// What the client sent and what came back; the direction is still to be told.
pub fn exchange(random: &mut Random, conversation: &Conversation<'_>) -> (Traffic, Traffic) {
    let is_tcp = conversation.protocol == TCP;
    let (sent, received, flags) = match conversation.protocol {
        TCP => tcp(random),
        UDP if conversation.server.port == 123 => ((1, 76), (1, 76), (0, 0)),
        UDP => {
            let packets = random.count(1.4);
            ((packets, packets * random.between(58, 84)), (packets, packets * random.between(90, 220)), (0, 0))
        }
        _ => {
            let packets = random.count(3.0);
            ((packets, packets * 84), (packets, packets * 84), (0, 0))
        }
    };
    let traffic = |source, destination, (packets, bytes): (u64, u64), flags: u8| Traffic {
        source,
        destination,
        protocol: conversation.protocol,
        packets,
        bytes,
        tcp_flags: is_tcp.then_some(flags),
        verdict: Verdict::Accept,
        is_egress: false,
    };
    let Conversation { client, server, .. } = *conversation;
    (traffic(client, server, sent, flags.0), traffic(server, client, received, flags.1))
}

type Amount = (u64, u64);

/// Packets and bytes sent and received, with the flags of both directions.
fn tcp(random: &mut Random) -> (Amount, Amount, (u8, u8)) {
    if random.chance(0.1) {
        // Keep-alive of an open connection.
        let packets = random.between(1, 2);
        return ((packets, packets * 52), (packets, packets * 52), (0, 0));
    }
    let packets = random.heavy(16.0, 1.4).round() as u64 + 2;
    let answers = (packets as f64 * (0.8 + random.unit() * 0.5)) as u64 + 1;
    // Few packets are mostly acknowledgements; many fill their frames.
    let filled = 1400.0 * packets as f64 / (packets as f64 + 40.0);
    let sent = packets * 52 + random.heavy(30.0 * packets as f64, 0.9) as u64;
    let received = answers * 52 + (answers as f64 * filled * (0.3 + 0.7 * random.unit())) as u64;
    let flags = match random.below(10) {
        0..4 => (3, 19),
        4..6 => (2, 18),
        _ => (0, 0),
    };
    ((packets, sent), (answers, received), flags)
}

/// The same flow as a NAT gateway's interface sees it on its inner side: its own address for the server's.
pub fn at_nat(nat: Place<'_>, request: Traffic, response: Traffic) -> (Traffic, Traffic) {
    let address = IpAddr::V4(nat.interface.v4);
    let destination = Side { address, ..request.destination };
    let source = Side { address, ..response.source };
    (Traffic { destination, ..request }, Traffic { source, ..response })
}
