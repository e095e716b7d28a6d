//! A lab: a bucket of logs and a lake, on disk or on S3, and the program that goes from one to the other.
//!
//! Everything here reads and writes with object_store and the parquet crate directly, never through flowlake.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::oracle::{self, Expected, Row};
use super::server::{ADMIN, server};
use super::signed::{client, client_at, make_bucket, put_policy, request};

/// One bucket and one lake.
pub struct Lab {
    pub store: Arc<dyn ObjectStore>,
    /// URL of everything in this lab, ending in `/`.
    pub root: String,
    /// The program's own temporary folder: its host locks and scratch.
    folder: TempDir,
    endpoint: Option<String>,
    runtime: tokio::runtime::Runtime,
}

/// What a run of the program said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Lab {
    pub fn on_disk() -> Lab {
        let folder = TempDir::new().expect("a temporary folder");
        let files = folder.path().join("files");
        std::fs::create_dir(&files).expect("a temporary folder");
        let store = LocalFileSystem::new_with_prefix(&files).expect("a store in a temporary folder");
        let files = files.canonicalize().expect("it was just made");
        let root = format!("file://{}/", files.display());
        Lab { store: Arc::new(store), root, folder, endpoint: None, runtime: runtime() }
    }

    pub fn on_s3() -> Lab {
        static BUCKETS: AtomicU32 = AtomicU32::new(0);
        Lab::in_bucket(&format!("lab{}", BUCKETS.fetch_add(1, Ordering::Relaxed)))
    }

    /// A lab on S3 whose bucket has a name that is asked for once.
    pub fn in_bucket(bucket: &str) -> Lab {
        let server = server();
        assert!(make_bucket(server, bucket), "bucket {bucket} could not be made");
        let store = client(server, bucket, ADMIN);
        let folder = TempDir::new().expect("a temporary folder");
        let endpoint = Some(server.endpoint.clone());
        Lab { store: Arc::new(store), root: format!("s3://{bucket}/"), folder, endpoint, runtime: runtime() }
    }

    /// A lab on an S3 server of the test's own.
    pub fn on_server(endpoint: &str) -> Lab {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let made = || request(endpoint, "PUT", "/lab", "", b"").is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 2"));
        while !made() {
            assert!(std::time::Instant::now() < deadline, "the server did not come up");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let store = client_at(endpoint, "lab", ADMIN);
        let folder = TempDir::new().expect("a temporary folder");
        let endpoint = Some(endpoint.to_owned());
        Lab { store: Arc::new(store), root: "s3://lab/".to_owned(), folder, endpoint, runtime: runtime() }
    }

    /// The URL of a name in this lab.
    pub fn url(&self, name: &str) -> String {
        format!("{}{name}", self.root)
    }

    /// The path on disk of a name in this lab.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("files").join(name)
    }

    /// The folder that the program takes for temporaries.
    pub fn temporary(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The folder that the program has for itself in another one.
    pub fn own_folder(&self, base: &std::path::Path) -> std::path::PathBuf {
        // SAFETY: `geteuid` reads a number.
        base.join(format!("flowlake-{}", unsafe { libc::geteuid() }))
    }

    pub fn put(&self, key: &str, bytes: impl Into<bytes::Bytes>) {
        let path = Path::parse(key).expect("keys of the lab are plain");
        self.runtime.block_on(self.store.put(&path, bytes.into().into())).expect("the lab can write");
    }

    pub fn put_gz(&self, key: &str, text: &str) {
        self.put(key, gzip(text.as_bytes()));
    }

    /// Gives every object under `prefix` a blank line more at its end: other content, and the same rows.
    pub fn alter(&self, prefix: &str) {
        for key in self.list(prefix).into_keys().filter(|key| key.ends_with(".log.gz")) {
            self.put(&key, [self.get(&key), gzip(b"\n")].concat());
        }
    }

    pub fn get(&self, key: &str) -> Vec<u8> {
        let path = Path::parse(key).expect("keys of the lab are plain");
        let get = async { self.store.get(&path).await?.bytes().await };
        self.runtime.block_on(get).expect("the lab can read").to_vec()
    }

    /// Takes away rights at a key, or at every key that begins with it where it ends in `/`; all others are as before
    /// this call, but for what an earlier one took away on S3. On disk only [`Lab::run_without_privilege`] obeys.
    pub fn forbid(&self, what: Forbidden, key: &str) {
        let Some(endpoint) = &self.endpoint else {
            let mode = match what {
                Forbidden::Read => 0o000,
                Forbidden::Write => 0o555,
            };
            return set_mode(&self.path(key), mode);
        };
        let bucket = self.bucket();
        let below = if key.ends_with('/') { format!("{key}*") } else { key.to_owned() };
        let deny = |action: &str, resource: &str| {
            serde_json::json!({ "Effect": "Deny", "Principal": "*", "Action": action,
                "Resource": format!("arn:aws:s3:::{bucket}{resource}") })
        };
        let objects = format!("/{below}");
        let statements = match what {
            Forbidden::Write => vec![deny("s3:PutObject", &objects)],
            Forbidden::Read => {
                let mut list = deny("s3:ListBucket", "");
                list["Condition"] = serde_json::json!({ "StringLike": { "s3:prefix": [key, below] } });
                vec![deny("s3:GetObject", &objects), list]
            }
        };
        put_policy(endpoint, bucket, &statements);
    }

    /// Gives back what [`Lab::forbid`] took.
    pub fn permit(&self, key: &str) {
        match &self.endpoint {
            Some(endpoint) => put_policy(endpoint, self.bucket(), &[]),
            None => {
                let mode = if self.path(key).is_dir() { 0o755 } else { 0o644 };
                set_mode(&self.path(key), mode);
            }
        }
    }

    fn bucket(&self) -> &str {
        self.root.trim_start_matches("s3://").trim_end_matches('/')
    }

    pub fn delete(&self, path: &Path) {
        self.runtime.block_on(self.store.delete(path)).expect("the lab can delete");
    }

    /// Begins an upload in parts on the server of the tests, and leaves it after its first one.
    pub fn begin_upload(&self, key: &str) {
        let bucket = client(server(), self.bucket(), ADMIN);
        let path = Path::parse(key).expect("keys of the lab are plain");
        let begun = async {
            let id = bucket.create_multipart(&path).await?;
            bucket.put_part(&path, &id, 0, bytes::Bytes::from_static(b"a part").into()).await
        };
        self.runtime.block_on(begun).expect("the lab can write");
    }

    /// Keys of the uploads in parts that were not ended.
    pub fn uploads(&self) -> BTreeSet<String> {
        let answer = request(&server().endpoint, "GET", &format!("/{}?uploads=", self.bucket()), "", b"");
        let answer = String::from_utf8(answer.expect("the server answers")).expect("XML");
        let keys = answer.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
        keys.map(|(key, _)| key.to_owned()).collect()
    }

    /// Every object under a prefix, by key, with its size and version.
    pub fn list(&self, prefix: &str) -> BTreeMap<String, (u64, Option<String>)> {
        let prefix = Path::parse(prefix).expect("prefixes of the lab are plain");
        let listed: Vec<_> =
            self.runtime.block_on(self.store.list(Some(&prefix)).try_collect()).expect("the lab can list");
        listed.into_iter().map(|meta| (meta.location.to_string(), (meta.size, meta.e_tag))).collect()
    }

    /// What runs left under a lake's ledger, without the lock under which scratch folders are made.
    pub fn temporaries(&self, lake: &str) -> Vec<String> {
        self.list(&format!("{lake}/_flowlake/tmp")).into_keys().filter(|key| !key.ends_with(".lock")).collect()
    }

    /// Runs the program; `{}` in an argument stands for the lab's root.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let mut command = self.program(arguments);
        said(command.output().expect("the program starts"))
    }

    /// As [`Lab::run`], and without the right to pass over permissions on files where the tests run as root.
    pub fn run_without_privilege(&self, arguments: &[&str]) -> Said {
        let mut command = self.program(arguments);
        // SAFETY: both calls are plain system calls, which are safe between fork and exec.
        unsafe { command.pre_exec(drop_privilege) };
        said(command.output().expect("the program starts"))
    }

    pub fn program(&self, arguments: &[&str]) -> Command {
        // Long runs take a program that no later build replaces.
        let program = std::env::var_os("FLOWLAKE_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_flowlake").into());
        self.other_program(program.as_ref(), arguments)
    }

    /// As [`Lab::program`], of another program.
    pub fn other_program(&self, program: &std::path::Path, arguments: &[&str]) -> Command {
        let mut command = self.clean(program);
        command.args(arguments.iter().map(|argument| argument.replace("{}", &self.root)));
        command
    }

    /// As [`Lab::program`], run by another program that takes a command line.
    pub fn program_under(&self, outer: &[&str], arguments: &[&str]) -> Command {
        let inner = self.program(arguments);
        let mut command = Command::new(outer[0]);
        command.args(&outer[1..]).arg(inner.get_program()).args(inner.get_args()).env_clear();
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }

    /// A script that finds the program and Java on its path, and the S3 server in its environment.
    pub fn script(&self, interpreter: &std::path::Path, script: &str) -> Command {
        let mut command = self.clean(interpreter);
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_flowlake")).parent().expect("a program has a folder");
        let path = std::env::var("PATH").expect("tests have a PATH");
        command.arg(script).current_dir(self.folder.path()).env("PATH", format!("{}:{path}", program.display()));
        command.env("AWS_ALLOW_HTTP", "true");
        command
    }

    /// The URL of the S3 server, if this lab is on one.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    fn clean(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("FLOWLAKE_CONFIG", "")
            .env("TMPDIR", self.folder.path())
            .env("HOME", self.folder.path());
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "us-east-1");
        if let Some(endpoint) = &self.endpoint {
            command.env("AWS_ENDPOINT_URL", endpoint);
            command.env("AWS_ACCESS_KEY_ID", ADMIN.0).env("AWS_SECRET_ACCESS_KEY", ADMIN.1);
        }
        command
    }

    /// `flowlake convert {}logs {}lake --json` and more, which must end with `code`; gives the JSON summary.
    pub fn convert(&self, more: &[&str], code: i32) -> serde_json::Value {
        let said = self.run(&[&["convert", "{}logs/", "{}lake/", "--json"], more].concat());
        assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("no JSON: {error}: {}", said.stdout))
    }

    /// What an independent reading of every flow log under `prefix` gives.
    pub fn expected(&self, prefix: &str) -> Expected {
        let mut expected = Expected::default();
        for key in self.list(prefix).keys().filter(|key| key.ends_with(".log.gz") || key.ends_with(".txt")) {
            oracle::read(&self.url(key), &self.get(key), &mut expected);
        }
        expected
    }

    /// Every row that a directory reader finds in the lake, without provenance but `log_object` and `log_line`.
    pub fn lake_rows(&self) -> BTreeMap<(String, i64), Row> {
        self.rows_of("lake")
    }

    /// As [`Lab::lake_rows`], of a lake of another name.
    pub fn rows_of(&self, lake: &str) -> BTreeMap<(String, i64), Row> {
        let mut rows = BTreeMap::new();
        for key in self.list(lake).keys().filter(|key| is_data_file(key)) {
            read_rows(key, self.get(key).into(), &mut rows);
        }
        rows
    }

    /// Names of the data files of the lake, relative to it.
    pub fn data_files(&self) -> BTreeSet<String> {
        let keys = self.list("lake");
        keys.into_keys().filter(|key| is_data_file(key)).collect()
    }
}

/// Data files are those that people see: the ledger and Delta logs have Parquet files of their own.
pub fn is_data_file(key: &str) -> bool {
    key.ends_with(".parquet") && !["_flowlake/", "_delta_log/"].iter().any(|folder| key.contains(folder))
}

/// Reads the rows of one data file; a row that is there already fails the test.
pub fn read_rows(key: &str, bytes: bytes::Bytes, rows: &mut BTreeMap<(String, i64), Row>) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("a Parquet file").build().expect("a reader");
    let date = key.split('/').find_map(|part| part.strip_prefix("date=")).expect("a partition");
    for batch in reader {
        let batch = batch.expect("readable rows");
        let schema = batch.schema();
        for index in 0..batch.num_rows() {
            let mut row = Row::new();
            for (field, column) in schema.fields().iter().zip(batch.columns()) {
                if let Some(value) = value(column, index) {
                    row.insert(field.name().clone(), value);
                }
            }
            let object = row.remove("log_object").expect("every row has its object");
            let line: i64 = row.remove("log_line").expect("every row has its line").parse().expect("a number");
            for own in ["log_account", "log_region", "log_id"] {
                row.remove(own);
            }
            if !date.starts_with("__HIVE") {
                row.insert("date".to_owned(), date.to_owned());
            }
            let twice = rows.insert((object.clone(), line), row);
            assert!(twice.is_none(), "{object} line {line} is in the lake twice");
        }
    }
}

fn value(column: &dyn Array, index: usize) -> Option<String> {
    if column.is_null(index) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(index).to_owned(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(index).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(index).to_string(),
        other => panic!("a column of type {other}"),
    })
}

/// What [`Lab::forbid`] takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbidden {
    /// To read objects and to list their folders.
    Read,
    Write,
}

fn set_mode(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("the lab owns its files");
}

/// Root keeps its number, and loses the two capabilities for which permissions on files do not count.
fn drop_privilege() -> std::io::Result<()> {
    const CAP_DAC_OVERRIDE: libc::c_ulong = 1;
    const CAP_DAC_READ_SEARCH: libc::c_ulong = 2;
    // SAFETY: the calls take and give plain numbers.
    unsafe {
        if libc::geteuid() == 0 {
            for capability in [CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH] {
                if libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 {
                    return Err(std::io::Error::last_os_error());
                }
            }
        }
    }
    Ok(())
}

pub fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Runs each test on both kinds of store.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod on_disk { $(#[test] fn $name() { super::$name(&crate::lab::Lab::on_disk()); })* }
        mod on_s3 { $(#[test] fn $name() { super::$name(&crate::lab::Lab::on_s3()); })* }
    };
}
pub(crate) use on_both_stores;
