//! Reproducible randomness: SplitMix64 streams, each named by a seed and a path of numbers.
//!
//! A stream of its own for every object makes the bytes of an object independent of the thread that writes it.
//! Source of the generator: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.

/// One stream of numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A bijection of 64 bits in which every input bit reaches every output bit.
pub fn scramble(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl Random {
    /// The stream of `seed` at `path`; another path is another, unrelated stream.
    pub fn at(seed: u64, path: &[u64]) -> Random {
        let fold = |state: u64, step: &u64| scramble(state.wrapping_add(GOLDEN) ^ scramble(step.wrapping_add(GOLDEN)));
        Random(path.iter().fold(scramble(seed ^ GOLDEN), fold))
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        scramble(self.0)
    }

    /// A whole number in `0..bound`; `bound` is at least 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A whole number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.index(choices.len())]
    }

    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.index(last + 1));
        }
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A rank in `0..count` with Zipf's law of exponent 1: rank *r* about as often as 1 / (r + 1).
    pub fn zipf(&mut self, count: u64) -> u64 {
        let rank = (self.unit() * (count as f64 + 1.0).ln()).exp() as u64;
        rank.clamp(1, count) - 1
    }

    /// Heavy-tailed: the logarithm is nearly normal around `ln(median)`, cut at 3.4 times its `spread`.
    pub fn heavy(&mut self, median: f64, spread: f64) -> f64 {
        let uniform_sum: f64 = (0..4).map(|_| self.unit()).sum();
        // Four uniform numbers sum to mean 2 and variance 4/12.
        let normal = (uniform_sum - 2.0) * 3.0_f64.sqrt();
        median * (normal * spread).exp()
    }

    /// How often something with this `mean` happens, at least once (geometric).
    pub fn count(&mut self, mean: f64) -> u64 {
        (self.unit().max(1e-12).ln() / (1.0 - 1.0 / mean).ln()) as u64 + 1
    }

    /// `digits` hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            text.push_str(&format!("{:016x}", self.bits()));
        }
        text.truncate(digits);
        text
    }
}
