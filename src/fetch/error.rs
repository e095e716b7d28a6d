//! Why an object's bytes could not be had: never a fault of its content.

use std::io;

use crate::source::{detail_of, full_text};

/// Faults of getting bytes. A transient one leaves the task open; by any other the object is unread.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum FetchError {
    #[error("object is gone since it was planned; plan again")]
    Gone,
    #[error("object may not be read: {detail}; reading needs s3:GetObject, and kms:Decrypt if it is encrypted")]
    Denied { detail: String },
    #[error("object was changed since it was planned, to version \"{found}\"; plan again")]
    Changed { found: String },
    #[error("object is archived; restore it from Glacier and run again")]
    Archived,
    #[error("object could not be fetched: {detail}; run again")]
    Transient { detail: String },
}

impl FetchError {
    /// The fetch error in a reader's error, if it is one; otherwise the content is at fault.
    pub fn of(error: &io::Error) -> Option<&FetchError> {
        error.get_ref()?.downcast_ref()
    }

    /// What a store's error says; for `Changed`, the version found is not known yet.
    pub(super) fn from_store(error: &object_store::Error) -> FetchError {
        use object_store::Error as Store;
        let text = full_text(error);
        let detail = detail_of(&text);
        if text.contains("InvalidObjectState") {
            return FetchError::Archived;
        }
        match error {
            Store::NotFound { .. } => FetchError::Gone,
            Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => FetchError::Denied { detail },
            Store::Precondition { .. } => FetchError::Changed { found: String::new() },
            // A request that is wrong in itself (SSE-C, a disabled key) stays wrong when it is repeated.
            _ if text.contains("status code: 400") => FetchError::Denied { detail },
            _ => FetchError::Transient { detail },
        }
    }

    pub(super) fn from_io(error: &io::Error) -> FetchError {
        match error.kind() {
            io::ErrorKind::NotFound => FetchError::Gone,
            io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
                FetchError::Denied { detail: error.to_string() }
            }
            _ => FetchError::Transient { detail: error.to_string() },
        }
    }
}

impl From<FetchError> for io::Error {
    fn from(error: FetchError) -> io::Error {
        io::Error::other(error)
    }
}
