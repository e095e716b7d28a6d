//! Any S3 key through object_store's narrower paths: an escape that is one-to-one.
//!
//! object_store refuses a whole page of a listing if one key on it has an empty segment (`logs//AWSLogs/…` is what a
//! flow log with the prefix `logs/` makes), a segment `.` or `..`, or a control character. A segment that is odd in
//! such a way is marked by a leading [`MARK`] and has its odd characters replaced; all other segments, practically all
//! keys, are untouched. The `wire` module applies the escape to listings and undoes it in requests.
//!
//! `.` and `..` segments survive a listing, but no HTTP client here can ask for them; they are counted as unreachable.

use std::borrow::Cow;

use object_store::path::Path;

/// A private-use character; where a key has one itself, it is escaped too.
pub(super) const MARK: char = '\u{F8F0}';
/// Added to an odd character (a control, or a space at the edge of a key) after a [`MARK`].
const SHIFT: u32 = 0x40;

/// A key as an object_store path.
pub fn path_of(key: &str) -> Path {
    Path::parse(escape(key).as_ref()).expect("an escaped key has no segment that a path refuses")
}

/// A path as object_store lists it, as the key that S3 has.
pub fn key_of(path: &Path) -> String {
    unescape(path.as_ref()).into_owned()
}

fn is_odd(c: char) -> bool {
    c.is_ascii_control() || c == MARK
}

fn segment_is_odd(segment: &str) -> bool {
    matches!(segment, "" | "." | "..")
        || segment.chars().any(is_odd)
        // XML readers trim the edges of a text.
        || segment.starts_with(char::is_whitespace)
        || segment.ends_with(char::is_whitespace)
}

/// `key` in a form that every path reader keeps. The empty key stays empty.
pub(super) fn escape(key: &str) -> Cow<'_, str> {
    if key.is_empty() || !key.split('/').any(segment_is_odd) {
        return Cow::Borrowed(key);
    }
    let segments: Vec<String> = key.split('/').map(escape_segment).collect();
    Cow::Owned(segments.join("/"))
}

fn escape_segment(segment: &str) -> String {
    if !segment_is_odd(segment) {
        return segment.to_owned();
    }
    let mut escaped = String::from(MARK);
    for c in segment.chars() {
        match c {
            MARK => escaped.extend([MARK, MARK]),
            c if c.is_ascii_control() || c.is_whitespace() => {
                escaped.push(MARK);
                escaped.extend(char::from_u32(c as u32 + SHIFT));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains(MARK) {
        return Cow::Borrowed(text);
    }
    let segments: Vec<String> = text.split('/').map(unescape_segment).collect();
    Cow::Owned(segments.join("/"))
}

pub(super) fn unescape_segment(segment: &str) -> String {
    let Some(escaped) = segment.strip_prefix(MARK) else { return segment.to_owned() };
    let mut plain = String::new();
    let mut chars = escaped.chars();
    while let Some(c) = chars.next() {
        match (c, if c == MARK { chars.next() } else { None }) {
            (MARK, Some(MARK)) => plain.push(MARK),
            (MARK, Some(shifted)) => plain.extend((shifted as u32).checked_sub(SHIFT).and_then(char::from_u32)),
            (c, _) => plain.push(c),
        }
    }
    plain
}

/// The path whose listing is that of `prefix` (empty, or ending in `/`); `None` for the whole bucket.
pub(super) fn folder_path(prefix: &str) -> Option<Path> {
    let body = prefix.strip_suffix('/')?;
    let escaped = if body.is_empty() { Cow::Owned(MARK.to_string()) } else { escape(body) };
    Some(Path::parse(escaped.as_ref()).expect("an escaped key has no segment that a path refuses"))
}
