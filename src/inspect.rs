//! A look at a source before anything is converted: which formats and flow logs lie there, how much, and a few rows.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use arrow::array::Array;
use arrow::util::display::array_value_to_string;

use crate::columns::{Chunk, Dictionaries, NULL_INT, NULL_TEXT, Values};
use crate::decode::{self, Decoder, Reject, Sink, Verdict};
use crate::fetch::{Body, Budget, FetchError, Options, Stores, fetch};
use crate::progress::{bytes, count, some};
use crate::reading::{ReadError, decode_object};
use crate::schema::{Types, Unknown};
use crate::shown;
use crate::source::{Object, Reason, Skipped, SourceError, Store, list_whole};

/// Objects that are opened: the newest of each flow log, whose format never changes, and all that belong to none.
const OPENED_MAX: usize = 64;

/// Rows shown of each format.
const ROWS_SHOWN_MAX: usize = 3;

/// Why a source could not be looked at.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum InspectError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{url}: {source}")]
    Fetch { url: String, source: FetchError },
    #[error("{url}: {source}")]
    Read { url: String, source: ReadError },
}

/// What lies at a source.
#[derive(Debug, Default)]
pub struct Inspection {
    objects: u64,
    bytes: u64,
    first: Option<i64>,
    last: Option<i64>,
    logs: BTreeMap<String, Log>,
    /// Of the opened objects: a few rows by header.
    formats: BTreeMap<String, Vec<String>>,
    /// Opened objects that gave no rows, and why.
    remarks: Vec<String>,
    /// Objects that were opened, of those that might have a format of their own.
    opened: (usize, u64),
    skipped: Skipped,
    other_services: Vec<String>,
}

/// One flow log, account and region.
#[derive(Debug, Default)]
struct Log {
    objects: u64,
    bytes: u64,
    /// One of a flow log; up to [`OPENED_MAX`] of objects that belong to none.
    newest: Vec<Object>,
}

/// Lists a source whole, and opens the newest object of each flow log, and those that belong to none.
pub async fn inspect(store: &Store) -> Result<Inspection, InspectError> {
    let mut found = Inspection::default();
    let add = |objects: Vec<Object>| {
        objects.into_iter().for_each(|object| found.add(object));
        Ok::<_, InspectError>(())
    };
    let whole = list_whole(store, add).await?;
    found.other_services = whole.other_services;
    found.skipped.merge(&whole.skipped);
    let newest: Vec<Object> = found.logs.values().flat_map(|log| &log.newest).take(OPENED_MAX).cloned().collect();
    let formats_max = found.logs.values().map(|log| if log.is_one() { 1 } else { log.objects }).sum();
    found.opened = (newest.len(), formats_max);
    let stores = Stores::new([store.clone()]);
    let runtime = tokio::runtime::Handle::current();
    let fetched = fetch(&runtime, stores, newest.clone(), Budget::new(Options::default()));
    let opened = tokio::task::spawn_blocking(move || open(&newest, fetched));
    let (formats, remarks) = opened.await.expect("decoding does not panic")?;
    (found.formats, found.remarks) = (formats, remarks);
    Ok(found)
}

type Opened = (BTreeMap<String, Vec<String>>, Vec<String>);

fn open(
    objects: &[Object],
    fetched: impl Iterator<Item = (usize, Result<Body, FetchError>)>,
) -> Result<Opened, InspectError> {
    let mut formats: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut remarks = Vec::new();
    for (index, body) in fetched {
        let object = &objects[index];
        let url = || object.url.clone();
        let body = body.map_err(|source| InspectError::Fetch { url: url(), source })?;
        let settings = decode::Settings { types: Types::default(), format: None, unknown: Unknown::unlimited() };
        let mut decoder = Decoder::new(settings);
        let mut sink = FirstRows { formats: &mut formats };
        let verdict = decode_object(&mut decoder, object, body, None, &mut sink);
        match verdict.map_err(|source| InspectError::Read { url: url(), source })? {
            Verdict::Decoded(_) => {}
            Verdict::Aside { reason, .. } | Verdict::Skipped { reason } => remarks.push(format!("{}: {reason}", url())),
        }
    }
    Ok((formats, remarks))
}

/// Keeps the first rows of each format as text.
struct FirstRows<'a> {
    formats: &'a mut BTreeMap<String, Vec<String>>,
}

impl Sink for FirstRows<'_> {
    fn rows(&mut self, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
        let names: Vec<&str> = chunk.layout.names().collect();
        let rows = self.formats.entry(names.join(" ").replace('_', "-")).or_default();
        for row in 0..chunk.rows() {
            if rows.len() >= ROWS_SHOWN_MAX {
                break;
            }
            let cells: Vec<String> = (0..names.len()).map(|column| cell(chunk, dictionaries, column, row)).collect();
            rows.push(cells.join(" "));
        }
        Ok(())
    }

    fn reject(&mut self, _reject: Reject) -> io::Result<()> {
        Ok(())
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn cell(chunk: &Chunk, dictionaries: &Dictionaries, column: usize, row: usize) -> String {
    match &chunk.values[column] {
        Values::Text(ids) if ids[row] != NULL_TEXT => {
            String::from_utf8_lossy(dictionaries.get(chunk.slots[column]).text(ids[row])).into_owned()
        }
        Values::Int(values) if values[row] != NULL_INT => values[row].to_string(),
        Values::Array(array) if array.is_valid(row) => {
            array_value_to_string(array, row).unwrap_or_else(|error| error.to_string())
        }
        Values::Text(_) | Values::Int(_) | Values::Array(_) => "-".to_owned(),
    }
}

impl Log {
    /// Whether its objects are of one flow log, and so have one format.
    fn is_one(&self) -> bool {
        self.newest.first().is_some_and(|object| object.log_id.is_some())
    }
}

impl Inspection {
    fn add(&mut self, object: Object) {
        self.objects += 1;
        self.bytes += object.size;
        self.first = Some(self.first.map_or(object.delivered, |first| first.min(object.delivered)));
        self.last = Some(self.last.map_or(object.delivered, |last| last.max(object.delivered)));
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "?".to_owned());
        let name = format!("{} {} {}", part(&object.account), part(&object.region), part(&object.log_id));
        let log = self.logs.entry(name).or_default();
        log.objects += 1;
        log.bytes += object.size;
        let kept_max = if object.log_id.is_some() { 1 } else { OPENED_MAX };
        if log.newest.len() == kept_max {
            let oldest = (0..kept_max).min_by_key(|&at| log.newest[at].delivered);
            let oldest = oldest.filter(|&at| log.newest[at].delivered <= object.delivered);
            let Some(oldest) = oldest else { return };
            log.newest.swap_remove(oldest);
        }
        log.newest.push(object);
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |seconds: Option<i64>| {
            seconds.and_then(|s| chrono::DateTime::from_timestamp(s, 0)).map_or("?".into(), |t| t.to_rfc3339())
        };
        writeln!(f, "{}, {}", some(self.objects, "object", "objects"), bytes(self.bytes))?;
        writeln!(f, "delivered from {} to {}", time(self.first), time(self.last))?;
        for (name, log) in &self.logs {
            let (name, objects) = (shown::line(name), some(log.objects, "object", "objects"));
            writeln!(f, "flow log {name}: {objects}, {}", bytes(log.bytes))?;
        }
        for (header, rows) in &self.formats {
            writeln!(f, "\nformat: {}", shown::line(header))?;
            rows.iter().try_for_each(|row| writeln!(f, "  {}", shown::line(row)))?;
        }
        let (opened, formats_max) = self.opened;
        if (opened as u64) < formats_max {
            let formats_max = count(formats_max);
            writeln!(
                f,
                "\nonly {opened} of {formats_max} objects that may differ were opened: there may be more formats"
            )?;
        }
        for (reason, tally) in self.skipped.0.iter().filter(|(reason, _)| **reason == Reason::Parquet) {
            let (objects, reason, example) = (count(tally.objects), reason.text(), shown::line(&tally.example));
            writeln!(f, "\n{objects} {reason}, which are not read, such as {example}")?;
        }
        for remark in &self.remarks {
            writeln!(f, "\n{}", shown::line(remark))?;
        }
        if !self.other_services.is_empty() {
            writeln!(f, "\nother logs beside: {}", shown::line(&self.other_services.join(", ")))?;
        }
        Ok(())
    }
}
