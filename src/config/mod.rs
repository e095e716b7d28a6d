//! Options that nobody typed: from the environment, and from a file `flowlake.toml` with named lakes.
//!
//! ```text
//! arguments ─▶ Typed ───────────────┐
//! FLOWLAKE_… ─▶ Environment ─┐      ├─▶ the whole command line ─▶ Cli
//! flowlake.toml ─▶ Document ─┴─ choose
//! ```
//!
//! What is chosen is added to what was typed, and the whole is read by the command line: one reading and one set of
//! rules, wherever a value comes from. The command line wins, then the environment, then the file.

mod allowed;
mod document;
mod environment;
mod error;
mod file;
mod given;
mod layers;
mod names;
mod shown;
mod surroundings;
mod typed;

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::{Command, FromArgMatches};

use crate::cli::Cli;
use given::Chosen;
use surroundings::Surroundings;
use typed::Typed;

pub use environment::Environment;
pub use error::{ConfigError, Result};
pub use file::{Looked, State, Trust};
pub use names::program;
pub use shown::{InForce, Row};

/// A command line with all of its options.
#[derive(Debug)]
pub struct Line {
    /// The line as it is read, with what was added.
    pub cli: Cli,
    /// What a file of the current folder took part in: whoever made that folder wrote it.
    pub note: Option<String>,
}

/// Why there is no command to run.
#[derive(Debug)]
pub enum Refused {
    /// What the command line says of itself, and the options that were not typed and are part of it.
    Line {
        /// What clap says.
        error: Box<clap::Error>,
        /// Which options of it were not typed, and where they come from.
        origins: Vec<String>,
    },
    /// What was to be added is not usable.
    Config(ConfigError),
}

impl From<ConfigError> for Refused {
    fn from(error: ConfigError) -> Refused {
        Refused::Config(error)
    }
}

/// Reads what was typed, and adds the options that were not.
pub fn parse(arguments: &[OsString], environment: Environment) -> Result<Line, Refused> {
    let program = program();
    let as_typed = |program: Command| read(program, arguments, &[]).map(|cli| Line { cli, note: None });
    let Some(mut typed) = Typed::read(&program, arguments) else { return as_typed(program) };
    let command = program.find_subcommand(typed.command()).expect("it was just read");
    // A broken file must not stand in the way of a command that takes nothing from it.
    if names::settings(command).all(|setting| setting.arg.is_global_set()) {
        return as_typed(program);
    }
    let surroundings = Surroundings::of(&program, environment)?;
    let named = typed.named()?;
    let lake = named.as_deref().map(|name| surroundings.lake(name)).transpose()?;
    if let (Some(lake), Some(name)) = (lake, &named) {
        typed.replace(command, lake, name)?;
    }
    let chosen = layers::choose(&surroundings, command, &typed, lake)?;
    if chosen.is_empty() && lake.is_none() {
        return as_typed(program);
    }
    let line = typed.line(command, &chosen);
    let note = shown::note(&surroundings, &typed, lake, &chosen);
    let cli = read(program.clone(), &line, &chosen)?;
    Ok(Line { cli, note })
}

fn read(mut program: Command, line: &[OsString], chosen: &[Chosen<'_>]) -> Result<Cli, Refused> {
    let read = program.try_get_matches_from_mut(line);
    let cli = read
        .and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut program)));
    cli.map_err(|error| {
        let origins = origins(&error, chosen);
        Refused::Line { error: Box::new(error), origins }
    })
}

/// The options that an error is about and that were not typed, with where they come from.
fn origins(error: &clap::Error, chosen: &[Chosen<'_>]) -> Vec<String> {
    let about: Vec<&String> = [ContextKind::InvalidArg, ContextKind::PriorArg]
        .into_iter()
        .flat_map(|kind| match error.get(kind) {
            Some(ContextValue::String(text)) => vec![text],
            Some(ContextValue::Strings(texts)) => texts.iter().collect(),
            _ => Vec::new(),
        })
        .collect();
    let is_about = |flag: &str| about.iter().any(|text| text.split([' ', '=']).next() == Some(flag));
    let flags = chosen.iter().map(|one| (one.setting.flag(), &one.origin)).filter(|(flag, _)| is_about(flag));
    flags.map(|(flag, origin)| format!("{flag} comes from {origin}")).collect()
}
