//! The imagined network of one account and region: VPCs, subnets, interfaces, what runs on them, a transit gateway.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::metadata::{Container, TAGS};
use super::mix::Format;
use super::random::Random;

/// A region's name and the prefix of its availability zone ids.
#[derive(Debug)]
pub struct Region {
    pub name: &'static str,
    pub zone: &'static str,
}

const fn region(name: &'static str, zone: &'static str) -> Region {
    Region { name, zone }
}

/// Regions in the order in which samples use them.
pub const REGIONS: [Region; 10] = [
    region("us-east-1", "use1"),
    region("eu-west-1", "euw1"),
    region("ap-southeast-2", "apse2"),
    region("us-gov-west-1", "usgw1"),
    region("eu-central-1", "euc1"),
    region("us-west-2", "usw2"),
    region("ap-northeast-1", "apne1"),
    region("sa-east-1", "sae1"),
    region("ca-central-1", "cac1"),
    region("eu-north-1", "eun1"),
];

/// Accounts of AWS's documentation, and one with leading zeros; further ones are counted up from 900000000000.
const ACCOUNTS: [&str; 4] = ["111122223333", "000012345678", "444455556666", "777788889999"];

/// What an interface serves. The order is that of [`ROLES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Balancer,
    App,
    Postgres,
    Cache,
    Nat,
    Mysql,
    Resolver,
    Endpoint,
}

/// Roles with their weights. The first interfaces of a VPC, which are its busiest, take one role each.
const ROLES: [(Role, u64); 8] = [
    (Role::Balancer, 6),
    (Role::App, 66),
    (Role::Postgres, 6),
    (Role::Cache, 6),
    (Role::Nat, 3),
    (Role::Mysql, 5),
    (Role::Resolver, 3),
    (Role::Endpoint, 5),
];

impl Role {
    /// The port that others reach it on.
    pub fn port(self) -> u16 {
        match self {
            Role::Balancer | Role::Endpoint | Role::Nat => 443,
            Role::App => 8080,
            Role::Postgres => 5432,
            Role::Mysql => 3306,
            Role::Cache => 6379,
            Role::Resolver => 53,
        }
    }

    /// The value of `interface-type`: only requester-managed interfaces have one.
    fn interface_type(self) -> &'static str {
        match self {
            Role::Balancer => "network_load_balancer",
            Role::Nat => "nat_gateway",
            Role::Endpoint => "vpc_endpoint",
            _ => "-",
        }
    }
}

#[derive(Debug)]
pub struct Site {
    pub account: String,
    pub region: &'static Region,
    /// At least two.
    pub vpcs: Vec<Vpc>,
    pub transit_gateway: String,
    flow_logs: [String; 4],
}

#[derive(Debug)]
pub struct Vpc {
    pub id: String,
    pub subnets: Vec<Subnet>,
    /// The busiest first.
    pub interfaces: Vec<Interface>,
    /// The VPC's attachment to the transit gateway.
    pub attachment: String,
}

#[derive(Debug)]
pub struct Subnet {
    pub id: String,
    pub zone: String,
    /// The transit gateway attachment's interface in this subnet.
    pub attachment_interface: String,
}

#[derive(Debug)]
pub struct Interface {
    /// Position among all interfaces of the sample.
    pub number: u32,
    pub id: String,
    pub v4: Ipv4Addr,
    pub v6: Option<Ipv6Addr>,
    pub role: Role,
    /// Index in its VPC.
    pub subnet: usize,
    /// `-` for requester-managed interfaces.
    pub instance: String,
    pub interface_type: &'static str,
    /// Nitro interfaces aggregate for a minute at most, others for up to ten.
    pub is_nitro: bool,
    pub container: Option<Container>,
    /// `instance-tag` to `asg-tag-2`, percent-encoded.
    pub tags: [&'static str; 6],
}

impl Site {
    pub fn flow_log(&self, format: Format) -> &str {
        &self.flow_logs[format as usize]
    }

    pub fn vpc_and_subnet(&self, place: Place<'_>) -> (&Vpc, &Subnet) {
        let vpc = &self.vpcs[place.vpc];
        (vpc, &vpc.subnets[place.interface.subnet])
    }
}

/// An interface and the VPC it is in.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Index in the site.
    pub vpc: usize,
    pub interface: &'a Interface,
}

/// The sites of `accounts` × `regions`, the same for the same seed.
pub fn sites(seed: u64, accounts: u32, regions: u32) -> Vec<Site> {
    let mut sites = Vec::new();
    let mut interfaces = 0;
    for account in 0..accounts {
        for (number, region) in REGIONS.iter().take(regions as usize).enumerate() {
            let mut random = Random::at(seed, &[1, u64::from(account), number as u64]);
            sites.push(site(&mut random, account_id(account), region, &mut interfaces));
        }
    }
    sites
}

fn account_id(number: u32) -> String {
    ACCOUNTS
        .get(number as usize)
        .map_or_else(|| (900_000_000_000 + u64::from(number)).to_string(), |id| (*id).to_owned())
}

fn site(random: &mut Random, account: String, region: &'static Region, interfaces: &mut u32) -> Site {
    let transit_gateway = id("tgw", random);
    let flow_logs = std::array::from_fn(|_| id("fl", random));
    let first_network = random.between(0, 200) as u8;
    let vpcs = (0..random.between(2, 3))
        .map(|vpc| {
            let mut built = vpc_shell(random, region);
            for index in 0..random.between(50, 200) as usize {
                let network = first_network + vpc as u8;
                built.interfaces.push(interface(random, index, network, (&account, region), *interfaces));
                *interfaces += 1;
            }
            built
        })
        .collect();
    Site { account, region, vpcs, transit_gateway, flow_logs }
}

fn vpc_shell(random: &mut Random, region: &Region) -> Vpc {
    let subnets = (1..=3)
        .map(|zone| Subnet {
            id: id("subnet", random),
            zone: format!("{}-az{zone}", region.zone),
            attachment_interface: id("eni", random),
        })
        .collect();
    Vpc { id: id("vpc", random), subnets, interfaces: Vec::new(), attachment: id("tgw-attach", random) }
}

fn interface(
    random: &mut Random,
    index: usize,
    network: u8,
    (account, region): (&str, &Region),
    number: u32,
) -> Interface {
    let role = if index < ROLES.len() { ROLES[index].0 } else { any_role(random) };
    let subnet = random.index(3);
    let interface_type = role.interface_type();
    let is_managed = interface_type != "-";
    // A /16 for the VPC and a /20 for the subnet; the index in the last 12 bits keeps addresses apart.
    let host = (subnet as u16) << 12 | (index as u16 + 4) << 2 | random.below(4) as u16;
    let v4 = Ipv4Addr::new(10, network, (host >> 8) as u8, host as u8);
    let has_v6 = matches!(role, Role::Balancer) || random.chance(0.1);
    let prefix = 0x1f00 | u16::from(network);
    let v6 = Ipv6Addr::new(0x2600, prefix, 0x4000 | number as u16, subnet as u16, 0, 0, random.bits() as u16, host);
    let has_container = role == Role::App && random.chance(0.5);
    Interface {
        number,
        id: id("eni", random),
        v4,
        v6: has_v6.then_some(v6),
        role,
        subnet,
        instance: if is_managed { "-".to_owned() } else { id("i", random) },
        interface_type,
        is_nitro: random.chance(0.92),
        container: has_container.then(|| Container::new(random, account, region.name)),
        tags: std::array::from_fn(|_| if is_managed || random.chance(0.3) { "-" } else { random.pick(&TAGS) }),
    }
}

fn any_role(random: &mut Random) -> Role {
    let mut left = random.below(ROLES.iter().map(|(_, weight)| weight).sum());
    for (role, weight) in ROLES {
        if left < weight {
            return role;
        }
        left -= weight;
    }
    Role::App
}

/// An id such as `eni-0123456789abcdef0`: 17 digits, the first of them 0, as AWS has given out since 2018.
fn id(prefix: &str, random: &mut Random) -> String {
    format!("{prefix}-0{}", random.hex(16))
}
