//! What a file may set. Secrets and what one run is for are never in it; the file of a folder that may be a stranger's
//! also sets nothing that leads requests, files or connections elsewhere, and nothing that trusts more.

use super::file::{Trust, VARIABLE};
use super::names::{Setting, variable};
use crate::source::{is_secret_name, without_secrets};

/// They say what one run is for, replace something, or trust somebody: that is typed each time.
const NEVER: [&str; 10] =
    ["dry-run", "expire-until", "explain", "file", "gone-for-good", "now", "output", "redo", "replay", "trust-plans"];

/// They name files and folders of the user, open doors, trust more, or decide what rows a lake has and who reads them.
const NOT_OF_A_FOLDER: [&str; 15] = [
    "copies",
    "dir",
    "fail-if",
    "follow-links",
    "listen",
    "location",
    "password-file",
    "raw",
    "scratch",
    "source-format",
    "spill",
    "table",
    "tls-cert",
    "tls-key",
    "user",
];

/// Options of a store that cannot lead a request to another server, identity or key.
const STORE_OF_A_FOLDER: [&str; 5] =
    ["region", "skip_signature", "virtual_hosted_style_request", "timeout", "connect_timeout"];

/// Why a file may not give a setting this value, if it may not; nothing of the value is told.
pub fn refusal(setting: &Setting<'_>, values: &[String], trust: Trust) -> Option<String> {
    let name = setting.name;
    if NEVER.contains(&name) {
        let (flag, variable) = (setting.flag(), variable(name));
        return Some(format!("`{name}` is not taken from a file; type {flag}, or set {variable} for one run"));
    }
    if let Some(reason) = values.iter().find_map(|value| secret(name, value)) {
        return Some(reason);
    }
    if trust == Trust::User {
        return None;
    }
    if NOT_OF_A_FOLDER.contains(&name) {
        return Some(not_of_a_folder(&format!("`{name}`")));
    }
    values.iter().filter(|_| is_of_store(name)).find_map(|value| stray(value))
}

/// Why a text of a file is a secret.
pub fn secret(name: &str, value: &str) -> Option<String> {
    if without_secrets(value) != value {
        return Some(format!("`{name}` holds a URL with a password or signature; a file holds no secrets"));
    }
    let option = option_name(value).filter(|option| is_of_store(name) && is_secret_name(option))?;
    Some(format!("`{name}`: {option} is a secret; {INSTEAD}"))
}

/// Where secrets belong.
pub const INSTEAD: &str = "a file holds none: use profile=… and AWS's own files, or the environment \
                           (AWS_SECRET_ACCESS_KEY)";

pub fn is_of_store(name: &str) -> bool {
    ["source-option", "lake-option"].contains(&name)
}

/// Why an option of a store could lead elsewhere.
fn stray(value: &str) -> Option<String> {
    let name = option_name(value)?;
    if !STORE_OF_A_FOLDER.contains(&name.as_str()) {
        return Some(not_of_a_folder(&format!("{name} of a store")));
    }
    // It becomes part of a host's name.
    let region = value.split_once('=').map_or("", |(_, region)| region);
    let is_plain = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (name == "region" && !is_plain).then(|| "the region is no name of letters, digits and `-`".to_owned())
}

fn not_of_a_folder(what: &str) -> String {
    format!(
        "{what} is not taken from the file of the current folder, which may be a stranger's; move it to \
         ~/.config/flowlake/flowlake.toml, or name this file in {VARIABLE}"
    )
}

/// The name of a store's option as the store reads it.
fn option_name(text: &str) -> Option<String> {
    let (name, _) = text.split_once('=')?;
    let name = name.trim().to_ascii_lowercase().replace('-', "_");
    Some(name.strip_prefix("aws_").unwrap_or(&name).to_owned())
}
