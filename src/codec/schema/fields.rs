//! Every field that AWS documents for VPC flow logs (versions 2 to 11) and transit gateway flow logs (versions 2 to 6).
//!
//! One table, in the order of AWS's pages. A field that is not here is not an error: it becomes a text column.
//! Types are those of AWS's own Parquet delivery; `protocol` is the one field that the two services store differently.
//!
//! Source: the "Flow log records" and "Transit Gateway Flow Log records" pages of the AWS documentation.

use super::{Kind, Table};

/// One documented field of a flow log record.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Name in a header line, with hyphens.
    pub log: &'static str,
    /// How it is read in a VPC flow log.
    pub vpc: Kind,
    /// How it is read in a transit gateway flow log.
    pub tgw: Kind,
    /// Version of the record format that introduced it.
    pub version: u8,
    /// Whether its presence makes a layout a transit gateway one.
    pub marks_tgw: bool,
    /// What AWS says of it, in a few words.
    pub meaning: &'static str,
}

impl Field {
    /// How this field is read in a record of `table`.
    pub fn kind(&self, table: Table) -> Kind {
        match table {
            Table::FlowLogs => self.vpc,
            Table::TgwFlowLogs => self.tgw,
        }
    }
}

/// The format of a VPC flow log that was created without `--log-format`.
pub const VPC_DEFAULT_FORMAT: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets \
     bytes start end action log-status";

/// The format of a transit gateway flow log that was created without `--log-format`.
pub const TGW_DEFAULT_FORMAT: &str = "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region flow-direction pkt-src-aws-service pkt-dst-aws-service";

use Kind::{Int32, Int64, Port, Seconds, Text};

const fn field(log: &'static str, kind: Kind, version: u8, meaning: &'static str) -> Field {
    Field { log, vpc: kind, tgw: kind, version, marks_tgw: false, meaning }
}

const fn tgw(log: &'static str, kind: Kind, meaning: &'static str) -> Field {
    Field { log, vpc: kind, tgw: kind, version: 6, marks_tgw: true, meaning }
}

/// All documented fields, in the order of AWS's pages.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    field("version", Int32, 2, "highest version among the chosen fields"),
    field("account-id", Text, 2, "owner of the recorded interface or transit gateway; `unknown` for some service interfaces"),
    field("interface-id", Text, 2, "elastic network interface that was recorded"),
    field("srcaddr", Text, 2, "source address"),
    field("dstaddr", Text, 2, "destination address"),
    field("srcport", Port, 2, "source port; 0 for ICMP"),
    field("dstport", Port, 2, "destination port; 0 for ICMP"),
    Field { tgw: Int64, ..field("protocol", Int32, 2, "IANA protocol number") },
    field("packets", Int64, 2, "packets in the window"),
    field("bytes", Int64, 2, "bytes in the window"),
    field("start", Seconds, 2, "Unix seconds of the first packet of the window"),
    field("end", Seconds, 2, "Unix seconds of the last packet of the window"),
    field("action", Text, 2, "`ACCEPT` or `REJECT`"),
    field("log-status", Text, 2, "`OK`, `NODATA` or `SKIPDATA`"),
    field("vpc-id", Text, 3, "VPC of the interface"),
    field("subnet-id", Text, 3, "subnet of the interface"),
    field("instance-id", Text, 3, "instance of the interface; null for requester-managed ones"),
    field("tcp-flags", Int32, 3, "OR of the TCP flags seen: FIN 1, SYN 2, RST 4, SYN-ACK 18"),
    field("type", Text, 3, "`IPv4`, `IPv6` or `EFA`"),
    field("pkt-srcaddr", Text, 3, "source address at packet level"),
    field("pkt-dstaddr", Text, 3, "destination address at packet level"),
    field("region", Text, 4, "region of the interface"),
    field("az-id", Text, 4, "availability zone id"),
    field("sublocation-type", Text, 4, "`wavelength`, `outpost` or `localzone`"),
    field("sublocation-id", Text, 4, "id of the sublocation"),
    field("pkt-src-aws-service", Text, 5, "AWS service that owns the packet-level source"),
    field("pkt-dst-aws-service", Text, 5, "AWS service that owns the packet-level destination"),
    field("flow-direction", Text, 5, "`ingress` or `egress`, seen from the interface"),
    field("traffic-path", Int32, 5, "path of egress traffic, 1 to 8"),
    field("ecs-cluster-arn", Text, 7, "ECS cluster"),
    field("ecs-cluster-name", Text, 7, "name of the ECS cluster"),
    field("ecs-container-instance-arn", Text, 7, "ECS container instance; null on Fargate"),
    field("ecs-container-instance-id", Text, 7, "id of the ECS container instance; null on Fargate"),
    field("ecs-container-id", Text, 7, "runtime id of the first container"),
    field("ecs-second-container-id", Text, 7, "runtime id of the second container"),
    field("ecs-service-name", Text, 7, "ECS service"),
    field("ecs-task-definition-arn", Text, 7, "ECS task definition with its revision"),
    field("ecs-task-arn", Text, 7, "ECS task"),
    field("ecs-task-id", Text, 7, "id of the ECS task"),
    field("reject-reason", Text, 8, "why it was rejected: `BPA`, `EC`"),
    field("resource-id", Text, 9, "owner where there is no interface (regional NAT gateway)"),
    field("encryption-status", Int32, 10, "encryption in transit: 0 none, 1 Nitro, 2 application, 3 both"),
    field("instance-tag", Text, 11, "first chosen instance tag, percent-encoded"),
    field("instance-tag-2", Text, 11, "second chosen instance tag"),
    field("interface-tag", Text, 11, "first chosen interface tag, percent-encoded"),
    field("interface-tag-2", Text, 11, "second chosen interface tag"),
    field("asg-tag", Text, 11, "first chosen Auto Scaling group tag, percent-encoded"),
    field("asg-tag-2", Text, 11, "second chosen Auto Scaling group tag"),
    field("interface-type", Text, 11, "kind of the recorded interface"),
    field("next-hop-interface-id", Text, 11, "interface at the other side of the hop"),
    field("next-hop-subnet-id", Text, 11, "its subnet"),
    field("next-hop-az-id", Text, 11, "its availability zone id"),
    field("next-hop-vpc-id", Text, 11, "its VPC"),
    field("next-hop-interface-type", Text, 11, "its kind"),
    tgw("resource-type", Text, "`TransitGateway` or `TransitGatewayAttachment`"),
    tgw("tgw-id", Text, "transit gateway"),
    tgw("tgw-attachment-id", Text, "attachment"),
    tgw("tgw-src-vpc-account-id", Text, "owner of the source VPC"),
    tgw("tgw-dst-vpc-account-id", Text, "owner of the destination VPC"),
    tgw("tgw-src-vpc-id", Text, "source VPC"),
    tgw("tgw-dst-vpc-id", Text, "destination VPC"),
    tgw("tgw-src-subnet-id", Text, "source subnet"),
    tgw("tgw-dst-subnet-id", Text, "destination subnet"),
    tgw("tgw-src-eni", Text, "attachment interface on the source side"),
    tgw("tgw-dst-eni", Text, "attachment interface on the destination side"),
    tgw("tgw-src-az-id", Text, "source availability zone id"),
    tgw("tgw-dst-az-id", Text, "destination availability zone id"),
    tgw("tgw-pair-attachment-id", Text, "the other attachment"),
    tgw("packets-lost-no-route", Int64, "packets lost for want of a route"),
    tgw("packets-lost-blackhole", Int64, "packets lost in a black hole"),
    tgw("packets-lost-mtu-exceeded", Int64, "packets lost for their size"),
    tgw("packets-lost-ttl-expired", Int64, "packets lost for their TTL"),
];

/// The documented field of a name; hyphens and underscores are the same.
pub fn documented(name: &str) -> Option<&'static Field> {
    place(name).map(|at| &FIELDS[at])
}

/// Its place among [`FIELDS`].
pub(super) fn place(name: &str) -> Option<usize> {
    let is_same = |(ours, theirs): (u8, u8)| ours == if theirs == b'_' { b'-' } else { theirs };
    FIELDS.iter().position(|field| field.log.len() == name.len() && field.log.bytes().zip(name.bytes()).all(is_same))
}
