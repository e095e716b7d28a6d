//! Lines of flow logs in, Parquet out: the work on rows and bytes, without a store, a clock or a thread.
//!
//! ```text
//! bytes ──▶ decode ──▶ columns ──▶ encode ──▶ Parquet
//!                         ▲                     │
//!                         └────── readback ◀────┘
//! ```
//!
//! [`schema`] says what a record is. A crate of its own, so that it is optimised as one piece, and is not built again
//! when the rest of flowlake changes.

#![warn(missing_docs)]

pub mod schema;

pub mod columns;

pub mod decode;

pub mod encode;

pub mod readback;

#[cfg(test)]
mod roundtrip_tests;
