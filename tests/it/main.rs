//! The integration tests: the real program, on real files and a real S3 server, held against independent counts.

mod bad_input;
mod checkpoints;
mod convert;
mod credentials;
mod dashboard;
mod ddl;
mod demo;
mod engines;
mod faults;
mod faulty;
mod full_disk;
mod golden;
mod help;
mod hostile;
mod lab;
mod links;
mod oracle;
mod permissions;
mod query;
mod race;
mod report;
mod serve;
mod server;
mod signed;
mod tidy;
mod types;
