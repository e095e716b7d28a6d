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

/// All documented fields, in the order of AWS's page.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    field("version", Int32, 2, "highest version among the chosen fields"),
    field("account-id", Text, 2, "owner of the recorded interface or transit gateway; `unknown` for some service interfaces"),
    field("interface-id", Text, 2, "elastic network interface that was recorded"),
    field("srcaddr", Text, 2, "source address"),
    field("dstaddr", Text, 2, "destination address"),
    field("srcport", Port, 2, "source port; 0 for ICMP"),
    field("dstport", Port, 2, "destination port; 0 for ICMP"),
    field("protocol", Int32, 2, "IANA protocol number"),
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
];
