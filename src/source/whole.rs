//! All objects of a source.

use std::sync::{Mutex, PoisonError};

use futures::TryStreamExt;

use super::{Denied, Filter, Object, Skipped, SourceError, Store, find_chains, list_chain};

/// What there is to say of a source beside its objects.
#[derive(Debug, Default)]
pub struct Whole {
    /// Services of which there are logs that flowlake does not read.
    pub other_services: Vec<String>,
    /// Objects that are no flow logs, by reason.
    pub skipped: Skipped,
    /// Folders that may not be listed.
    pub denied: Vec<Denied>,
}

/// Lists a source from beginning to end, one chain after the other, and hands on its objects as they come, without
/// empty ones.
///
/// # Errors
/// If the source cannot be listed, or `take` fails.
pub async fn list_whole<E>(store: &Store, mut take: impl FnMut(Vec<Object>) -> Result<(), E> + Send) -> Result<Whole, E>
where
    E: From<SourceError> + Send,
{
    let taking = Mutex::new((&mut take, Skipped::default(), Ok(())));
    let take_loose = |mut objects: Vec<Object>| {
        let mut taking = taking.lock().unwrap_or_else(PoisonError::into_inner);
        let (take, skipped, taken) = &mut *taking;
        skipped.take_empty(&mut objects);
        if taken.is_ok() && !objects.is_empty() {
            *taken = take(objects);
        }
    };
    let found = find_chains(store, &Filter::default(), &take_loose).await?;
    let (_, empty, taken) = taking.into_inner().unwrap_or_else(PoisonError::into_inner);
    taken?;
    let other_services = found.other_services.into_iter().collect();
    let mut whole = Whole { other_services, skipped: found.skipped, denied: found.denied };
    whole.skipped.merge(&empty);
    for chain in &found.chains {
        let mut pages = list_chain(store, chain, None, None);
        loop {
            let mut page = match pages.try_next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) if error.is_denied() => {
                    let prefix = store.location.url_of(&chain.prefix);
                    whole.denied.push(Denied { prefix, reason: error.reason() });
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            whole.skipped.merge(&page.skipped);
            whole.denied.extend(page.denied);
            whole.skipped.take_empty(&mut page.objects);
            take(page.objects)?;
        }
    }
    Ok(whole)
}
