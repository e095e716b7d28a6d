//! Partitions proven several at once, and their differences told in the partitions' order.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::difference::Difference;
use super::notes::Notes;
use super::opened::Opening;
use super::partition::{self, Telling};
use super::{Audit, AuditError};

/// Differences of one partition that wait for those of earlier ones to be told; then its thread waits.
const WAITING_MAX: usize = 64;
/// Partitions that are begun or proven before an earlier one is told, a thread: their sizes differ.
const BEGUN_MAX: usize = 8;

/// A partition that has its turn.
struct Begun {
    told: mpsc::Receiver<Difference>,
    proving: JoinHandle<Result<(), AuditError>>,
}

/// Proves every partition that was noted.
pub async fn prove(audit: &mut Audit<'_>) -> Result<(), AuditError> {
    let notes = std::mem::replace(&mut audit.notes, Notes::new(&audit.options.scratch));
    let (context, mut partitions) = (audit.context(), notes.partitions());
    let threads = Arc::new(Semaphore::new(audit.threads));
    let mut next = partitions.next();
    let mut begun: VecDeque<Begun> = VecDeque::new();
    while next.is_some() || !begun.is_empty() {
        let may_begin = next.is_some() && begun.len() < audit.threads * BEGUN_MAX;
        let told = async {
            match begun.front_mut() {
                Some(first) => first.told.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // In their order, so that the first one that is not told always has a thread.
            thread = threads.clone().acquire_owned(), if may_begin => {
                let Some(partition) = std::mem::replace(&mut next, partitions.next()) else { continue };
                let (tell, told) = mpsc::channel(WAITING_MAX);
                let opening = Opening { context: context.clone(), runtime: Handle::current() };
                let proving = tokio::task::spawn_blocking(move || {
                    let _thread = thread.expect("nobody closes it");
                    partition::prove(&partition, &opening, &Telling(tell))
                });
                begun.push_back(Begun { told, proving });
            }
            difference = told => match (difference, begun.pop_front()) {
                (Some(difference), Some(first)) => {
                    audit.differ(&difference)?;
                    begun.push_front(first);
                }
                (None, Some(first)) => first.proving.await.expect("proving a partition does not panic")?,
                (_, None) => {}
            },
        }
    }
    Ok(())
}
