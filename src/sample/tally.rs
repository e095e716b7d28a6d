//! What was written: bytes, days, and how many different addresses, ports and interfaces.

use std::collections::HashSet;
use std::net::IpAddr;

use chrono::DateTime;

use super::record::{Record, Status};
use super::{Made, Options};

/// What one thread has written so far.
#[derive(Debug, Default)]
pub struct Tally {
    pub text_bytes: u64,
    pub compressed_bytes: u64,
    /// Earliest and latest `start`, Unix seconds.
    starts: Option<(i64, i64)>,
    distinct: Distinct,
}

impl Tally {
    pub fn add(&mut self, record: &Record<'_>) {
        let start = record.start;
        let (first, last) = self.starts.unwrap_or((start, start));
        self.starts = Some((first.min(start), last.max(start)));
        self.distinct.add(record);
    }

    pub fn merge(&mut self, other: Tally) {
        self.text_bytes += other.text_bytes;
        self.compressed_bytes += other.compressed_bytes;
        if let Some((first, last)) = other.starts {
            let (ours_first, ours_last) = self.starts.unwrap_or((first, last));
            self.starts = Some((ours_first.min(first), ours_last.max(last)));
        }
        self.distinct.merge(other.distinct);
    }

    pub fn made(&self, options: &Options, objects: u64) -> Made {
        let day = |seconds: i64| DateTime::from_timestamp(seconds, 0).map(|time| time.date_naive());
        let days = self.starts.and_then(|(first, last)| day(first).zip(day(last)));
        let (first_day, last_day) = days.unwrap_or((options.first_day, options.first_day));
        Made {
            objects,
            records: options.records,
            text_bytes: self.text_bytes,
            compressed_bytes: self.compressed_bytes,
            first_day,
            last_day,
            addresses: self.distinct.addresses(),
            ports: self.distinct.ports(),
            interfaces: self.distinct.interfaces(),
        }
    }
}

/// Different values so far, on whose number the cost of converting a sample depends.
#[derive(Debug)]
struct Distinct {
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
    fn add(&mut self, record: &Record<'_>) {
        self.interfaces.insert(record.at.interface.number);
        if let Status::Ok(traffic) = &record.status {
            for side in [&traffic.source, &traffic.destination] {
                self.addresses.insert(side.address);
                self.ports[usize::from(side.port)] = true;
            }
        }
    }

    fn merge(&mut self, other: Distinct) {
        self.addresses.extend(other.addresses);
        self.interfaces.extend(other.interfaces);
        for (ours, theirs) in self.ports.iter_mut().zip(other.ports) {
            *ours |= theirs;
        }
    }

    fn addresses(&self) -> u64 {
        self.addresses.len() as u64
    }

    fn ports(&self) -> u64 {
        self.ports.iter().filter(|seen| **seen).count() as u64
    }

    fn interfaces(&self) -> u64 {
        self.interfaces.len() as u64
    }
}
