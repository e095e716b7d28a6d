//! The integration tests: the real program, on real files and a real S3 server, held against independent counts.

mod bad_input;
mod convert;
mod ddl;
mod demo;
mod engines;
mod help;
mod lab;
mod oracle;
mod packaging;
mod serve;
mod server;
mod tidy;
