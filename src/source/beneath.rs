//! Files of one folder, opened by their names below it and never over a link.
//!
//! A lake on disk may be a stranger's: a link in it would turn a name inside the lake into a file of somebody else's.
//! Each folder on the way is opened from the one above it and must be a folder itself, so that nothing that changes
//! meanwhile leads out. Links are followed only where the user said so.

use std::ffi::CString;
use std::fmt;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A folder, and whether links in it are followed.
#[derive(Debug, Clone)]
pub struct Beneath {
    root: PathBuf,
    follows_links: bool,
}

/// A link was met where none is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkMet {
    /// Where the link itself lies, not what it leads to.
    pub path: PathBuf,
}

impl fmt::Display for LinkMet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is a link, and links in a lake are not followed: they may lead to files that are not the lake's; if you \
             made it, give --follow-links, or mount the folder there instead",
            self.path
        )
    }
}

impl std::error::Error for LinkMet {}

impl LinkMet {
    /// The link among the causes of an error.
    pub fn of<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a LinkMet> {
        let mut cause = Some(error);
        while let Some(found) = cause {
            if let Some(met) = found.downcast_ref::<LinkMet>() {
                return Some(met);
            }
            // An I/O error shows its payload's causes, and not the payload.
            let payload = found.downcast_ref::<Error>().and_then(Error::get_ref);
            if let Some(met) = payload.and_then(|payload| payload.downcast_ref::<LinkMet>()) {
                return Some(met);
            }
            cause = found.source();
        }
        None
    }

    pub(super) fn at(path: &Path) -> Error {
        Error::other(LinkMet { path: path.to_owned() })
    }
}

impl Beneath {
    /// `root` itself may lie behind links: it is what the user named.
    pub fn new(root: PathBuf, follows_links: bool) -> Beneath {
        Beneath { root, follows_links }
    }

    /// As it was given.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn follows_links(&self) -> bool {
        self.follows_links
    }

    /// The path of a name, for messages and for listing.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Opens a file to read it. A pipe or a device is none, and nobody waits for its other end.
    pub fn open(&self, name: &str) -> Result<File> {
        let (folder, file) = self.parent(name)?;
        let opened = self.open_at(&folder, file, libc::O_RDONLY | libc::O_NONBLOCK, name)?;
        let file = File::from(opened);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(Error::new(ErrorKind::NotFound, format!("{:?} is no file", self.path(name)))),
        }
    }

    /// The folder of a name, opened, and the name's last part.
    pub fn parent<'a>(&self, name: &'a str) -> Result<(OwnedFd, &'a str)> {
        match name.rsplit_once('/') {
            Some((folder, file)) => Ok((self.folder(folder)?, file)),
            None => Ok((self.folder("")?, name)),
        }
    }

    /// Opens a folder by its name; the empty name is the root.
    pub fn folder(&self, name: &str) -> Result<OwnedFd> {
        let mut folder = open_path(&self.root)?;
        let mut end = 0;
        for part in name.split('/').filter(|part| !part.is_empty()) {
            end += part.len() + usize::from(end > 0);
            folder = self.step(&folder, part, &name[..end.min(name.len())])?;
        }
        Ok(folder)
    }

    /// Opens a folder by its name, made with those above it where they are not there; `made` is called with the folder
    /// above each new one.
    pub fn make_folder(&self, name: &str, mut made: impl FnMut(&OwnedFd) -> Result<()>) -> Result<OwnedFd> {
        let mut folder = open_path(&self.root)?;
        let mut end = 0;
        for part in name.split('/').filter(|part| !part.is_empty()) {
            end += part.len() + usize::from(end > 0);
            let below = &name[..end.min(name.len())];
            folder = match self.step(&folder, part, below) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let text = c_text(part)?;
                    // SAFETY: the text ends in NUL, and the descriptor is open as long as `folder` lives.
                    let done = unsafe { libc::mkdirat(folder.as_raw_fd(), text.as_ptr(), 0o777) };
                    match checked(done) {
                        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                        Err(_) => {}
                        Ok(()) => made(&folder)?,
                    }
                    self.step(&folder, part, below)?
                }
                other => other?,
            };
        }
        Ok(folder)
    }

    fn step(&self, folder: &OwnedFd, part: &str, below: &str) -> Result<OwnedFd> {
        self.open_at(folder, part, AS_FOLDER, below)
    }

    /// `below` is the whole name, for messages.
    fn open_at(&self, folder: &OwnedFd, part: &str, flags: i32, below: &str) -> Result<OwnedFd> {
        if part.is_empty() || part == "." || part == ".." || part.contains('/') {
            return Err(Error::new(ErrorKind::InvalidInput, format!("{below:?} is no name below a folder")));
        }
        let text = c_text(part)?;
        let no_follow = if self.follows_links { 0 } else { libc::O_NOFOLLOW };
        // SAFETY: the text ends in NUL, and the descriptor is open as long as `folder` lives.
        let opened = unsafe { libc::openat(folder.as_raw_fd(), text.as_ptr(), flags | no_follow | libc::O_CLOEXEC) };
        if opened >= 0 {
            // SAFETY: the call gave a descriptor that nobody else has.
            return Ok(unsafe { OwnedFd::from_raw_fd(opened) });
        }
        let error = Error::last_os_error();
        let may_be_link = matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENOTDIR | libc::EMLINK));
        if may_be_link && !self.follows_links && is_link_at(folder, &text) {
            return Err(LinkMet::at(&self.path(below)));
        }
        Err(error)
    }
}

/// A folder that is only gone through needs no right to be listed.
#[cfg(target_os = "linux")]
const AS_FOLDER: i32 = libc::O_PATH | libc::O_DIRECTORY;
#[cfg(not(target_os = "linux"))]
const AS_FOLDER: i32 = libc::O_RDONLY | libc::O_DIRECTORY;

fn open_path(path: &Path) -> Result<OwnedFd> {
    use std::os::unix::ffi::OsStrExt;
    let text = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the text ends in NUL.
    let opened = unsafe { libc::open(text.as_ptr(), AS_FOLDER | libc::O_CLOEXEC) };
    checked(opened.min(0))?;
    // SAFETY: the call gave a descriptor that nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(opened) })
}

fn is_link_at(folder: &OwnedFd, name: &CString) -> bool {
    // SAFETY: `stat` is plain data for which all zeroes are valid; the text ends in NUL and the descriptor is open.
    let (done, found) = unsafe {
        let mut found: libc::stat = std::mem::zeroed();
        let done = libc::fstatat(folder.as_raw_fd(), name.as_ptr(), &mut found, libc::AT_SYMLINK_NOFOLLOW);
        (done, found)
    };
    done == 0 && found.st_mode & libc::S_IFMT == libc::S_IFLNK
}

/// A part of a name for a system call.
pub fn c_text(part: &str) -> Result<CString> {
    Ok(CString::new(part)?)
}

/// What a system call that gives 0 or -1 says.
pub fn checked(done: i32) -> Result<()> {
    if done < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_is_met_at_every_place_and_followed_where_that_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (lake, outside) = (folder.path().join("lake"), folder.path().join("outside"));
        std::fs::create_dir_all(lake.join("a/b")).unwrap();
        std::fs::create_dir_all(outside.join("b")).unwrap();
        for place in [lake.join("a/b/file"), outside.join("b/file")] {
            std::fs::write(place, "text").unwrap();
        }
        symlink(&outside, lake.join("linked")).unwrap();
        symlink(outside.join("b"), lake.join("a/linked")).unwrap();
        symlink(outside.join("b/file"), lake.join("a/b/linked")).unwrap();
        let beneath = Beneath::new(lake.clone(), false);
        let mut text = String::new();
        beneath.open("a/b/file").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        for (name, link) in [("linked/b/file", "linked"), ("a/linked/file", "a/linked"), ("a/b/linked", "a/b/linked")] {
            let error = beneath.open(name).unwrap_err();
            assert_eq!(LinkMet::of(&error), Some(&LinkMet { path: lake.join(link) }), "{name}: {error}");
            assert!(error.to_string().contains("--follow-links"), "{error}");
            Beneath::new(lake.clone(), true).open(name).unwrap();
        }
        let made = beneath.make_folder("linked/new", |_| Ok(())).unwrap_err();
        assert!(LinkMet::of(&made).is_some() && !outside.join("new").exists(), "{made}");
        beneath.make_folder("a/c/d", |_| Ok(())).unwrap();
        assert!(lake.join("a/c/d").is_dir());
        for name in ["../outside/b/file", "a/../a/b/file", "a", "none", "a/b/file/x"] {
            let error = beneath.open(name).unwrap_err();
            assert!(LinkMet::of(&error).is_none(), "{name}: {error}");
        }
    }

    #[test]
    fn a_pipe_is_no_file_and_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = CString::new(folder.path().join("pipe").to_str().unwrap()).unwrap();
        // SAFETY: the text ends in NUL.
        checked(unsafe { libc::mkfifo(pipe.as_ptr(), 0o600) }).unwrap();
        let error = Beneath::new(folder.path().to_owned(), false).open("pipe").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
