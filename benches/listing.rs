//! Listing and planning of a large organisation: a million objects a day over 200 accounts × 17 regions.
//!
//! It isolates what happens before the first byte of a log is read. The bucket is generated while it is listed, a page
//! of 1,000 keys a request, without delay; the lake lies in memory. Held still: one process, 32 chains at once.
//!
//! ```text
//! cargo bench --bench listing                  30 days: a first plan, then a run with nothing new
//! cargo bench --bench listing -- --test        3 days of few objects, as a check that it works
//! ```
//!
//! Printed: seconds, listing requests, peak memory of the process (`getrusage`).

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use chrono::{Datelike, Days, NaiveDate};
use clap::Parser;
use flowlake::cli;
use flowlake::commit::LakeWriter;
use flowlake::convert::{self, Sides, Stop};
use flowlake::lake::{Lake, receipts};
use flowlake::progress::{Progress, When};
use flowlake::schema::PartitionBy;
use flowlake::source::{Beneath, Location, Store};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

const ACCOUNTS: u64 = 200;
const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];
/// Objects of one account, region and day: 200 × 17 × 295 is a million.
const OBJECTS_PER_DAY: u64 = 295;
const PAGE: usize = 1000;

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2023, 9, 1).expect("a date")
}

/// What a bucket would hold, made up as it is listed.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    days: u64,
    objects_per_day: u64,
}

impl Bucket {
    fn days(&self) -> Range<u64> {
        0..self.days
    }

    fn key(&self, account: &str, region: &str, day: NaiveDate, n: u64) -> String {
        let (y, m, d) = (day.year(), day.month(), day.day());
        let minute = n * 1440 / self.objects_per_day;
        format!(
            "AWSLogs/{account}/vpcflowlogs/{region}/{y}/{m:02}/{d:02}/{account}_vpcflowlogs_{region}_fl-0a1b2c3d4e5f60718_\
             {y}{m:02}{d:02}T{:02}{:02}Z_{:08x}.log.gz",
            minute / 60,
            minute % 60,
            n * 0x9e37_79b9 % 0xffff_ffff
        )
    }

    fn keys_of_day(self, account: String, region: String, day: u64) -> impl Iterator<Item = String> {
        let date = first_day() + Days::new(day);
        (0..self.objects_per_day).map(move |n| self.key(&account, &region, date, n))
    }
}

fn account(n: u64) -> String {
    format!("{:012}", 100_000_000_000 + n * 3_777_777)
}

/// A bucket that answers listings and nothing else, and counts its pages.
#[derive(Debug)]
struct Generated {
    bucket: Bucket,
    requests: Arc<AtomicU64>,
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bucket that is made up")
    }
}

impl Generated {
    fn listed(&self, prefix: Option<&Path>, after: String) -> BoxStream<'static, Result<ObjectMeta>> {
        let parts: Vec<String> =
            prefix.map(ToString::to_string).unwrap_or_default().split('/').map(str::to_owned).collect();
        let [_, account, _, region] = &parts[..] else { panic!("only regions are listed: {prefix:?}") };
        let (bucket, requests) = (self.bucket, self.requests.clone());
        let (account, region) = (account.clone(), region.clone());
        let last_of = |day: u64| {
            let date = first_day() + Days::new(day);
            format!("AWSLogs/{account}/vpcflowlogs/{region}/{}/{:02}/{:02}/~", date.year(), date.month(), date.day())
        };
        let days: Vec<u64> = bucket.days().filter(|&day| last_of(day) > after).collect();
        requests.fetch_add(1, Ordering::Relaxed);
        let keys = days.into_iter().flat_map(move |day| bucket.keys_of_day(account.clone(), region.clone(), day));
        let mut on_page = 0;
        let metas = keys.filter(move |key| *key > after).map(move |key| {
            on_page += 1;
            if on_page > PAGE {
                requests.fetch_add(1, Ordering::Relaxed);
                on_page = 1;
            }
            Ok(meta(key))
        });
        stream::iter(metas).boxed()
    }
}

fn meta(key: String) -> ObjectMeta {
    let e_tag = Some(format!("\"{}\"", &blake3::hash(key.as_bytes()).to_hex()[..32]));
    let location = Path::parse(key).expect("a plain key");
    ObjectMeta { location, last_modified: chrono::DateTime::UNIX_EPOCH, size: 40_000, e_tag, version: None }
}

fn nothing<T>() -> Result<T> {
    Err(Error::NotImplemented { operation: "anything but listing".into(), implementer: "a made-up bucket".into() })
}

#[async_trait]
impl ObjectStore for Generated {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        nothing()
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        nothing()
    }

    async fn get_opts(&self, _: &Path, _: GetOptions) -> Result<GetResult> {
        nothing()
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::once(async { nothing() }).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listed(prefix, String::new())
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listed(prefix, offset.to_string())
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let prefix = prefix.map(ToString::to_string).unwrap_or_default();
        let names: Vec<String> = match prefix.split('/').filter(|part| !part.is_empty()).count() {
            0 => vec!["AWSLogs".to_owned()],
            1 => (0..ACCOUNTS).map(account).collect(),
            2 => vec!["CloudTrail".to_owned(), "vpcflowlogs".to_owned()],
            _ => REGIONS.map(str::to_owned).to_vec(),
        };
        let below =
            |name: String| Path::parse(format!("{prefix}/{name}").trim_start_matches('/')).expect("a plain key");
        Ok(ListResult { common_prefixes: names.into_iter().map(below).collect(), objects: Vec::new() })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        nothing()
    }
}

/// A lake in `folder` that has converted all that the bucket holds, as a checkpoint tells it.
fn forge(bucket: Bucket, folder: &std::path::Path) {
    use flowlake::lake::{Body, Checkpoint, Create, Day, Entry, FORMAT_VERSION, Outcome, Receipt, State};
    let lake = lake(folder);
    let write = |relative: &str, bytes: Vec<u8>| {
        let path = folder.join(relative);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
        std::fs::write(path, bytes).expect("room on the disk");
    };
    let mut state = State::default();
    state.next = 1;
    state.filed.through = Some(0);
    for day in bucket.days() {
        let date = Day(Some(first_day() + Days::new(day)));
        for (ordinal, accounts) in (0..ACCOUNTS).collect::<Vec<_>>().chunks(20).enumerate() {
            let mut filed = Vec::new();
            for (account, region) in
                accounts.iter().flat_map(|&n| REGIONS.map(|region| (account(n), region.to_owned())))
            {
                let chain = format!("s3://logs/AWSLogs/{account}/vpcflowlogs/{region}/");
                state.frontiers.insert(chain, date);
                filed.extend(bucket.keys_of_day(account, region, day).map(|key| {
                    let version = meta(key.clone()).e_tag.expect("it has one");
                    let (url, rows) = (format!("s3://logs/{key}"), 1500);
                    let (outcome, reason, parts) = (Outcome::Converted, None, Vec::new());
                    let (lines, headers, blanks, rejects, size) = (rows + 1, 1, 0, 0, 40_000);
                    let inflated_bytes = rows * 110;
                    let day = date;
                    let receipt = Receipt {
                        url,
                        version,
                        size,
                        day,
                        outcome,
                        reason,
                        lines,
                        headers,
                        blanks,
                        rows,
                        rejects,
                        expired: 0,
                        inflated_bytes,
                        parts,
                        digest: None,
                        lost: 0,
                        first_version: None,
                    };
                    receipts::Filed { receipt, plan: 1, task: 0, format: None }
                }));
            }
            let bytes = receipts::encode(&filed);
            let name = lake.names.filed_receipts(date, 0, ordinal, &blake3::hash(&bytes).to_hex());
            write(&name, bytes);
            state.filed.receipts.entry(date).or_default().push(name);
        }
    }
    let create = Create { lake_id: "made-up".into(), partition_by: PartitionBy::Date, delta: false };
    state.create = Some(create.clone());
    let (written_by, at) = ("flowlake".to_owned(), "2023-10-01T00:00:00Z".to_owned());
    let entry = Entry {
        format: FORMAT_VERSION,
        nonce: "n".into(),
        written_by: written_by.clone(),
        at: at.clone(),
        body: Body::Create(create),
    };
    write(&lake.names.relative(&lake.names.log(0)), serde_json::to_vec(&entry).expect("plain data"));
    let checkpoint = Checkpoint { format: FORMAT_VERSION, written_by, at, state };
    write(&lake.names.relative(&lake.names.checkpoint(0)), serde_json::to_vec(&checkpoint).expect("plain data"));
}

fn lake(folder: &std::path::Path) -> Lake {
    let store = object_store::local::LocalFileSystem::new_with_prefix(folder).expect("a folder");
    Lake::new(Arc::new(store), Path::default(), format!("file://{}/", folder.display()))
}

/// One measured phase, in a process of its own.
fn measure(bucket: Bucket, folder: &std::path::Path, phase: &str) {
    let arguments = ["flowlake", "convert", "s3://logs/", folder.to_str().expect("UTF-8")];
    let cli::Command::Convert(parsed) = cli::Cli::parse_from(arguments).command else { panic!("not convert") };
    let options = parsed.options().expect("sound options");
    let requests = Arc::new(AtomicU64::new(0));
    let generated = Generated { bucket, requests: requests.clone() };
    let logs = Store::new(Arc::new(generated), Location::parse("s3://logs/").expect("a URL"));
    let writer = LakeWriter::new(lake(folder), Some(Beneath::new(folder.to_owned(), false)));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let began = Instant::now();
    let (progress, stop) = (Progress::new(When::Never), Stop::default());
    let sides = Sides { sources: vec![logs], writer };
    let planned = runtime.block_on(convert::plan_between(&options, sides, &progress, &stop)).expect("it is planned");
    println!(
        "{phase}: {} planned, {} known, {:.1} s, {} listing requests, peak {} MiB",
        planned.converted.objects_planned,
        planned.converted.objects_known,
        began.elapsed().as_secs_f64(),
        requests.load(Ordering::Relaxed),
        planned.effort.peak_memory_bytes >> 20
    );
    let objects = bucket.objects_per_day * ACCOUNTS * REGIONS.len() as u64;
    let expected = if phase == "first plan" { (objects * bucket.days, 0) } else { (0, objects * bucket.days.min(4)) };
    assert_eq!((planned.converted.objects_planned, planned.converted.objects_known), expected);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_test = arguments.iter().any(|argument| argument == "--test");
    let bucket = if is_test {
        Bucket { days: 6, objects_per_day: 2 }
    } else {
        Bucket { days: 30, objects_per_day: OBJECTS_PER_DAY }
    };
    if let [phase, folder] = &arguments.iter().filter(|argument| !argument.starts_with("--")).collect::<Vec<_>>()[..] {
        return measure(bucket, folder.as_ref(), phase);
    }
    for phase in ["first plan", "nothing new"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if phase == "nothing new" {
            forge(bucket, folder.path());
        }
        let mut itself = std::process::Command::new(std::env::current_exe().expect("this program"));
        itself.args([phase, folder.path().to_str().expect("UTF-8")]);
        if is_test {
            itself.arg("--test");
        }
        assert!(itself.status().expect("it starts").success());
    }
}
