//! What surrounds a command line: the environment, and the file that was found.

use clap::Command;

use super::document::{Document, NamedLake};
use super::environment::Environment;
use super::error::{ConfigError, Result};
use super::file::{self, Looked, State};
use crate::query::nearest;

/// The environment and the file that is read.
#[derive(Debug)]
pub struct Surroundings {
    pub environment: Environment,
    pub looked: Vec<Looked>,
    pub document: Option<Document>,
}

impl Surroundings {
    pub fn of(program: &Command, environment: Environment) -> Result<Surroundings> {
        let (looked, text) = file::look(&environment)?;
        let read = looked.iter().find(|looked| looked.state == State::Read).zip(text);
        let document = read.map(|(looked, text)| Document::parse(program, looked, &text)).transpose()?;
        Ok(Surroundings { environment, looked, document })
    }

    /// The lake of a name with its `@`.
    pub fn lake(&self, called: &str) -> Result<&NamedLake> {
        let lakes = self.document.as_ref().map(|document| &document.lakes);
        let name = called.strip_prefix('@').unwrap_or(called);
        lakes.and_then(|lakes| lakes.get(name)).ok_or_else(|| {
            let names: Vec<&str> = lakes.into_iter().flat_map(|lakes| lakes.keys().map(String::as_str)).collect();
            let known = self.known(nearest(name, &names), &names);
            ConfigError::NoLake { name: called.to_owned(), known }
        })
    }

    fn known(&self, near: Option<&str>, names: &[&str]) -> String {
        let near = near.map(|near| format!("did you mean @{near}? ")).unwrap_or_default();
        let looked: Vec<String> = self.looked.iter().map(|looked| looked.to_string()).collect();
        let looked = if looked.is_empty() { "no file is read".to_owned() } else { looked.join(", ") };
        let names: Vec<String> = names.iter().map(|name| format!("@{name}")).collect();
        let names = if names.is_empty() { "no lake".to_owned() } else { names.join(", ") };
        format!("{near}known: {names} ({looked})")
    }
}
