//! Which value an option has that was not typed: of the environment, else of the named lake, else of the command's
//! table, else of the file for all commands.
//!
//! A value gives way to what stands above it: it is left out if it conflicts with what was typed, or with a value of a
//! higher layer. One that can do nothing in the command as it was typed, or only make it fail, is left out too.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use clap::Command;

use super::document::{NamedLake, Table};
use super::error::Result;
use super::given::{Chosen, Given, Origin};
use super::names::{settings, variable};
use super::surroundings::Surroundings;
use super::typed::Typed;
use crate::cli::REPLAY;

/// The options of a command that were not typed and have a value, in the order of its help.
pub fn choose<'a>(
    from: &Surroundings,
    command: &'a Command,
    typed: &Typed,
    lake: Option<&NamedLake>,
) -> Result<Vec<Chosen<'a>>> {
    let conflicts = conflicts(command);
    let conflict = |one: &str, other: &str| conflicts.iter().any(|pair| *pair == (one, other));
    let mut chosen: Vec<Chosen<'a>> = Vec::new();
    for layer in layers(from, command, lake)? {
        let fits = |one: &Chosen<'_>| {
            let mut above = chosen.iter().filter(|above| !above.is_off());
            let is_beside = above.any(|above| conflict(one.id(), above.id()));
            !typed.has(one.id())
                && chosen.iter().all(|above| above.id() != one.id())
                // A switch that keeps a lake from being written never gives way: then the line is refused.
                && (one.is_off()
                    || one.setting.name == "dry-run"
                    || !is_beside && typed.ids().all(|id| !conflict(one.id(), id)))
        };
        let mut layer = layer;
        layer.retain(fits);
        chosen.extend(layer);
    }
    let asked = Asked { typed, command, chosen: &chosen };
    let mut chosen: Vec<Chosen<'a>> = chosen.iter().filter(|one| asked.has_effect(one)).cloned().collect();
    let order: Vec<&str> = settings(command).map(|setting| setting.name).collect();
    chosen.sort_by_key(|one| order.iter().position(|name| *name == one.setting.name));
    Ok(chosen)
}

/// From the highest to the lowest.
fn layers<'a>(from: &Surroundings, command: &'a Command, lake: Option<&NamedLake>) -> Result<Vec<Vec<Chosen<'a>>>> {
    let mut variables = Vec::new();
    for setting in settings(command) {
        if let Some(value) = from.environment.given(&setting)? {
            variables.push(Chosen { setting, value, origin: Origin::Variable(variable(setting.name)) });
        }
    }
    let document = from.document.as_ref();
    let tables = [
        lake.map(|lake| &lake.options),
        document.and_then(|document| document.commands.get(command.get_name())),
        document.map(|document| &document.general),
    ];
    let of_table = |table: &Table| {
        let entries = settings(command).filter_map(|setting| Some((setting, table.get(setting.name)?)));
        let chosen = entries.map(|(setting, entry)| {
            let origin = Origin::Line(entry.place.clone());
            Chosen { setting, value: entry.value.clone(), origin }
        });
        chosen.collect()
    };
    Ok([variables].into_iter().chain(tables.into_iter().flatten().map(of_table)).collect())
}

/// Pairs of arguments that cannot stand together, each in both orders.
fn conflicts(command: &Command) -> BTreeSet<(&str, &str)> {
    let mut pairs = BTreeSet::new();
    for one in command.get_arguments() {
        for other in command.get_arg_conflicts_with(one) {
            let (one, other) = (one.get_id().as_str(), other.get_id().as_str());
            pairs.extend([(one, other), (other, one)]);
        }
    }
    pairs
}

/// A command as it was typed, and what was chosen for it.
struct Asked<'a> {
    typed: &'a Typed,
    command: &'a Command,
    chosen: &'a [Chosen<'a>],
}

impl Asked<'_> {
    /// Some options need another one, or a store on S3. Typed without it they are an error; given for all commands,
    /// they do not concern this one.
    fn has_effect(&self, one: &Chosen<'_>) -> bool {
        match one.setting.name {
            _ if one.setting.arg.get_help_heading() == Some(REPLAY) => self.is_on("replay"),
            "spreadsheet-safe" => self.value("format").is_some_and(|format| format == "csv" || format == "tsv"),
            "lake-option" => !self.typed.lake().is_some_and(is_on_disk),
            "source-option" => {
                let raw = self.value("raw");
                let sources = self.typed.sources().iter().map(OsString::as_os_str);
                !sources.chain(raw.as_deref()).any(is_on_disk)
            }
            _ => true,
        }
    }

    fn is_on(&self, id: &str) -> bool {
        self.typed.has(id) || self.chosen.iter().any(|one| one.id() == id && !one.is_off())
    }

    fn value(&self, id: &str) -> Option<OsString> {
        if let Some(typed) = self.typed.value(id) {
            return Some(typed.to_owned());
        }
        match self.chosen.iter().find(|one| one.id() == id).map(|one| &one.value) {
            Some(Given::Texts(texts)) => texts.first().cloned(),
            _ => {
                let mut args = self.command.get_arguments();
                let defaults = args.find(|arg| arg.get_id() == id)?.get_default_values();
                defaults.first().map(|default| default.to_os_string())
            }
        }
    }
}

fn is_on_disk(location: &OsStr) -> bool {
    !location.as_encoded_bytes().starts_with(b"s3://")
}
