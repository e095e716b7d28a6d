//! Files of the lake, opened for reading if they are what a record says.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::AuditError;
use super::difference::{Difference, DifferenceKind};
use super::notes::LiveFile;
use super::standing::Standing;
use crate::lake::{Lake, LakeError, OpenError, Relative, State, Superseded, Unlike, all_removed};
use crate::progress::Progress;
use crate::source::Retries;

/// What tasks and partitions share.
#[derive(Clone)]
pub struct Context {
    pub lake: Lake,
    /// For files of lakes that are not on disk.
    pub scratch: PathBuf,
    /// Bits of lines that are held at a time, a thread.
    pub bits_max: u64,
    /// Bytes of what receipts say of a partition, a thread.
    pub part_bytes_max: u64,
    pub progress: Progress,
    /// Tasks whose files are gone, or on their way out.
    pub superseded: Arc<Superseded>,
    pub standing: Arc<Standing>,
}

/// Opens data files one by one, as they are read: a partition may have more than a process may hold open.
/// It waits, and must be asked outside of the runtime's own threads.
pub struct Opening {
    pub context: Context,
    pub runtime: Handle,
}

/// A file that a record names, as it was found.
pub enum Opened {
    /// It is what the record says.
    AsSaid(File),
    /// It is missing, or other than that.
    Differs(Difference),
}

impl Opening {
    /// A live file. Its hash is looked at the first time.
    pub fn file(&self, live: &LiveFile, is_first: bool) -> Result<Opened, AuditError> {
        let (name, record) = (live.path(), &live.record);
        let hash = is_first.then_some(record.hash.as_str());
        let expected = Expected { name: &name, bytes: Some(record.bytes), hash };
        let opened = self.runtime.block_on(self.context.open(&expected))?;
        if is_first {
            self.context.progress.object(record.bytes);
        }
        Ok(opened)
    }

    /// Those of some live files that may be gone since the verification began.
    pub fn replaced_by_now<'a>(&self, files: &[&'a LiveFile]) -> Result<Vec<&'a LiveFile>, AuditError> {
        self.runtime.block_on(async {
            let state = State::load(&self.context.lake).await?;
            let superseded = state.superseded(&self.context.lake).await?;
            let removed = self.context.removed_by_now(&state).await;
            let was_sealed = |file: &LiveFile| file.waits && !state.is_open(file.task.plan);
            let is_replaced = |file: &&LiveFile| {
                was_sealed(file) || superseded.tasks.contains(&file.task) || removed.contains(&file.record.path)
            };
            Ok(files.iter().copied().filter(is_replaced).collect())
        })
    }
}

/// What a record says of a file's bytes. The hash may be cut short; without one it is not looked at.
struct Expected<'a> {
    name: &'a Relative,
    bytes: Option<u64>,
    hash: Option<&'a str>,
}

impl Context {
    /// Names that have left the lake by now. A ledger that cannot be read is told of elsewhere.
    async fn removed_by_now(&self, state: &State) -> HashSet<Relative> {
        all_removed(state.every_head(&self.lake).await.unwrap_or_default().iter()).cloned().collect()
    }

    pub async fn has_left_by_now(&self, name: &Relative) -> Result<bool, AuditError> {
        let removed = self.removed_by_now(&State::load(&self.lake).await?).await;
        Ok(removed.contains(name))
    }

    /// The lines that a task set aside: their name tells their hash.
    pub async fn rejects(&self, name: &Relative) -> Result<Opened, AuditError> {
        let hash = name.rsplit('-').next().and_then(|rest| rest.split('.').next()).unwrap_or_default();
        Ok(match self.open(&Expected { name, bytes: None, hash: Some(hash) }).await? {
            Opened::Differs(difference) => {
                let kind = match difference.kind {
                    DifferenceKind::FileMissing => DifferenceKind::RecordMissing,
                    _ => DifferenceKind::RecordDiffers,
                };
                Opened::Differs(Difference { kind, ..difference })
            }
            as_said => as_said,
        })
    }

    async fn open(&self, expected: &Expected<'_>) -> Result<Opened, AuditError> {
        let Expected { name, bytes, hash } = *expected;
        // A connection that breaks in the middle is no difference.
        let mut trying = Retries::READ.begin();
        let unlike = loop {
            match self.lake.open_as_said(name, bytes, hash, &self.scratch).await {
                Ok(file) => return Ok(Opened::AsSaid(file)),
                Err(OpenError::Unlike(unlike)) => break unlike,
                Err(OpenError::Scratch(source)) => {
                    return Err(AuditError::Scratch { path: self.scratch.clone(), source });
                }
                Err(OpenError::Lake(error)) => {
                    let passes = matches!(&error, LakeError::Store(error) if error.passes());
                    if !passes || !trying.again().await {
                        return Err(error.into());
                    }
                }
            }
        };
        let told = |kind, wanted: String, found: String| Difference::of_file(kind, name, wanted, found);
        let wanted = bytes.map_or_else(|| "a file".to_owned(), |bytes| format!("{bytes} bytes"));
        Ok(Opened::Differs(match unlike {
            Unlike::Missing => told(DifferenceKind::FileMissing, wanted, "nothing".to_owned()),
            Unlike::Size(found) => told(DifferenceKind::FileSize, wanted, format!("{found} bytes")),
            Unlike::Hash(found) => {
                let wanted = format!("BLAKE3 {}", hash.unwrap_or_default());
                told(DifferenceKind::FileHash, wanted, format!("BLAKE3 {found}"))
            }
        }))
    }
}
