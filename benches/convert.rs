//! A whole conversion, and the upload alone.
//!
//! Held still: a sample of 200,000 records in the default format, made once, on local disk; two threads. A conversion
//! is everything that `flowlake convert` does but for the start of the process, into a fresh lake each time. The upload
//! is one staged file of 16 MiB on its way to a store in memory: reading it, cutting it into parts, handing them over.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use flowlake::commit::LakeWriter;
use flowlake::convert::{Options, Stop, run};
use flowlake::lake::Lake;
use flowlake::progress::{Progress, When};
use flowlake::sample;
use flowlake::source::{Access, Location};
use object_store::memory::InMemory;
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RECORDS: u64 = 200_000;
const UPLOAD_BYTES: usize = 16 << 20;

fn main() {
    divan::main();
}

#[divan::bench]
fn convert(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bucket = folder.path().join("bucket");
    let options = sample::Options { records: RECORDS, ..sample::Options::default() };
    sample::write(&bucket, &options, &|_| ()).expect("the temporary folder takes a sample");
    let runtime = runtime();
    let lakes = AtomicU32::new(0);
    bencher
        .counter(ItemsCount::new(RECORDS))
        .with_inputs(|| folder.path().join(format!("lake-{}", lakes.fetch_add(1, Ordering::Relaxed))))
        .bench_local_values(|lake| {
            let options = options_of(&bucket, &lake);
            let done = runtime.block_on(run(&options, &Progress::new(When::Never), &Stop::default()));
            done.expect("a sound sample is converted");
            fs::remove_dir_all(lake).expect("the lake was made");
        });
}

#[divan::bench]
fn upload(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let staged: PathBuf = folder.path().join("staged.parquet");
    fs::write(&staged, vec![7; UPLOAD_BYTES]).expect("the temporary folder takes a file");
    let lake = Lake::new(Arc::new(InMemory::new()), object_store::path::Path::default(), "memory:///".to_owned());
    let writer = LakeWriter::new(lake, None);
    let runtime = runtime();
    let name = "flow_logs/staged.parquet".parse().expect("a name inside the lake");
    bencher.counter(BytesCount::new(UPLOAD_BYTES)).bench_local(|| {
        runtime.block_on(writer.put_file(&staged, &name)).expect("memory takes all");
    });
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads are to be had")
}

fn options_of(bucket: &Path, lake: &Path) -> Options {
    let location = |path: &Path| Location::parse(&path.display().to_string()).expect("a local path is a location");
    Options {
        retention: std::time::Duration::ZERO,
        sources: vec![location(bucket)],
        lookback_days: Some(3),
        file_bytes_max: 512 << 20,
        threads: 2,
        memory_bytes: 2 << 30,
        ..Options::of_lake(location(lake), Access::default())
    }
}
