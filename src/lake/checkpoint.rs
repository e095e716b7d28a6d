//! The fold of the log through one entry, so that a run need not read the log from its birth.
//!
//! ```text
//! log      0 1 2 3 … 61 62 63 │ 64 65        plans that are still open at 63 stay in the checkpoint itself;
//! checkpoint            63 ───┘              of the sealed ones it says where their records are filed
//! ```
//!
//! A checkpoint is a shortcut and no truth of its own: the log and the commits say all that it says, and whoever loses
//! one reads an older one, or the log from its beginning.

use serde::{Deserialize, Serialize};

use super::check::{ALTERED, is_as_written, with_check};
use super::entries::{TASKS_MAX, check_format};
use super::{Lake, LakeError, State};

/// A checkpoint as it lies on storage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The newest format of an entry in it: a program that does not know that one stops here as it would at the entry.
    pub format: u32,
    /// Program and version, for people.
    pub written_by: String,
    /// Time of writing (RFC 3339), for people.
    pub at: String,
    /// What the log said then. Sealed plans are left out: [`State::filed`] says where their records lie.
    pub state: State,
}

impl Checkpoint {
    /// The newest checkpoint of a lake, if there is one.
    pub(super) async fn newest(lake: &Lake) -> Result<Option<Checkpoint>, LakeError> {
        let listed = lake.list(&lake.names.checkpoints()).await?;
        let Some(number) = listed.iter().filter_map(|meta| lake.names.checkpoint_of(&meta.location)).max() else {
            return Ok(None);
        };
        Checkpoint::read(lake, number).await
    }

    /// One checkpoint, unless it was removed.
    pub async fn read(lake: &Lake, number: u64) -> Result<Option<Checkpoint>, LakeError> {
        let path = lake.names.checkpoint(number);
        let Some(bytes) = lake.read_json(&path).await? else { return Ok(None) };
        let url = lake.names.url(&path);
        let checkpoint = Checkpoint::parse(&bytes, &url)?;
        let State { next, filed, plans, .. } = &checkpoint.state;
        let is_of_its_entry = Some(number) == filed.through && next.checked_sub(1) == Some(number);
        if !is_of_its_entry || plans.values().any(|plan| plan.plan.tasks > TASKS_MAX) {
            let reason = format!("its numbers are not those of the log through entry {number}");
            return Err(LakeError::Checkpoint { url, reason });
        }
        Ok(Some(checkpoint))
    }

    /// Reads the bytes of the checkpoint at `url`. Nothing is held against its number: [`Checkpoint::read`] does that.
    ///
    /// # Errors
    /// [`LakeError::Newer`] if a newer program wrote it, else one that says that it is altered or not readable.
    pub fn parse(bytes: &[u8], url: &str) -> Result<Checkpoint, LakeError> {
        let fail = |reason: String| LakeError::Checkpoint { url: url.into(), reason };
        if !is_as_written(bytes) {
            return Err(fail(ALTERED.into()));
        }
        check_format(bytes, url).map_err(|error| match error {
            // Nothing is lost with it, unlike with a record.
            LakeError::Record { reason, .. } => fail(reason),
            other => other,
        })?;
        let checkpoint: Checkpoint = serde_json::from_slice(bytes).map_err(|error| fail(error.to_string()))?;
        let State { filed, totals, .. } = &checkpoint.state;
        match filed.live.as_ref().and_then(|index| index.fault(totals.rows)) {
            Some(reason) => Err(fail(reason)),
            None => Ok(checkpoint),
        }
    }

    /// With a check.
    pub fn encode(&self) -> Vec<u8> {
        with_check(&serde_json::to_vec(self).expect("a checkpoint is plain data"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is lost with a checkpoint: whatever is wrong with it, the advice is to delete it.
    #[test]
    fn a_damaged_checkpoint_may_be_deleted() {
        let sound = Checkpoint { format: 1, written_by: String::new(), at: String::new(), state: State::default() };
        let sound = sound.encode();
        assert!(Checkpoint::parse(&sound, "c").is_ok());
        for damaged in [&b""[..], &sound[..sound.len() / 2], b"{}", b"{\"format\":1}", b"no JSON"] {
            let error = Checkpoint::parse(damaged, "c").unwrap_err();
            assert!(matches!(error, LakeError::Checkpoint { .. }), "{error}");
        }
        let newer = Checkpoint::parse(b"{\"format\":99}", "c").unwrap_err();
        assert!(matches!(newer, LakeError::Newer { found: 99, .. }), "{newer}");
    }
}
