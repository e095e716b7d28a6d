//! The place that a SOURCE or LAKE argument names, as one canonical URL.
//!
//! Texts are taken verbatim: a percent sign, a space or a `#` is part of the name and nothing is decoded, so that a key
//! and its URL are the same characters. On disk a key is the absolute path without its first `/`; the part of the path
//! that exists is resolved through symlinks, so that two ways to one folder are one location.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::error::{Result, SourceError};
use super::secret::without_secrets;

/// On what a location lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// A path, or `file://…`.
    Local,
    /// `s3://…`: on AWS, or on a store that speaks the same protocol.
    S3,
}

/// A bucket and a prefix, or a folder on disk; or one object of either. It need not exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    kind: StoreKind,
    /// Empty on disk.
    bucket: String,
    /// Key of the folder or object, without a trailing `/`; empty for a whole bucket.
    key: String,
    is_file: bool,
}

/// The URL of a file or folder on disk by its key: its path without the first `/`.
pub(super) fn url_on_disk(key: &str) -> String {
    format!("file:///{key}")
}

impl Location {
    /// Reads a path, `file://…` or `s3://bucket/prefix`.
    pub fn parse(text: &str) -> Result<Location> {
        if text.is_empty() {
            return Err(wrong(text, "is empty; give a path or s3://bucket/prefix"));
        }
        match text.split_once("://") {
            Some(("s3", rest)) => Location::s3(text, rest),
            Some(("file", rest)) if rest.starts_with('/') => Location::local(text, Path::new(rest)),
            Some(("file", _)) => Err(wrong(text, "names a host; write file:///absolute/path")),
            Some((scheme, _)) if is_scheme(scheme) => {
                Err(wrong(text, "has a scheme that is not supported; use a path, file:// or s3://"))
            }
            _ => Location::local(text, Path::new(text)),
        }
    }

    fn s3(text: &str, rest: &str) -> Result<Location> {
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let name_is_sound = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if bucket.is_empty() || !bucket.bytes().all(name_is_sound) {
            return Err(wrong(text, "has no valid bucket name; write s3://bucket/prefix"));
        }
        // One slash only: `a//` is the folder with the empty name below `a`.
        let key = key.strip_suffix('/').unwrap_or(key).to_owned();
        Ok(Location { kind: StoreKind::S3, bucket: bucket.to_owned(), key, is_file: false })
    }

    /// A folder on disk, whatever its path looks like.
    pub fn of_folder(path: &Path) -> Result<Location> {
        Location::local(&path.to_string_lossy(), path)
    }

    fn local(text: &str, path: &Path) -> Result<Location> {
        let path = real_path(path).map_err(|_| wrong(text, "cannot be made an absolute path"))?;
        let key = path.to_str().ok_or_else(|| wrong(text, "is not UTF-8; rename the folder or link to it"))?;
        let is_file = path.is_file();
        Ok(Location { kind: StoreKind::Local, bucket: String::new(), key: key.trim_matches('/').to_owned(), is_file })
    }

    /// The bucket or disk of a URL that [`Location::url_of`] made.
    pub fn root_of(url: &str) -> Result<Location> {
        let kind = if url.starts_with("file://") { StoreKind::Local } else { StoreKind::S3 };
        match kind {
            StoreKind::Local => Ok(Location { kind, bucket: String::new(), key: String::new(), is_file: false }),
            StoreKind::S3 => Location::parse(url).map(|location| location.root()),
        }
    }

    /// The whole bucket, or the whole disk.
    pub fn root(&self) -> Location {
        Location { kind: self.kind, bucket: self.bucket.clone(), key: String::new(), is_file: false }
    }

    /// The scheme of the text tells it; nothing is asked.
    pub fn kind(&self) -> StoreKind {
        self.kind
    }

    /// The bucket's name; empty on disk.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key of the folder or object itself, without a trailing `/`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What every key below this folder begins with: empty, or ending in `/`.
    pub fn prefix(&self) -> String {
        if self.key.is_empty() { String::new() } else { format!("{}/", self.key) }
    }

    /// The folder on disk; `None` on S3.
    pub fn path(&self) -> Option<PathBuf> {
        (self.kind == StoreKind::Local).then(|| Path::new("/").join(&self.key))
    }

    /// That nothing is there, or on disk something else than a folder, or a file where one may be a source.
    pub(super) fn none_there(&self) -> SourceError {
        let Some(path) = self.path().filter(|path| path.exists()) else {
            return SourceError::Missing { url: self.url() };
        };
        SourceError::OtherThing { what: if path.is_file() { "a file" } else { "neither a file nor a folder" }, path }
    }

    /// `s3://bucket/prefix/` or `file:///absolute/path/`; a local file has no trailing `/`.
    pub fn url(&self) -> String {
        if self.is_file { self.url_of(&self.key) } else { self.url_of(&self.prefix()) }
    }

    /// The full URL of a key of this location's bucket or disk: the identity of a source object.
    pub fn url_of(&self, key: &str) -> String {
        match self.kind {
            StoreKind::S3 => format!("s3://{}/{key}", self.bucket),
            StoreKind::Local => url_on_disk(key),
        }
    }

    /// The URL of a name below this folder.
    pub fn join(&self, name: &str) -> String {
        self.url_of(&format!("{}{name}", self.prefix()))
    }

    /// Whether a URL is that of this object, or of one in this folder, by its letters: no link is looked up.
    pub fn holds(&self, url: &str) -> bool {
        let own = self.url();
        let is_under = own.ends_with('/') && url.starts_with(&own) && !url.contains("/../");
        is_under || url == own.strip_suffix('/').unwrap_or(&own)
    }

    /// The key in a URL that [`Location::url_of`] made.
    pub fn key_of(url: &str) -> Option<&str> {
        url.strip_prefix(&Location::root_of(url).ok()?.url())
    }

    /// Whether `other` is this folder or lies in it.
    pub fn contains(&self, other: &Location) -> bool {
        self.kind == other.kind && self.bucket == other.bucket && other.prefix().starts_with(&self.prefix())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url())
    }
}

fn wrong(text: &str, reason: &'static str) -> SourceError {
    SourceError::Location { text: without_secrets(text).into_owned(), reason }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Absolute, without `..`, and with the symlinks of the longest existing part resolved.
pub fn real_path(path: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut resolved = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            other => {
                resolved.push(other);
                if let Ok(real) = std::fs::canonicalize(&resolved) {
                    resolved = real;
                }
            }
        }
    }
    Ok(resolved)
}
