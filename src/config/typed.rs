//! What the user typed, before anything is added to it: read by the command line's own rules, but without those of
//! which options and places must stand together.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, Id};

use super::document::NamedLake;
use super::error::{ConfigError, Result};
use super::given::{Chosen, Given};
use super::names::settings;

/// A command, its options, and its places, by the names of the arguments.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    program: OsString,
    command: String,
    options: BTreeMap<String, Vec<OsString>>,
    places: Vec<(String, Vec<OsString>)>,
}

/// What stands in a place of a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Sources,
    Lake,
    /// Sources, and last the lake.
    Both,
}

fn role(id: &str) -> Option<Role> {
    match id {
        "source" | "sources" => Some(Role::Sources),
        "lake" => Some(Role::Lake),
        "locations" => Some(Role::Both),
        _ => None,
    }
}

impl Typed {
    /// `None` if it is no command, or one that is wrong anyway.
    pub fn read(program: &Command, arguments: &[OsString]) -> Option<Typed> {
        let matches = loose(program.clone()).try_get_matches_from(arguments).ok()?;
        let (name, matches) = matches.subcommand()?;
        let command = program.find_subcommand(name)?;
        let mut typed = Typed { program: arguments.first()?.clone(), command: name.to_owned(), ..Typed::default() };
        let is_typed = |arg: &&Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
        for arg in command.get_arguments().filter(is_typed) {
            let id = arg.get_id().to_string();
            let values = values(matches, &id);
            if arg.is_positional() {
                typed.places.push((id, values));
            } else {
                typed.options.insert(id, values);
            }
        }
        Some(typed)
    }

    /// A command that is only asked about, on a lake of the file or on any.
    pub fn nothing(command: &str, lake: Option<&NamedLake>) -> Typed {
        let mut typed = Typed { command: command.to_owned(), ..Typed::default() };
        if let Some(NamedLake { lake, sources, .. }) = lake {
            let os = |texts: &[String]| texts.iter().map(OsString::from).collect();
            typed.places = vec![("sources".to_owned(), os(sources)), ("lake".to_owned(), os(lake.as_slice()))];
        }
        typed
    }

    pub fn command(&self) -> &str {
        &self.command
    }

    pub fn has(&self, id: &str) -> bool {
        self.ids().any(|typed| typed == id)
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.options.keys().chain(self.places.iter().map(|(id, _)| id)).map(String::as_str)
    }

    pub fn value(&self, id: &str) -> Option<&OsStr> {
        self.options.get(id)?.first().map(OsString::as_os_str)
    }

    pub fn lake(&self) -> Option<&OsStr> {
        let of = |(id, values): &(String, Vec<OsString>)| {
            role(id).is_some_and(|role| role != Role::Sources) && !values.is_empty()
        };
        self.places.iter().find(|place| of(place)).and_then(|(_, values)| values.last()).map(OsString::as_os_str)
    }

    pub fn sources(&self) -> &[OsString] {
        let of = |(id, values): &(String, Vec<OsString>)| match role(id) {
            Some(Role::Sources) => Some(values.len()),
            Some(Role::Both) => Some(values.len().saturating_sub(1)),
            _ => None,
        };
        self.places.iter().find_map(|place| Some(&place.1[..of(place)?])).unwrap_or_default()
    }

    /// The `@NAME` that stands for a source or a lake. One command takes the options of one lake.
    pub fn named(&self) -> Result<Option<String>> {
        let places = self.places.iter().filter(|(id, _)| role(id).is_some());
        let mut names = places.flat_map(|(_, values)| values).filter_map(|value| name(value));
        let Some(one) = names.next() else { return Ok(None) };
        match names.find(|other| *other != one) {
            Some(other) => Err(ConfigError::TwoLakes { one: one.to_owned(), other: other.to_owned() }),
            None => Ok(Some(one.to_owned())),
        }
    }

    /// Puts the places of a lake where its name stands. `flowlake convert @NAME` is both its sources and itself.
    pub fn replace(&mut self, command: &Command, lake: &NamedLake, called: &str) -> Result<()> {
        let lacks = |what: &str| {
            let reason = format!("{called} has no `{what}`");
            ConfigError::Line { place: lake.place.clone(), reason }
        };
        for (id, values) in &mut self.places {
            let Some(role) = role(id) else { continue };
            let given = values.len();
            let mut replaced = Vec::new();
            for (at, value) in std::mem::take(values).into_iter().enumerate() {
                if name(&value).is_none() {
                    replaced.push(value);
                    continue;
                }
                let is_lake = role == Role::Lake || (role == Role::Both && at + 1 == given);
                if !is_lake || (role == Role::Both && given == 1) {
                    let sources = Some(&lake.sources).filter(|sources| !sources.is_empty());
                    replaced.extend(sources.ok_or_else(|| lacks("sources"))?.iter().map(OsString::from));
                }
                if is_lake {
                    replaced.push(lake.lake.as_ref().ok_or_else(|| lacks("lake"))?.into());
                }
            }
            let takes_one = command.get_arguments().any(|arg| arg.get_id() == id.as_str() && !is_many(arg));
            if takes_one && replaced.len() > 1 {
                let reason = format!("{called} has {} sources, and {} takes one", replaced.len(), self.command);
                return Err(ConfigError::Line { place: lake.place.clone(), reason });
            }
            *values = replaced;
        }
        Ok(())
    }

    /// The command line with what was chosen, as if all of it was typed.
    pub fn line(&self, command: &Command, chosen: &[Chosen<'_>]) -> Vec<OsString> {
        let mut line = vec![self.program.clone(), self.command.clone().into()];
        let typed =
            settings(command).filter_map(|setting| Some((setting, self.options.get(setting.arg.get_id().as_str())?)));
        for (setting, values) in typed {
            if setting.is_switch() {
                line.push(setting.flag().into());
            } else {
                line.extend(values.iter().map(|value| joined(&setting.flag(), value)));
            }
        }
        for one in chosen {
            match &one.value {
                Given::Switch(true) => line.push(one.setting.flag().into()),
                Given::Switch(false) => {}
                Given::Texts(values) => line.extend(values.iter().map(|value| joined(&one.setting.flag(), value))),
            }
        }
        if !self.places.is_empty() {
            line.push("--".into());
            line.extend(self.places.iter().flat_map(|(_, values)| values.iter().cloned()));
        }
        line
    }
}

/// The same command line, in which nothing is required and nothing conflicts.
fn loose(program: Command) -> Command {
    program.mut_subcommands(|command| {
        let groups: Vec<Id> = command.get_groups().map(|group| group.get_id().clone()).collect();
        let command = command.mut_args(|arg| {
            let is_list = arg.is_positional() && is_many(&arg);
            let arg = arg.required(false).conflicts_with(Resettable::Reset).requires(Resettable::Reset);
            if is_list { arg.num_args(0..) } else { arg }
        });
        groups
            .into_iter()
            .fold(command, |command, group| command.mut_group(group, |group| group.requires(Resettable::Reset)))
    })
}

fn is_many(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

fn values(matches: &ArgMatches, id: &str) -> Vec<OsString> {
    matches.get_raw(id).into_iter().flatten().map(OsStr::to_owned).collect()
}

/// A name with its `@`.
fn name(value: &OsStr) -> Option<&str> {
    value.to_str().filter(|text| text.starts_with('@'))
}

fn joined(flag: &str, value: &OsStr) -> OsString {
    let mut joined = OsString::from(flag);
    joined.push("=");
    joined.push(value);
    joined
}
