//! Numbers: sums and products that are right or an error, floats with one zero and one NaN, casts.

mod arithmetic;
mod casts;
pub mod decimals;
mod float_arrays;
mod floats;
mod quotient;
mod rounded;

#[cfg(test)]
mod tests;

pub use arithmetic::{Chain, Numbers, Operator, checked_numbers};
pub use casts::whole_cast;
pub use float_arrays::{has_floats, is_plain};
pub use floats::{OfFloat, made_plain, without_plain};
pub use quotient::{EXACT, is_exact, product, quotient};
pub use rounded::round;
