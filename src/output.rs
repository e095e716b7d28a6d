//! A file that a command writes for people: one way for every command.
//!
//! A regular file is replaced in one step, when the new one is whole, and keeps its permissions; over a link, the file
//! that the link leads to. Devices and pipes are written to, as is an open file of this process (`/dev/stdout`,
//! `/dev/fd/3`). Nothing is written into a lake.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::lake::lake_around;

/// Links that lead to links, until one is taken to lead in a circle.
const LINKS_MAX: u32 = 40;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum OutputError {
    #[error("{} lies in the lake {}, to which only conversions write", path.display(), lake.display())]
    InLake { path: PathBuf, lake: PathBuf },
    #[error("the temporary folder (TMPDIR) {} lies in the lake {}; give another one", path.display(), lake.display())]
    TemporaryInLake { path: PathBuf, lake: PathBuf },
    #[error("{} is {what}, which is not written to; give a file, a pipe, or a device such as /dev/null", path.display())]
    Kind { path: PathBuf, what: &'static str },
    #[error("{}: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
}

/// Where bytes go. Dropped before [`Output::keep`], a file is as it was.
pub struct Output {
    out: BufWriter<Box<dyn Write + Send>>,
    part: Option<Part>,
    /// For messages; `None` for standard output.
    path: Option<PathBuf>,
    is_file: bool,
    bytes: u64,
}

/// A file under construction. Dropped, it is removed.
struct Part {
    part: PathBuf,
    target: PathBuf,
}

impl Drop for Part {
    fn drop(&mut self) {
        // It has its final name by now, or it is of no use.
        let _ = fs::remove_file(&self.part);
    }
}

/// Refuses a file or folder that lies in a lake.
pub fn refuse_in_lake(path: &Path) -> Result<(), OutputError> {
    match lake_around(path) {
        Ok(None) => Ok(()),
        Ok(Some(around)) => Err(OutputError::InLake { path: path.to_owned(), lake: around.lake }),
        Err(source) => Err(OutputError::Open { path: path.to_owned(), source }),
    }
}

/// The system's temporary folder, unless it lies in a lake.
pub fn temporary_folder() -> Result<PathBuf, OutputError> {
    let folder = std::env::temp_dir();
    match refuse_in_lake(&folder) {
        Err(OutputError::InLake { path, lake }) => Err(OutputError::TemporaryInLake { path, lake }),
        other => other.map(|()| folder),
    }
}

impl Output {
    /// Standard output.
    pub fn standard() -> Output {
        let own = io::stdout().as_fd().try_clone_to_owned().map(File::from);
        Output::through(io::stdout(), None, own.is_ok_and(|own| is_regular(&own)))
    }

    /// Opens what a path names, or begins the file that will have that name.
    pub fn to(target: &Path) -> Result<Output, OutputError> {
        let fail = |source| OutputError::Open { path: target.to_owned(), source };
        if let Some(number) = descriptor(target) {
            // SAFETY: the number is used for this call alone, which says so if nothing is open under it.
            let own = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned().map_err(fail)?;
            let own = File::from(own);
            let is_file = is_regular(&own);
            return Ok(Output::through(own, Some(target), is_file));
        }
        let kind = |what| OutputError::Kind { path: target.to_owned(), what };
        let found = match fs::metadata(target) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(fail(error)),
        };
        let Some(found) = found else {
            if target.is_symlink() {
                return Err(kind("a link that leads nowhere"));
            }
            return Output::part(target, None);
        };
        let file_type = found.file_type();
        if file_type.is_file() {
            let real = target.canonicalize().map_err(fail)?;
            return Output::part(&real, Some(found.permissions()));
        }
        if file_type.is_fifo() || file_type.is_char_device() {
            let file = OpenOptions::new().write(true).open(target).map_err(fail)?;
            return Ok(Output::through(file, Some(target), false));
        }
        let what = if file_type.is_dir() {
            "a folder"
        } else if file_type.is_block_device() {
            "a disk"
        } else {
            "a socket"
        };
        Err(kind(what))
    }

    fn through(out: impl Write + Send + 'static, path: Option<&Path>, is_file: bool) -> Output {
        let out = BufWriter::new(Box::new(out) as Box<dyn Write + Send>);
        Output { out, part: None, path: path.map(Path::to_owned), is_file, bytes: 0 }
    }

    /// A new file beside its place, under a name that nobody knows beforehand.
    fn part(target: &Path, permissions: Option<fs::Permissions>) -> Result<Output, OutputError> {
        let fail = |source| OutputError::Open { path: target.to_owned(), source };
        refuse_in_lake(target)?;
        let folder = parent(target).canonicalize().map_err(fail)?;
        let name = target.file_name().ok_or_else(|| fail(io::ErrorKind::InvalidInput.into()))?;
        let part = folder.join(format!(".flowlake-{}.part", uuid::Uuid::new_v4().simple()));
        let file = File::create_new(&part).map_err(fail)?;
        let part = Part { part, target: folder.join(name) };
        if let Some(permissions) = permissions {
            file.set_permissions(permissions).map_err(fail)?;
        }
        let out = BufWriter::new(Box::new(file) as Box<dyn Write + Send>);
        Ok(Output { out, part: Some(part), path: Some(target.to_owned()), is_file: true, bytes: 0 })
    }

    /// Whether bytes go to a regular file, where nobody sees them come.
    pub fn is_file(&self) -> bool {
        self.is_file
    }

    /// Bytes that were written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes what is left, and gives the file its name.
    pub fn keep(mut self) -> io::Result<()> {
        self.flush()?;
        match &self.part {
            Some(part) => fs::rename(&part.part, &part.target),
            None => Ok(()),
        }
    }

    /// The same error, which says of which file it is.
    fn named(&self, error: io::Error) -> io::Error {
        match &self.path {
            Some(path) => io::Error::new(error.kind(), format!("{}: {error}", path.display())),
            None => error,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes).map_err(|error| self.named(error))?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().map_err(|error| self.named(error))
    }
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|found| found.is_file())
}

/// The number of the open file that a path names in the kernel's own folder of them, over whatever links.
fn descriptor(target: &Path) -> Option<i32> {
    let opened = ["/proc/self/fd", "/dev/fd"].map(|folder| Path::new(folder).canonicalize().ok());
    let mut path = target.to_owned();
    for _ in 0..LINKS_MAX {
        let folder = parent(&path).canonicalize().ok()?;
        if opened.iter().flatten().any(|opened| *opened == folder) {
            return path.file_name()?.to_str()?.parse().ok().filter(|number| *number >= 0);
        }
        path = folder.join(fs::read_link(folder.join(path.file_name()?)).ok()?);
    }
    None
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
