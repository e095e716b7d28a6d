//! Local scratch: where a task's files wait until the whole task is proven, and the lock that keeps runs of one host apart.
//!
//! Both use file locks, which the kernel releases when a process dies however it dies: a scratch folder whose lock is
//! free belongs to nobody and is removed by the next run. Folders are made and removed under the lock of their base, so
//! that none is judged while it is being made.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::CommitError;
use super::local::make_folder;
use crate::decode::Reject;
use crate::lake::{RejectRecord, ZSTD_LEVEL};

/// The lock file of a folder.
const LOCK: &str = "lock";

/// Held while a run works on a lake, by this host.
#[derive(Debug)]
pub struct HostLock {
    _file: File,
}

impl HostLock {
    /// Takes the lock of a lake, named by its URL, or says that another run has it.
    pub fn take(lake_url: &str) -> Result<HostLock, CommitError> {
        let user = user();
        let hash = blake3::hash(lake_url.as_bytes()).to_hex();
        let path = std::env::temp_dir().join(format!("flowlake-{user}-{}.lock", &hash[..16]));
        let fail = |source| CommitError::Local { path: path.display().to_string(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(HostLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(CommitError::Busy { lake: lake_url.to_owned() }),
            Err(TryLockError::Error(error)) => Err(fail(error)),
        }
    }
}

/// The scratch of lakes that do not lie on a local disk.
pub fn default_scratch() -> PathBuf {
    std::env::temp_dir().join(format!("flowlake-scratch-{}", user()))
}

/// The user's number: temporaries of two users must not meet.
fn user() -> u32 {
    // SAFETY: `getuid` reads a number of the process and cannot fail.
    unsafe { libc::getuid() }
}

/// Held while folders of a base are made and judged; gone afterwards, so that nothing stays where nothing was done.
struct BaseLock {
    path: PathBuf,
    _file: File,
}

impl BaseLock {
    fn take(base: &Path) -> io::Result<BaseLock> {
        let path = base.join(format!(".flowlake-{}.lock", user()));
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            file.lock()?;
            // Its last holder may have removed it while this one waited.
            match fs::metadata(&path) {
                Ok(found) if found.ino() == file.metadata()?.ino() => return Ok(BaseLock { path, _file: file }),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
}

impl Drop for BaseLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The scratch folder of one run; removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes a folder for this run in `base`, and removes those of runs that died.
    pub fn open(base: &Path) -> Result<Scratch, CommitError> {
        let fail = |source| CommitError::Local { path: base.display().to_string(), source };
        make_folder(base).map_err(fail)?;
        let _making = BaseLock::take(base).map_err(fail)?;
        remove_orphans(base).map_err(fail)?;
        let folder = base.join(format!("run-{}", super::log::nonce()));
        fs::create_dir(&folder).map_err(fail)?;
        let lock = File::create_new(folder.join(LOCK)).map_err(fail)?;
        lock.lock().map_err(fail)?;
        Ok(Scratch { folder, _lock: lock })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder for one attempt at one task.
    pub fn attempt(&self, plan: u64, task: u64) -> Result<Attempt, CommitError> {
        let folder = self.folder.join(format!("p{plan}-t{task}-{}", super::log::nonce()));
        fs::create_dir(&folder).map_err(|source| CommitError::Local { path: folder.display().to_string(), source })?;
        Ok(Attempt { folder })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes the folders of dead runs; the lock of `base` is held.
fn remove_orphans(base: &Path) -> io::Result<()> {
    for entry in fs::read_dir(base)? {
        let path = entry?.path();
        let is_of_a_run = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("run-"));
        let is_free = || match File::open(path.join(LOCK)) {
            Ok(lock) => lock.try_lock().is_ok(),
            // It died before it had made its lock.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if is_of_a_run && path.is_dir() && is_free() {
            let _ = fs::remove_dir_all(&path);
        }
    }
    Ok(())
}

/// The staged files of one attempt at a task; removed when dropped.
#[derive(Debug)]
pub struct Attempt {
    folder: PathBuf,
}

impl Attempt {
    pub fn folder(&self) -> &Path {
        &self.folder
    }

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

    pub fn rejects(&self) -> StagedRejects {
        StagedRejects { path: self.folder.join("rejects.ndjson.zst"), writer: None, count: 0 }
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
    pub count: u64,
}

impl StagedRejects {
    pub fn add(&mut self, object: &str, reject: Reject) -> io::Result<()> {
        if self.writer.is_none() {
            let mut writer = zstd::Encoder::new(BufWriter::new(File::create(&self.path)?), ZSTD_LEVEL)?;
            writer.include_checksum(true)?;
            self.writer = Some(writer);
        }
        let Reject { line, offset, field, value, reason, text } = reject;
        let record = RejectRecord { object: object.to_owned(), line, offset, field, value, reason, text };
        let writer = self.writer.as_mut().expect("it was made above");
        serde_json::to_writer(&mut *writer, &record)?;
        writer.write_all(b"\n")?;
        self.count += 1;
        Ok(())
    }

    /// The finished file and its hash; `None` if nothing was set aside.
    pub fn finish(self) -> io::Result<Option<(PathBuf, String)>> {
        let Some(writer) = self.writer else { return Ok(None) };
        writer.finish()?.into_inner().map_err(|error| error.into_error())?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(&self.path)?)?;
        Ok(Some((self.path, hasher.finalize().to_hex().to_string())))
    }
}
