//! The objects that gave rows to a partition, and how far their rows are found: as many at a time as memory allows.

use std::collections::HashMap;
use std::io;

use super::lines::{Bounds, Lines};
use super::notes::{Note, Part, Partition};
use super::sums::Sums;
use crate::lake::object_hash;

/// What an object takes in memory beside the bytes of its note.
const OBJECT_BYTES: u64 = 256;

/// Some of a partition's objects, told by their hashes: one look at all of its files is about these.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    pub number: u64,
    pub of: u64,
}

impl Round {
    /// In how many rounds the objects of a partition fit into so much memory.
    pub fn needed(partition: &Partition, bytes_max: u64) -> u64 {
        let (parts, bytes) = partition.parts();
        (bytes + parts * OBJECT_BYTES).div_ceil(bytes_max.max(1)).clamp(1, parts.max(1))
    }

    fn has(self, url: &str) -> bool {
        let hash = object_hash(url);
        let low: [u8; 8] = hash[..8].try_into().expect("a hash has 16 bytes");
        self.of == 1 || u64::from_le_bytes(low) % self.of == self.number
    }
}

/// Whose row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of the object at this place.
    Object(usize),
    /// Of an object that gave nothing to this partition, as far as can be believed.
    Nobody,
    /// Another round is about it.
    AnotherRound,
}

/// Rows of one object by its receipts, and in the files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Held {
    pub expected: Sums,
    pub found: Sums,
}

pub struct Objects {
    round: Round,
    places: HashMap<String, usize>,
    is_believable: Vec<bool>,
    pub held: Vec<Held>,
    pub lines: Lines,
}

impl Objects {
    /// Those of one round. An object that was converted twice must be there twice.
    pub fn read(partition: &Partition, round: Round, bits_max: u64) -> io::Result<Objects> {
        let mut places: HashMap<String, usize> = HashMap::new();
        let (mut is_believable, mut held) = (Vec::new(), Vec::<Held>::new());
        let mut bounds = Vec::<Bounds>::new();
        partition.read(|note| {
            let Note::Part(Part { object, lines, sums, set_aside }) = note else { return };
            if !round.has(&object) {
                return;
            }
            let place = *places.entry(object).or_insert(held.len());
            if place == held.len() {
                is_believable.push(false);
                held.push(Held::default());
                bounds.push(Bounds::default());
            }
            is_believable[place] |= lines.is_some();
            held[place].expected.add_sums(&sums);
            let bounds = &mut bounds[place];
            bounds.lines = bounds.lines.max(lines.unwrap_or(0));
            bounds.rows = bounds.rows.saturating_add(sums.rows);
            bounds.taken.extend(set_aside.into_iter().map(|(begin, end)| begin..end));
        })?;
        Ok(Objects { round, places, is_believable, held, lines: Lines::new(bounds, bits_max) })
    }

    pub fn whose(&self, url: &str) -> Whose {
        match self.places.get(url) {
            Some(&place) if self.is_believable[place] => Whose::Object(place),
            Some(_) => Whose::Nobody,
            None if self.round.has(url) => Whose::Nobody,
            None => Whose::AnotherRound,
        }
    }

    /// Objects whose rows are not those of their receipts, by URL.
    pub fn differing(&self) -> Vec<(&str, Held)> {
        let differs = |held: &Held| held.expected != held.found;
        let held = self.places.iter().map(|(url, &place)| (url.as_str(), self.held[place]));
        let mut differing: Vec<(&str, Held)> = held.filter(|(_, held)| differs(held)).collect();
        differing.sort_unstable_by_key(|(url, _)| *url);
        differing
    }
}
