//! The folder of a sample: what may lie there already.

use std::collections::HashSet;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::SampleError;
use super::object::Object;

/// Refuses a folder in which anything lies that is none of these objects. Empty folders are no matter.
pub fn refuse_others(dir: &Path, objects: &[Object]) -> Result<(), SampleError> {
    let own: HashSet<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    let mut open = vec![dir.to_owned()];
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
            // Over a link, a folder may be one of somebody else.
            if entry.file_type().map_err(fail)?.is_dir() {
                open.push(path);
            } else if !key.is_some_and(|key| own.contains(key)) && !is_unfinished(&entry.file_name().to_string_lossy())
            {
                return Err(SampleError::Other { path });
            }
        }
    }
    Ok(())
}

/// What a sample leaves that is killed while it writes an object (see [`crate::output`]).
fn is_unfinished(name: &str) -> bool {
    name.starts_with(".flowlake-") && name.ends_with(".part")
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
