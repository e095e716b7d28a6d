//! Names that nobody can know beforehand, and that no other run gives.

pub(super) fn nonce() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Whether a text looks like a [`nonce`].
pub(super) fn is_nonce(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
