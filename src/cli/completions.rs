//! `flowlake completions` and `flowlake man`: what a package installs beside the program.

use std::path::PathBuf;

use clap::Args;

use super::values;

/// Print the completions of a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Write the manual pages: flowlake.1 and one for each command
#[derive(Debug, Args)]
pub struct Man {
    /// Folder to write to; it is made if it is not there
    #[arg(value_parser = values::path())]
    pub dir: PathBuf,
}
