//! How many different addresses, ports and interfaces a sample holds, on which the cost of converting it depends.

use std::collections::HashSet;
use std::net::IpAddr;

use super::record::{Record, Status};

/// What occurred so far in the objects of one thread.
#[derive(Debug)]
pub struct Distinct {
    addresses: HashSet<IpAddr>,
    /// Indexed by port.
    ports: Vec<bool>,
    /// Numbers of interfaces.
    interfaces: HashSet<u32>,
}

impl Default for Distinct {
    fn default() -> Distinct {
        Distinct { addresses: HashSet::new(), ports: vec![false; 1 << 16], interfaces: HashSet::new() }
    }
}

impl Distinct {
    pub fn add(&mut self, record: &Record<'_>) {
        self.interfaces.insert(record.at.interface.number);
        if let Status::Ok(traffic) = &record.status {
            for side in [&traffic.source, &traffic.destination] {
                self.addresses.insert(side.address);
                self.ports[usize::from(side.port)] = true;
            }
        }
    }

    pub fn merge(&mut self, other: Distinct) {
        self.addresses.extend(other.addresses);
        self.interfaces.extend(other.interfaces);
        for (ours, theirs) in self.ports.iter_mut().zip(other.ports) {
            *ours |= theirs;
        }
    }

    pub fn addresses(&self) -> u64 {
        self.addresses.len() as u64
    }

    pub fn ports(&self) -> u64 {
        self.ports.iter().filter(|seen| **seen).count() as u64
    }

    pub fn interfaces(&self) -> u64 {
        self.interfaces.len() as u64
    }
}
