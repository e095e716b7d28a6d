//! Inputs made from seeds: cut, joined, altered in bytes, tokens and lines.

/// Words at which readers decide something.
const WORDS: [&[u8]; 24] = [
    b" ",
    b"\n",
    b"\r\n",
    b"-",
    b"--",
    b"0",
    b"65535",
    b"65536",
    b"2147483648",
    b"9223372036854775808",
    b"1694649600",
    b"1694649600000",
    b"start",
    b"srcaddr",
    b"version",
    b"2025-02-25T12:25:04.000Z",
    b"\xff",
    b"\0",
    b"${",
    b"}",
    b"/",
    b"=",
    b"\"",
    b"\x1f\x8b\x08",
];
const INPUT_BYTES_MAX: usize = 64 << 10;

/// SplitMix64: numbers that follow from a seed.
pub struct SplitMix {
    state: u64,
}

impl SplitMix {
    pub fn new(seed: u64) -> SplitMix {
        SplitMix { state: seed }
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % end.max(1)
    }
}

pub struct Mutator {
    seeds: Vec<Vec<u8>>,
    random: SplitMix,
}

impl Mutator {
    pub fn new(seeds: Vec<Vec<u8>>, seed: u64) -> Mutator {
        Mutator { seeds, random: SplitMix::new(seed) }
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.below(end)
    }

    pub fn next(&mut self) -> Vec<u8> {
        let at = self.below(self.seeds.len());
        let mut input = self.seeds[at].clone();
        for _ in 0..self.below(8) {
            self.alter(&mut input);
        }
        input.truncate(INPUT_BYTES_MAX);
        input
    }

    fn alter(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        match self.below(8) {
            0 => input.truncate(at),
            1 if at < input.len() => input[at] ^= 1 << self.below(8),
            2 if at < input.len() => input[at] = self.below(256) as u8,
            3 => {
                let word = WORDS[self.below(WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
            4 => {
                let end = (at + self.below(40)).min(input.len());
                input.drain(at..end);
            }
            5 => {
                // A stretch of the input again, elsewhere.
                let end = (at + self.below(300)).min(input.len());
                let stretch = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, stretch);
            }
            6 => {
                let other = self.below(self.seeds.len());
                let from = self.below(self.seeds[other].len() + 1);
                let tail = self.seeds[other][from..].to_vec();
                input.truncate(at);
                input.extend(tail);
            }
            _ => {
                // A token is replaced by a word.
                let begin = input[..at].iter().rposition(|&byte| byte == b' ').map_or(0, |space| space + 1);
                let end = input[at..].iter().position(|&byte| byte == b' ').map_or(input.len(), |space| at + space);
                let word = WORDS[self.below(WORDS.len())];
                input.splice(begin..end, word.iter().copied());
            }
        }
    }
}
