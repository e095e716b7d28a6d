//! A folder that is this user's alone, below one in which other users may write: nobody else can put anything into it.
//!
//! Its name is `flowlake-<user's number>`. Where somebody else took that name, or anything that is no closed folder of
//! this user lies there, the folder gets a name that nobody can know beforehand, which later runs find again by its
//! owner. It is as safe as the folder that it lies in: whoever may rename what is in there (a folder that all may
//! write, without the sticky bit of `/tmp`) can still put another one in its place.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::nonce::nonce;

/// How often the folder is looked for again, if other runs remove it before something lies in it.
const TRIES_MAX: u32 = 100;

/// Does `work` in the folder of this user below `base`, which is made if need be.
pub(super) fn within<T>(base: &Path, mut work: impl FnMut(&Path) -> io::Result<T>) -> io::Result<T> {
    super::make_folder(base)?;
    let mut tries = 1;
    loop {
        match work(&own_folder(base)?) {
            // A run that ended removed it, since nothing was in it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES_MAX => tries += 1,
            done => return done,
        }
    }
}

fn own_folder(base: &Path) -> io::Result<PathBuf> {
    let name = format!("flowlake-{}", user());
    let first = base.join(&name);
    match make_closed_folder(&first) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map(|()| first),
    }
    if is_ours(&first) {
        return Ok(first);
    }
    if let Some(found) = made_before(base, &name) {
        return Ok(found);
    }
    let fresh = base.join(format!("{name}-{}", nonce()));
    make_closed_folder(&fresh)?;
    // A file system without owners (FAT) says the same of every folder, and anybody who can write there can do
    // everything.
    if !is_ours(&fresh) && rights(&fresh) == rights(&first) {
        fs::remove_dir(&fresh)?;
        return Ok(first);
    }
    Ok(fresh)
}

/// A folder that an earlier run made where the first name was taken.
fn made_before(base: &Path, name: &str) -> Option<PathBuf> {
    // Some shared folders may be used and not listed.
    let names = fs::read_dir(base).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let candidates = names.filter(|found| found.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')));
    candidates.map(|found| base.join(found)).filter(|path| is_ours(path)).min()
}

/// Makes a folder that only this user may use.
pub(super) fn make_closed_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Whether no other user can put anything into a folder, or another one in its place: neither in it nor in one above it
/// may others make names, but for those with the sticky bit, as `/tmp` has.
///
/// Root may always, and a group with the number of its user has that user alone, by the custom of most systems.
pub fn is_closed_to_others(folder: &Path) -> bool {
    let Ok(real) = folder.canonicalize() else { return false };
    real.ancestors().all(|folder| {
        fs::symlink_metadata(folder).is_ok_and(|found| {
            let is_owners = found.uid() == user() || found.uid() == 0;
            let is_groups = found.mode() & 0o020 != 0 && found.gid() != found.uid();
            let is_everybodys = found.mode() & 0o002 != 0;
            is_owners && (!(is_groups || is_everybodys) || found.mode() & 0o1000 != 0)
        })
    })
}

/// Whether a path is a folder, no link, that this user made and nobody else may use.
fn is_ours(path: &Path) -> bool {
    let found = fs::symlink_metadata(path);
    found.is_ok_and(|found| found.is_dir() && found.uid() == user() && found.mode() & 0o077 == 0)
}

/// Owner and mode of what lies at a path, links not followed.
fn rights(path: &Path) -> Option<(u32, u32)> {
    fs::symlink_metadata(path).ok().map(|found| (found.uid(), found.mode()))
}

/// The number of the user to whom belongs what this process makes.
fn user() -> u32 {
    // SAFETY: `geteuid` reads a number of the process and cannot fail.
    unsafe { libc::geteuid() }
}
