//! Facts that a key alone tells: account, region, flow log, day and hour, in every layout that AWS delivers.
//!
//! ```text
//! [prefix/]AWSLogs/[o-…/]<account>/<service>/<region>/YYYY/MM/DD/[HH/]<file>
//! [prefix/]AWSLogs/[o-…/]aws-account-id=<account>/aws-service=<service>/aws-region=<region>/
//!                                                   year=YYYY/month=MM/day=DD/[hour=HH/]<file>
//! <file> = <account>_<service>_<region>_<id>_YYYYMMDDTHHmmZ_<hash>.log.gz
//! ```
//!
//! Which services there are, and what stands in the names of their files, each kind of log says
//! ([`FileName`](crate::schema::FileName)); that of flow logs is `vpcflowlogs`, their ids begin with `fl-`.
//!
//! The path wins over the file name; what neither says stays `None`. Where the two name different days, the object is
//! filed under the path's, and was delivered at the later of both: a copy in a folder of its own must not lose its
//! rows, which may begin two days after delivery at most. Nothing here fails: a hostile key has no facts.

use chrono::{NaiveDate, NaiveDateTime};

use crate::schema::{Framing, NamePart, Table};

/// The folder that AWS reserves; everything below it has a known shape.
pub const AWS_LOGS: &str = "AWSLogs";

/// Whether logs of a known kind lie in the folder of a service.
pub fn is_known(service: &str) -> bool {
    Table::all().any(|table| table.file.service == service)
}

/// The services whose folders hold logs of a known kind, each once.
pub fn known_services() -> Vec<&'static str> {
    let mut services: Vec<&str> = Table::all().map(|table| table.file.service).collect();
    services.sort_unstable();
    services.dedup();
    services
}

/// What a key says about its object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Twelve digits: of the path, else of the file name.
    pub account: Option<String>,
    /// Of the path, else of the file name. No list says which regions there are.
    pub region: Option<String>,
    /// Of the file name alone, such as `fl-…` for a flow log of a VPC.
    pub log_id: Option<String>,
    /// The day of the path, else of the file name (UTC).
    pub day: Option<NaiveDate>,
    /// From 0 to 23 (UTC): the hour of the path, else of the file name if that is of `day`.
    pub hour: Option<u8>,
    /// When the object was delivered, if its name tells (UTC, Unix seconds): the slot in the name, or the end of the
    /// path's day where that is another and later one.
    pub slot: Option<i64>,
    /// The key lies below `AWSLogs/…/<service>/<region>/` of a known kind.
    pub in_flow_log_prefix: bool,
    /// The kind of log, where the key tells it and lines do not.
    pub log: Option<Table>,
}

impl Facts {
    /// Reads a key as listings give it: without the bucket, and on disk without the first `/` of the path.
    pub fn of(key: &str) -> Facts {
        let mut segments: Vec<&str> = key.split('/').collect();
        let file = segments.pop().unwrap_or_default();
        let place = Place::of(&segments);
        let name = FileName::of(file);
        let (path_day, path_hour) = day_of_path(&segments).map_or((None, None), |(day, hour)| (Some(day), hour));
        let slot = name.as_ref().map(|name| name.slot);
        let day = path_day.or(slot.map(|slot| slot.date()));
        let hour = path_hour.or(slot.filter(|slot| Some(slot.date()) == day).map(hour_of));
        let in_flow_log_prefix = place.service.is_some() && place.region.is_some();
        let log = match &name {
            Some(name) => Some(name.table),
            None => place.service.and_then(|service| Table::all().find(|table| table.file.service == service)),
        };
        let log = log.filter(|table| !matches!(table.framing, Framing::Spaced { .. }));
        let (account, region, log_id) = match name {
            Some(name) => (name.account, name.region, name.log_id),
            None => (None, None, None),
        };
        Facts {
            account: place.account.map(str::to_owned).or(account),
            region: place.region.map(str::to_owned).or(region),
            log_id,
            day,
            hour,
            slot: slot.map(|slot| delivered(slot, path_day)),
            in_flow_log_prefix,
            log,
        }
    }
}

fn delivered(slot: NaiveDateTime, path_day: Option<NaiveDate>) -> i64 {
    let other_day = path_day.filter(|day| *day > slot.date()).and_then(|day| day.and_hms_opt(23, 59, 59));
    other_day.unwrap_or(slot).and_utc().timestamp()
}

fn hour_of(slot: NaiveDateTime) -> u8 {
    use chrono::Timelike;
    slot.hour() as u8
}

/// Where a folder lies in a tree of AWS logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// The last `AWSLogs` segment and what follows it.
    pub below: Level,
    /// Without the `aws-account-id=` that its folder may have.
    pub account: Option<&'a str>,
    /// The service, if its logs are of a known kind.
    pub service: Option<&'a str>,
    /// Without the `aws-region=` that its folder may have.
    pub region: Option<&'a str>,
    /// The folders carry `key=value` names.
    pub hive: bool,
    /// Segments up to and including the region: the folder under which days lie.
    pub date_root: usize,
}

/// The depth of a folder below `AWSLogs/`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Level {
    /// Not below `AWSLogs/` at all.
    #[default]
    Outside,
    /// `AWSLogs/` or `AWSLogs/o-…/`: accounts are next.
    Logs,
    /// An account: services are next.
    Account,
    /// A service whose logs are of a known kind: regions are next.
    Service,
    /// A region of it, or a folder below it: days are next.
    Region,
    /// Another service, or a folder that no layout explains.
    Foreign,
}

impl<'a> Place<'a> {
    /// `folders` are the segments of a folder, without the file.
    pub fn of(folders: &[&'a str]) -> Place<'a> {
        let mut place = Place::default();
        let Some(logs) = folders.iter().rposition(|segment| *segment == AWS_LOGS) else { return place };
        let mut at = logs + 1;
        if folders.get(at).is_some_and(|segment| is_organisation(segment)) {
            at += 1;
        }
        place.below = Level::Logs;
        let Some(segment) = folders.get(at) else { return place };
        let Some(account) = account_of(segment) else {
            place.below = Level::Foreign;
            return place;
        };
        place.account = Some(account);
        place.hive = segment.contains('=');
        place.below = Level::Account;
        let Some(segment) = folders.get(at + 1) else { return place };
        if !is_known(service_of(segment)) {
            place.below = Level::Foreign;
            return place;
        }
        place.service = Some(service_of(segment));
        place.below = Level::Service;
        let Some(segment) = folders.get(at + 2) else { return place };
        place.region = Some(segment.strip_prefix("aws-region=").unwrap_or(segment)).filter(|region| !region.is_empty());
        place.below = Level::Region;
        place.date_root = at + 3;
        place
    }
}

/// `o-…`, the folder of an organisation between `AWSLogs/` and its accounts.
pub fn is_organisation(segment: &str) -> bool {
    segment.strip_prefix("o-").is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The account that a folder names, plain or `aws-account-id=…`.
pub fn account_of(segment: &str) -> Option<&str> {
    let account = segment.strip_prefix("aws-account-id=").unwrap_or(segment);
    is_account(account).then_some(account)
}

/// The service that a folder below an account names: `CloudTrail`, `aws-service=vpcflowlogs`, `service=vpcflowlogs`.
pub fn service_of(segment: &str) -> &str {
    segment.strip_prefix("aws-service=").or_else(|| segment.strip_prefix("service=")).unwrap_or(segment)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The folder names a year, `2024` or `year=2024`; true means the second form.
pub fn year_folder(segment: &str) -> Option<bool> {
    let year = segment.strip_prefix("year=");
    number(year.unwrap_or(segment), 4).map(|_| year.is_some())
}

/// Day and hour of the last dated folders of a path.
fn day_of_path(folders: &[&str]) -> Option<(NaiveDate, Option<u8>)> {
    (0..folders.len().saturating_sub(2)).rev().find_map(|at| {
        let dated = &folders[at..];
        let hive = year_folder(dated[0])?;
        let part = |segment: &str, name: &str| match hive {
            true => number(segment.strip_prefix(name)?, 2),
            false => number(segment, 2),
        };
        let year = number(dated[0].strip_prefix("year=").unwrap_or(dated[0]), 4)?;
        let day = NaiveDate::from_ymd_opt(year as i32, part(dated[1], "month=")?, part(dated[2], "day=")?)?;
        let hour = dated.get(3).and_then(|segment| part(segment, "hour=")).filter(|hour| *hour < 24);
        Some((day, hour.map(|hour| hour as u8)))
    })
}

/// Exactly `digits` decimal digits.
fn number(text: &str, digits: usize) -> Option<u32> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// A file name in AWS's form.
struct FileName {
    /// The first kind whose files have such names.
    table: Table,
    account: Option<String>,
    region: Option<String>,
    log_id: Option<String>,
    slot: NaiveDateTime,
}

impl FileName {
    fn of(file: &str) -> Option<FileName> {
        Table::all().find_map(|table| FileName::of_kind(file, table))
    }

    /// Parsed from the right: a copy may carry a prefix of its own, and then only the account is unknown.
    fn of_kind(file: &str, table: Table) -> Option<FileName> {
        let parts = table.file.parts;
        let found: Vec<&str> = file.rsplitn(parts.len(), '_').collect();
        if found.len() != parts.len() {
            return None;
        }
        let (mut account, mut region, mut log_id, mut slot) = (None, None, None, None);
        for (part, text) in parts.iter().rev().zip(found) {
            let fits = match part {
                NamePart::Account => {
                    account = is_account(text).then(|| text.to_owned());
                    true
                }
                NamePart::Service => text == table.file.service,
                NamePart::Region => {
                    region = Some(text.to_owned());
                    !text.is_empty()
                }
                NamePart::Id(beginning) => {
                    log_id = Some(text.to_owned());
                    text.starts_with(beginning)
                }
                NamePart::Time => {
                    slot = slot_of(text);
                    slot.is_some()
                }
                NamePart::Hash => true,
            };
            if !fits {
                return None;
            }
        }
        Some(FileName { table, account, region, log_id, slot: slot? })
    }
}

/// The file name in a key or URL, if it is whole in AWS's form. AWS ends it in a hash of its own: each is of one
/// delivery.
pub fn delivery(key: &str) -> Option<&str> {
    let file = key.rsplit('/').next()?;
    let name = FileName::of(file)?;
    let hash = file.rsplit('_').next()?.strip_suffix(name.table.file.suffix)?;
    let is_hash = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_hash && name.account.is_some()).then_some(file)
}

/// `YYYYMMDDTHHmmZ`.
fn slot_of(time: &str) -> Option<NaiveDateTime> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let (date, clock) = (number(date, 8)?, number(clock, 4)?);
    NaiveDate::from_ymd_opt((date / 10_000) as i32, date / 100 % 100, date % 100)?.and_hms_opt(
        clock / 100,
        clock % 100,
        0,
    )
}
