//! The commit of a task, which is created once, also by who slept until its plan was packed.

use bytes::Bytes;

use super::{CommitError, Created, LakeWriter};
use crate::lake::{Commit, TaskRef};

/// Writes the commit of a task, once. Who slept until its plan was packed finds the name free: then the entry of the
/// plan is gone from the log, and the commit that was packed counts.
pub(super) async fn create_commit(writer: &LakeWriter, commit: &Commit) -> Result<Created, CommitError> {
    let (lake, TaskRef { plan, task }) = (&writer.lake, commit.head.task_ref());
    let path = lake.names.commit(plan, task);
    let made = writer.create(&path, Bytes::from(commit.encode())).await?;
    if made == Created::Theirs || lake.lies(&lake.names.log(plan)).await?.is_some() || !lake.has_packed(&path).await? {
        return Ok(made);
    }
    if let Some(name) = lake.names.named(&path) {
        writer.delete_with_folders(&name).await?;
    }
    Ok(Created::Theirs)
}
