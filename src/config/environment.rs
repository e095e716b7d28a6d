//! Values from the environment: `FLOWLAKE_MEMORY=1GiB`. A variable that is set to nothing is as one that is not set.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::error::{ConfigError, Result};
use super::given::Given;
use super::names::{Setting, variable};

/// The environment of a process.
#[derive(Debug, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// That of this process, as it is now.
    pub fn of_process() -> Environment {
        Environment(std::env::vars_os().collect())
    }

    #[cfg(test)]
    /// Of these variables, for tests.
    pub fn of(variables: &[(&str, &str)]) -> Environment {
        Environment(variables.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of a variable, whatever its bytes are.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(AsRef::as_ref)
    }

    /// The value of a setting's variable.
    pub fn given(&self, setting: &Setting<'_>) -> Result<Option<Given>> {
        let variable = variable(setting.name);
        let Some(value) = self.get(&variable).filter(|value| !value.is_empty()) else { return Ok(None) };
        if !setting.is_switch() && !setting.is_list() {
            return Ok(Some(Given::Texts(vec![value.to_owned()])));
        }
        let text = value.to_str();
        let given = if setting.is_switch() { text.and_then(switch) } else { text.map(list) };
        let wanted = if setting.is_switch() { "true or false, or 1 or 0" } else { "a list in UTF-8" };
        let reason = || format!("the value of {} is {wanted}", setting.flag());
        given.map(Some).ok_or_else(|| ConfigError::Variable { reason: reason(), variable })
    }
}

fn switch(text: &str) -> Option<Given> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(Given::Switch(true)),
        "0" | "false" | "no" | "off" => Some(Given::Switch(false)),
        _ => None,
    }
}

/// Values stand between commas; in a text of several lines each line is one, whatever commas it has.
fn list(text: &str) -> Given {
    let separator = if text.contains('\n') { '\n' } else { ',' };
    let values = text.split(separator).map(str::trim).filter(|value| !value.is_empty());
    Given::Texts(values.map(OsString::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_stand_between_commas_or_on_lines() {
        let given = |values: &[&str]| Given::Texts(values.iter().map(OsString::from).collect());
        assert_eq!(list("a"), given(&["a"]));
        assert_eq!(list("a, b,"), given(&["a", "b"]));
        assert_eq!(list("proxy_excludes=a,b\n"), given(&["proxy_excludes=a,b"]));
        assert_eq!(list("a,b\nc\n"), given(&["a,b", "c"]));
    }

    #[test]
    fn switches_are_on_or_off() {
        for (text, on) in [("1", true), ("True", true), ("on", true), ("0", false), ("FALSE", false), ("no", false)] {
            assert_eq!(switch(text), Some(Given::Switch(on)));
        }
        assert_eq!(switch("maybe"), None);
        assert_eq!(switch("2"), None);
    }
}
