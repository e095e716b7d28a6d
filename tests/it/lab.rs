//! A lab: a bucket of logs and a lake, on disk or on S3, and the program that goes from one to the other.
//!
//! Everything here reads and writes with object_store and the parquet crate directly, never through flowlake.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::oracle::{self, Expected, Row};
use super::server::{ADMIN, Server, server};

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
        let server = server();
        let bucket = format!("lab{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
        assert!(make_bucket(server, &bucket), "bucket {bucket} could not be made");
        let store = client(server, &bucket, ADMIN);
        let folder = TempDir::new().expect("a temporary folder");
        let endpoint = Some(server.endpoint.clone());
        Lab { store: Arc::new(store), root: format!("s3://{bucket}/"), folder, endpoint, runtime: runtime() }
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

    pub fn put(&self, key: &str, bytes: impl Into<bytes::Bytes>) {
        let path = Path::parse(key).expect("keys of the lab are plain");
        self.runtime.block_on(self.store.put(&path, bytes.into().into())).expect("the lab can write");
    }

    pub fn put_gz(&self, key: &str, text: &str) {
        self.put(key, gzip(text.as_bytes()));
    }

    pub fn get(&self, key: &str) -> Vec<u8> {
        let path = Path::parse(key).expect("keys of the lab are plain");
        let get = async { self.store.get(&path).await?.bytes().await };
        self.runtime.block_on(get).expect("the lab can read").to_vec()
    }

    pub fn delete(&self, path: &Path) {
        self.runtime.block_on(self.store.delete(path)).expect("the lab can delete");
    }

    /// Every object under a prefix, by key, with its size and version.
    pub fn list(&self, prefix: &str) -> BTreeMap<String, (u64, Option<String>)> {
        let prefix = Path::parse(prefix).expect("prefixes of the lab are plain");
        let listed: Vec<_> =
            self.runtime.block_on(self.store.list(Some(&prefix)).try_collect()).expect("the lab can list");
        listed.into_iter().map(|meta| (meta.location.to_string(), (meta.size, meta.e_tag))).collect()
    }

    /// Runs the program; `{}` in an argument stands for the lab's root.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let mut command = self.program(arguments);
        said(command.output().expect("the program starts"))
    }

    pub fn program(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.clean(env!("CARGO_BIN_EXE_flowlake").as_ref());
        command.args(arguments.iter().map(|argument| argument.replace("{}", &self.root)));
        command
    }

    /// A script that finds the program and Java on its path, and the S3 server in its environment.
    pub fn script(&self, interpreter: &std::path::Path, script: &str) -> std::process::Command {
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

    fn clean(&self, program: &std::path::Path) -> std::process::Command {
        let mut command = std::process::Command::new(program);
        command.env_clear().env("TMPDIR", self.folder.path()).env("HOME", self.folder.path());
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
        let mut rows = BTreeMap::new();
        for key in self.list("lake").keys().filter(|key| key.ends_with(".parquet")) {
            self.read_parquet(key, &mut rows);
        }
        rows
    }

    fn read_parquet(&self, key: &str, rows: &mut BTreeMap<(String, i64), Row>) {
        let bytes = bytes::Bytes::from(self.get(key));
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(bytes).expect("a Parquet file").build().expect("a reader");
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

    /// Names of the data files of the lake, relative to it.
    pub fn data_files(&self) -> BTreeSet<String> {
        let keys = self.list("lake");
        keys.into_keys().filter(|key| key.ends_with(".parquet")).collect()
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

fn said(output: Output) -> Said {
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

fn client(server: &Server, bucket: &str, (access, secret): (&str, &str)) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(&server.endpoint)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(bucket)
        .with_access_key_id(access)
        .with_secret_access_key(secret)
        .build()
        .expect("a client")
}

/// Makes a bucket with a signed request; `false` while the server cannot.
pub fn make_bucket(server: &Server, bucket: &str) -> bool {
    let store = client(server, bucket, ADMIN);
    let signed = runtime().block_on(async {
        use object_store::signer::Signer;
        let path = Path::default();
        store.signed_url(http::Method::PUT, &path, std::time::Duration::from_secs(60)).await
    });
    let Ok(url) = signed else { return false };
    let authority = server.endpoint.trim_start_matches("http://");
    let Ok(mut stream) = std::net::TcpStream::connect(authority) else { return false };
    let target = &url[url::Position::BeforePath..];
    let request =
        format!("PUT {target} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    let asked =
        stream.write_all(request.as_bytes()).and_then(|()| std::io::Read::read_to_string(&mut stream, &mut answer));
    asked.is_ok() && answer.starts_with("HTTP/1.1 200")
}

/// Runs each test on both kinds of store.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod on_disk { $(#[test] fn $name() { super::$name(&crate::lab::Lab::on_disk()); })* }
        mod on_s3 { $(#[test] fn $name() { super::$name(&crate::lab::Lab::on_s3()); })* }
    };
}
pub(crate) use on_both_stores;
