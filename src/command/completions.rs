//! `flowlake completions` and `flowlake man`: both follow from the command line's own description, and cannot lag
//! behind it.

use std::io::Write;
use std::path::Path;

use crate::cli;
use crate::config;
use crate::error::{Error, Exit};
use crate::output::{Output, refuse_in_lake};

use super::talk::say;

pub fn completions(arguments: &cli::Completions) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut config::program(), "flowlake", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}

pub fn man(arguments: &cli::Man) -> Result<Exit, Error> {
    let dir = &arguments.dir;
    refuse_in_lake(dir)?;
    std::fs::create_dir_all(dir).map_err(|source| Error::Folder { folder: dir.clone(), source })?;
    let mut program = config::program().disable_help_subcommand(true);
    program.build();
    pages(&program, dir)?;
    say!("manual pages are in {}", dir.display());
    Ok(Exit::Done)
}

/// The page of a command, and those of its own commands.
fn pages(command: &clap::Command, dir: &Path) -> Result<(), Error> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        pages(below, dir)?;
    }
    let page = clap_mangen::Man::new(command.clone());
    let mut out = Output::to(&dir.join(page.get_filename()))?;
    let written = page.render(&mut out).and_then(|()| out.keep());
    written.map_err(|source| Error::Folder { folder: dir.to_owned(), source })
}
