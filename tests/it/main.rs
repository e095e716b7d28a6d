//! The integration tests: the real program, on real files and a real S3 server, held against independent counts.

mod bad_input;
mod convert;
mod dashboard;
mod demo;
mod help;
mod lab;
mod oracle;
mod query;
mod report;
mod server;
mod tidy;
