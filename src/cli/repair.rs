//! The arguments of `flowlake repair`.

use clap::Args;

use super::LakeOptions;

/// Restore commits that are missing from a lake's ledger, or give them up and have their objects converted again
#[derive(Debug, Args)]
#[command(
    after_help = "What a checkpoint filed is written again as it was. A task that is given up loses its rows: its \
                  files are removed, and the next `flowlake convert` reads its objects again, if they are still at \
                  their source. To restore the records from a copy is better. Exit codes: 0 done, 1 failed, 2 bad \
                  usage, 3 a redo is needed for files that are missing, 75 another run on this host is at work on this lake."
)]
pub struct Repair {
    /// The lake: a path, file:// or s3:// URL, or @NAME
    pub lake: String,
    /// The store of the lake.
    #[command(flatten)]
    pub lake_access: LakeOptions,
    /// Give up the files of a table also if none of them is there, and those with merged rows, with all that hangs on
    /// them; without it a disk is taken to be away, and a redo is to make merged files again
    #[arg(long)]
    pub gone_for_good: bool,
    /// Print what was done as one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}
