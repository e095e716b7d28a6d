//! What it means for a verification that a record could not be read.

use super::AuditError;
use super::difference::{Difference, DifferenceKind};
use crate::lake::{Lake, LakeError};

const BODY: &str = "the tasks of a plan, from a copy or by `flowlake repair`";

/// A record that cannot be read is a difference; a store that cannot be read, or a newer format, is an error.
pub fn problem(lake: &Lake, error: LakeError) -> Result<Difference, AuditError> {
    let relative = |url: &str| url.strip_prefix(lake.names.lake_url()).unwrap_or(url).to_owned();
    match error {
        LakeError::Gap { url } | LakeError::Lost { url, .. } => Ok(Difference::of_file(
            DifferenceKind::RecordMissing,
            &relative(&url),
            "a record that another one names",
            "nothing",
        )),
        LakeError::Body { url, reason: None } => {
            Ok(Difference::of_file(DifferenceKind::RecordMissing, &relative(&url), BODY, "nothing"))
        }
        LakeError::Body { url, reason: Some(reason) } => {
            Ok(Difference::of_file(DifferenceKind::RecordUnreadable, &relative(&url), BODY, reason))
        }
        LakeError::Record { url, reason }
        | LakeError::Archive { url, reason }
        | LakeError::LastEntry { url, reason }
        | LakeError::Foreign { url, reason }
        | LakeError::Checkpoint { url, reason }
        | LakeError::Filed { url, reason } => {
            Ok(Difference::of_file(DifferenceKind::RecordUnreadable, &relative(&url), "a ledger record", reason))
        }
        LakeError::Store(_)
        | LakeError::Newer { .. }
        | LakeError::NewerWord { .. }
        | LakeError::NoLake { .. }
        | LakeError::OlderLog { .. }
        | LakeError::ShortLog { .. } => Err(error.into()),
    }
}
