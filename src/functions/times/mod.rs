//! Times and intervals: casts from and to timestamps, what clocks of a zone show, parts, lengths, formats, series.

mod beyond;
mod bin;
mod conversion;
mod formatted;
mod intervals;
mod part;
mod recast;
mod scaled;
mod series;
mod shift;
mod spans;
mod steps;
mod templates;
mod trunc;
mod zone;

#[cfg(test)]
mod tests;

pub use beyond::beyond;
pub use bin::bins;
pub use conversion::{Conversion, of_text, with_seconds};
pub use formatted::{formatted, is_formatted};
pub use intervals::{OfInterval, measured, positive, without_colons};
pub use part::parts;
pub use recast::{below, converted, is_recast, recast};
pub use scaled::{is_scaled, scaled};
pub use series::series;
pub use shift::shift;
pub use steps::{Steps, end_beside, zone_of};
pub use templates::{is_template, signs_of, template};
pub use trunc::truncation;
pub use zone::{TimeZone, changes};
