//! Folders on disk, listed as a bucket would be: whole keys in byte order, from any starting point.
//!
//! object_store's own listing hides names such as `a#1`, fails on others, and stops at a folder that it may not read.
//! This one loses nothing silently: what cannot be listed is counted or told.
//!
//! Links are followed only out of the source: what a link names inside it is listed there under its own name. A file
//! found over a link keeps its own path beside that of the link, so that two links to it lead to one object. Keys are
//! absolute paths without their first `/`.

use std::collections::HashSet;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{Result, SourceError};
use super::links::Links;
use super::location::url_on_disk;
use super::object::{Entry, Reason};
use super::page::{Denied, Folder, PAGE_ENTRIES_MAX, Page};

/// Size and time of change: what says that a file is the same bytes, on whichever disk.
pub fn version_of(metadata: &Metadata) -> String {
    format!("{}-{}{:09}", metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

/// Where the file of a key lies: the key is its absolute path without the first `/`.
pub fn path_of(key: &str) -> PathBuf {
    Path::new("/").join(key)
}

/// Why the bytes of two objects were not held against each other.
#[derive(Debug)]
pub enum NotCompared {
    /// A file is gone, is something else, or has another version by now or got one meanwhile: it says nothing of the
    /// bytes that were known.
    Changed,
    /// The file of this URL cannot be read now. Later it may.
    Unread {
        /// Of the object.
        url: String,
        /// What reading it gave.
        error: std::io::Error,
    },
}

impl NotCompared {
    fn of(url: &str, error: std::io::Error) -> NotCompared {
        match (error.kind(), error.raw_os_error()) {
            (ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidData, _)
            // A link or a socket in its place.
            | (_, Some(libc::ELOOP | libc::ENXIO)) => NotCompared::Changed,
            _ => NotCompared::Unread { url: url.to_owned(), error },
        }
    }
}

/// Whether two objects on disk, each a URL and a version, have the same bytes; `None` if one is not on disk.
pub fn same_content(a: (&str, &str), b: (&str, &str)) -> Option<std::result::Result<bool, NotCompared>> {
    let path = |url: &str| url.strip_prefix("file:///").map(path_of);
    let paths = (path(a.0)?, path(b.0)?);
    let compare = || {
        let [of_a, of_b] = [a.0, b.0].map(|url| move |error| NotCompared::of(url, error));
        let file_a = Versioned::open(&paths.0, a.1).map_err(of_a)?;
        let file_b = Versioned::open(&paths.1, b.1).map_err(of_b)?;
        let mut sides = [&file_a.file, &file_b.file].map(|file| Side { file, failed: false });
        let [side_a, side_b] = &mut sides;
        let same = same_bytes(side_a, side_b);
        let same = same.map_err(|error| if sides[0].failed { of_a(error) } else { of_b(error) })?;
        file_a.check().map_err(of_a)?;
        file_b.check().map_err(of_b)?;
        Ok(same)
    };
    Some(compare())
}

/// One of two files that are read together, and whether it was this one that failed.
struct Side<'a> {
    file: &'a File,
    failed: bool,
}

impl Read for Side<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer);
        self.failed |= read.as_ref().is_err_and(|error| error.kind() != ErrorKind::Interrupted);
        read
    }
}

/// Whether both give the same bytes, from where they are to their ends.
pub fn same_bytes(mut a: impl Read, mut b: impl Read) -> std::io::Result<bool> {
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    loop {
        of_a.clear();
        of_b.clear();
        a.by_ref().take(1 << 20).read_to_end(&mut of_a)?;
        b.by_ref().take(1 << 20).read_to_end(&mut of_b)?;
        if of_a != of_b || of_a.is_empty() {
            return Ok(of_a == of_b);
        }
    }
}

/// A file that is open, and the version that it must have.
struct Versioned<'a> {
    file: File,
    version: &'a str,
}

impl Versioned<'_> {
    /// Follows no link, and waits for no pipe.
    fn open<'a>(path: &Path, version: &'a str) -> std::io::Result<Versioned<'a>> {
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let opened = Versioned { file, version };
        opened.check().map(|()| opened)
    }

    fn check(&self) -> std::io::Result<()> {
        let found = self.file.metadata()?;
        if found.is_file() && version_of(&found) == self.version { Ok(()) } else { Err(ErrorKind::InvalidData.into()) }
    }
}

pub(super) fn entry(key: String, metadata: &Metadata) -> Entry {
    Entry { key, size: metadata.len(), version: version_of(metadata), modified: metadata.mtime(), target: None }
}

/// Where links may lead from a source.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    /// The source itself: what a link names in it is listed under its own name.
    pub(super) root: PathBuf,
    /// The lake that the source goes to: a link that leads there is an error.
    pub(super) lake: Option<PathBuf>,
    /// Takes what the links lead to that are followed.
    pub(super) links: Arc<Links>,
}

/// The folder's own names.
pub(super) fn folder(bounds: &Bounds, prefix: &str) -> Result<Folder> {
    let mut found = Folder::default();
    let mut page = Page::default();
    let mut walk = Walk::new(bounds, None);
    for child in walk.children(&Place::of(prefix), &mut page)? {
        match child {
            Child::Folder(place) => found.folders.push(place.key[prefix.len()..place.key.len() - 1].to_owned()),
            Child::File(entry) => found.entries.push(entry),
        }
    }
    found.skipped = page.skipped;
    found.denied = page.denied;
    Ok(found)
}

/// The whole tree below `prefix`, keys after `after`, handed to `send` page by page until it returns false.
pub(super) fn walk(
    bounds: &Bounds,
    prefix: &str,
    after: Option<&str>,
    mut send: impl FnMut(Page) -> bool,
) -> Result<()> {
    let mut walk = Walk::new(bounds, after);
    let mut page = Page::default();
    let mut stack = walk.children(&Place::of(prefix), &mut page)?;
    stack.reverse();
    while let Some(child) = stack.pop() {
        match child {
            Child::File(entry) => page.entries.push(entry),
            Child::Folder(place) => match walk.children(&place, &mut page) {
                Ok(children) => stack.extend(children.into_iter().rev()),
                Err(error) if error.is_denied() => {
                    page.denied.push(denied(&place.key, error.reason()));
                }
                Err(error) => return Err(error),
            },
        }
        if page.entries.len() >= PAGE_ENTRIES_MAX && !send(std::mem::take(&mut page)) {
            return Ok(());
        }
    }
    send(page);
    Ok(())
}

/// A folder as it is named, and as it is where the name leads over links. Both end in `/`.
struct Place {
    key: String,
    target: Option<String>,
}

impl Place {
    fn of(prefix: &str) -> Place {
        let real = std::fs::canonicalize(path_of(prefix)).ok();
        let target = real.and_then(|real| key_of(&real)).map(|key| key + "/");
        // The root of the disk is the empty prefix.
        Place { target: target.filter(|target| target.trim_start_matches('/') != prefix), key: prefix.to_owned() }
    }

    /// The key of a name in this folder, and what it is where a link led here.
    fn join(&self, name: &str) -> (String, Option<String>) {
        (format!("{}{name}", self.key), self.target.as_ref().map(|target| format!("{target}{name}")))
    }
}

/// What cannot be listed or named, by its key.
fn denied(key: &str, reason: String) -> Denied {
    Denied { prefix: url_on_disk(key), reason }
}

/// The inverse of [`path_of`]; `None` for what is not UTF-8.
fn key_of(path: &Path) -> Option<String> {
    path.to_str().map(|text| text.trim_start_matches('/').to_owned())
}

enum Child {
    Folder(Place),
    File(Entry),
}

impl Child {
    fn key(&self) -> &str {
        match self {
            Child::Folder(place) => &place.key,
            Child::File(entry) => &entry.key,
        }
    }
}

struct Walk<'a> {
    bounds: &'a Bounds,
    after: Option<&'a str>,
    /// Device and inode of linked folders already listed.
    linked: HashSet<(u64, u64)>,
}

impl<'a> Walk<'a> {
    fn new(bounds: &'a Bounds, after: Option<&'a str>) -> Walk<'a> {
        Walk { bounds, after, linked: HashSet::new() }
    }

    /// The names in one folder, in the byte order of their keys.
    fn children(&mut self, place: &Place, page: &mut Page) -> Result<Vec<Child>> {
        let folder = path_of(&place.key);
        let mut names = match std::fs::read_dir(&folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>) {
            Ok(names) => names,
            // Removed since it was listed.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(SourceError::Folder { path: folder, source }),
        };
        // Of two links to one folder the first in order is followed, whatever order the disk gives.
        names.sort_unstable_by_key(std::fs::DirEntry::file_name);
        let mut children = Vec::new();
        for name in names {
            let Some(text) = name.file_name().to_str().map(str::to_owned) else {
                // What it holds is not converted: that is told like a folder that may not be read.
                let key = place.join(&name.file_name().to_string_lossy()).0;
                page.denied.push(denied(&key, "its name is no UTF-8; rename it".to_owned()));
                continue;
            };
            match self.child(place, &text, &name, page) {
                Ok(Some(child)) if self.is_wanted(child.key()) => children.push(child),
                Ok(_) => {}
                // Its folder can be read, and what else lies in it.
                Err(error @ SourceError::Folder { .. }) if error.is_denied() => {
                    page.denied.push(denied(&place.join(&text).0, error.reason()));
                }
                Err(error) => return Err(error),
            }
        }
        children.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        Ok(children)
    }

    fn child(&mut self, place: &Place, text: &str, name: &std::fs::DirEntry, page: &mut Page) -> Result<Option<Child>> {
        let failed = |source| SourceError::Folder { path: name.path(), source };
        let (key, mut target) = place.join(text);
        let kind = name.file_type().map_err(failed)?;
        let is_link = kind.is_symlink();
        if kind.is_dir() {
            return Ok(Some(folder_child(key, target)));
        }
        // Follows links.
        let metadata = match std::fs::metadata(name.path()) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound && !is_link => return Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidFilename => return Err(failed(error)),
            Err(error) if is_link && leads_nowhere(&error) => {
                self.bounds.links.note_dangling(&url_on_disk(&key));
                page.skipped.add(Reason::Dangling, &key);
                return Ok(None);
            }
            // It may be a log: what is not known is listed again.
            Err(error) => {
                page.denied.push(denied(&key, failed(error).reason()));
                return Ok(None);
            }
        };
        if is_link {
            let real = std::fs::canonicalize(name.path()).map_err(failed)?;
            let is_wanted = metadata.is_dir() && self.is_wanted(&format!("{key}/"));
            let again = is_wanted && !self.linked.insert((metadata.dev(), metadata.ino()));
            if again || real.starts_with(&self.bounds.root) || (metadata.is_dir() && self.leads_back(&place.key, &real))
            {
                page.skipped.add(Reason::Link, &key);
                return Ok(None);
            }
            self.check(name.path(), &real)?;
            self.bounds.links.note(&real);
            let Some(real) = key_of(&real) else {
                let reason = "it leads to a name that is no UTF-8; rename that".to_owned();
                page.denied.push(denied(&key, reason));
                return Ok(None);
            };
            target = Some(real);
        }
        if metadata.is_dir() {
            return Ok(Some(folder_child(key, target)));
        }
        if !metadata.is_file() {
            page.skipped.add(Reason::NotAFile, &key);
            return Ok(None);
        }
        Ok(Some(Child::File(Entry { target, ..entry(key, &metadata) })))
    }

    /// Refuses a link to the lake, to something in it, or to a folder that holds it.
    fn check(&self, link: PathBuf, real: &Path) -> Result<()> {
        match &self.bounds.lake {
            Some(lake) if real.starts_with(lake) || lake.starts_with(real) => {
                Err(SourceError::IntoLake { link, lake: lake.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether a linked folder holds one of those on the way to the link, so that the walk would come here again.
    fn leads_back(&self, prefix: &str, real: &Path) -> bool {
        let path = path_of(prefix);
        let on_the_way = path.ancestors().take_while(|folder| folder.starts_with(&self.bounds.root));
        on_the_way.filter_map(|folder| std::fs::canonicalize(folder).ok()).any(|folder| folder.starts_with(real))
    }

    fn is_wanted(&self, key: &str) -> bool {
        let Some(after) = self.after else { return true };
        // Of a folder, every key begins with its own.
        key > after || (key.ends_with('/') && after.starts_with(key))
    }
}

fn folder_child(key: String, target: Option<String>) -> Child {
    Child::Folder(Place { key: key + "/", target: target.map(|target| target + "/") })
}

/// Whether a link's end is known not to be there: its name leads to nothing, or back to itself.
fn leads_nowhere(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) || error.raw_os_error() == Some(libc::ELOOP)
}
