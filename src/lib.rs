//! flowlake: gzip VPC Flow Logs in, a date-partitioned Parquet lake out.

pub mod columns;
pub mod fetch;
pub mod schema;
pub mod source;
