//! Flow logs of VPCs: records of network interfaces. Fields of versions 2 to 11.
//!
//! A field that is not here is not an error: it becomes a text column. Types are those of AWS's own Parquet delivery.
//!
//! Source: the page "Flow log records" of the AWS documentation.

use crate::schema::Kind::{Int32, Int64, Port, Seconds, Text};
use crate::schema::log::{Field, FileName, Framing, Log, NamePart, Rows, field};

/// The kind of log.
pub const LOG: Log = Log {
    table: "flow_logs",
    file: FileName {
        service: "vpcflowlogs",
        parts: &[
            NamePart::Account,
            NamePart::Service,
            NamePart::Region,
            NamePart::Id("fl-"),
            NamePart::Time,
            NamePart::Hash,
        ],
        suffix: ".log.gz",
    },
    framing: Framing::Spaced { marks: &[] },
    fields: &[FIELDS],
    other_kinds: &[],
    start: "start",
    end: Some("end"),
    measures: &["packets", "bytes"],
    rows: FLOWS,
};

/// How rows of flows lie best in a file.
pub(super) const FLOWS: Rows = Rows {
    ports: Some(["srcport", "dstport"]),
    ends: Some(["srcaddr", "dstaddr"]),
    of: Some("interface_id"),
    shared: &["srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr"],
};

/// The format of a flow log that was created without `--log-format`.
pub const DEFAULT_FORMAT: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets \
     bytes start end action log-status";

/// All documented fields, in the order of AWS's page, with the ids of their columns. One that AWS adds has its id
/// [`BY_NAME`](crate::schema::BY_NAME): it was an unknown column before.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    field(11, "version", Int32, 2, "highest version among the chosen fields"),
    field(12, "account-id", Text, 2, "owner of the recorded interface or transit gateway; `unknown` for some service interfaces"),
    field(13, "interface-id", Text, 2, "elastic network interface that was recorded"),
    field(14, "srcaddr", Text, 2, "source address"),
    field(15, "dstaddr", Text, 2, "destination address"),
    field(16, "srcport", Port, 2, "source port; 0 for ICMP"),
    field(17, "dstport", Port, 2, "destination port; 0 for ICMP"),
    field(18, "protocol", Int32, 2, "IANA protocol number"),
    field(19, "packets", Int64, 2, "packets in the window"),
    field(20, "bytes", Int64, 2, "bytes in the window"),
    field(21, "start", Seconds, 2, "Unix seconds of the first packet of the window"),
    field(22, "end", Seconds, 2, "Unix seconds of the last packet of the window"),
    field(23, "action", Text, 2, "`ACCEPT` or `REJECT`"),
    field(24, "log-status", Text, 2, "`OK`, `NODATA` or `SKIPDATA`"),
    field(25, "vpc-id", Text, 3, "VPC of the interface"),
    field(26, "subnet-id", Text, 3, "subnet of the interface"),
    field(27, "instance-id", Text, 3, "instance of the interface; null for requester-managed ones"),
    field(28, "tcp-flags", Int32, 3, "OR of the TCP flags seen: FIN 1, SYN 2, RST 4, SYN-ACK 18"),
    field(29, "type", Text, 3, "`IPv4`, `IPv6` or `EFA`"),
    field(30, "pkt-srcaddr", Text, 3, "source address at packet level"),
    field(31, "pkt-dstaddr", Text, 3, "destination address at packet level"),
    field(32, "region", Text, 4, "region of the interface"),
    field(33, "az-id", Text, 4, "availability zone id"),
    field(34, "sublocation-type", Text, 4, "`wavelength`, `outpost` or `localzone`"),
    field(35, "sublocation-id", Text, 4, "id of the sublocation"),
    field(36, "pkt-src-aws-service", Text, 5, "AWS service that owns the packet-level source"),
    field(37, "pkt-dst-aws-service", Text, 5, "AWS service that owns the packet-level destination"),
    field(38, "flow-direction", Text, 5, "`ingress` or `egress`, seen from the interface"),
    field(39, "traffic-path", Int32, 5, "path of egress traffic, 1 to 8"),
    field(40, "ecs-cluster-arn", Text, 7, "ECS cluster"),
    field(41, "ecs-cluster-name", Text, 7, "name of the ECS cluster"),
    field(42, "ecs-container-instance-arn", Text, 7, "ECS container instance; null on Fargate"),
    field(43, "ecs-container-instance-id", Text, 7, "id of the ECS container instance; null on Fargate"),
    field(44, "ecs-container-id", Text, 7, "runtime id of the first container"),
    field(45, "ecs-second-container-id", Text, 7, "runtime id of the second container"),
    field(46, "ecs-service-name", Text, 7, "ECS service"),
    field(47, "ecs-task-definition-arn", Text, 7, "ECS task definition with its revision"),
    field(48, "ecs-task-arn", Text, 7, "ECS task"),
    field(49, "ecs-task-id", Text, 7, "id of the ECS task"),
    field(50, "reject-reason", Text, 8, "why it was rejected: `BPA`, `EC`"),
    field(51, "resource-id", Text, 9, "owner where there is no interface (regional NAT gateway)"),
    field(52, "encryption-status", Int32, 10, "encryption in transit: 0 none, 1 Nitro, 2 application, 3 both"),
    field(53, "instance-tag", Text, 11, "first chosen instance tag, percent-encoded"),
    field(54, "instance-tag-2", Text, 11, "second chosen instance tag"),
    field(55, "interface-tag", Text, 11, "first chosen interface tag, percent-encoded"),
    field(56, "interface-tag-2", Text, 11, "second chosen interface tag"),
    field(57, "asg-tag", Text, 11, "first chosen Auto Scaling group tag, percent-encoded"),
    field(58, "asg-tag-2", Text, 11, "second chosen Auto Scaling group tag"),
    field(59, "interface-type", Text, 11, "kind of the recorded interface"),
    field(60, "next-hop-interface-id", Text, 11, "interface at the other side of the hop"),
    field(61, "next-hop-subnet-id", Text, 11, "its subnet"),
    field(62, "next-hop-az-id", Text, 11, "its availability zone id"),
    field(63, "next-hop-vpc-id", Text, 11, "its VPC"),
    field(64, "next-hop-interface-type", Text, 11, "its kind"),
];
