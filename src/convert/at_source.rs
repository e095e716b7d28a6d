//! Objects that the ledger names, as they are at their sources now.

use futures::{StreamExt, TryStreamExt};

use super::ConvertError;
use super::run::Run;
use crate::source::{self, Location, Object, Store};

/// Objects asked for at once.
const HEADS_IN_FLIGHT_MAX: usize = 64;

/// Why an object is left alone that the ledger names.
const OUTSIDE: &str = "it is not of this run's sources (name its source too, or give --trust-plans)";

/// An object by its URL and its key, as a [`Reach`](source::Reach) takes it.
pub(super) fn with_key(url: &str) -> (String, String) {
    (url.to_owned(), Location::key_of(url).unwrap_or_default().to_owned())
}

/// What there is at the URL of an object.
pub(super) enum AtSource {
    There(Box<Object>),
    Gone,
    /// It may not be read, and why; or it has no byte.
    NotToBeHad(String),
}

/// The stores of objects that the ledger names beside those of the run's sources, opened as they are met.
#[derive(Default)]
pub(super) struct Sources {
    opened: Vec<Store>,
}

impl Sources {
    /// Objects by URL as they lie at their sources now. In the order of `urls`.
    pub async fn as_they_are(
        &mut self,
        run: &Run<'_>,
        urls: Vec<String>,
    ) -> Result<Vec<(String, AtSource)>, ConvertError> {
        let mut wanted = Vec::with_capacity(urls.len());
        let named: Vec<(String, String)> = urls.iter().map(|url| with_key(url)).collect();
        let held = run.reach().held_of(named.clone()).await?;
        for ((url, key), is_held) in named.into_iter().zip(held) {
            let store = match is_held {
                true => Some(self.store(run, &Location::root_of(&url)?).await?),
                false => None,
            };
            wanted.push((key, url, store));
        }
        let heads = wanted.into_iter().map(|(key, url, store)| async move {
            let Some(store) = store else { return Ok((url, AtSource::NotToBeHad(OUTSIDE.to_owned()))) };
            let found = match store.head(&key).await {
                Ok(Some(entry)) if entry.size == 0 => {
                    AtSource::NotToBeHad("it is empty at the source (0 bytes)".to_owned())
                }
                Ok(Some(entry)) => AtSource::There(Box::new(Object::new(&store.location, entry))),
                Ok(None) => AtSource::Gone,
                Err(error) if error.is_denied() => AtSource::NotToBeHad(error.to_string()),
                Err(error) => return Err(ConvertError::from(error)),
            };
            Ok((url, found))
        });
        futures::stream::iter(heads).buffered(HEADS_IN_FLIGHT_MAX).try_collect().await
    }

    async fn store(&mut self, run: &Run<'_>, root: &Location) -> Result<Store, ConvertError> {
        let known = run.sources.iter().chain(&self.opened).find(|store| store.location.root() == *root);
        if let Some(store) = known {
            return Ok(store.clone());
        }
        let store = source::open(root, &run.options.source_access).await?;
        self.opened.push(store.clone());
        Ok(store)
    }
}
