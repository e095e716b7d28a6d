//! Listed objects in the order in which they are planned, in bounded memory: sorted runs on scratch, merged.
//!
//! ```text
//! listing ──▶ held ──(full)──▶ sort, write a run ──▶ run files ──┐
//!                └───────────────────(few objects)──────────────┴──▶ merge, newest day first, one of each URL
//! ```
//!
//! Run files have no name on disk: the kernel removes them with the process, however it ends.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::lake::Day;
use crate::source::Object;

/// Objects held before they are written to a run: at about 400 bytes each.
const HELD_MAX: usize = 100_000;
/// Runs are read in windows of this size, each with its own; a power of two.
const WINDOW_LOG: u32 = 17;
const ZSTD_LEVEL: i32 = 1;

/// Takes objects as a listing gives them.
pub struct Spool {
    folder: PathBuf,
    held: Vec<Object>,
    days: BTreeMap<Day, u64>,
    writer: Option<RunWriter>,
}

type Runs = Vec<(File, usize)>;

/// Sorts and writes.
enum RunWriter {
    /// A thread that does it while the listing goes on.
    Beside { full: SyncSender<Vec<Object>>, thread: JoinHandle<io::Result<Runs>> },
    /// The system gives no more threads: whoever lists does it.
    Here { folder: PathBuf, runs: io::Result<Runs> },
}

impl Spool {
    /// `folder` is on local scratch; nothing is written there as long as few objects come.
    pub fn new(folder: PathBuf) -> Spool {
        Spool { folder, held: Vec::new(), days: BTreeMap::new(), writer: None }
    }

    /// Takes the next objects, in whatever order; what has no room goes to scratch.
    pub fn add(&mut self, objects: Vec<Object>) {
        for object in &objects {
            *self.days.entry(Day(object.day)).or_default() += 1;
        }
        self.held.extend(objects);
        if self.held.len() >= HELD_MAX {
            let full = std::mem::take(&mut self.held);
            let folder = &self.folder;
            match self.writer.get_or_insert_with(|| RunWriter::start(folder.clone())) {
                // A writer that failed has gone; its error comes out at the end.
                RunWriter::Beside { full: next, .. } => drop(next.send(full)),
                RunWriter::Here { folder, runs } => {
                    if let Ok(written) = runs
                        && let Err(error) = write_run(folder, full).map(|run| written.push(run))
                    {
                        *runs = Err(error);
                    }
                }
            }
        }
    }

    /// Objects taken so far; one that was found twice counts twice.
    pub fn objects(&self) -> u64 {
        self.days.values().sum()
    }

    /// No more are added. An error is one of scratch.
    pub fn finish(mut self) -> io::Result<Listed> {
        self.held.sort_unstable_by(order);
        let runs = match self.writer {
            Some(RunWriter::Beside { full, thread }) => {
                drop(full);
                thread.join().map_err(|_| io::Error::other("sorting listed objects broke off"))??
            }
            Some(RunWriter::Here { runs, .. }) => runs?,
            None => Vec::new(),
        };
        Ok(Listed { held: self.held, runs, days: self.days })
    }
}

impl RunWriter {
    fn start(folder: PathBuf) -> RunWriter {
        let (full, runs): (_, Receiver<Vec<Object>>) = sync_channel(1);
        let of_thread = folder.clone();
        let write = move || runs.into_iter().map(|objects| write_run(&of_thread, objects)).collect();
        match std::thread::Builder::new().name("spool".to_owned()).spawn(write) {
            Ok(thread) => RunWriter::Beside { full, thread },
            Err(_) => RunWriter::Here { folder, runs: Ok(Vec::new()) },
        }
    }
}

fn write_run(folder: &std::path::Path, mut objects: Vec<Object>) -> io::Result<(File, usize)> {
    std::fs::create_dir_all(folder)?;
    objects.sort_unstable_by(order);
    let file = tempfile::tempfile_in(folder)?;
    let mut encoder = zstd::Encoder::new(BufWriter::new(&file), ZSTD_LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    let mut record = Vec::new();
    for object in &objects {
        record.clear();
        serde_json::to_writer(&mut record, object)?;
        encoder.write_all(&(record.len() as u32).to_le_bytes())?;
        encoder.write_all(&record)?;
    }
    encoder.finish()?.flush()?;
    Ok((file, objects.len()))
}

/// Objects of one listing; they may be read as often as needed.
#[derive(Debug, Default)]
pub struct Listed {
    held: Vec<Object>,
    /// Each with its number of objects.
    runs: Vec<(File, usize)>,
    days: BTreeMap<Day, u64>,
}

impl Listed {
    /// Whether nothing was listed.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Consecutive days, newest first, in stretches of at least so many objects: what is known of a stretch is in
    /// memory.
    pub fn stretches(&self, objects_min: u64) -> Vec<BTreeSet<Day>> {
        let mut stretches = Vec::new();
        let mut objects = objects_min;
        for (&day, &count) in self.days.iter().rev() {
            if objects >= objects_min {
                stretches.push(BTreeSet::new());
                objects = 0;
            }
            objects += count;
            stretches.last_mut().expect("one was pushed").insert(day);
        }
        stretches
    }

    /// Every object once, from the beginning: by day (newest first), hour, account, region and URL.
    pub fn merge(&self) -> io::Result<Merge<'_>> {
        let mut merge = Merge { held: self.held.iter(), runs: Vec::new(), heap: BinaryHeap::new(), last: None };
        for (file, left) in &self.runs {
            let decoder = zstd::Decoder::new(At { file, offset: 0 })?;
            merge.runs.push((BufReader::with_capacity(1 << WINDOW_LOG, decoder), *left));
        }
        for run in 0..=merge.runs.len() {
            merge.refill(run)?;
        }
        Ok(merge)
    }
}

/// Reads a file from its beginning, without moving the position that other readers of it share.
struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(buffer, self.offset)?;
        self.offset += length as u64;
        Ok(length)
    }
}

type Run<'a> = BufReader<zstd::Decoder<'static, BufReader<At<'a>>>>;

/// The merged runs. The number after the last run stands for the objects in memory.
pub struct Merge<'a> {
    held: std::slice::Iter<'a, Object>,
    /// Each with the objects that are left in it.
    runs: Vec<(Run<'a>, usize)>,
    heap: BinaryHeap<Head>,
    last: Option<String>,
}

struct Head {
    object: Object,
    run: usize,
}

impl Merge<'_> {
    /// The next object, if it is of one of these days.
    pub fn next_of(&mut self, days: &BTreeSet<Day>) -> io::Result<Option<Object>> {
        loop {
            match self.heap.peek() {
                Some(head) if days.contains(&Day(head.object.day)) => {}
                _ => return Ok(None),
            }
            let Some(Head { object, run }) = self.heap.pop() else { return Ok(None) };
            self.refill(run)?;
            // Two sources may overlap: an object is one object through whichever it was found.
            if self.last.as_ref() != Some(&object.url) {
                self.last = Some(object.url.clone());
                return Ok(Some(object));
            }
        }
    }

    fn refill(&mut self, run: usize) -> io::Result<()> {
        let object = match self.runs.get_mut(run) {
            Some((_, 0)) => None,
            Some((reader, left)) => {
                *left -= 1;
                Some(read_object(reader)?)
            }
            None => self.held.next().cloned(),
        };
        self.heap.extend(object.map(|object| Head { object, run }));
        Ok(())
    }
}

fn read_object(run: &mut impl Read) -> io::Result<Object> {
    let mut length = [0; 4];
    run.read_exact(&mut length)?;
    let mut record = vec![0; u32::from_le_bytes(length) as usize];
    run.read_exact(&mut record)?;
    Ok(serde_json::from_slice(&record)?)
}

fn order(a: &Object, b: &Object) -> Ordering {
    let key = |object: &Object| (Reverse(Day(object.day)), object.hour);
    key(a)
        .cmp(&key(b))
        .then_with(|| a.account.cmp(&b.account))
        .then_with(|| a.region.cmp(&b.region))
        .then_with(|| a.url.cmp(&b.url))
}

/// The heap gives its greatest first: what comes first in order is the greatest.
impl Ord for Head {
    fn cmp(&self, other: &Head) -> Ordering {
        order(&other.object, &self.object).then_with(|| other.run.cmp(&self.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(numbers: std::ops::Range<usize>) -> Vec<Object> {
        numbers.map(|n| Object::of_url(&format!("s3://b/2023/09/{:02}/{n:07}.log.gz", 1 + n % 9), 1, "1")).collect()
    }

    fn listed(mut spool: Spool) -> Vec<Object> {
        (0..3).for_each(|n| spool.add(objects(n * HELD_MAX..(n + 1) * HELD_MAX)));
        spool.add(objects(0..7));
        let listed = spool.finish().unwrap();
        assert_eq!(listed.runs.len(), 3);
        let mut merge = listed.merge().unwrap();
        let days = listed.stretches(u64::MAX).remove(0);
        std::iter::from_fn(|| merge.next_of(&days).unwrap()).collect()
    }

    #[test]
    fn without_a_thread_the_same_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let spool = || Spool::new(folder.path().to_owned());
        let here = RunWriter::Here { folder: folder.path().to_owned(), runs: Ok(Vec::new()) };
        let found = listed(Spool { writer: Some(here), ..spool() });
        assert_eq!(found.len(), 3 * HELD_MAX);
        assert!(found == listed(spool()));
        let nowhere = folder.path().join("file");
        std::fs::write(&nowhere, "").unwrap();
        let here = RunWriter::Here { folder: nowhere, runs: Ok(Vec::new()) };
        let mut spool = Spool { writer: Some(here), ..spool() };
        (0..2).for_each(|n| spool.add(objects(n * HELD_MAX..(n + 1) * HELD_MAX)));
        assert!(spool.finish().is_err());
    }
}
