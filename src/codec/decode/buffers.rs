//! Memory that the lines of objects are read with.

use super::fast::Run;
use super::scan::Scan;

/// Memory that is kept from object to object.
#[derive(Debug, Default)]
pub struct Buffers {
    pub scan: Scan,
    pub run: Run,
    /// Integer columns of a run with doubtful rows, on their way to the chunk.
    pub ints: Vec<Vec<i64>>,
}
