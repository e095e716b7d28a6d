//! Records of plain JSON end with a hash of themselves, so that one that was altered in its place or on its way is not
//! believed. Records under zstd have the checksum of their frames instead.

/// What is said of a record whose check is not that of its text.
pub const ALTERED: &str =
    "its check does not fit its text: it was altered where it lies, or on its way (then try again)";

const BEFORE: &[u8] = b",\n  \"check\": \"";
const AFTER: &[u8] = b"\"\n}\n";
const HEX_BYTES: usize = 2 * blake3::OUT_LEN;

/// `text`, a JSON object with a field or more, with one more at its end: `check`, the BLAKE3 of all bytes
/// before the comma in front of it.
pub fn with_check(text: &[u8]) -> Vec<u8> {
    let fields = text.trim_ascii_end().strip_suffix(b"}").expect("a record is an object").trim_ascii_end();
    let check = blake3::hash(fields).to_hex();
    [fields, BEFORE, check.as_bytes(), AFTER].concat()
}

/// Whether `text` is as it was written. Records of the first writers have no check, and pass.
pub fn is_as_written(text: &[u8]) -> bool {
    let tail_bytes = BEFORE.len() + HEX_BYTES + AFTER.len();
    let Some((fields, tail)) = text.len().checked_sub(tail_bytes).map(|at| text.split_at(at)) else { return true };
    let check = tail.strip_prefix(BEFORE).and_then(|tail| tail.strip_suffix(AFTER));
    check.is_none_or(|check| check == blake3::hash(fields).to_hex().as_bytes())
}
