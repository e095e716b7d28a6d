//! One source object as the plan records it, and the tally of what was left out by name.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::key::Facts;
use super::location::Location;
use crate::schema::Table;

/// A gzip log, not opened yet. Its URL is its identity; its version says whether it is still the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Object {
    /// Full URL, with the key verbatim.
    pub url: String,
    /// Key within the bucket, or absolute path without its first `/`; verbatim.
    pub key: String,
    /// Compressed bytes.
    pub size: u64,
    /// The ETag on S3; `<size>-<mtime ns>` on disk, which survives a copy that keeps times and never knows inodes.
    pub version: String,
    /// Its key day (UTC). This and the four fields below are what the key tells (see [`Facts`]), or `None`.
    pub day: Option<NaiveDate>,
    /// From 0 to 23 (UTC).
    pub hour: Option<u8>,
    /// Twelve digits.
    pub account: Option<String>,
    /// Such as `eu-west-1`.
    pub region: Option<String>,
    /// The id of the flow log that delivered it, such as `fl-…`.
    pub log_id: Option<String>,
    /// Unix seconds: by the key, if it tells (see [`Facts::slot`]), else when the object was last modified.
    pub delivered: i64,
    /// The key lies below `AWSLogs/…/<service>/<region>/` of a known kind of log.
    pub in_flow_log_prefix: bool,
    /// The kind of log, where the key tells it and lines do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Table>,
    /// The URL of the object of which it is a copy: then it is not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<String>,
    /// The version of that object whose content it has. Plans of earlier programs do not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of_version: Option<String>,
}

/// One name of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Verbatim: within the bucket, or the absolute path without its first `/`.
    pub key: String,
    /// Bytes as they are stored.
    pub size: u64,
    /// That of an [`Object`]. Where a store gives no ETag it begins with [`UNTAGGED`](super::UNTAGGED).
    pub version: String,
    /// When it was last modified, in Unix seconds.
    pub modified: i64,
    /// The key of the file itself, where `key` leads to it over links on disk.
    pub target: Option<String>,
}

impl Object {
    /// Over whichever link it was found, a file is one object: what is known of it is filed under the day in its own
    /// path.
    pub fn new(location: &Location, entry: Entry) -> Object {
        let key = entry.target.unwrap_or(entry.key);
        Object::of_key(location.url_of(&key), key, (entry.size, entry.version), entry.modified)
    }

    /// An object that is known by its URL. Where its name does not tell when it was delivered, the version of a file on
    /// disk does; that of another object does not.
    pub fn of_url(url: &str, size: u64, version: &str) -> Object {
        let key = match url.strip_prefix("s3://") {
            Some(rest) => rest.split_once('/').map(|(_, key)| key),
            None => url.strip_prefix("file:///"),
        };
        // Behind the seconds stand nine digits of nanoseconds.
        let seconds =
            version.split_once('-').and_then(|(_, time)| time.get(..time.len().checked_sub(9)?)?.parse().ok());
        let key = key.unwrap_or_default().to_owned();
        Object::of_key(url.to_owned(), key, (size, version.to_owned()), seconds.unwrap_or_default())
    }

    fn of_key(url: String, key: String, (size, version): (u64, String), modified: i64) -> Object {
        let facts = Facts::of(&key);
        Object {
            url,
            size,
            version,
            day: facts.day,
            hour: facts.hour,
            account: facts.account,
            region: facts.region,
            log_id: facts.log_id,
            delivered: facts.slot.unwrap_or(modified),
            in_flow_log_prefix: facts.in_flow_log_prefix,
            log: facts.log,
            copy_of: None,
            copy_of_version: None,
            key,
        }
    }
}

/// Why a name was left out without being opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A key that ends in `/`.
    FolderMarker,
    /// It has no bytes.
    Empty,
    /// CloudWatch's `aws-logs-write-test`, and AWS's other test objects.
    WriteTest,
    /// Delivered as Parquet already.
    Parquet,
    /// Another account, region or day than asked for.
    Filtered,
    /// A folder or object below `AWSLogs/` that is not a flow log.
    NotFlowLogs,
    /// A name that the store's protocol cannot ask for (`..` as a folder, or not UTF-8).
    Unreachable,
    /// A link to a folder or file that is listed under its own name.
    Link,
    /// A link that leads nowhere now: the disk behind it may be away.
    Dangling,
    /// A socket, pipe or device.
    NotAFile,
    /// Its name says that a transfer has not ended: it will have another name, and under that the same rows would come
    /// again. Or it is hidden and not called a log.
    Unfinished,
}

impl Reason {
    /// What is left out for it, in the plural: summaries put a number beside it.
    pub fn text(self) -> &'static str {
        match self {
            Reason::FolderMarker => "folder markers",
            Reason::Empty => "empty objects",
            Reason::WriteTest => "write tests",
            Reason::Parquet => "Parquet objects",
            Reason::Filtered => "outside the filters",
            Reason::NotFlowLogs => "not flow logs",
            Reason::Unreachable => "names that cannot be requested",
            Reason::Link => "links listed elsewhere",
            Reason::Dangling => "links that lead nowhere",
            Reason::NotAFile => "not files",
            Reason::Unfinished => "hidden files and unfinished transfers",
        }
    }
}

/// How many names were left out, and one example, for each reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped(pub BTreeMap<Reason, Tally>);

/// What was left out for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many names. A folder that was not looked into counts as one, whatever it holds.
    pub objects: u64,
    /// The key of the first of them.
    pub example: String,
}

impl Skipped {
    pub(super) fn add(&mut self, reason: Reason, key: &str) {
        let tally = self.0.entry(reason).or_insert_with(|| Tally { objects: 0, example: key.to_owned() });
        tally.objects += 1;
    }

    /// Takes the objects without a byte out of a listing, and counts them.
    pub(super) fn take_empty(&mut self, objects: &mut Vec<Object>) {
        for empty in objects.extract_if(.., |object| object.size == 0) {
            self.add(Reason::Empty, &empty.key);
        }
    }

    /// Adds the numbers of another listing. Examples that are there already stay.
    pub fn merge(&mut self, other: &Skipped) {
        for (reason, more) in &other.0 {
            let tally = self.0.entry(*reason).or_insert_with(|| Tally { objects: 0, example: more.example.clone() });
            tally.objects += more.objects;
        }
    }

    /// How many names were left out for this reason; 0 if none was.
    pub fn count(&self, reason: Reason) -> u64 {
        self.0.get(&reason).map_or(0, |tally| tally.objects)
    }

    /// How many names were left out in all.
    pub fn total(&self) -> u64 {
        self.0.values().map(|tally| tally.objects).sum()
    }
}

/// The reason to leave an entry out by its name alone. One without a byte is not left out: what is known of it may be
/// that it had some.
pub fn skip_by_name(entry: &Entry) -> Option<Reason> {
    let file = entry.key.rsplit('/').next().unwrap_or_default();
    if file.is_empty() {
        return Some(Reason::FolderMarker);
    }
    if entry.key.split('/').any(|segment| segment == "." || segment == "..") {
        return Some(Reason::Unreachable);
    }
    if file == "aws-logs-write-test" {
        return Some(Reason::WriteTest);
    }
    if file.ends_with(".parquet") {
        return Some(Reason::Parquet);
    }
    if is_unfinished(file) || entry.key.split('/').any(|segment| segment == RSYNC_FOLDER) {
        return Some(Reason::Unfinished);
    }
    None
}

/// Where `rsync --delay-updates` keeps files until all are there.
const RSYNC_FOLDER: &str = ".~tmp~";

/// How names end until a transfer has ended, as tools for it choose them.
const UNFINISHED: [&str; 8] = [".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp", ".temp", "~"];

/// Letters that a tool chose by chance, as rsync and the command line of AWS hang behind a name.
const CHANCE: std::ops::RangeInclusive<usize> = 6..=8;

/// Whether a name says that the transfer of its file has not ended, or is hidden and not that of a log.
fn is_unfinished(file: &str) -> bool {
    let is_log = |name: &str| name.ends_with(".gz") || name.ends_with(".log");
    if file.starts_with('.') && !is_log(file) || UNFINISHED.iter().any(|end| file.ends_with(end)) {
        return true;
    }
    let Some((log, chance)) = file.rsplit_once('.') else { return false };
    let is_by_chance = CHANCE.contains(&chance.len())
        && chance.bytes().all(|byte| byte.is_ascii_alphanumeric())
        // Not the day of a file that was rotated, nor a word.
        && chance.bytes().any(|byte| byte.is_ascii_alphabetic())
        && chance.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    is_by_chance && is_log(log)
}
