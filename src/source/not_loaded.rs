//! That no request was made for want of credentials, told within a store's error.

/// Marks, within a store's error, that no request was made for want of credentials.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotLoaded(pub String);

/// The chain's own words, if `error` is for want of credentials.
pub(super) fn not_loaded(error: &object_store::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<NotLoaded>() {
            let text = found.to_string();
            // The chain's report names each of its links, at length.
            let all = text.contains("no credentials found in chain");
            let short = "environment, profile, web identity, container and instance were tried";
            return Some(if all { short.to_owned() } else { text });
        }
        cause = error.source();
    }
    None
}
