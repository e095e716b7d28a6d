//! The order of a page's rows: those of one service, direction and interface side by side.
//!
//! Rows come as the aggregators met them. Side by side, the ports, protocol, action and interface of a page are long
//! runs, and one of its two addresses nearly is, which saves a tenth of the file and the time to compress it. The rows
//! of a page stay on their page and those of an object stay together, so that time and object prune as before;
//! `log_line` says what the order was.
//!
//! Clever for speed: what is compared is packed into one integer with the row's number below it, so that a radix sort
//! of integers does it. The plain version that it is tested against is `slice::sort`.

/// What the order is made from; columns that a file lacks are `None`. All are as long as the page.
pub struct Sorted<'a> {
    /// Rows of each object, one after the other.
    pub objects: &'a mut dyn Iterator<Item = usize>,
    pub ports: Option<[&'a [i64]; 2]>,
    /// Dictionary keys of source and destination, and the number of keys in each dictionary.
    pub addresses: Option<[(&'a [u32], usize); 2]>,
    pub interface: Option<&'a [u32]>,
}

/// Bits of the number of a row on its page.
pub const ROW_BITS: u32 = 16;

const INTERFACE_BITS: u32 = 16;
const PORT_BITS: u32 = 16;
const SORTED_BITS: u32 = INTERFACE_BITS + 1 + PORT_BITS + 1;

/// Bits that one pass of the radix sort looks at.
const DIGIT_BITS: u32 = 12;
const DIGITS: usize = 1 << DIGIT_BITS;

/// Rows below which comparing is faster than counting.
const RADIX_ROWS_MIN: usize = 2048;

/// The order, and scratch space that is kept from page to page.
#[derive(Debug, Default)]
pub struct Order {
    rows: Vec<u32>,
    packed: Vec<u64>,
    spare: Vec<u64>,
    seen: [Vec<u32>; 2],
}

impl Order {
    /// The numbers of the page's rows in their order.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Orders the rows of the next page.
    pub fn make(&mut self, rows: usize, by: Sorted) {
        assert!(rows <= 1 << ROW_BITS, "a page has at most {} rows", 1 << ROW_BITS);
        self.packed.clear();
        self.packed.extend(0..rows as u64);
        if let Some(interface) = by.interface {
            let most = (1 << INTERFACE_BITS) - 1;
            for (packed, &key) in self.packed.iter_mut().zip(interface) {
                *packed |= u64::from(key.min(most)) << ROW_BITS;
            }
        }
        if let Some(addresses) = by.addresses {
            self.sides(addresses);
        }
        if let Some([source, destination]) = by.ports {
            for ((packed, &source), &destination) in self.packed.iter_mut().zip(source).zip(destination) {
                let service = source.min(destination).max(0) as u64 & ((1 << PORT_BITS) - 1);
                let is_source = u64::from(source < destination);
                *packed |= (is_source << PORT_BITS | service) << (ROW_BITS + INTERFACE_BITS + 1);
            }
        }
        let mut from = 0;
        for rows in by.objects {
            self.sort(from, from + rows);
            from += rows;
        }
        assert_eq!(from, rows, "every row is of one object");
        self.rows.clear();
        self.rows.extend(self.packed.iter().map(|packed| *packed as u32 & ((1 << ROW_BITS) - 1)));
    }

    /// Notes which of a row's addresses is met more often in its column: it is mostly that of the interface.
    fn sides(&mut self, addresses: [(&[u32], usize); 2]) {
        for (seen, (keys, distinct)) in self.seen.iter_mut().zip(addresses) {
            seen.clear();
            seen.resize(distinct + 1, 0);
            for &key in keys {
                seen[key as usize] += 1;
            }
        }
        let [(source, _), (destination, _)] = addresses;
        for ((packed, &source), &destination) in self.packed.iter_mut().zip(source).zip(destination) {
            let is_destination = self.seen[0][source as usize] < self.seen[1][destination as usize];
            *packed |= u64::from(is_destination) << (ROW_BITS + INTERFACE_BITS);
        }
    }

    fn sort(&mut self, from: usize, to: usize) {
        let packed = &mut self.packed[from..to];
        if packed.len() < RADIX_ROWS_MIN {
            return packed.sort_unstable();
        }
        // Row numbers ascend already, and every pass keeps the order of equals.
        self.spare.resize(packed.len().max(self.spare.len()), 0);
        let (mut here, mut there) = (packed, &mut self.spare[..to - from]);
        let mut is_swapped = false;
        for pass in 0..SORTED_BITS.div_ceil(DIGIT_BITS) {
            let digit = |packed: u64| (packed >> (ROW_BITS + pass * DIGIT_BITS)) as usize % DIGITS;
            let mut places = [0_u32; DIGITS];
            for &packed in here.iter() {
                places[digit(packed)] += 1;
            }
            if places[digit(here[0])] as usize == here.len() {
                continue;
            }
            let mut before = 0;
            for place in &mut places {
                before += std::mem::replace(place, before);
            }
            for &packed in here.iter() {
                let place = &mut places[digit(packed)];
                there[*place as usize] = packed;
                *place += 1;
            }
            std::mem::swap(&mut here, &mut there);
            is_swapped = !is_swapped;
        }
        if is_swapped {
            there.copy_from_slice(here);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small pseudo-random sequence.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % sides
        }
    }

    fn count(keys: &[u32], key: u32) -> usize {
        keys.iter().filter(|&&other| other == key).count()
    }

    #[test]
    fn the_order_is_that_of_a_stable_sort() {
        let mut dice = Dice(3);
        let mut order = Order::default();
        for (rows, first_object) in [(0, 0), (1, 1), (500, 200), (5000, 4000), (3000, 0)] {
            let ports: [Vec<i64>; 2] = std::array::from_fn(|_| {
                (0..rows).map(|_| [443, 53, -1, dice.roll(65_536) as i64][dice.roll(4) as usize]).collect()
            });
            let keys: [Vec<u32>; 2] = std::array::from_fn(|_| {
                (0..rows)
                    .map(|_| {
                        let bits = dice.roll(9);
                        dice.roll(1 << bits) as u32
                    })
                    .collect()
            });
            let interface: Vec<u32> = (0..rows).map(|_| dice.roll(70) as u32 * 1000).collect();
            order.make(
                rows,
                Sorted {
                    objects: &mut [first_object, rows - first_object].into_iter(),
                    ports: Some([&ports[0], &ports[1]]),
                    addresses: Some([(&keys[0], 512), (&keys[1], 512)]),
                    interface: Some(&interface),
                },
            );
            let mut expected: Vec<u32> = (0..rows as u32).collect();
            expected.sort_by_key(|&row| {
                let row = row as usize;
                let [source, destination] = [ports[0][row], ports[1][row]];
                let is_destination = count(&keys[0], keys[0][row]) < count(&keys[1], keys[1][row]);
                let interface = interface[row].min(65_535);
                (row >= first_object, source < destination, source.min(destination).max(0), is_destination, interface)
            });
            assert_eq!(order.rows(), expected);
        }
    }

    #[test]
    fn without_any_of_the_columns_rows_stay_as_they_came() {
        let mut order = Order::default();
        let by = Sorted { objects: &mut [3000].into_iter(), ports: None, addresses: None, interface: None };
        order.make(3000, by);
        assert!(order.rows().iter().copied().eq(0..3000));
    }
}
