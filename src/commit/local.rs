//! Durable writes on a local disk: bytes synced, then named, then the folders synced.
//!
//! object_store's local writer syncs nothing and leaves temporaries inside partitions; this one writes its temporaries
//! under the ledger's `tmp` folder, where no reader looks.
//!
//! A record is created by a second name (a hard link) for its staged file, which never replaces anything. File systems
//! that have no such names, FAT and some network ones, rename it by the call that replaces nothing.
//!
//! A folder of the lake may be mounted from another disk, or be a link to one that the user follows. Nothing is renamed
//! or linked from `tmp` to there: such a file is written on its own disk without any name, and gets its name when it is
//! whole and synced.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::nonce::{is_nonce, nonce};
use super::place::{Place, Taken, parent};
use crate::source::{Beneath, same_bytes};

/// How the name of a staged file ends.
const STAGED: &str = ".part";

/// What became of a second name for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    Made,
    /// Something has that name, whatever it is.
    NameTaken,
    NoSuchFile,
}

/// Whether a create-only write made the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It did: what lies there are our bytes.
    Ours,
    /// Somebody else's record has that name.
    Theirs,
}

/// The folder of a local lake. Of the names in it none is reached over a link, unless the user follows links.
#[derive(Debug, Clone)]
pub struct LocalLake {
    pub beneath: Beneath,
    pub tmp: PathBuf,
    tmp_name: String,
}

impl LocalLake {
    pub fn new(beneath: Beneath, tmp: &str) -> LocalLake {
        LocalLake { tmp: beneath.path(tmp), tmp_name: tmp.to_owned(), beneath }
    }

    /// Writes a file; an existing one is replaced in one step.
    pub fn put(&self, relative: &str, bytes: &[u8]) -> io::Result<()> {
        let (staged, file) = self.stage(bytes)?;
        let moved = self.move_in(&staged, file, relative, true);
        if moved.is_err() {
            let _ = staged.remove();
        }
        moved
    }

    /// Writes a file only if there is none of that name.
    pub fn create(&self, relative: &str, bytes: &[u8]) -> io::Result<Created> {
        let place = Place::make(&self.beneath, relative)?;
        let (staged, _) = self.stage(bytes)?;
        let named = name_once(&staged, &place);
        match staged.remove() {
            // It was renamed.
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_ok() => {}
            removed => removed?,
        }
        match named {
            Ok(()) => place.sync().map(|()| Created::Ours),
            // Over a network a link may be made twice for one call: what lies there may be ours.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Ok(if self.read(relative)? == bytes { Created::Ours } else { Created::Theirs })
            }
            Err(error) => Err(error),
        }
    }

    /// Moves a complete file into the lake, or copies it where the scratch lies on another file system.
    pub fn put_file(&self, staged: &Path, relative: &str) -> io::Result<()> {
        let file = File::open(staged)?;
        file.sync_all()?;
        self.move_in(&Place::of_path(staged)?, file, relative, staged.starts_with(&self.tmp))
    }

    /// Gives a complete file its name in the lake. `is_in_tmp`: whether it lies on the disk of the temporaries.
    fn move_in(&self, staged: &Place, mut file: File, relative: &str, is_in_tmp: bool) -> io::Result<()> {
        let place = Place::make(&self.beneath, relative)?;
        match place.rename(staged) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                match is_in_tmp {
                    true => copy_across(&mut file, &place)?,
                    false => self.copy(&mut file, &place)?,
                }
                staged.remove()?;
            }
            other => other?,
        }
        place.sync()
    }

    /// Lets a file be seen under a second name, by a copy where there are no hard links.
    pub fn link(&self, existing: &str, relative: &str) -> io::Result<Linked> {
        let mut file = match self.beneath.open(existing) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Linked::NoSuchFile),
            other => other?,
        };
        let place = Place::make(&self.beneath, relative)?;
        let linked = match place.link(&Place::find(&self.beneath, existing)?) {
            Err(error) if has_no_links(&error) => self.copy(&mut file, &place),
            linked => linked,
        };
        match linked {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Linked::NoSuchFile),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Linked::NameTaken),
            other => other?,
        }
        place.sync().map(|()| Linked::Made)
    }

    /// Whether anything has a name, of whatever kind.
    pub fn is_taken(&self, relative: &str) -> io::Result<bool> {
        match Place::find(&self.beneath, relative).and_then(|place| place.kind()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            kind => kind.map(|kind| kind.is_some()),
        }
    }

    /// Whether the folder for temporaries is a link: to where others have files.
    pub fn has_linked_tmp(&self) -> bool {
        self.tmp.is_symlink()
    }

    /// Copies a file to a name, which it has when it is whole and synced; an existing one is replaced.
    fn copy(&self, from: &mut File, place: &Place) -> io::Result<()> {
        let near = self.temporary()?;
        if near.device()? != place.device()? {
            return copy_across(from, place);
        }
        match copy_near(from, &near, place) {
            // Of one disk that is mounted twice.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy_across(from, place),
            copied => copied,
        }
    }

    pub fn delete(&self, relative: &str) -> io::Result<()> {
        let place = match Place::find(&self.beneath, relative) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        match place.remove() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // The file is gone, and this is nothing of ours.
            Err(_) if place.kind()? == Some(Taken::ByFolder) => {
                tracing::warn!("{:?} is a folder where a file of the lake was, and is left as it is", relative);
                Ok(())
            }
            Err(error) => Err(error),
            Ok(()) => place.sync(),
        }
    }

    /// Removes the folders on the way to a name that are empty, from the innermost on, up to the third part of the
    /// name.
    pub fn remove_empty_folders(&self, relative: &str) -> io::Result<()> {
        let mut name = relative;
        while let Some((folder, _)) = name.rsplit_once('/').filter(|(folder, _)| folder.matches('/').count() >= 2) {
            match Place::find(&self.beneath, folder).and_then(|place| place.remove_folder()) {
                Ok(()) => name = folder,
                Err(error) if error.kind() == io::ErrorKind::NotFound => name = folder,
                // Something lies in it.
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    fn read(&self, relative: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.beneath.open(relative)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn stage(&self, bytes: &[u8]) -> io::Result<(Place, File)> {
        let place = self.temporary()?;
        let mut file = place.create_new()?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = place.remove();
            return Err(error);
        }
        Ok((place, file))
    }

    /// A name among the temporaries that nothing has.
    fn temporary(&self) -> io::Result<Place> {
        Place::make(&self.beneath, &format!("{}/{}{STAGED}", self.tmp_name, nonce()))
    }
}

/// Copies a file to a name by way of another one, on the same disk.
fn copy_near(from: &mut File, near: &Place, place: &Place) -> io::Result<()> {
    let copied = near
        .create_new()
        .and_then(|mut to| io::copy(from, &mut to).and_then(|_| to.sync_all()))
        .and_then(|()| place.rename(near));
    if copied.is_err() {
        let _ = near.remove();
    }
    copied
}

/// Whether a name is one that staged files have.
pub fn is_staged(name: &str) -> bool {
    name.strip_suffix(STAGED).is_some_and(is_nonce)
}

/// Copies a file to a name on another disk than that of the temporaries. Names of the lake tell contents: a file that
/// is there and is another one is damaged.
fn copy_across(from: &mut File, place: &Place) -> io::Result<()> {
    let mut file = write_across(from, place)?;
    match place.give_name(&file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            file.rewind()?;
            if same_bytes(place.open()?, &file)? {
                return Ok(());
            }
            place.remove()?;
            place.give_name(&file)
        }
        named => named,
    }
}

/// A copy on the disk of a place that has no name yet, whole and synced.
fn write_across(from: &mut File, place: &Place) -> io::Result<File> {
    let mut file = place.unnamed().map_err(|error| match error.raw_os_error() {
        Some(libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL | libc::ENOSYS) => io::Error::other(format!(
            "it lies on another disk than the lake's `_flowlake/tmp`, and on that disk no file can be written without a \
             name ({error}), so that a run which is killed could leave half a file; lay the lake on one disk"
        )),
        _ => error,
    })?;
    from.rewind()?;
    io::copy(from, &mut file)?;
    file.sync_all()?;
    Ok(file)
}

/// Gives a staged file a name that nothing has yet.
fn name_once(staged: &Place, target: &Place) -> io::Result<()> {
    let linked = match target.link(staged) {
        Err(error) if has_no_links(&error) => error,
        done => return done,
    };
    // Some file systems have no links from one folder to another, and call that another disk.
    let Err(error) = target.rename_once(staged) else { return Ok(()) };
    match (error.kind(), linked.kind()) {
        (io::ErrorKind::AlreadyExists, _) => Err(error),
        (io::ErrorKind::CrossesDevices, io::ErrorKind::CrossesDevices) => {
            target.give_name(&write_across(&mut staged.open()?, target)?)
        }
        _ => Err(io::Error::other(format!(
            "this file system has neither hard links ({linked}) nor a rename that replaces nothing ({error}), and without \
             one of them two runs could take one name; lay the lake on another file system"
        ))),
    }
}

/// Whether an error says that the file system has no hard links.
fn has_no_links(error: &io::Error) -> bool {
    let codes = [libc::EPERM, libc::EOPNOTSUPP, libc::ENOSYS, libc::EXDEV];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
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
