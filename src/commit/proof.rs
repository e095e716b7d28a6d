//! What lies at a name of the lake, held against the file that the ledger says of it.
//!
//! Nothing is deleted for a file that is not proven: what a copy or a restore that was cut left at its name, or what
//! somebody else laid there, would be all that is left.

use super::intact::is_as_said;
use super::local::Linked;
use super::{CommitError, LakeWriter};
use crate::lake::{DataFile, Relative};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The file, by its size and BLAKE3.
    Proven,
    Nothing,
    /// Something else: other bytes, or on disk a folder or a pipe.
    Another,
}

/// Reads what lies at a name, which must be the bytes of `file`.
pub async fn found(writer: &LakeWriter, name: &Relative, file: &DataFile) -> Result<Found, CommitError> {
    if is_as_said(&writer.lake, name, Some(file.bytes), &file.hash).await? {
        return Ok(Found::Proven);
    }
    Ok(if writer.is_taken(name).await? { Found::Another } else { Found::Nothing })
}

/// What keeps a file from being seen at its name as well as at `hidden`, where it lies. Nothing does if it is there
/// already.
pub async fn obstacle(
    writer: &LakeWriter,
    hidden: &Relative,
    file: &DataFile,
) -> Result<Option<CommitError>, CommitError> {
    let names = &writer.lake.names;
    let place = found(writer, &file.path, file).await?;
    if place == Found::Proven {
        return Ok(None);
    }
    if found(writer, hidden, file).await? != Found::Proven {
        return Ok(Some(CommitError::FileGone { url: names.url(&names.inside(hidden)) }));
    }
    Ok((place == Found::Another).then(|| CommitError::in_the_way(names, file)))
}

/// Lets a file be seen at its name, unless it lies there already: no copy is laid over it, which may be damaged by now.
pub async fn show_once(writer: &LakeWriter, hidden: &Relative, file: &DataFile) -> Result<Linked, CommitError> {
    if found(writer, &file.path, file).await? == Found::Proven {
        return Ok(Linked::Made);
    }
    let linked = writer.show(hidden, &file.path).await?;
    // A rival may have shown it, and removed what lay there.
    let is_there = linked == Linked::Made || found(writer, &file.path, file).await? == Found::Proven;
    Ok(if is_there { Linked::Made } else { linked })
}
