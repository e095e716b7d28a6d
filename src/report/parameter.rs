//! A parameter of a report: its name, type and default, and the value that is bound to `$name`.

use std::net::IpAddr;

use datafusion::scalar::ScalarValue;

use super::ReportError;

/// `-- param: top integer 20: rows at most`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// As it stands in the statement, behind `$`.
    pub name: String,
    /// What a value of it must be.
    pub kind: ParameterKind,
    /// `None` if it must be given.
    pub default: Option<String>,
    /// What it does, for people.
    pub meaning: String,
}

/// What values are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterKind {
    /// A whole number from 0.
    Integer,
    /// Any text.
    Text,
    /// An IPv4 or IPv6 address; it is bound in its one spelling.
    Address,
    /// One of some words: `minute|hour|day`.
    Word(Vec<String>),
}

impl ParameterKind {
    /// For people.
    pub fn name(&self) -> String {
        match self {
            ParameterKind::Integer => "whole number from 0".to_owned(),
            ParameterKind::Text => "text".to_owned(),
            ParameterKind::Address => "IP address".to_owned(),
            ParameterKind::Word(words) => format!("word of {}", words.join(", ")),
        }
    }
}

impl Parameter {
    /// Reads what follows `-- param:`.
    pub fn parse(text: &str) -> Option<Parameter> {
        let (head, meaning) = text.split_once(": ")?;
        let mut words = head.splitn(3, ' ');
        let (name, kind, default) = (words.next()?, words.next()?, words.next()?.trim());
        let kind = match kind {
            "integer" => ParameterKind::Integer,
            "text" => ParameterKind::Text,
            "address" => ParameterKind::Address,
            words if words.contains('|') => ParameterKind::Word(words.split('|').map(str::to_owned).collect()),
            _ => return None,
        };
        let unquoted =
            |text: &str| text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).unwrap_or(text).to_owned();
        let default = (default != "required").then(|| unquoted(default));
        Some(Parameter { name: name.to_owned(), kind, default, meaning: meaning.trim().to_owned() })
    }

    /// The value to bind.
    pub fn value(&self, text: &str) -> Result<ScalarValue, ReportError> {
        let value = match &self.kind {
            ParameterKind::Word(words) => {
                let word = words.iter().find(|word| *word == text);
                word.map(|word| ScalarValue::Utf8View(Some(word.clone())))
            }
            ParameterKind::Text => Some(ScalarValue::Utf8View(Some(text.to_owned()))),
            ParameterKind::Integer => {
                let number = text.parse::<i64>().ok().filter(|number| *number >= 0);
                number.map(|number| ScalarValue::Int64(Some(number)))
            }
            // Logs have addresses in their shortest form.
            ParameterKind::Address => {
                text.parse::<IpAddr>().ok().map(|address| ScalarValue::Utf8View(Some(address.to_string())))
            }
        };
        value.ok_or_else(|| ReportError::Value {
            name: self.name.clone(),
            value: text.to_owned(),
            kind: self.kind.name(),
        })
    }
}
