//! What a `flowlake.toml` says, each entry with its line: options for all commands, for one, and for named lakes.
//!
//! ```toml
//! memory = "1GiB"                    # every command that has it
//! [query]
//! time-zone = "Europe/Berlin"        # this command
//! [lakes.prod]                       # @prod
//! lake = "s3://my-lake/"
//! sources = ["s3://my-logs/AWSLogs/"]
//! lookback = "5d"                    # commands on this lake
//! ```
//!
//! Every name is known, every value has its option's form, paths are those from the file's folder. Whether a value is a
//! good one is found out by the command line, which reads it as if it was typed.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Command;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::allowed::{INSTEAD, refusal, secret};
use super::error::{ConfigError, Place, Result};
use super::file::{Looked, Trust};
use super::given::Given;
use super::names::{Setting, settings};
use crate::query::nearest;
use crate::source::{Access, is_secret_name};

/// The table of named lakes.
const LAKES: &str = "lakes";

/// What of a named lake is no option.
const PLACES: [&str; 2] = ["lake", "sources"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub value: Given,
    pub place: Place,
}

/// Entries by the name of their setting.
pub type Table = BTreeMap<String, Entry>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLake {
    pub place: Place,
    pub lake: Option<String>,
    pub sources: Vec<String>,
    pub options: Table,
}

#[derive(Debug)]
pub struct Document {
    pub trust: Trust,
    pub path: PathBuf,
    pub general: Table,
    pub commands: BTreeMap<String, Table>,
    pub lakes: BTreeMap<String, NamedLake>,
}

impl Document {
    pub fn parse(program: &Command, looked: &Looked, text: &str) -> Result<Document> {
        let reader = Reader { program, looked, text };
        // The message alone: what stands in the line may be a secret.
        let parsed = DeTable::parse(text).map_err(|error| {
            let line = reader.place(error.span().map_or(0, |span| span.start));
            ConfigError::Line { place: line, reason: format!("this is no TOML: {}", error.message()) }
        })?;
        let mut document = Document {
            trust: looked.trust,
            path: looked.path.clone(),
            general: Table::new(),
            commands: BTreeMap::new(),
            lakes: BTreeMap::new(),
        };
        for (key, value) in in_lines(parsed.get_ref()) {
            let name = key.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(lakes) if name == LAKES => {
                    for (key, value) in in_lines(lakes) {
                        document.lakes.insert(key.get_ref().to_string(), reader.lake(key, value)?);
                    }
                }
                DeValue::Table(table) => {
                    let command = reader.command(key)?;
                    document.commands.insert(name.to_owned(), reader.table(table, Some(command))?);
                }
                _ => drop(document.general.insert(name.to_owned(), reader.entry(key, value, None, &[])?)),
            }
        }
        Ok(document)
    }
}

type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;

/// As they stand in the file, so that the first fault is the one that is told.
fn in_lines<'a, 'i>(table: &'a DeTable<'i>) -> Vec<(&'a Key<'i>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

struct Reader<'a> {
    program: &'a Command,
    looked: &'a Looked,
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn place(&self, at: usize) -> Place {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        Place::new(&self.looked.path, 1 + before.iter().filter(|byte| **byte == b'\n').count())
    }

    fn wrong<T>(&self, key: &Key<'_>, reason: String) -> Result<T> {
        Err(ConfigError::Line { place: self.place(key.span().start), reason })
    }

    fn command(&self, key: &Key<'_>) -> Result<&'a Command> {
        let name = key.get_ref();
        let takes_options = |command: &&Command| settings(command).next().is_some();
        let commands: Vec<&Command> = self.program.get_subcommands().filter(takes_options).collect();
        if let Some(command) = commands.iter().find(|command| command.get_name() == name) {
            return Ok(command);
        }
        let names: Vec<&str> = commands.iter().map(|command| command.get_name()).chain([LAKES]).collect();
        self.wrong(key, format!("[{name}] is no command that takes options{}", near(name, &names)))
    }

    fn table(&self, table: &DeTable<'_>, command: Option<&Command>) -> Result<Table> {
        let entries = in_lines(table).into_iter();
        entries.map(|(key, value)| Ok((key.get_ref().to_string(), self.entry(key, value, command, &[])?))).collect()
    }

    fn lake(&self, key: &Key<'_>, value: &Spanned<DeValue<'_>>) -> Result<NamedLake> {
        let place = self.place(key.span().start);
        let DeValue::Table(table) = value.get_ref() else {
            return self.wrong(key, format!("a lake is a table, as in [{LAKES}.{}]", key.get_ref()));
        };
        let mut named = NamedLake { place, lake: None, sources: Vec::new(), options: Table::new() };
        for (key, value) in in_lines(table) {
            let name = key.get_ref().as_ref();
            if !PLACES.contains(&name) {
                named.options.insert(name.to_owned(), self.entry(key, value, None, &PLACES)?);
                continue;
            }
            let texts = texts(value.get_ref()).filter(|texts| texts.iter().all(|text| !text.is_empty()));
            let mut texts = texts.unwrap_or_default();
            if let Some(reason) = texts.iter().find_map(|text| secret(name, text)) {
                return self.wrong(key, reason);
            }
            texts.iter_mut().for_each(|text| *text = self.path(text));
            match (name, texts.as_slice()) {
                (_, []) => return self.wrong(key, format!("`{name}` is a path or URL")),
                ("lake", [lake]) => named.lake = Some(lake.clone()),
                ("lake", _) => return self.wrong(key, "`lake` is one path or URL".to_owned()),
                _ => named.sources = texts,
            }
        }
        Ok(named)
    }

    /// One option; `beside` are other names that the table may hold.
    fn entry(
        &self,
        key: &Key<'_>,
        value: &Spanned<DeValue<'_>>,
        command: Option<&Command>,
        beside: &[&str],
    ) -> Result<Entry> {
        let name = key.get_ref().as_ref();
        let all = self.program.get_subcommands().filter(|one| command.is_none_or(|of| of.get_name() == one.get_name()));
        let all: Vec<Setting<'_>> = all.flat_map(settings).collect();
        let Some(setting) = all.iter().find(|setting| setting.name == name) else {
            let names: Vec<&str> = all.iter().map(|setting| setting.name).chain(beside.iter().copied()).collect();
            return self.wrong(key, unknown(name, command, &names));
        };
        let value = value.get_ref();
        let texts = match (value, texts(value)) {
            (DeValue::Boolean(_), _) => Vec::new(),
            (_, Some(texts)) => texts,
            _ => return self.wrong(key, form(setting)),
        };
        if let Some(reason) = refusal(setting, &texts, self.looked.trust) {
            return self.wrong(key, reason);
        }
        let is_array = matches!(value, DeValue::Array(_));
        let value = match value {
            DeValue::Boolean(on) if setting.is_switch() => Given::Switch(*on),
            DeValue::Boolean(_) => return self.wrong(key, form(setting)),
            _ if setting.is_switch() || (is_array && !setting.is_list()) => return self.wrong(key, form(setting)),
            _ => Given::Texts(texts.iter().map(|text| self.placed(setting, text).into()).collect()),
        };
        Ok(Entry { value, place: self.place(key.span().start) })
    }

    /// A path of the file, from the folder in which the file lies.
    fn placed(&self, setting: &Setting<'_>, text: &str) -> String {
        if setting.arg.get_value_parser().type_id() == TypeId::of::<PathBuf>() {
            return self.path(text);
        }
        match (setting.name, text.split_once('=')) {
            ("raw", _) => self.path(text),
            ("table", Some((name, file))) => format!("{name}={}", self.path(file)),
            _ => text.to_owned(),
        }
    }

    fn path(&self, text: &str) -> String {
        // A URL is a place by itself.
        if Path::new(text).is_absolute() || text.contains("://") {
            return text.to_owned();
        }
        self.looked.folder().join(text).display().to_string()
    }
}

fn unknown(name: &str, command: Option<&Command>, names: &[&str]) -> String {
    let small = name.to_ascii_lowercase().replace('-', "_");
    if is_secret_name(&small) || small.contains("passw") {
        return format!("`{name}` may be a secret; {INSTEAD}");
    }
    if Access::parse(&[format!("{name}=")]).is_ok() {
        return format!("`{name}` is an option of a store: write lake-option = [\"{name}=…\"], or source-option");
    }
    let of = command.map_or("no option".to_owned(), |command| format!("no option of {}", command.get_name()));
    format!("`{name}` is {of}{}", near(name, names))
}

fn form(setting: &Setting<'_>) -> String {
    let name = setting.name;
    match () {
        () if setting.is_switch() => format!("`{name}` is true or false"),
        () if setting.is_list() => format!("`{name}` is a text or a list of texts"),
        () => format!("`{name}` is one text or number"),
    }
}

/// The texts of a value or of a list; `None` of others.
fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    Some(match value {
        DeValue::String(text) => vec![text.to_string()],
        DeValue::Integer(number) if number.radix() == 10 => vec![number.as_str().replace('_', "")],
        DeValue::Datetime(time) => vec![time.to_string()],
        DeValue::Array(list) => {
            let inner = list.iter().map(|value| match value.get_ref() {
                DeValue::Array(_) => None,
                value => texts(value),
            });
            inner.collect::<Option<Vec<_>>>()?.concat()
        }
        _ => return None,
    })
}

fn near(name: &str, names: &[&str]) -> String {
    nearest(name, names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}
