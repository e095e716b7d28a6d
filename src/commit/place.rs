//! Names in opened folders: a file is moved, linked or renamed from one to another without its path being walked again.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::source::{Beneath, c_text, checked};

/// Where Linux shows the files that this process has open.
const OPENED: &str = "/proc/self/fd";

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    ByFolder,
    /// A file, a link, a pipe, a device.
    ByFile,
}

/// The place of a name: its folder, opened, and its last part.
pub(super) struct Place {
    pub folder: OwnedFd,
    name: CString,
}

impl Place {
    /// Of a name to write below a folder; the folders on the way are made where they are not there, and synced.
    pub fn make(beneath: &Beneath, relative: &str) -> io::Result<Place> {
        let (folder, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        Ok(Place { folder: beneath.make_folder(folder, sync_opened)?, name: c_text(name)? })
    }

    /// Of a name that is there.
    pub fn find(beneath: &Beneath, relative: &str) -> io::Result<Place> {
        let (folder, name) = beneath.parent(relative)?;
        Ok(Place { folder, name: c_text(name)? })
    }

    /// Of a file that is no name of the lake.
    pub fn of_path(path: &Path) -> io::Result<Place> {
        let folder = OwnedFd::from(File::open(parent(path))?);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Ok(Place { folder, name: c_text(name)? })
    }

    /// Moves a file here, in the place of any other.
    pub fn rename(&self, from: &Place) -> io::Result<()> {
        let (old, new) = (from.folder.as_raw_fd(), self.folder.as_raw_fd());
        // SAFETY: the texts end in NUL, and the descriptors are open as long as the places live.
        checked(unsafe { libc::renameat(old, from.name.as_ptr(), new, self.name.as_ptr()) })
    }

    /// Moves a file here, if nothing has the name.
    #[cfg(target_os = "linux")]
    pub fn rename_once(&self, from: &Place) -> io::Result<()> {
        let (old, new) = (from.folder.as_raw_fd(), self.folder.as_raw_fd());
        let (old_name, new_name) = (from.name.as_ptr(), self.name.as_ptr());
        // SAFETY: the texts end in NUL and live through the call, which keeps neither; the descriptors are open.
        let done = unsafe { libc::syscall(libc::SYS_renameat2, old, old_name, new, new_name, libc::RENAME_NOREPLACE) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    #[cfg(not(target_os = "linux"))]
    pub fn rename_once(&self, _: &Place) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives a file this name too, unless there is one.
    pub fn link(&self, from: &Place) -> io::Result<()> {
        let (old, new) = (from.folder.as_raw_fd(), self.folder.as_raw_fd());
        // SAFETY: the texts end in NUL, and the descriptors are open as long as the places live.
        checked(unsafe { libc::linkat(old, from.name.as_ptr(), new, self.name.as_ptr(), 0) })
    }

    /// A file on the disk of this place, for reading and writing, that has no name yet: of whoever dies, nothing of it
    /// is left.
    #[cfg(target_os = "linux")]
    pub fn unnamed(&self) -> io::Result<File> {
        self.open_at(c".", libc::O_TMPFILE | libc::O_RDWR)
    }

    #[cfg(not(target_os = "linux"))]
    pub fn unnamed(&self) -> io::Result<File> {
        Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP))
    }

    /// Gives a file without a name this one, unless there is one.
    pub fn give_name(&self, file: &File) -> io::Result<()> {
        let opened = c_text(&format!("{OPENED}/{}", file.as_raw_fd()))?;
        let (folder, flags) = (self.folder.as_raw_fd(), libc::AT_SYMLINK_FOLLOW);
        // SAFETY: the texts end in NUL, and the descriptors are open as long as `self` and `file` live.
        checked(unsafe { libc::linkat(libc::AT_FDCWD, opened.as_ptr(), folder, self.name.as_ptr(), flags) }).map_err(
            |error| match error.kind() {
                io::ErrorKind::NotFound if !Path::new(OPENED).exists() => io::Error::other(format!(
                    "it lies on another disk than the lake's `_flowlake/tmp`, and to write it there needs `{OPENED}`, \
                     which is not there: mount /proc, or lay the lake on one disk"
                )),
                _ => error,
            },
        )
    }

    /// The number of the disk.
    pub fn device(&self) -> io::Result<u64> {
        Ok(File::from(self.folder.try_clone()?).metadata()?.dev())
    }

    /// Makes a file of this name, for reading and writing, unless there is anything of it.
    pub fn create_new(&self) -> io::Result<File> {
        self.open_at(&self.name, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW)
    }

    /// Opens the file of this name to read it.
    pub fn open(&self) -> io::Result<File> {
        self.open_at(&self.name, libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK)
    }

    fn open_at(&self, name: &CStr, flags: libc::c_int) -> io::Result<File> {
        let rights: libc::c_uint = 0o666;
        // SAFETY: the text ends in NUL, and the descriptor is open as long as the place lives.
        let opened = unsafe { libc::openat(self.folder.as_raw_fd(), name.as_ptr(), flags | libc::O_CLOEXEC, rights) };
        checked(opened.min(0))?;
        // SAFETY: the call gave a descriptor that nobody else has.
        Ok(File::from(unsafe { OwnedFd::from_raw_fd(opened) }))
    }

    /// Whether anything has this name, and whether that is a folder.
    pub fn kind(&self) -> io::Result<Option<Taken>> {
        // SAFETY: `stat` is plain data for which all zeroes are valid; the text ends in NUL and the descriptor is open.
        let (done, met) = unsafe {
            let mut met: libc::stat = std::mem::zeroed();
            let flags = libc::AT_SYMLINK_NOFOLLOW;
            (libc::fstatat(self.folder.as_raw_fd(), self.name.as_ptr(), &mut met, flags), met)
        };
        match checked(done) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(()) if met.st_mode & libc::S_IFMT == libc::S_IFDIR => Ok(Some(Taken::ByFolder)),
            Ok(()) => Ok(Some(Taken::ByFile)),
        }
    }

    pub fn remove(&self) -> io::Result<()> {
        // SAFETY: the text ends in NUL, and the descriptor is open as long as the place lives.
        checked(unsafe { libc::unlinkat(self.folder.as_raw_fd(), self.name.as_ptr(), 0) })
    }

    /// Removes the folder of this name, if nothing lies in it.
    pub fn remove_folder(&self) -> io::Result<()> {
        // SAFETY: the text ends in NUL, and the descriptor is open as long as the place lives.
        checked(unsafe { libc::unlinkat(self.folder.as_raw_fd(), self.name.as_ptr(), libc::AT_REMOVEDIR) })
    }

    /// Makes the names in the folder survive a power cut.
    pub fn sync(&self) -> io::Result<()> {
        sync_opened(&self.folder)
    }
}

fn sync_opened(folder: &OwnedFd) -> io::Result<()> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the text ends in NUL, and the descriptor is open as long as `folder` lives.
    let opened = unsafe { libc::openat(folder.as_raw_fd(), c".".as_ptr(), flags) };
    checked(opened.min(0))?;
    // SAFETY: the call gave a descriptor that nobody else has.
    File::from(unsafe { OwnedFd::from_raw_fd(opened) }).sync_all()
}

/// The folder of a path; that of a bare name is the present one.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
