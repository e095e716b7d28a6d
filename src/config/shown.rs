//! What is in force, for people: each option with its value and origin, without secrets.

use std::collections::BTreeMap;

use clap::Command;

use super::allowed::is_of_store;
use super::document::NamedLake;
use super::environment::Environment;
use super::error::{ConfigError, Result};
use super::file::{Looked, State, Trust};
use super::given::{Chosen, Given, Origin};
use super::layers::choose;
use super::names::{Setting, program, settings};
use super::surroundings::Surroundings;
use super::typed::Typed;
use crate::query::nearest;
use crate::source::{shown_option, without_secrets};

/// What `flowlake config` shows.
#[derive(Debug)]
pub struct InForce {
    /// Where the file was looked for.
    pub looked: Vec<Looked>,
    /// Name, lake, sources and origin.
    pub lakes: Vec<[String; 4]>,
    /// The options, in the order of the help.
    pub options: Vec<Row>,
}

/// An option with its value and origin, and the commands for which that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name in a file.
    pub option: String,
    /// Its value, without secrets.
    pub value: String,
    /// The variable or line that it comes from.
    pub origin: String,
    /// Their names, in the order of the help.
    pub commands: Vec<String>,
}

/// What stands in the place of an origin.
const DEFAULT: &str = "default";

impl InForce {
    /// Of one command all options; of all commands those that have a value from elsewhere.
    pub fn of(command: Option<&str>, lake: Option<&str>, environment: Environment) -> Result<InForce> {
        let program = program();
        let surroundings = Surroundings::of(&program, environment)?;
        let lake = lake.map(|name| surroundings.lake(name)).transpose()?;
        let mut options: Vec<Row> = Vec::new();
        match command {
            Some(name) => options = whole(&surroundings, known(&program, name)?, lake)?,
            None => {
                for command in program.get_subcommands() {
                    gather(&mut options, rows(&surroundings, command, lake)?);
                }
            }
        }
        let document = surroundings.document.as_ref();
        let lakes = document.into_iter().flat_map(|document| &document.lakes);
        let lakes = lakes.map(|(name, lake)| {
            let place = lake.lake.as_deref().unwrap_or_default();
            [format!("@{name}"), place.to_owned(), lake.sources.join("\n"), lake.place.to_string()]
        });
        Ok(InForce { lakes: lakes.collect(), options, looked: surroundings.looked })
    }
}

fn known<'a>(program: &'a Command, name: &str) -> Result<&'a Command> {
    let commands: Vec<&Command> =
        program.get_subcommands().filter(|command| settings(command).next().is_some()).collect();
    let found = commands.iter().find(|command| command.get_name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = commands.iter().map(|command| command.get_name()).collect();
        let near = nearest(name, &names).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        ConfigError::NoCommand { name: name.to_owned(), near }
    })
}

/// The options of a command that have a value from elsewhere.
fn rows(from: &Surroundings, command: &Command, lake: Option<&NamedLake>) -> Result<Vec<Row>> {
    let typed = Typed::nothing(command.get_name(), lake);
    let row = |one: &Chosen<'_>| Row {
        option: one.setting.name.to_owned(),
        value: value(&one.setting, &one.value),
        origin: one.origin.to_string(),
        commands: vec![command.get_name().to_owned()],
    };
    Ok(choose(from, command, &typed, lake)?.iter().map(row).collect())
}

/// All options of a command.
fn whole(from: &Surroundings, command: &Command, lake: Option<&NamedLake>) -> Result<Vec<Row>> {
    let mut given: BTreeMap<String, Row> =
        rows(from, command, lake)?.into_iter().map(|row| (row.option.clone(), row)).collect();
    let or_default = |setting: Setting<'_>| {
        let defaults = setting.arg.get_default_values().iter().map(|text| text.to_string_lossy());
        let default = if setting.is_switch() { "false".to_owned() } else { defaults.collect::<Vec<_>>().join(", ") };
        given.remove(setting.name).unwrap_or_else(|| Row {
            option: setting.name.to_owned(),
            value: default,
            origin: DEFAULT.to_owned(),
            commands: vec![command.get_name().to_owned()],
        })
    };
    Ok(settings(command).map(or_default).collect())
}

/// Adds a command's rows to those of others, where they say the same.
fn gather(rows: &mut Vec<Row>, more: Vec<Row>) {
    for row in more {
        let same = |old: &&mut Row| (&old.option, &old.value, &old.origin) == (&row.option, &row.value, &row.origin);
        match rows.iter_mut().find(same) {
            Some(old) => old.commands.extend(row.commands),
            None => rows.push(row),
        }
    }
}

fn value(setting: &Setting<'_>, value: &Given) -> String {
    match value {
        Given::Switch(on) => on.to_string(),
        Given::Texts(texts) => {
            let shown = |text: &std::ffi::OsString| {
                let text = text.to_string_lossy();
                if is_of_store(setting.name) { shown_option(&text) } else { without_secrets(&text).into_owned() }
            };
            texts.iter().map(shown).collect::<Vec<_>>().join(", ")
        }
    }
}

/// What a file of the current folder took part in.
pub fn note(from: &Surroundings, typed: &Typed, lake: Option<&NamedLake>, chosen: &[Chosen<'_>]) -> Option<String> {
    let document = from.document.as_ref().filter(|document| document.trust == Trust::Folder)?;
    let mut parts = Vec::new();
    if let Some(lake) = lake {
        let is_used = |source: &&String| typed.sources().iter().any(|used| used == source.as_str());
        parts.extend(lake.sources.iter().filter(is_used).map(|source| format!("source {source}")));
        let lake = lake.lake.iter().filter(|lake| typed.lake().is_some_and(|used| used == lake.as_str()));
        parts.extend(lake.map(|lake| format!("lake {lake}")));
    }
    let of_file = chosen.iter().filter(|one| matches!(one.origin, Origin::Line(_)));
    parts.extend(of_file.map(|one| format!("{} {}", one.setting.flag(), value(&one.setting, &one.value))));
    let hidden = from.looked.iter().filter(|looked| looked.state == State::PassedOver && looked.path.exists());
    parts.extend(hidden.map(|looked| format!("{} is not read beside it", looked.path.display())));
    (!parts.is_empty()).then(|| format!("from {}: {}", document.path.display(), parts.join(", ")))
}
