//! IANA's protocol keywords, and names of services: the registry's, or common use where it has none.
//!
//! Sources: the "Protocol Numbers" and "Service Name and Transport Protocol Port Number" registries of IANA. The second
//! has ten thousand lines; these are the ones that one meets.

pub const TCP: i64 = 6;
pub const UDP: i64 = 17;

/// Keywords by protocol number; empty where the registry has none.
#[rustfmt::skip]
pub const PROTOCOLS: [&str; 148] = [
    "HOPOPT", "ICMP", "IGMP", "GGP", "IPv4", "ST", "TCP", "CBT",
    "EGP", "IGP", "BBN-RCC-MON", "NVP-II", "PUP", "ARGUS", "EMCON", "XNET",
    "CHAOS", "UDP", "MUX", "DCN-MEAS", "HMP", "PRM", "XNS-IDP", "TRUNK-1",
    "TRUNK-2", "LEAF-1", "LEAF-2", "RDP", "IRTP", "ISO-TP4", "NETBLT", "MFE-NSP",
    "MERIT-INP", "DCCP", "3PC", "IDPR", "XTP", "DDP", "IDPR-CMTP", "TP++",
    "IL", "IPv6", "SDRP", "IPv6-Route", "IPv6-Frag", "IDRP", "RSVP", "GRE",
    "DSR", "BNA", "ESP", "AH", "I-NLSP", "SWIPE", "NARP", "Min-IPv4",
    "TLSP", "SKIP", "IPv6-ICMP", "IPv6-NoNxt", "IPv6-Opts", "", "CFTP", "",
    "SAT-EXPAK", "KRYPTOLAN", "RVD", "IPPC", "", "SAT-MON", "VISA", "IPCV",
    "CPNX", "CPHB", "WSN", "PVP", "BR-SAT-MON", "SUN-ND", "WB-MON", "WB-EXPAK",
    "ISO-IP", "VMTP", "SECURE-VMTP", "VINES", "IPTM", "NSFNET-IGP", "DGP", "TCF",
    "EIGRP", "OSPFIGP", "Sprite-RPC", "LARP", "MTP", "AX.25", "IPIP", "MICP",
    "SCC-SP", "ETHERIP", "ENCAP", "", "GMTP", "IFMP", "PNNI", "PIM",
    "ARIS", "SCPS", "QNX", "A/N", "IPComp", "SNP", "Compaq-Peer", "IPX-in-IP",
    "VRRP", "PGM", "", "L2TP", "DDX", "IATP", "STP", "SRP",
    "UTI", "SMP", "SM", "PTP", "ISIS", "FIRE", "CRTP", "CRUDP",
    "SSCOPMCE", "IPLT", "SPS", "PIPE", "SCTP", "FC", "RSVP-E2E-IGNORE", "Mobility-Header",
    "UDPLite", "MPLS-in-IP", "manet", "HIP", "Shim6", "WESP", "ROHC", "Ethernet",
    "AGGFRAG", "NSH", "Homa", "BIT-EMU",
];

/// The service of a port. UDP and TCP have tables of their own; SCTP and DCCP have none here.
pub fn service(port: i64, protocol: i64) -> Option<&'static str> {
    let port = u16::try_from(port).ok()?;
    let services = match protocol {
        TCP => TCP_SERVICES,
        UDP => UDP_SERVICES,
        _ => return None,
    };
    services.binary_search_by_key(&port, |(port, _)| *port).ok().map(|at| services[at].1)
}

/// By port.
#[rustfmt::skip]
const TCP_SERVICES: &[(u16, &str)] = &[
    (7, "echo"), (9, "discard"), (13, "daytime"), (19, "chargen"), (20, "ftp-data"), (21, "ftp"), (22, "ssh"),
    (23, "telnet"), (25, "smtp"), (37, "time"), (43, "whois"), (49, "tacacs"), (53, "domain"), (70, "gopher"),
    (79, "finger"), (80, "http"), (88, "kerberos"), (102, "iso-tsap"), (109, "pop2"), (110, "pop3"), (111, "sunrpc"),
    (113, "ident"), (119, "nntp"), (135, "epmap"), (137, "netbios-ns"), (139, "netbios-ssn"), (143, "imap"),
    (179, "bgp"), (194, "irc"), (389, "ldap"), (427, "svrloc"), (443, "https"), (445, "microsoft-ds"),
    (464, "kpasswd"), (465, "submissions"), (502, "mbap"), (512, "exec"), (513, "login"), (514, "shell"),
    (515, "printer"), (540, "uucp"), (543, "klogin"), (544, "kshell"), (548, "afpovertcp"), (554, "rtsp"),
    (563, "nntps"), (587, "submission"), (593, "http-rpc-epmap"), (601, "syslog-conn"), (623, "asf-rmcp"),
    (631, "ipp"), (636, "ldaps"), (646, "ldp"), (749, "kerberos-adm"), (853, "domain-s"), (860, "iscsi"),
    (873, "rsync"), (902, "ideafarm-door"), (989, "ftps-data"), (990, "ftps"), (992, "telnets"), (993, "imaps"),
    (995, "pop3s"), (1080, "socks"), (1099, "rmiregistry"), (1194, "openvpn"), (1433, "ms-sql-s"), (1434, "ms-sql-m"),
    (1494, "ica"), (1521, "oracle"), (1720, "h323hostcall"), (1723, "pptp"), (1812, "radius"), (1813, "radius-acct"),
    (1883, "mqtt"), (1935, "rtmp"), (2000, "cisco-sccp"), (2049, "nfs"), (2082, "infowave"), (2083, "radsec"),
    (2181, "zookeeper"), (2222, "ssh-alt"), (2375, "docker"), (2376, "docker-s"), (2377, "swarm"),
    (2379, "etcd-client"), (2380, "etcd-server"), (2404, "iec-104"), (2483, "ttc"), (2484, "ttc-ssl"),
    (2598, "citriximaclient"), (3128, "squid"), (3260, "iscsi-target"), (3268, "msft-gc"), (3269, "msft-gc-ssl"),
    (3306, "mysql"), (3343, "ms-cluster-net"), (3389, "ms-wbt-server"), (3478, "stun"), (3493, "nut"),
    (3632, "distcc"), (3690, "svn"), (4222, "nats"), (4369, "epmd"), (4444, "krb524"), (4505, "salt-publish"),
    (4506, "salt-return"), (4567, "galera"), (4646, "nomad"), (4786, "smart-install"), (4899, "radmin-port"),
    (5044, "beats"), (5060, "sip"), (5061, "sips"), (5222, "xmpp-client"), (5269, "xmpp-server"), (5349, "stuns"),
    (5432, "postgresql"), (5439, "redshift"), (5555, "adb"), (5601, "kibana"), (5631, "pcanywheredata"),
    (5666, "nrpe"), (5671, "amqps"), (5672, "amqp"), (5900, "rfb"), (5901, "vnc-1"), (5938, "teamviewer"),
    (5984, "couchdb"), (5985, "wsman"), (5986, "wsmans"), (6000, "x11"), (6379, "redis"), (6380, "redis-tls"),
    (6443, "kubernetes-api"), (6514, "syslog-tls"), (6653, "openflow"), (6667, "ircd"), (6697, "ircs-u"),
    (6783, "weave"), (6881, "bittorrent"), (7000, "cassandra-internode"), (7077, "spark-master"),
    (7199, "cassandra-jmx"), (7474, "neo4j"), (7547, "cwmp"), (7687, "bolt"), (7946, "swarm-node"), (8000, "irdmi"),
    (8008, "http-alt-8008"), (8009, "ajp13"), (8020, "hdfs-namenode"), (8080, "http-alt"), (8081, "sunproxyadmin"),
    (8086, "influxdb"), (8088, "yarn"), (8089, "splunkd"), (8123, "clickhouse-http"), (8140, "puppet"),
    (8200, "vault"), (8291, "winbox"), (8300, "consul-rpc"), (8301, "consul-lan"), (8302, "consul-wan"),
    (8333, "bitcoin"), (8443, "pcsync-https"), (8500, "consul"), (8529, "arangodb"), (8545, "ethereum-rpc"),
    (8600, "consul-dns"), (8883, "secure-mqtt"), (8888, "ddi-tcp-1"), (9000, "cslistener"), (9001, "tor-orport"),
    (9042, "cassandra"), (9050, "tor-socks"), (9090, "prometheus"), (9092, "kafka"), (9093, "kafka-tls"),
    (9094, "kafka-ext"), (9096, "kafka-sasl"), (9098, "kafka-iam"), (9100, "pdl-datastream"),
    (9160, "cassandra-thrift"), (9200, "elasticsearch"), (9300, "elasticsearch-nodes"), (9418, "git"),
    (9440, "clickhouse-tls"), (9443, "tungsten-https"), (9870, "hdfs-web"), (10050, "zabbix-agent"),
    (10051, "zabbix-trapper"), (10250, "kubelet"), (10256, "kube-proxy"), (11211, "memcached"), (11434, "ollama"),
    (15672, "rabbitmq-mgmt"), (16686, "jaeger-ui"), (16992, "amt-soap-http"), (16993, "amt-soap-https"),
    (20000, "dnp"), (25565, "minecraft"), (25672, "rabbitmq-dist"), (26257, "cockroachdb"), (27015, "steam"),
    (27017, "mongodb"), (27018, "mongodb-shard"), (27019, "mongodb-config"), (28015, "rethinkdb"),
    (30303, "ethereum"), (44818, "enip"), (50000, "db2"), (51413, "transmission"), (61613, "stomp"),
    (61616, "activemq"),
];

/// By port.
#[rustfmt::skip]
const UDP_SERVICES: &[(u16, &str)] = &[
    (7, "echo"), (9, "discard"), (13, "daytime"), (19, "chargen"), (37, "time"), (49, "tacacs"), (53, "domain"),
    (67, "bootps"), (68, "bootpc"), (69, "tftp"), (80, "http"), (88, "kerberos"), (111, "sunrpc"), (123, "ntp"),
    (135, "epmap"), (137, "netbios-ns"), (138, "netbios-dgm"), (161, "snmp"), (162, "snmptrap"), (177, "xdmcp"),
    (319, "ptp-event"), (320, "ptp-general"), (389, "ldap"), (427, "svrloc"), (443, "https"), (445, "microsoft-ds"),
    (464, "kpasswd"), (500, "isakmp"), (514, "syslog"), (520, "router"), (521, "ripng"), (546, "dhcpv6-client"),
    (547, "dhcpv6-server"), (554, "rtsp"), (623, "asf-rmcp"), (631, "ipp"), (636, "ldaps"), (646, "ldp"),
    (749, "kerberos-adm"), (853, "domain-s"), (1194, "openvpn"), (1434, "ms-sql-m"), (1645, "radius-old"),
    (1646, "radacct-old"), (1701, "l2tp"), (1719, "h323gatestat"), (1812, "radius"), (1813, "radius-acct"),
    (1900, "ssdp"), (2049, "nfs"), (2055, "netflow"), (2123, "gtp-control"), (2152, "gtp-user"),
    (3343, "ms-cluster-net"), (3389, "ms-wbt-server"), (3478, "stun"), (3544, "teredo"), (3702, "ws-discovery"),
    (4500, "ipsec-nat-t"), (4789, "vxlan"), (5004, "avt-profile-1"), (5005, "avt-profile-2"), (5060, "sip"),
    (5349, "stuns"), (5351, "nat-pmp"), (5353, "mdns"), (5355, "llmnr"), (5683, "coap"), (5684, "coaps"),
    (5938, "teamviewer"), (6081, "geneve"), (6343, "sflow"), (6783, "weave"), (6881, "bittorrent"),
    (7946, "swarm-node"), (8125, "statsd"), (8301, "consul-lan"), (8302, "consul-wan"), (8472, "otv"),
    (8600, "consul-dns"), (9987, "teamspeak"), (9993, "zerotier"), (11211, "memcached"), (19132, "minecraft-bedrock"),
    (20000, "dnp"), (27015, "steam"), (30303, "ethereum"), (44818, "enip"), (47808, "bacnet"),
    (51413, "transmission"), (51820, "wireguard"),
];
