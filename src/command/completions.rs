//! `flowlake completions` and `flowlake man`: both follow from the command line's own description, and cannot lag behind it.

use std::io::Write;

use clap::CommandFactory;

use crate::cli::{self, Cli};
use crate::error::{Error, Exit};

pub fn completions(arguments: &cli::Completions) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "flowlake", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}

pub fn man(arguments: &cli::Man) -> Result<Exit, Error> {
    let dir = &arguments.dir;
    let written = std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Cli::command(), dir));
    written.map_err(|source| Error::Folder { folder: dir.clone(), source })?;
    eprintln!("manual pages are in {}", dir.display());
    Ok(Exit::Done)
}
