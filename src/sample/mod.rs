//! Realistic flow logs from a seed: a tree of gzip objects with the keys, formats and oddities of AWS's delivery.
//!
//! ```text
//! Options ─▶ network (sites)  ─┐
//!         └▶ object  (keys)  ──┴▶ flow ─▶ record ─▶ line ─▶ gzip ─▶ DIR/AWSLogs/…
//! ```
//!
//! The same options give the same bytes, whatever the number of threads: each object draws from a stream of its own,
//! named by the seed and the object's number. No clock is read.
//!
//! What is imagined: private networks whose busy interfaces follow Zipf's law, internal services, clients from outside
//! with a long tail, AWS's own services, scanners that are refused, silent windows, IPv6, NAT and transit gateways.
//! A record *ends* within its object's five minutes, so that objects of midnight hold records of two dates.

mod conversation;
mod flow;
mod line;
mod metadata;
mod mix;
mod network;
mod object;
mod outside;
mod place;
mod random;
mod record;
mod tally;

#[cfg(test)]
mod tests;

pub use mix::{Mix, UnknownMix};

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use chrono::{NaiveDate, NaiveTime};
use flate2::Compression;
use flate2::write::GzEncoder;

use flow::Scene;
use network::{REGIONS, Site};
use object::Object;
use outside::Outside;
use random::Random;
use tally::Tally;

use crate::output::{Output, OutputError, refuse_in_lake};
use crate::threads::ThreadError;

/// Accounts of one sample at most: each takes up to a megabyte of imagined network a region.
pub const ACCOUNTS_MAX: u32 = 1000;

/// Regions of one sample at most: as many as have a name here.
pub const REGIONS_MAX: u32 = REGIONS.len() as u32;

/// Days of one sample at most: ten years.
pub const DAYS_MAX: u32 = 3660;

/// Threads that write objects.
const THREADS_MAX: usize = 8;

/// Text that waits to be compressed, in bytes.
const TEXT_BYTES: usize = 256 * 1024;

/// Records that are put out of order together. Delivery mixes the interfaces' records; the more so, the less a record
/// shares with those just before it, and the larger it is compressed.
const SHUFFLED: usize = 4096;

/// gzip's own default, which AWS's delivery uses too.
const LEVEL: u32 = 6;

/// What to make.
#[derive(Debug, Clone)]
pub struct Options {
    /// Records in total, without headers.
    pub records: u64,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Days over which objects are spread, at most [`DAYS_MAX`].
    pub days: u32,
    /// At most [`ACCOUNTS_MAX`].
    pub accounts: u32,
    /// At most [`REGIONS_MAX`].
    pub regions: u32,
    /// Which formats are written.
    pub mix: Mix,
    /// Objects in total. Left open: one for every 100,000 records, and two a day and flow log at least.
    pub objects: Option<u32>,
    /// The UTC day of the first records.
    pub first_day: NaiveDate,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            records: 1_000_000,
            seed: 1,
            days: 3,
            accounts: 2,
            regions: 2,
            mix: Mix::Default,
            objects: None,
            first_day: NaiveDate::from_ymd_opt(2023, 9, 14).expect("14 September 2023 is a date"),
        }
    }
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Files that were written.
    pub objects: u64,
    /// Header lines are not counted.
    pub records: u64,
    /// Header lines included.
    pub text_bytes: u64,
    /// Their bytes.
    pub compressed_bytes: u64,
    /// Earliest date of a record's `start`; the first day of the options if there is none.
    pub first_day: NaiveDate,
    /// Latest date of a record's `start`.
    pub last_day: NaiveDate,
    /// Different values of `srcaddr` and `dstaddr` together.
    pub addresses: u64,
    /// Different values of `srcport` and `dstport` together.
    pub ports: u64,
    /// Different values of `interface-id`.
    pub interfaces: u64,
}

/// Why no sample was made.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum SampleError {
    #[error("a sample of {value} {what} cannot be made; ask for 1 to {most}")]
    OutOfRange { what: &'static str, value: u32, most: u32 },
    #[error("first day {0} is too late or before 1970")]
    FirstDay(NaiveDate),
    #[error("{}: cannot be written: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{} is not of this sample, which would lie beside it; give a folder that is new or empty", path.display())]
    Other { path: PathBuf },
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Threads(#[from] ThreadError),
}

/// Writes the objects under `dir`, which is made if need be. What is there must be of the same sample: it is made
/// whole, and objects that are as they must be are not touched. Nothing is mixed with logs of others.
///
/// `progress` is told on the calling thread, after each object, how many records have been written in all.
pub fn write(dir: &Path, options: &Options, progress: &dyn Fn(u64)) -> Result<Made, SampleError> {
    check(options)?;
    refuse_in_lake(dir)?;
    let sites = network::sites(options.seed, options.accounts, options.regions);
    let objects = object::objects(options, &sites);
    place::refuse_others(dir, &objects)?;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let next = AtomicUsize::new(0);
    let tallies: Result<Vec<Tally>, SampleError> = thread::scope(|scope| {
        let (written, finished) = mpsc::channel();
        let mut workers = Vec::with_capacity(threads);
        for given in 0..threads {
            let (written, next, sites, objects) = (written.clone(), &next, &sites, &objects);
            let work = move || work(dir, options, (sites, objects), next, &written);
            match thread::Builder::new().spawn_scoped(scope, work) {
                Ok(worker) => workers.push(worker),
                // One is enough.
                Err(_) if given > 0 => break,
                Err(source) => return Err(ThreadError::TooFew { given, wanted: 1, source }.into()),
            }
        }
        drop(written);
        let mut records = 0;
        for more in finished {
            records += more;
            progress(records);
        }
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut total = Tally::default();
    for tally in tallies? {
        total.merge(tally);
    }
    Ok(total.made(options, objects.len() as u64))
}

fn check(options: &Options) -> Result<(), SampleError> {
    let ranges = [
        ("days", options.days, DAYS_MAX),
        ("accounts", options.accounts, ACCOUNTS_MAX),
        ("regions", options.regions, REGIONS_MAX),
        ("objects", options.objects.unwrap_or(1), u32::MAX),
    ];
    for (what, value, most) in ranges {
        if !(1..=most).contains(&value) {
            return Err(SampleError::OutOfRange { what, value, most });
        }
    }
    let first = options.first_day;
    // Years of four digits: a key has no room for more.
    if !(1970..=9980).contains(&chrono::Datelike::year(&first)) {
        return Err(SampleError::FirstDay(first));
    }
    Ok(())
}

/// Writes objects until none is left, or until one fails; then the other threads stop after their current one.
fn work(
    dir: &Path,
    options: &Options,
    (sites, objects): (&[Site], &[Object]),
    next: &AtomicUsize,
    written: &mpsc::Sender<u64>,
) -> Result<Tally, SampleError> {
    let mut tally = Tally::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(object) = objects.get(number) else { return Ok(tally) };
        let path = dir.join(&object.key);
        let random = Random::at(options.seed, &[2, number as u64]);
        if let Err(error) = write_object(&path, options, object, &sites[object.site], random, &mut tally) {
            next.store(objects.len(), Ordering::Relaxed);
            return Err(error);
        }
        // The receiver outlives the workers; were it gone, nobody would be left to tell.
        let _ = written.send(object.records);
    }
}

fn write_object(
    path: &Path,
    options: &Options,
    object: &Object,
    site: &Site,
    mut random: Random,
    tally: &mut Tally,
) -> Result<(), SampleError> {
    let fail = |source| SampleError::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let scene = Scene {
        site,
        outside: Outside::new(options.seed),
        slot: object.slot.and_utc().timestamp(),
        earliest: options.first_day.and_time(NaiveTime::MIN).and_utc().timestamp(),
    };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
    let mut text = String::with_capacity(TEXT_BYTES + 4096);
    text.push_str(&object.format.header());
    text.push('\n');
    let mut burst = Vec::new();
    let mut left = object.records;
    while left > 0 {
        burst.clear();
        while burst.len() < SHUFFLED {
            match object.format {
                mix::Format::Tgw => scene.transit(&mut random, &mut burst),
                _ => scene.burst(&mut random, &mut burst),
            }
        }
        random.shuffle(&mut burst);
        burst.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= burst.len() as u64;
        for record in &burst {
            line::push_line(&mut text, object.format, site, record);
            tally.add(record);
        }
        if text.len() >= TEXT_BYTES {
            tally.text_bytes += text.len() as u64;
            gzip.write_all(text.as_bytes()).map_err(fail)?;
            text.clear();
        }
    }
    tally.text_bytes += text.len() as u64;
    gzip.write_all(text.as_bytes()).map_err(fail)?;
    let compressed = gzip.finish().map_err(fail)?;
    tally.compressed_bytes += compressed.len() as u64;
    if place::holds(path, &compressed) {
        return Ok(());
    }
    let mut file = Output::to(path)?;
    file.write_all(&compressed).map_err(fail)?;
    file.keep().map_err(fail)
}
