//! What a client may set for its session, and what each setting is when nobody set it.
//!
//! A setting that changes answers is honoured or refused. The others are remembered, so that `SHOW` gives them back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::query::TimeZone;

/// The database's name, as clients see it.
pub(super) const DATABASE: &str = "flowlake";

/// The version of Postgres whose clients we speak with, as a text and as a number.
pub(super) const SERVER_VERSION: &str = "16.6";
const SERVER_VERSION_NUMBER: &str = "160006";

/// Name as it is shown, and its value where nobody set it.
const KNOWN: [(&str, &str); 44] = [
    ("application_name", ""),
    ("block_size", "8192"),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("DateStyle", "ISO, MDY"),
    ("default_table_access_method", "heap"),
    ("default_tablespace", ""),
    ("default_text_search_config", "pg_catalog.simple"),
    ("default_transaction_deferrable", "off"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "on"),
    ("extra_float_digits", "1"),
    ("idle_in_transaction_session_timeout", "0"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("IntervalStyle", "postgres"),
    ("is_superuser", "off"),
    ("lc_collate", "C.UTF-8"),
    ("lc_ctype", "C.UTF-8"),
    ("lc_messages", "C.UTF-8"),
    ("lc_monetary", "C.UTF-8"),
    ("lc_numeric", "C.UTF-8"),
    ("lc_time", "C.UTF-8"),
    ("lock_timeout", "0"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
    ("role", "none"),
    ("row_security", "on"),
    ("scram_iterations", "4096"),
    ("search_path", "public"),
    ("server_encoding", "UTF8"),
    ("server_version", SERVER_VERSION),
    ("server_version_num", SERVER_VERSION_NUMBER),
    ("session_replication_role", "origin"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("TimeZone", "UTC"),
    ("timezone_abbreviations", "Default"),
    ("transaction_deferrable", "off"),
    ("transaction_isolation", "read committed"),
    ("transaction_read_only", "on"),
    ("transform_null_equals", "off"),
    ("work_mem", "4MB"),
];

/// What the server tells when a connection begins, and again when it changes.
const REPORTED: [&str; 14] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "scram_iterations",
    "search_path",
    "server_encoding",
    "server_version",
    "standard_conforming_strings",
    "TimeZone",
];

/// Settings that nobody can set.
const FIXED: [&str; 11] = [
    "in_hot_standby",
    "integer_datetimes",
    "is_superuser",
    "lc_collate",
    "lc_ctype",
    "max_identifier_length",
    "max_index_keys",
    "scram_iterations",
    "server_encoding",
    "server_version",
    "server_version_num",
];

/// The settings of one session, and who it belongs to.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    user: String,
    /// The number by which a client cancels its statements.
    process: i32,
    /// What the client asked for when it came.
    startup: BTreeMap<String, String>,
    session: BTreeMap<String, String>,
    /// Until the transaction ends.
    local: BTreeMap<String, String>,
    /// `session` as it was before the transaction.
    before: Option<BTreeMap<String, String>>,
}

/// Why a setting is refused: a code of Postgres, and a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) text: String,
}

/// Where a value is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Session,
    Transaction,
}

impl Settings {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().expect("no holder of the lock panics")
    }

    /// Takes the parameters that a client sends when it comes: its user, settings, and `options` such as `-c
    /// name=value`.
    pub(super) fn begin(&self, parameters: &BTreeMap<String, String>) -> Result<(), Refusal> {
        let mut startup = BTreeMap::new();
        for (name, value) in parameters {
            match name.as_str() {
                "user" => self.held().user.clone_from(value),
                "database" | "replication" => {}
                "options" => {
                    for (name, value) in options(value)? {
                        startup.insert(key(&name), judged(&name, &value)?);
                    }
                }
                name if name.starts_with("_pq_.") => {}
                name => {
                    startup.insert(key(name), judged(name, value)?);
                }
            }
        }
        self.held().startup = startup;
        Ok(())
    }

    pub(super) fn user(&self) -> String {
        self.held().user.clone()
    }

    pub(super) fn process(&self) -> i32 {
        self.held().process
    }

    pub(super) fn set_process(&self, process: i32) {
        self.held().process = process;
    }

    /// The value of a setting; `None` if it has none.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let key = key(name);
        let held = self.held();
        let set = held.local.get(&key).or_else(|| held.session.get(&key)).or_else(|| held.startup.get(&key));
        set.cloned().or_else(|| default(&key).map(str::to_owned))
    }

    /// Sets a value and gives it back as it is shown.
    pub(super) fn set(&self, name: &str, value: &str, scope: Scope) -> Result<String, Refusal> {
        let key = key(name);
        if FIXED.contains(&key.as_str()) {
            let text = format!("parameter \"{name}\" cannot be changed");
            return Err(Refusal { code: "55P02", text });
        }
        let value = judged(name, value)?;
        let mut held = self.held();
        match scope {
            Scope::Session => {
                held.local.remove(&key);
                held.session.insert(key, value.clone());
            }
            // Without a transaction it ends with this statement.
            Scope::Transaction if held.before.is_some() => {
                held.local.insert(key, value.clone());
            }
            Scope::Transaction => {}
        }
        Ok(value)
    }

    pub(super) fn reset(&self, name: &str) {
        let key = key(name);
        let mut held = self.held();
        held.session.remove(&key);
        held.local.remove(&key);
    }

    pub(super) fn reset_all(&self) {
        let mut held = self.held();
        held.session.clear();
        held.local.clear();
    }

    pub(super) fn begin_transaction(&self) {
        let mut held = self.held();
        if held.before.is_none() {
            held.before = Some(held.session.clone());
        }
    }

    /// What was set in a transaction that was rolled back is not set.
    pub(super) fn end_transaction(&self, rolled_back: bool) {
        let mut held = self.held();
        held.local.clear();
        if let Some(before) = held.before.take()
            && rolled_back
        {
            held.session = before;
        }
    }

    /// The zone that times are shown in and days begin in.
    pub(super) fn time_zone(&self) -> TimeZone {
        let name = self.get("timezone").unwrap_or_default();
        name.parse().unwrap_or_else(|_| TimeZone::utc())
    }

    /// How long a statement may take; `None` if the client does not care.
    pub(super) fn statement_timeout(&self) -> Option<Duration> {
        self.get("statement_timeout").and_then(|text| duration(&text)).filter(|time| !time.is_zero())
    }

    /// Everything that can be shown, by name.
    pub(super) fn all(&self) -> Vec<(String, String)> {
        let known = KNOWN.iter().map(|(name, _)| (*name).to_owned());
        let held = self.held();
        let more: Vec<String> = held.session.keys().filter(|key| default(key).is_none()).cloned().collect();
        drop(held);
        known
            .chain(more)
            .map(|name| (self.get(&name).unwrap_or_default(), name))
            .map(|(value, name)| (name, value))
            .collect()
    }

    pub(super) fn reported(&self) -> Vec<(String, String)> {
        let mut reported: Vec<(String, String)> =
            REPORTED.iter().map(|name| ((*name).to_owned(), self.get(name).unwrap_or_default())).collect();
        reported.push(("session_authorization".to_owned(), self.user()));
        reported
    }
}

/// The name that a change of a setting is told under, if it is told.
pub(super) fn reported_name(name: &str) -> Option<&'static str> {
    REPORTED.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// The name as it is shown.
pub(super) fn shown_name(name: &str) -> String {
    let known = KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map_or_else(|| key(name), |(known, _)| (*known).to_owned())
}

fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn default(key: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| *value)
}

/// The value as it is kept. What would change answers and is not honoured is refused.
fn judged(name: &str, value: &str) -> Result<String, Refusal> {
    let wrong = |allowed: &str| Refusal {
        code: "22023",
        text: format!("invalid value for parameter \"{name}\": \"{}\"; {allowed}", value.escape_debug()),
    };
    let only = |allowed: &[&str], shown: &str| {
        let is_one = allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(value));
        if is_one { Ok(shown.to_owned()) } else { Err(wrong(&format!("flowlake takes {shown} only"))) }
    };
    let yes = ["on", "true", "yes", "1"];
    match key(name).as_str() {
        "timezone" => {
            zone(value).ok_or_else(|| wrong("write UTC, Europe/Berlin, or the hours east of Greenwich as a number: 2"))
        }
        "statement_timeout" => {
            duration(value).map(|_| value.to_owned()).ok_or_else(|| wrong("write 0, 500, '500ms', '30s' or '5min'"))
        }
        "datestyle" => {
            let is_iso = value.split(',').all(|part| {
                ["iso", "mdy", "dmy", "ymd", "us", "european", "default"]
                    .iter()
                    .any(|known| part.trim().eq_ignore_ascii_case(known))
            });
            if is_iso { Ok("ISO, MDY".to_owned()) } else { Err(wrong("flowlake writes dates in ISO form only")) }
        }
        "intervalstyle" => only(&["postgres"], "postgres"),
        "bytea_output" => only(&["hex"], "hex"),
        "client_encoding" => {
            // Signs in it do not matter.
            let letters: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
            let is_utf8 = ["utf8", "unicode", "default"].iter().any(|known| letters.eq_ignore_ascii_case(known));
            if is_utf8 { Ok("UTF8".to_owned()) } else { Err(wrong("flowlake takes UTF8 only")) }
        }
        "standard_conforming_strings" => only(&yes, "on"),
        "transform_null_equals" => only(&["off", "false", "no", "0"], "off"),
        _ => Ok(value.to_owned()),
    }
}

/// A zone's name as the engine knows it. Case does not matter, as in Postgres.
///
/// `+02:00` is refused: it lies east of Greenwich for most, and west of it for Postgres.
fn zone(name: &str) -> Option<String> {
    let name = name.trim();
    if let Some(minutes) = east_of_greenwich(name) {
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
        return Some(match (sign, hours, minutes) {
            (_, 0, 0) => "UTC".to_owned(),
            // These names count westwards.
            ('+', 1..=14, 0) => format!("Etc/GMT-{hours}"),
            ('-', 1..=12, 0) => format!("Etc/GMT+{hours}"),
            _ => format!("{sign}{hours:02}:{minutes:02}"),
        });
    }
    if ["default", "local"].contains(&name.to_ascii_lowercase().as_str()) {
        return Some("UTC".to_owned());
    }
    let title: String = name
        .split_inclusive(['/', '_', '-'])
        .map(|part| {
            let mut letters = part.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters.map(|c| c.to_ascii_lowercase())).collect::<String>()
        })
        .collect();
    // `Etc/GMT+7`
    let titled_first = title.split_once('/').map(|(first, rest)| format!("{first}/{}", rest.to_ascii_uppercase()));
    let spelled = [name.to_owned(), name.to_ascii_uppercase(), title, titled_first.unwrap_or_default()];
    let is_zone =
        |name: &String| name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.parse::<TimeZone>().is_ok();
    spelled.into_iter().find(is_zone)
}

/// Minutes of `2` and `-3.5`, which are hours, and of `GMT-02:00`, which POSIX has two hours to the east.
fn east_of_greenwich(name: &str) -> Option<i32> {
    let upper = name.to_ascii_uppercase();
    let minutes = match upper.strip_prefix("GMT").or_else(|| upper.strip_prefix("UTC")) {
        Some(west) => {
            let (hours, minutes) = west.split_once(':').unwrap_or((west, "0"));
            let whole =
                hours.strip_prefix(['+', '-']).filter(|digits| !digits.starts_with(['+', '-']))?.parse::<f64>().ok()?
                    * 60.0
                    + minutes.parse::<f64>().ok()?;
            if hours.starts_with('-') { whole } else { -whole }
        }
        None => upper.parse::<f64>().ok()? * 60.0,
    };
    (minutes.is_finite() && minutes.abs() <= 15.0 * 60.0 && minutes.fract() == 0.0).then_some(minutes as i32)
}

/// Milliseconds where there is no unit.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.trim().parse().ok()?;
    let unit = match &text[digits.len()..] {
        "" | "ms" => 1.0,
        "us" => 0.001,
        "s" => 1000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let millis = number * unit;
    // Postgres's own bound: an integer of milliseconds.
    (0.0..=f64::from(i32::MAX)).contains(&millis).then(|| Duration::from_micros((millis * 1000.0) as u64))
}

/// `-c name=value --name=value`, as `PGOPTIONS` has them. A backslash takes what follows it as it is.
fn options(text: &str) -> Result<Vec<(String, String)>, Refusal> {
    let mut words = vec![String::new()];
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => words.last_mut().expect("there is one").extend(characters.next()),
            c if c.is_whitespace() => words.push(String::new()),
            c => words.last_mut().expect("there is one").push(c),
        }
    }
    let mut found = Vec::new();
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let wrong = || Refusal { code: "22023", text: format!("the option \"{}\" is not known", word.escape_debug()) };
        let assignment = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") => words.next().ok_or_else(wrong)?,
            Some(rest) => rest.to_owned(),
            None => return Err(wrong()),
        };
        let (name, value) = assignment.split_once('=').ok_or_else(wrong)?;
        found.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
