//! Durable writes on a local disk: bytes synced, then named, then the folders synced.
//!
//! object_store's local writer syncs nothing and leaves temporaries inside partitions; this one writes its temporaries
//! under the ledger's `tmp` folder, where no reader looks.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How the name of a staged file ends.
pub const STAGED: &str = ".part";

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
        let linked = fs::hard_link(&staged, &target);
        fs::remove_file(&staged)?;
        match linked {
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
                let near = self.temporary();
                fs::create_dir_all(&self.tmp)?;
                fs::copy(staged, &near)?;
                File::open(&near)?.sync_all()?;
                fs::rename(&near, &target)?;
                fs::remove_file(staged)?;
            }
            other => other?,
        }
        sync_folder(parent(&target))
    }

    /// Gives a file a second name; `false` if there is no such file.
    pub fn link(&self, existing: &str, relative: &str) -> io::Result<bool> {
        let target = self.root.join(relative);
        make_folder(parent(&target))?;
        match fs::hard_link(self.root.join(existing), &target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        sync_folder(parent(&target)).map(|()| true)
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
        self.tmp.join(format!("{}{STAGED}", uuid::Uuid::new_v4().simple()))
    }
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
