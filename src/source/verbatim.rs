//! Any S3 key through object_store's narrower paths: an escape, and the HTTP layer that applies and removes it.
//!
//! object_store refuses a whole page of a listing if one key on it has an empty segment (`logs//AWSLogs/…` is what a
//! flow log with the prefix `logs/` makes), a segment `.` or `..`, or a control character. Here a listing's keys are
//! escaped before object_store reads them; a request for an escaped key is restored and signed anew before it is sent.
//!
//! ```text
//! S3 ──XML──▶ escape keys ──▶ object_store (Path) ──▶ unescape ──▶ key, verbatim
//! S3 ◀─sign─ unescape URL ◀── object_store (Path) ◀── escape ◀──── key, verbatim
//! ```
//!
//! The escape is one-to-one: a segment that needs it is marked by a leading [`MARK`] and has its odd characters
//! replaced; all other segments, practically all keys, are untouched. `.` and `..` segments survive a listing, but no
//! HTTP client here can ask for them, and so they are counted as unreachable.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::path::Path;
use url::form_urlencoded;

/// A private-use character; where a key has one itself, it is escaped too.
const MARK: char = '\u{F8F0}';
/// [`MARK`] as object_store writes it in a URL.
const MARK_IN_URL: &str = "%EF%A3%B0";
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

fn unescape_segment(segment: &str) -> String {
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

/// Signs a request whose URL was restored.
pub(super) struct Signer {
    /// `None` for public buckets.
    pub(super) credentials: Option<AwsCredentialProvider>,
    pub(super) region: String,
    pub(super) request_payer: bool,
}

/// Opens clients that keep keys verbatim and count their requests.
pub(super) struct VerbatimConnector {
    signer: Arc<Signer>,
    requests: Arc<AtomicU64>,
}

impl VerbatimConnector {
    pub(super) fn new(signer: Signer, requests: Arc<AtomicU64>) -> VerbatimConnector {
        VerbatimConnector { signer: Arc::new(signer), requests }
    }
}

impl fmt::Debug for VerbatimConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerbatimConnector")
    }
}

impl HttpConnector for VerbatimConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Verbatim {
            client,
            signer: Arc::clone(&self.signer),
            requests: Arc::clone(&self.requests),
        }))
    }
}

struct Verbatim {
    client: HttpClient,
    signer: Arc<Signer>,
    requests: Arc<AtomicU64>,
}

impl fmt::Debug for Verbatim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verbatim")
    }
}

#[async_trait]
impl HttpService for Verbatim {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(restored) = restore_url(&request.uri().to_string()) {
            *request.uri_mut() = restored.parse().map_err(|error| HttpError::new(HttpErrorKind::Request, error))?;
            self.sign(&mut request).await?;
        }
        let is_listing = request.uri().query().is_some_and(|query| query.contains("list-type=2"));
        let response = self.client.execute(request).await?;
        if !is_listing || !response.status().is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let bytes = body.bytes().await?;
        let escaped = std::str::from_utf8(&bytes).ok().and_then(escape_listing);
        let body = escaped.map_or_else(|| bytes.into(), |text| text.into());
        Ok(HttpResponse::from_parts(parts, body))
    }
}

impl Verbatim {
    async fn sign(&self, request: &mut HttpRequest) -> Result<(), HttpError> {
        let Some(credentials) = &self.signer.credentials else { return Ok(()) };
        let credential =
            credentials.get_credential().await.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        AwsAuthorizer::new(&credential, "s3", &self.signer.region)
            .with_request_payer(self.signer.request_payer)
            .authorize(request, None);
        Ok(())
    }
}

/// The URL with its escapes undone, in path and query; `None` if it has none.
fn restore_url(url: &str) -> Option<String> {
    if !url.contains(MARK_IN_URL) {
        return None;
    }
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let restored: Vec<Cow<'_, str>> = path
        .split('/')
        .map(|segment| match percent_decoded(segment) {
            Some(decoded) if decoded.contains(MARK) => Cow::Owned(percent_encoded(&unescape_segment(&decoded))),
            _ => Cow::Borrowed(segment),
        })
        .collect();
    let mut url = restored.join("/");
    if let Some(query) = query {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            pairs.append_pair(&name, &unescape(&value));
        }
        url.push('?');
        url.push_str(&pairs.finish());
    }
    Some(url)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |byte: u8| (byte as char).to_digit(16);
                bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// As S3's signature wants it: all but the unreserved characters.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte as char),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A listing with its odd keys escaped; `None` if it has none, as practically always.
fn escape_listing(xml: &str) -> Option<String> {
    let keys = escape_texts(xml, "Key");
    let prefixes = escape_texts(keys.as_deref().unwrap_or(xml), "Prefix");
    prefixes.or(keys)
}

fn escape_texts(xml: &str, tag: &str) -> Option<String> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut out = String::new();
    let mut copied = 0;
    for (at, _) in xml.match_indices(&open) {
        let start = at + open.len();
        let Some(length) = xml[start..].find(&close) else { break };
        let text = xml_plain(&xml[start..start + length]);
        // A common prefix ends in the delimiter, which is not a segment of its own.
        let (body, end) = match text.strip_suffix('/') {
            Some(body) if tag == "Prefix" => (body, "/"),
            _ => (text.as_ref(), ""),
        };
        // The folder with the empty name at the top of a bucket.
        let escaped = if end == "/" && body.is_empty() { Cow::Owned(MARK.to_string()) } else { escape(body) };
        if let Cow::Owned(escaped) = escaped {
            out.push_str(&xml[copied..start]);
            out.push_str(&xml_escaped(&escaped));
            out.push_str(end);
            copied = start + length;
        }
    }
    if copied == 0 {
        return None;
    }
    out.push_str(&xml[copied..]);
    Some(out)
}

fn xml_plain(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (entity, tail) = after.split_once(';').unwrap_or((after, ""));
        let number = match entity.strip_prefix("#x").or(entity.strip_prefix("#X")) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => entity.strip_prefix('#').and_then(|digits| digits.parse().ok()),
        };
        match (entity, number.and_then(char::from_u32)) {
            (_, Some(c)) => plain.push(c),
            ("amp", _) => plain.push('&'),
            ("lt", _) => plain.push('<'),
            ("gt", _) => plain.push('>'),
            ("quot", _) => plain.push('"'),
            ("apos", _) => plain.push('\''),
            _ => plain.extend(['&']),
        }
        rest = tail;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn xml_escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The path whose listing is that of `prefix` (empty, or ending in `/`); `None` for the whole bucket.
pub(super) fn folder_path(prefix: &str) -> Option<Path> {
    let body = prefix.strip_suffix('/')?;
    let escaped = if body.is_empty() { Cow::Owned(MARK.to_string()) } else { escape(body) };
    Some(Path::parse(escaped.as_ref()).expect("an escaped key has no segment that a path refuses"))
}
