//! What statements compute of rows, where the engine has no such function, or has it otherwise.
//!
//! ```text
//! a rule of `query` ──▶ call.rs ──▶ a call in the plan ─┐
//! the engine's own  ──▶ instead.rs, aggregates ─────────┼──▶ columns in, a column out
//! logs: names, addresses, ports, hashes ────────────────┘
//! ```
//!
//! Which expressions of a plan become which call is said in `query`, by its rules; nothing here knows of plans,
//! sessions or tables. A crate of its own, so that it is optimised as one piece like the codec, while the rest of
//! flowlake need not be; it uses the engine's small crates alone, and is compiled beside the large one.

pub mod call;

mod instead;

mod function;

mod coalesce;

pub mod logs;

pub mod numbers;

pub mod times;

pub mod texts;

pub mod truths;

pub mod aggregates;

pub use coalesce::coalesce;
pub use function::OWN;
