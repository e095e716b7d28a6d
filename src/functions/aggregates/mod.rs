//! Aggregates and window functions in the place of the engine's own, which round, wrap, or take more memory than they
//! say.

mod average;
mod count;
mod exact;
mod frame;
mod instead;
mod moments;
mod neighbour;
mod sum;

pub use average::average;
pub use count::count;
pub use frame::framed;
pub use neighbour::neighbour;
pub use sum::sum;
