//! Lines: one record as text, in each of the four formats.

use std::fmt::Write;
use std::net::IpAddr;

use super::mix::Format;
use super::network::{Role, Site};
use super::record::{Record, Side, Status, Traffic, Verdict};

/// The ten `ecs-*` fields of an interface without a container.
const NO_CONTAINER: &str = "- - - - - - - - - -";

/// Appends the line of `record`, newline included.
pub fn push_line(line: &mut String, format: Format, site: &Site, record: &Record<'_>) {
    let mut out = Line { text: line };
    match format {
        Format::Tgw => out.transit(site, record),
        _ => {
            out.version_2(format, site, record);
            if matches!(format, Format::V5 | Format::V11) {
                out.versions_3_to_5(site, record);
            }
            if format == Format::V11 {
                out.versions_7_to_11(site, record);
            }
        }
    }
    // The last field's separator becomes the end of the line.
    line.pop();
    line.push('\n');
}

/// A line under construction: every field is followed by a space.
struct Line<'a> {
    text: &'a mut String,
}

impl Line<'_> {
    fn text(&mut self, value: &str) {
        self.text.push_str(value);
        self.text.push(' ');
    }

    fn absent(&mut self, fields: usize) {
        for _ in 0..fields {
            self.text.push_str("- ");
        }
    }

    fn optional(&mut self, value: Option<&str>) {
        self.text(value.unwrap_or("-"));
    }

    fn number(&mut self, value: u64) {
        let mut digits = [0; 20];
        let mut first = digits.len();
        let mut left = value;
        loop {
            first -= 1;
            digits[first] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        for digit in &digits[first..] {
            self.text.push(char::from(*digit));
        }
        self.text.push(' ');
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => {
                for octet in v4.octets() {
                    self.number(u64::from(octet));
                    self.text.pop();
                    self.text.push('.');
                }
                self.text.pop();
            }
            IpAddr::V6(v6) => write!(self.text, "{v6}").expect("a String takes any text"),
        }
        self.text.push(' ');
    }

    fn times(&mut self, record: &Record<'_>) {
        self.number(record.start.unsigned_abs());
        self.number(record.end.unsigned_abs());
    }

    fn version_2(&mut self, format: Format, site: &Site, record: &Record<'_>) {
        self.number(format.version());
        self.text(if record.is_account_unknown { "unknown" } else { &site.account });
        self.text(&record.at.interface.id);
        let Status::Ok(traffic) = &record.status else {
            self.absent(7);
            self.times(record);
            self.absent(1);
            self.text(status(record));
            return;
        };
        self.five_tuple(traffic);
        if traffic.verdict == Verdict::RejectBlockedPublicAccess {
            self.absent(1);
        } else {
            self.number(traffic.bytes);
        }
        self.times(record);
        self.text(if traffic.verdict == Verdict::Accept { "ACCEPT" } else { "REJECT" });
        self.text("OK");
    }

    /// `srcaddr` to `packets`.
    fn five_tuple(&mut self, traffic: &Traffic) {
        self.address(traffic.source.address);
        self.address(traffic.destination.address);
        self.number(u64::from(traffic.source.port));
        self.number(u64::from(traffic.destination.port));
        self.number(u64::from(traffic.protocol));
        self.number(traffic.packets);
    }

    fn versions_3_to_5(&mut self, site: &Site, record: &Record<'_>) {
        let (vpc, subnet) = site.vpc_and_subnet(record.at);
        self.text(&vpc.id);
        self.text(&subnet.id);
        self.text(&record.at.interface.instance);
        if let Status::Ok(traffic) = &record.status {
            match traffic.tcp_flags {
                Some(flags) => self.number(u64::from(flags)),
                None => self.text("0"),
            }
            self.text(family(&traffic.source));
            self.address(traffic.source.packet_address);
            self.address(traffic.destination.packet_address);
        } else {
            self.absent(4);
        }
        self.text(site.region.name);
        self.text(&subnet.zone);
        // Sublocations are not imagined.
        self.absent(2);
        let Status::Ok(traffic) = &record.status else { return self.absent(4) };
        self.optional(traffic.source.service);
        self.optional(traffic.destination.service);
        self.text(direction(traffic));
        match path(record, traffic) {
            Some(path) => self.number(path),
            None => self.absent(1),
        }
    }

    fn versions_7_to_11(&mut self, site: &Site, record: &Record<'_>) {
        let interface = record.at.interface;
        self.text(interface.container.as_ref().map_or(NO_CONTAINER, |container| &container.0));
        let Status::Ok(traffic) = &record.status else {
            self.absent(3);
            interface.tags.iter().for_each(|tag| self.text(tag));
            self.text(interface.interface_type);
            return self.absent(5);
        };
        self.text(if traffic.verdict == Verdict::RejectBlockedPublicAccess { "BPA" } else { "-" });
        self.absent(1);
        self.text(encryption(record, traffic));
        interface.tags.iter().for_each(|tag| self.text(tag));
        self.text(interface.interface_type);
        let Some(next) = record.next_hop else { return self.absent(5) };
        let (vpc, subnet) = site.vpc_and_subnet(next);
        self.text(&next.interface.id);
        self.text(&subnet.id);
        self.text(&subnet.zone);
        self.text(&vpc.id);
        self.text(next.interface.interface_type);
    }

    fn transit(&mut self, site: &Site, record: &Record<'_>) {
        let (Status::Ok(traffic), Some(other)) = (&record.status, record.next_hop) else {
            unreachable!("a transit gateway's record has traffic between two VPCs")
        };
        let (source, destination) = if traffic.is_egress { (record.at, other) } else { (other, record.at) };
        let (source_vpc, source_subnet) = site.vpc_and_subnet(source);
        let (destination_vpc, destination_subnet) = site.vpc_and_subnet(destination);
        // What leaves an interface comes in to the gateway, by the attachment of the source's VPC.
        let enters = traffic.is_egress;
        let attachments = (&source_vpc.attachment, &destination_vpc.attachment);
        let (attachment, pair) = if enters { attachments } else { (attachments.1, attachments.0) };
        self.number(Format::Tgw.version());
        for text in ["TransitGateway", &site.account, &site.transit_gateway, attachment, &site.account, &site.account] {
            self.text(text);
        }
        self.text(&source_vpc.id);
        self.text(&destination_vpc.id);
        self.text(&source_subnet.id);
        self.text(&destination_subnet.id);
        self.text(&source_subnet.attachment_interface);
        self.text(&destination_subnet.attachment_interface);
        self.text(&source_subnet.zone);
        self.text(&destination_subnet.zone);
        self.text(pair);
        self.five_tuple(traffic);
        self.number(traffic.bytes);
        self.times(record);
        self.text("OK");
        self.text(family(&traffic.source));
        // Lost for want of a route, in a black hole, for their size, for their TTL: rare, and told from the size.
        self.number(if traffic.bytes % 199 == 0 { traffic.packets } else { 0 });
        self.text("0");
        self.number(u64::from(traffic.bytes % 307 == 0));
        self.text("0");
        self.number(u64::from(traffic.tcp_flags.unwrap_or(0)));
        self.text(site.region.name);
        self.text(if enters { "ingress" } else { "egress" });
        self.absent(2);
    }
}

fn status(record: &Record<'_>) -> &'static str {
    match record.status {
        Status::Ok(_) => "OK",
        Status::NoData => "NODATA",
        Status::SkipData => "SKIPDATA",
    }
}

fn family(side: &Side) -> &'static str {
    if side.address.is_ipv4() { "IPv4" } else { "IPv6" }
}

fn direction(traffic: &Traffic) -> &'static str {
    if traffic.is_egress { "egress" } else { "ingress" }
}

/// `traffic-path`: 1 within the VPC (a NAT gateway is there too), 7 gateway endpoint, 8 internet gateway.
fn path(record: &Record<'_>, traffic: &Traffic) -> Option<u64> {
    match (record.next_hop, traffic.destination.service) {
        _ if !traffic.is_egress => None,
        (Some(_), _) => Some(1),
        (None, Some("S3" | "DYNAMODB")) => Some(7),
        (None, _) => Some(8),
    }
}

/// `encryption-status`: 1 between Nitro interfaces, 2 assumed at endpoints on port 443, 0 towards the internet.
fn encryption(record: &Record<'_>, traffic: &Traffic) -> &'static str {
    let nitro = record.at.interface.is_nitro;
    match record.next_hop {
        Some(next) if next.interface.role == Role::Endpoint && traffic.protocol == 6 => "2",
        Some(next) if nitro && next.interface.is_nitro => "1",
        Some(_) => "-",
        None => "0",
    }
}
