//! `flowlake serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values;
use crate::serve::{Limits, Options};

/// Serve the lake, read-only, by the Postgres protocol: to psql, Grafana, Metabase, DBeaver
#[derive(Debug, Args)]
pub struct Serve {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// Address and port; beyond loopback only with TLS and a password
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5432")]
    pub listen: SocketAddr,
    /// The one user that may connect; default: flowlake with a password, anyone without
    #[arg(long, value_name = "U")]
    pub user: Option<String>,
    /// File that holds the user's password; nobody else may read it
    #[arg(long, value_name = "F", value_parser = values::path())]
    pub password_file: Option<PathBuf>,
    /// Certificate chain, PEM
    #[arg(long, value_name = "F", requires = "tls_key", value_parser = values::path())]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "F", requires = "tls_cert", value_parser = values::path())]
    pub tls_key: Option<PathBuf>,
    /// Connections at a time
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub connections: usize,
    /// Memory of all statements together; larger sorts and groups go to temporary files
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = values::size)]
    pub memory: u64,
    /// Longest time of a statement
    #[arg(long, value_name = "AGE", default_value = "5m", value_parser = humantime::parse_duration)]
    pub timeout: Duration,
    /// The store of the lake.
    #[command(flatten)]
    pub lake_access: super::LakeOptions,
}

impl Serve {
    /// The options in the terms of its module.
    pub fn options(&self) -> Options {
        Options {
            listen: self.listen,
            user: self.user.clone(),
            password_file: self.password_file.clone(),
            tls: self.tls_cert.clone().zip(self.tls_key.clone()),
            limits: Limits {
                connections_max: self.connections,
                memory_bytes: self.memory,
                statement_time_max: self.timeout,
            },
        }
    }
}
