//! The integration tests: the real program, on real files and a real S3 server, held against independent counts.

mod bad_input;
mod convert;
mod credentials;
mod demo;
mod full_disk;
mod golden;
mod help;
mod hostile;
mod kill;
mod lab;
mod links;
mod old_ledgers;
mod oracle;
mod outage;
mod permissions;
mod race;
mod server;
mod signed;
mod tidy;
mod types;
mod verify;
