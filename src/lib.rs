//! flowlake: gzip VPC Flow Logs in, a date-partitioned Parquet lake out.

pub mod columns;
pub mod decode;
pub mod schema;
