//! Flow logs of transit gateways: records of attachments. Fields of versions 2 to 6.
//!
//! They share the folders and most fields of those of VPCs. A header that names one of [`OWN`] makes the difference.
//!
//! Source: the page "Transit Gateway Flow Log records" of the AWS documentation.

use super::vpc;
use crate::schema::Kind::{Int64, Text};
use crate::schema::log::{Field, Framing, Log, field};

/// The kind of log.
pub const LOG: Log = Log {
    table: "tgw_flow_logs",
    framing: Framing::Spaced { marks: OWN },
    fields: &[vpc::FIELDS, OWN],
    other_kinds: &[("protocol", Int64)],
    ..vpc::LOG
};

/// The format of a flow log that was created without `--log-format`.
pub const DEFAULT_FORMAT: &str = "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region flow-direction pkt-src-aws-service pkt-dst-aws-service";

/// The fields that no flow log of a VPC has, in the order of AWS's page.
#[rustfmt::skip]
pub const OWN: &[Field] = &[
    field(65, "resource-type", Text, 6, "`TransitGateway` or `TransitGatewayAttachment`"),
    field(66, "tgw-id", Text, 6, "transit gateway"),
    field(67, "tgw-attachment-id", Text, 6, "attachment"),
    field(68, "tgw-src-vpc-account-id", Text, 6, "owner of the source VPC"),
    field(69, "tgw-dst-vpc-account-id", Text, 6, "owner of the destination VPC"),
    field(70, "tgw-src-vpc-id", Text, 6, "source VPC"),
    field(71, "tgw-dst-vpc-id", Text, 6, "destination VPC"),
    field(72, "tgw-src-subnet-id", Text, 6, "source subnet"),
    field(73, "tgw-dst-subnet-id", Text, 6, "destination subnet"),
    field(74, "tgw-src-eni", Text, 6, "attachment interface on the source side"),
    field(75, "tgw-dst-eni", Text, 6, "attachment interface on the destination side"),
    field(76, "tgw-src-az-id", Text, 6, "source availability zone id"),
    field(77, "tgw-dst-az-id", Text, 6, "destination availability zone id"),
    field(78, "tgw-pair-attachment-id", Text, 6, "the other attachment"),
    field(79, "packets-lost-no-route", Int64, 6, "packets lost for want of a route"),
    field(80, "packets-lost-blackhole", Int64, 6, "packets lost in a black hole"),
    field(81, "packets-lost-mtu-exceeded", Int64, 6, "packets lost for their size"),
    field(82, "packets-lost-ttl-expired", Int64, 6, "packets lost for their TTL"),
];
