//! A report as its file has it: a header of comments, then one statement.
//!
//! ```sql
//! -- title: Rejected traffic by port
//! -- meaning: flows that were refused, by destination port
//! -- theme: refused                       where it stands in the list; `own` without it
//! -- order: 1                             its place before those without one, which come by name
//! -- table: flow_logs                     the default; `lake` for what the ledger knows, which has no window
//! -- fields: action, dstport              columns that the lake must have
//! -- optional: tcp_flags                  columns that are null where the lake has none
//! -- param: top integer 10: rows at most
//! -- against: 7d                          it reads `flow_logs_before` too, by default so long
//! SELECT …
//! ```

use crate::schema::Table;

use super::Parameter;

/// The word for the tables of the ledger.
const OF_LEDGER: &str = "lake";

/// What a report is about: the list is grouped by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Theme {
    /// What security groups and network ACLs refused.
    Refused,
    /// What may be an attack, or a door left open.
    Suspicious,
    /// What flows, in sum.
    Overview,
    /// Who talks to whom.
    Talkers,
    /// Which way traffic goes, and what AWS bills for it.
    Paths,
    /// What the logs lack, or hold twice.
    Logs,
    /// Of a report whose header names none.
    Own,
}

impl Theme {
    /// Each with its word in a header, and its heading in the list; in the order of the list.
    pub const ALL: [(Theme, &str, &str); 7] = [
        (Theme::Refused, "refused", "What was refused"),
        (Theme::Suspicious, "suspicious", "What looks like an attack, or like a door left open"),
        (Theme::Overview, "overview", "What flows"),
        (Theme::Talkers, "talkers", "Who talks to whom"),
        (Theme::Paths, "paths", "Which way it goes, and what that costs"),
        (Theme::Logs, "logs", "What the logs themselves lack or hold twice"),
        (Theme::Own, "own", "Your own"),
    ];

    /// As a header spells it.
    pub fn word(self) -> &'static str {
        Theme::ALL.iter().find(|(theme, ..)| *theme == self).map_or("", |(_, word, _)| word)
    }

    /// The theme of a word; the error names all of them.
    pub fn parse(word: &str) -> Result<Theme, String> {
        let found = Theme::ALL.into_iter().find(|(_, known, _)| *known == word);
        let words = || Theme::ALL.map(|(_, word, _)| word).join(", ");
        found.map(|(theme, ..)| theme).ok_or_else(|| format!("the theme `{word}` is none of {}", words()))
    }
}

/// A ready question, as its file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Kebab case; the name of its file.
    pub name: String,
    /// The line above its rows.
    pub title: String,
    /// What it tells, in a line of the list.
    pub meaning: String,
    /// Where it stands in the list.
    pub theme: Theme,
    /// Its place in the list; reports without one come after those with one.
    pub order: Option<u32>,
    /// `None` where it asks the tables of the ledger: those are not narrowed to a window, and have all their columns.
    pub table: Option<Table>,
    /// Columns that the lake must have.
    pub fields: Vec<String>,
    /// Columns that are null where the lake has none.
    pub optional: Vec<String>,
    /// What may be bound to `$name`, in the order of the header.
    pub parameters: Vec<Parameter>,
    /// Seconds of the earlier window that it compares with, where it does.
    pub against: Option<i64>,
    /// The statement, with its header.
    pub sql: String,
}

impl Report {
    /// Reads a report's file.
    pub fn parse(name: &str, text: &str) -> Result<Report, String> {
        let mut report = Report {
            name: name.to_owned(),
            title: String::new(),
            meaning: String::new(),
            theme: Theme::Own,
            order: None,
            table: Some(Table::FLOW_LOGS),
            fields: Vec::new(),
            optional: Vec::new(),
            parameters: Vec::new(),
            against: None,
            sql: text.trim().trim_end_matches(';').to_owned(),
        };
        for line in text.lines().map_while(|line| line.strip_prefix("--")) {
            let Some((key, value)) = line.split_once(':') else { continue };
            report.set(key.trim(), value.trim())?;
        }
        for (key, is_empty) in [
            ("title", report.title.is_empty()),
            ("meaning", report.meaning.is_empty()),
            ("fields", report.fields.is_empty() && report.table.is_some()),
        ] {
            if is_empty {
                return Err(format!("it has no line `-- {key}: …` at its beginning"));
            }
        }
        if !report.sql.to_uppercase().contains("ORDER BY") {
            return Err("its statement has no ORDER BY: a report gives the same rows in the same order".to_owned());
        }
        Ok(report)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let names = || value.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        match key {
            "title" => self.title = value.to_owned(),
            "meaning" => self.meaning = value.to_owned(),
            "theme" => self.theme = Theme::parse(value)?,
            "order" => {
                let order = value.parse().map_err(|_| format!("order: \"{value}\" is no whole number"))?;
                self.order = Some(order);
            }
            "fields" => self.fields = names(),
            "optional" => self.optional = names(),
            "table" => {
                let known = Table::all().map(Some).chain([None]);
                let found = known.into_iter().find(|table| table.map_or(OF_LEDGER, Table::name) == value);
                self.table = found.ok_or_else(|| format!("`{value}` is no table of a lake, nor `{OF_LEDGER}`"))?;
            }
            "against" => {
                let length = humantime::parse_duration(value).map_err(|error| format!("against: {error}"))?;
                self.against = Some(length.as_secs() as i64);
            }
            "param" => {
                let form = "is not of the form `-- param: name TYPE default|required: meaning`, with integer, text, address or words such as `hour|day` as its type";
                self.parameters.push(Parameter::parse(value).ok_or_else(|| format!("`-- param: {value}` {form}"))?);
            }
            // Other comments are for people.
            _ => {}
        }
        Ok(())
    }

    /// Fields that the report needs and `columns` lack; all of them if the lake has no such table.
    pub fn lacks(&self, columns: Option<&[String]>) -> Vec<&str> {
        let is_there = |field: &str| columns.is_some_and(|columns| columns.iter().any(|column| column == field));
        self.fields.iter().map(String::as_str).filter(|field| !is_there(field)).collect()
    }
}
