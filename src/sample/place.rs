//! The folder of a sample: what may lie there already.

use std::collections::HashSet;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::SampleError;
use super::object::Object;

/// Refuses a folder in which anything lies that is none of these objects. Empty folders are no matter; what a sample
/// left that was killed while it wrote an object is removed, since a conversion would take it for one.
pub fn refuse_others(dir: &Path, objects: &[Object]) -> Result<(), SampleError> {
    let own: HashSet<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    let (mut open, mut unfinished) = (vec![dir.to_owned()], Vec::new());
    while let Some(folder) = open.pop() {
        let fail = |source| SampleError::Write { path: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries.map_err(fail)?,
        };
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let path = entry.path();
            let key = path.strip_prefix(dir).ok().and_then(Path::to_str);
            let kind = entry.file_type().map_err(fail)?;
            // Over a link, a folder may be one of somebody else.
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() && is_unfinished(&entry.file_name().to_string_lossy()) {
                unfinished.push(path);
            // What a link leads to is somebody's file, whatever the link is called.
            } else if !kind.is_file() || !key.is_some_and(|key| own.contains(key)) {
                return Err(SampleError::Other { path });
            }
        }
    }
    for path in unfinished {
        fs::remove_file(&path).map_err(|source| SampleError::Write { path, source })?;
    }
    Ok(())
}

/// Whether a name is one that [`crate::output`] gives to a file under construction.
fn is_unfinished(name: &str) -> bool {
    let middle = name.strip_prefix(".flowlake-").and_then(|rest| rest.strip_suffix(".part"));
    middle.is_some_and(|middle| middle.len() == 32 && middle.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a file has these bytes. Of a pipe or a device nothing is read.
pub fn holds(path: &Path, bytes: &[u8]) -> bool {
    let is_as_long = |found: fs::Metadata| found.is_file() && found.len() == bytes.len() as u64;
    if !fs::metadata(path).is_ok_and(is_as_long) {
        return false;
    }
    let mut found = Vec::with_capacity(bytes.len());
    let read = fs::File::open(path).and_then(|file| file.take(bytes.len() as u64).read_to_end(&mut found));
    read.is_ok() && found == bytes
}
