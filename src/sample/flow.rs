//! The flows of one interface in one window, and the records that they leave.
//!
//! A flow leaves a record for each direction, at each interface of ours that it passes.

use std::net::IpAddr;

use super::conversation::{Conversation, ICMP, TCP, UDP, at_nat, exchange};
use super::network::{Interface, Place, Role, Site};
use super::outside::{self, Outside, Remote, SCANNED};
use super::random::Random;
use super::record::{Record, Side, Status, Traffic, Verdict};

/// Seconds of a publishing slot.
const SLOT_SECONDS: i64 = 300;

/// What a generator of one object draws from.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub site: &'a Site,
    pub outside: Outside,
    /// Beginning of the object's slot, Unix seconds.
    pub slot: i64,
    /// No record begins earlier, Unix seconds.
    pub earliest: i64,
}

/// Begin and end of a window of capture, Unix seconds.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: i64,
    end: i64,
}

impl<'a> Scene<'a> {
    /// Appends the records of one burst: some conversations of one interface in one window.
    pub fn burst(&self, random: &mut Random, records: &mut Vec<Record<'a>>) {
        let at = self.place(random);
        let window = self.window(random, at.interface);
        if random.chance(0.12) {
            records.push(silent(random, at, window));
            return;
        }
        for _ in 0..random.count(3.5) {
            if random.chance(0.09) {
                records.push(self.scan(random, at, window));
            } else {
                let conversation = self.conversation(random, at);
                self.record(random, at, window, &conversation, records);
            }
        }
    }

    /// A transit gateway's record: a flow between two VPCs, at the attachment it enters or leaves by.
    pub fn transit(&self, random: &mut Random, records: &mut Vec<Record<'a>>) {
        let at = self.place(random);
        let window = self.window(random, at.interface);
        let vpcs = self.site.vpcs.len();
        for _ in 0..random.count(3.5) {
            let vpc = (at.vpc + 1 + random.index(vpcs - 1)) % vpcs;
            let other = self.place_in(random, vpc);
            let conversation = between(random, at, other);
            self.record(random, at, window, &conversation, records);
        }
    }

    fn place(&self, random: &mut Random) -> Place<'a> {
        let vpc = random.index(self.site.vpcs.len());
        self.place_in(random, vpc)
    }

    fn place_in(&self, random: &mut Random, vpc: usize) -> Place<'a> {
        let interfaces = &self.site.vpcs[vpc].interfaces;
        // A busy few, and a base load that all have.
        let index = if random.chance(0.5) {
            random.index(interfaces.len())
        } else {
            random.zipf(interfaces.len() as u64) as usize
        };
        Place { vpc, interface: &interfaces[index] }
    }

    fn of_role(&self, random: &mut Random, vpc: usize, role: Role) -> Option<Place<'a>> {
        let of_role = || self.site.vpcs[vpc].interfaces.iter().filter(|interface| interface.role == role);
        let count = of_role().count() as u64;
        let interface = of_role().nth(random.zipf(count.max(1)) as usize)?;
        Some(Place { vpc, interface })
    }

    /// A window that ends in the object's slot. Its phase belongs to the interface.
    fn window(&self, random: &mut Random, interface: &Interface) -> Window {
        let phase = i64::from(interface.number) * 37 % 60;
        let end = self.slot + random.below(5) as i64 * (SLOT_SECONDS / 5) + phase;
        let seconds = if interface.is_nitro { 59 } else { random.between(240, 590) as i64 };
        Window { start: (end - seconds).max(self.earliest), end }
    }

    /// Begin and end of one flow in a window: the whole of it, or some part.
    fn part(random: &mut Random, window: Window) -> Window {
        let seconds = window.end - window.start;
        if seconds < 12 || random.chance(0.2) {
            return window;
        }
        let start = window.start + random.below(40) as i64;
        Window { start, end: (start + random.between(1, 49) as i64).min(window.end).max(start) }.clamp_to_slot(window)
    }

    /// A scanner's attempt, refused. It leaves one record, since nothing answers.
    fn scan(&self, random: &mut Random, at: Place<'a>, window: Window) -> Record<'a> {
        let remote = self.outside.scanner(random);
        let port = SCANNED[random.zipf(SCANNED.len() as u64) as usize];
        let packets = *random.pick(&[1, 1, 1, 1, 1, 2, 3]);
        let is_blocked = random.chance(0.08);
        let traffic = Traffic {
            source: Side::new(remote.address, ephemeral(random)),
            destination: Side::new(IpAddr::V4(at.interface.v4), port),
            protocol: if port == 5060 { UDP } else { TCP },
            packets,
            bytes: packets * *random.pick(&[40, 40, 44, 52, 60]),
            tcp_flags: (port != 5060).then_some(2),
            verdict: if is_blocked { Verdict::RejectBlockedPublicAccess } else { Verdict::Reject },
            is_egress: false,
        };
        let Window { start, end } = Self::part(random, window);
        Record { at, next_hop: None, start, end, status: Status::Ok(traffic), is_account_unknown: false }
    }

    fn conversation(&self, random: &mut Random, at: Place<'a>) -> Conversation<'a> {
        let vpc = at.vpc;
        let other_role = match at.interface.role {
            Role::Balancer if random.chance(0.8) => return self.inbound(random, at),
            Role::Balancer => Role::App,
            Role::Nat => return self.outbound(random, at),
            Role::Postgres | Role::Mysql | Role::Cache | Role::Resolver | Role::Endpoint => Role::App,
            Role::App => match random.below(24) {
                0..4 => Role::Postgres,
                4..7 => Role::Cache,
                7..9 => Role::Mysql,
                9 => Role::Resolver,
                10..12 => Role::Endpoint,
                12..15 => Role::Balancer,
                _ => return self.outbound(random, at),
            },
        };
        let other = self.of_role(random, vpc, other_role).unwrap_or(at);
        between(random, at, other)
    }

    /// A client from outside calls a load balancer.
    fn inbound(&self, random: &mut Random, at: Place<'a>) -> Conversation<'a> {
        let remote = self.outside.client(random, at.interface.v6.is_some());
        let port = if random.chance(0.9) { 443 } else { 80 };
        let server = Side::new(own_address(at.interface, remote), port);
        Conversation {
            client: side(remote, ephemeral(random)),
            server,
            protocol: TCP,
            is_opened_here: false,
            other: None,
        }
    }

    /// A call to some server outside, or to a service of AWS; NTP and ping now and then.
    fn outbound(&self, random: &mut Random, at: Place<'a>) -> Conversation<'a> {
        let is_service = random.chance(0.4);
        let remote =
            if is_service { outside::service(random) } else { self.outside.client(random, at.interface.v6.is_some()) };
        let (protocol, port) = match random.below(100) {
            0..4 if !is_service => (ICMP, 0),
            4..12 if !is_service => (UDP, 123),
            12..18 if !is_service => (TCP, 80),
            _ => (TCP, 443),
        };
        let client_port = match protocol {
            ICMP => 0,
            _ => ephemeral(random),
        };
        let client = Side::new(own_address(at.interface, remote), client_port);
        let is_behind_nat = at.interface.role == Role::App && remote.address.is_ipv4() && !is_service;
        let other = if is_behind_nat { self.of_role(random, at.vpc, Role::Nat) } else { None };
        Conversation { client, server: side(remote, port), protocol, is_opened_here: true, other }
    }

    /// Both directions, at this interface and, now and then, at the next one.
    fn record(
        &self,
        random: &mut Random,
        at: Place<'a>,
        window: Window,
        conversation: &Conversation<'a>,
        records: &mut Vec<Record<'a>>,
    ) {
        let Window { start, end } = Self::part(random, window);
        let is_account_unknown = is_unknown(random, at);
        let (request, response) = exchange(random, conversation);
        let push = |at, next_hop, traffic, records: &mut Vec<Record<'a>>| {
            records.push(Record { at, next_hop, start, end, status: Status::Ok(traffic), is_account_unknown });
        };
        let opened_here = conversation.is_opened_here;
        push(at, conversation.other, Traffic { is_egress: opened_here, ..request }, records);
        push(at, conversation.other, Traffic { is_egress: !opened_here, ..response }, records);
        let Some(other) = conversation.other.filter(|_| random.chance(0.15)) else { return };
        let (request, response) =
            if other.interface.role == Role::Nat { at_nat(other, request, response) } else { (request, response) };
        push(other, Some(at), Traffic { is_egress: !opened_here, ..request }, records);
        push(other, Some(at), Traffic { is_egress: opened_here, ..response }, records);
    }
}

impl Window {
    /// Moves the end into the slot that the window ends in, so that the object is the right one.
    fn clamp_to_slot(self, whole: Window) -> Window {
        let slot = whole.end - whole.end.rem_euclid(SLOT_SECONDS);
        Window { start: self.start, end: self.end.max(slot) }
    }
}

fn silent<'a>(random: &mut Random, at: Place<'a>, window: Window) -> Record<'a> {
    let start = window.start.max(window.end - random.between(20, 40) as i64);
    let status = if random.chance(0.01) { Status::SkipData } else { Status::NoData };
    Record { at, next_hop: None, start, end: window.end, status, is_account_unknown: is_unknown(random, at) }
}

/// A conversation between two interfaces of ours. The one that serves something is the server.
fn between<'a>(random: &mut Random, at: Place<'a>, other: Place<'a>) -> Conversation<'a> {
    let is_opened_here = match (at.interface.role, other.interface.role) {
        (Role::App, Role::App) => random.chance(0.5),
        (Role::Balancer, _) | (Role::App, _) => other.interface.role != Role::Balancer,
        _ => false,
    };
    let (client, server) = if is_opened_here { (at, other) } else { (other, at) };
    let role = server.interface.role;
    let (protocol, port) = match random.below(200) {
        0 => (ICMP, 0),
        _ if role == Role::Resolver => (UDP, 53),
        _ => (TCP, role.port()),
    };
    let client_port = if protocol == ICMP { 0 } else { ephemeral(random) };
    Conversation {
        client: Side::new(IpAddr::V4(client.interface.v4), client_port),
        server: Side::new(IpAddr::V4(server.interface.v4), port),
        protocol,
        is_opened_here,
        other: Some(other),
    }
}

fn is_unknown(random: &mut Random, at: Place<'_>) -> bool {
    matches!(at.interface.role, Role::Endpoint | Role::Balancer) && random.chance(0.01)
}

fn side(remote: Remote, port: u16) -> Side {
    Side { service: remote.service, ..Side::new(remote.address, port) }
}

/// The interface's address of the same family as the other side's.
fn own_address(interface: &Interface, remote: Remote) -> IpAddr {
    match interface.v6 {
        Some(v6) if remote.address.is_ipv6() => IpAddr::V6(v6),
        _ => IpAddr::V4(interface.v4),
    }
}

/// Linux's range of client ports.
fn ephemeral(random: &mut Random) -> u16 {
    random.between(32_768, 60_999) as u16
}
