//! Local scratch: where a task's files wait until the whole task is proven.
//!
//! ```text
//! <scratch>/flowlake-<user>/run-<nonce>/lock           held by the run; says whose folder it is
//!                                      /p<plan>-t<task>-<nonce>/…
//! ```
//!
//! The kernel frees a file lock when a process dies, however it dies. A run removes folders of dead runs of its own
//! lake, and nothing else: the folder must lie in the user's own one, and hold a lock that is free and that bears the
//! folder's name and the lake's. A folder gets that name once its lock is held, so that none is judged while it is
//! made, and no run waits for another one, which may sleep.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nonce::{is_nonce, nonce};
use super::{CommitError, own};
use crate::lake::{RejectRecord, ZSTD_LEVEL, padding};

/// The lock file of a run's folder, and its mark.
const LOCK: &str = "lock";

/// How the names of runs' folders begin.
const RUN: &str = "run-";

/// How they begin while they are made.
const MAKING: &str = "new-";

/// A folder that has been in the making for longer is a dead run's: making one takes a moment. A run that slept for so
/// long finds it gone, and makes another.
const MAKING_MAX: Duration = Duration::from_secs(3_600);

/// No mark is longer.
const MARK_BYTES_MAX: u64 = 64 << 10;

/// The lake that a run works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeMark {
    /// Where it lies, as people call it.
    pub url: String,
    /// The UUID in the first entry of its log; `None` before that is written.
    pub id: Option<String>,
}

impl LakeMark {
    /// Whether both are one lake: by its place, or by its birth where it was moved.
    fn is_same(&self, other: &LakeMark) -> bool {
        self.url == other.url || (self.id.is_some() && self.id == other.id)
    }
}

/// What the lock of a run's folder says: that flowlake made this folder, for which lake.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    flowlake_scratch: String,
    lake: LakeMark,
}

/// The scratch folder of one run; removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes a folder for this run below `base`, and removes those that dead runs of this lake left there.
    pub fn open(base: &Path, lake: &LakeMark) -> Result<Scratch, CommitError> {
        let opened = own::within(base, |own| {
            remove_orphans(own, lake)?;
            let nonce = nonce();
            let (making, name) = (own.join(format!("{MAKING}{nonce}")), format!("{RUN}{nonce}"));
            own::make_closed_folder(&making)?;
            let mut lock = File::create_new(making.join(LOCK))?;
            lock.lock()?;
            let mark = Mark { flowlake_scratch: name.clone(), lake: lake.clone() };
            lock.write_all(&serde_json::to_vec(&mark)?)?;
            let folder = own.join(name);
            fs::rename(&making, &folder)?;
            Ok(Scratch { folder, _lock: lock })
        });
        opened.map_err(|source| CommitError::Scratch { path: base.to_owned(), source })
    }

    /// Only this user may enter it. It is there as long as this value lives.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder for one attempt at one task.
    pub fn attempt(&self, plan: u64, task: u64) -> Result<Attempt, CommitError> {
        let folder = self.folder.join(format!("p{plan}-t{task}-{}", nonce()));
        fs::create_dir(&folder).map_err(|source| CommitError::Local { path: folder.display().to_string(), source })?;
        Ok(Attempt { folder })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = remove_run_folder(&self.folder);
        // The user's own folder goes with its last run.
        if let Some(own) = self.folder.parent() {
            let _ = fs::remove_dir(own);
        }
    }
}

/// Removes the folders of dead runs of a lake.
fn remove_orphans(own: &Path, lake: &LakeMark) -> io::Result<()> {
    for entry in fs::read_dir(own)? {
        let entry = entry?;
        // A link that has such a name is none.
        if entry.file_type()?.is_dir() {
            // What cannot be judged or removed stays.
            let _ = remove_orphan(&entry.path(), &entry.file_name().to_string_lossy(), lake);
        }
    }
    Ok(())
}

fn remove_orphan(folder: &Path, name: &str, lake: &LakeMark) -> io::Result<()> {
    let mut name = name.to_owned();
    if is_name(&name, MAKING) {
        let age = fs::symlink_metadata(folder)?.modified()?.elapsed();
        if !age.is_ok_and(|age| age > MAKING_MAX) {
            return Ok(());
        }
        name = name.replacen(MAKING, RUN, 1);
    }
    let is_run = is_name(&name, RUN);
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let lock = match options.open(folder.join(LOCK)) {
        // It died before it had made its lock. A folder that is not empty stays.
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_run => return fs::remove_dir(folder),
        opened => opened?,
    };
    if !lock.metadata()?.is_file() || lock.try_lock().is_err() {
        return Ok(());
    }
    let mut text = Vec::new();
    (&lock).take(MARK_BYTES_MAX).read_to_end(&mut text)?;
    match serde_json::from_slice::<Mark>(&text) {
        Ok(mark) if mark.flowlake_scratch == name && mark.lake.is_same(lake) => remove_run_folder(folder),
        // It died before it had said whose it is, and so before there was anything but its lock.
        _ if text.is_empty() && is_run && fs::read_dir(folder)?.count() == 1 => {
            fs::remove_file(folder.join(LOCK))?;
            fs::remove_dir(folder)
        }
        _ => Ok(()),
    }
}

/// Removes a run's folder, its lock last: without it, nobody could tell later whose the rest is if this is cut short.
fn remove_run_folder(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let removed = match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path()),
            false if entry.file_name() == LOCK => Ok(()),
            false => fs::remove_file(entry.path()),
        };
        // An attempt that ends meanwhile removes its own folder.
        removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    }
    fs::remove_file(folder.join(LOCK))?;
    fs::remove_dir(folder)
}

/// Whether a name is one that runs give to their folders, with this beginning.
fn is_name(name: &str, beginning: &str) -> bool {
    name.strip_prefix(beginning).is_some_and(is_nonce)
}

/// The staged files of one attempt at a task; removed when dropped.
#[derive(Debug)]
pub struct Attempt {
    folder: PathBuf,
}

impl Attempt {
    /// It is there as long as this value lives.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the data file of a number is staged: see [`Attempt::data_path`].
    pub fn data_file(&self, ordinal: usize) -> PathBuf {
        Attempt::data_path(&self.folder, ordinal)
    }

    /// Where a data file is staged in the folder of an attempt.
    pub fn data_path(folder: &Path, ordinal: usize) -> PathBuf {
        folder.join(format!("data-{ordinal}.parquet"))
    }

    /// Where rows wait that belong to more partitions than can be open at once.
    pub fn spill_path(folder: &Path, ordinal: usize) -> PathBuf {
        folder.join(format!("spill-{ordinal}"))
    }

    /// Takes lines that are set aside. There is no file before the first of them.
    pub fn rejects(&self) -> StagedRejects {
        StagedRejects { path: self.folder.join("rejects.ndjson.zst"), writer: None, text_bytes: 0 }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The lines that a task sets aside, written as they come.
pub struct StagedRejects {
    path: PathBuf,
    writer: Option<zstd::Encoder<'static, BufWriter<File>>>,
    text_bytes: u64,
}

impl StagedRejects {
    /// Writes one more line. An error is one of the disk.
    pub fn add(&mut self, record: &RejectRecord) -> io::Result<()> {
        if self.writer.is_none() {
            let mut writer = zstd::Encoder::new(BufWriter::new(File::create(&self.path)?), ZSTD_LEVEL)?;
            writer.include_checksum(true)?;
            self.writer = Some(writer);
        }
        let writer = self.writer.as_mut().expect("it was made above");
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        writer.write_all(&line)?;
        self.text_bytes += line.len() as u64;
        Ok(())
    }

    /// The finished file and its hash; `None` if nothing was set aside.
    pub fn finish(self) -> io::Result<Option<(PathBuf, String)>> {
        let Some(writer) = self.writer else { return Ok(None) };
        let mut file = writer.finish()?.into_inner().map_err(|error| error.into_error())?;
        file.write_all(&padding(self.text_bytes, file.metadata()?.len()))?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(&self.path)?)?;
        Ok(Some((self.path, hasher.finalize().to_hex().to_string())))
    }
}
