//! Texts: regular expressions, lists that are written as texts, and functions that make much of little.

mod bounded;
mod lists;
mod matches;
mod part;
mod spelled;

pub use bounded::bounded;
pub use lists::{ListOfText, elements_of};
pub use matches::regexp_match;
pub use part::substr;
pub use spelled::{OVER_LINES, Spelled, is_spelled};
