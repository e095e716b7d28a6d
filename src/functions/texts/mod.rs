//! Texts: regular expressions, and functions that make much of little.

mod bounded;
mod matches;
mod spelled;

pub use bounded::bounded;
pub use matches::regexp_match;
pub use spelled::{Spelled, is_spelled};
