//! Durable writes on a local disk: bytes synced, then named, then the folders synced.
//!
//! object_store's local writer syncs nothing and leaves temporaries inside partitions; this one writes its temporaries
//! under the ledger's `tmp` folder, where no reader looks.
//!
//! A record is created by a second name (a hard link) for its staged file, which never replaces anything. File systems that
//! have no such names, FAT and some network ones, rename it by the call that replaces nothing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::log::{is_nonce, nonce};

/// How the name of a staged file ends.
const STAGED: &str = ".part";

/// The folder of a local lake.
#[derive(Debug, Clone)]
pub struct LocalLake {
    pub root: PathBuf,
    pub tmp: PathBuf,
}

impl LocalLake {
    /// Writes a file; an existing one is replaced in one step.
    pub fn put(&self, relative: &str, bytes: &[u8]) -> io::Result<()> {
        let staged = self.stage(bytes)?;
        let result = self.put_file(&staged, relative);
        if result.is_err() {
            let _ = fs::remove_file(&staged);
        }
        result
    }

    /// Writes a file only if there is none of that name: `false` if there is.
    pub fn create(&self, relative: &str, bytes: &[u8]) -> io::Result<bool> {
        let target = self.root.join(relative);
        make_folder(parent(&target))?;
        let staged = self.stage(bytes)?;
        let named = name_once(&staged, &target);
        match fs::remove_file(&staged) {
            // It was renamed.
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_ok() => {}
            removed => removed?,
        }
        match named {
            Ok(()) => sync_folder(parent(&target)).map(|()| true),
            // Over a network a link may be made twice for one call: what lies there may be ours.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(fs::read(&target)? == bytes),
            Err(error) => Err(error),
        }
    }

    /// Moves a complete file into the lake, or copies it where the scratch lies on another file system.
    pub fn put_file(&self, staged: &Path, relative: &str) -> io::Result<()> {
        let target = self.root.join(relative);
        make_folder(parent(&target))?;
        File::open(staged)?.sync_all()?;
        match fs::rename(staged, &target) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.copy(staged, &target)?;
                fs::remove_file(staged)?;
            }
            other => other?,
        }
        sync_folder(parent(&target))
    }

    /// Lets a file be seen under a second name, by a copy where there are no hard links; `false` if there is no such file.
    pub fn link(&self, existing: &str, relative: &str) -> io::Result<bool> {
        let (existing, target) = (self.root.join(existing), self.root.join(relative));
        make_folder(parent(&target))?;
        let linked = match fs::hard_link(&existing, &target) {
            Err(error) if has_no_links(&error) => self.copy(&existing, &target),
            linked => linked,
        };
        match linked {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        sync_folder(parent(&target)).map(|()| true)
    }

    /// Whether the folder for temporaries is a link: to where others have files.
    pub fn has_linked_tmp(&self) -> bool {
        self.tmp.is_symlink()
    }

    /// Copies a file to a name, which it has when it is whole and synced; an existing one is replaced.
    fn copy(&self, from: &Path, target: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.tmp)?;
        let near = self.temporary();
        let copied =
            fs::copy(from, &near).and_then(|_| File::open(&near)?.sync_all()).and_then(|()| fs::rename(&near, target));
        if copied.is_err() {
            let _ = fs::remove_file(&near);
        }
        copied
    }

    pub fn delete(&self, relative: &str) -> io::Result<()> {
        let path = self.root.join(relative);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => sync_folder(parent(&path)),
        }
    }

    fn stage(&self, bytes: &[u8]) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.tmp)?;
        let path = self.temporary();
        let mut file = File::create_new(&path)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(path)
    }

    fn temporary(&self) -> PathBuf {
        self.tmp.join(format!("{}{STAGED}", nonce()))
    }
}

/// Whether a name is one that staged files have.
pub fn is_staged(name: &str) -> bool {
    name.strip_suffix(STAGED).is_some_and(is_nonce)
}

/// Gives a staged file a name that nothing has yet.
fn name_once(staged: &Path, target: &Path) -> io::Result<()> {
    let linked = match fs::hard_link(staged, target) {
        Err(error) if has_no_links(&error) => error,
        done => return done,
    };
    rename_once(staged, target).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => error,
        _ => io::Error::other(format!(
            "this file system has neither hard links ({linked}) nor a rename that replaces nothing ({error}), and without \
             one of them two runs could take one name; lay the lake on another file system"
        )),
    })
}

/// Whether an error says that the file system has no hard links.
fn has_no_links(error: &io::Error) -> bool {
    let codes = [libc::EPERM, libc::EOPNOTSUPP, libc::ENOSYS, libc::EXDEV];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Renames a file, if nothing has the new name.
#[cfg(target_os = "linux")]
fn rename_once(from: &Path, to: &Path) -> io::Result<()> {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    let (from, to) = (CString::new(from.as_os_str().as_bytes())?, CString::new(to.as_os_str().as_bytes())?);
    let here = libc::AT_FDCWD;
    // SAFETY: both texts end in NUL and live through the call, which keeps neither.
    let done =
        unsafe { libc::syscall(libc::SYS_renameat2, here, from.as_ptr(), here, to.as_ptr(), libc::RENAME_NOREPLACE) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn rename_once(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Creates a folder and those above it, and syncs each new one's parent, from the top.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    for new in missing.into_iter().rev() {
        match fs::create_dir(new) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => sync_folder(parent(new))?,
        }
    }
    Ok(())
}

/// Makes the names in a folder survive a power cut.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
