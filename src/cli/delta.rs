//! The arguments of `flowlake delta`.

use clap::Args;

use super::LakeOptions;

/// Show how far the Delta logs of a lake's tables have come, and whether they say what the ledger says
#[derive(Debug, Args)]
#[command(
    after_help = "`flowlake convert SOURCE LAKE --delta` makes the tables of a lake that an earlier version made Delta tables. Exit codes: 0 done, 1 \
                  failed, 2 bad usage, 4 a Delta log says something else than the ledger, 75 another run on this host \
                  is at work on this lake."
)]
pub struct Delta {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// The store of the lake.
    #[command(flatten)]
    pub lake_access: LakeOptions,
    /// Write one version that undoes what other programs did to a table
    #[arg(long)]
    pub repair: bool,
    /// Print one JSON object a table on stdout
    #[arg(long)]
    pub json: bool,
}
