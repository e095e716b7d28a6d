//! The HTTP layer under object_store's S3 client, where keys pass as S3 has them.
//!
//! ```text
//! S3 ──XML──▶ escape keys ──▶ object_store (Path) ──▶ unescape ──▶ key, verbatim
//! S3 ◀─sign─ unescape URL ◀── object_store (Path) ◀── escape ◀──── key, verbatim
//! ```
//!
//! A request for an escaped key is restored and signed anew; every other request and response passes untouched.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use quick_xml::escape::{partial_escape, unescape as unescape_xml};
use tracing::Instrument;
use tracing::field::Empty;
use url::form_urlencoded;

use super::verbatim::{MARK, escape, unescape, unescape_segment};

/// [`MARK`] as object_store writes it in a URL.
const MARK_IN_URL: &str = "%EF%A3%B0";

/// What S3's signature wants encoded: all but the unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The control character that no reader of XML makes of its reference.
const NUL_IN_XML: &str = "&#x0;";

/// A server that never answered is given up after this; one that did is waited for as long as requests are retried.
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A status that is a server's error by its number and never passes.
const NOT_IMPLEMENTED: u16 = 501;

/// Servers that this process had an answer from.
fn answered() -> MutexGuard<'static, BTreeSet<String>> {
    static ANSWERED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    ANSWERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Signs a request that object_store did not, or whose URL was restored.
pub(super) struct Signer {
    /// `None` for public buckets.
    pub(super) credentials: Option<AwsCredentialProvider>,
    pub(super) region: String,
    pub(super) request_payer: bool,
}

impl Signer {
    pub(super) async fn sign(&self, request: &mut HttpRequest) -> Result<(), HttpError> {
        let Some(credentials) = &self.credentials else { return Ok(()) };
        let credential =
            credentials.get_credential().await.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        // The body is what it was, and so is the hash of it that a first signature covered.
        let hash = request.headers().get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
        let digest = hash.and_then(|hash| hex::decode(hash).ok());
        AwsAuthorizer::new(&credential, "s3", &self.region)
            .with_request_payer(self.request_payer)
            .with_sign_payload(hash != Some("UNSIGNED-PAYLOAD"))
            .authorize(request, digest.as_deref());
        Ok(())
    }
}

/// Opens clients that keep keys verbatim and count their requests.
pub(super) struct VerbatimConnector {
    signer: Arc<Signer>,
    requests: Arc<AtomicU64>,
    plain: Arc<OnceLock<HttpClient>>,
}

impl VerbatimConnector {
    pub(super) fn new(signer: Arc<Signer>, requests: Arc<AtomicU64>) -> VerbatimConnector {
        VerbatimConnector { signer, requests, plain: Arc::default() }
    }

    /// Where the client underneath will be found, once the store is built: it neither signs nor counts nor changes a
    /// request.
    pub(super) fn plain(&self) -> Arc<OnceLock<HttpClient>> {
        Arc::clone(&self.plain)
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
        let _ = self.plain.set(client.clone());
        let (signer, requests) = (Arc::clone(&self.signer), Arc::clone(&self.requests));
        Ok(HttpClient::new(Verbatim { client, signer, requests, asked: OnceLock::new() }))
    }
}

/// The header that names what a server is to copy.
const COPY_SOURCE: &str = "x-amz-copy-source";

struct Verbatim {
    client: HttpClient,
    signer: Arc<Signer>,
    requests: Arc<AtomicU64>,
    /// When the first request was sent.
    asked: OnceLock<Instant>,
}

impl fmt::Debug for Verbatim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verbatim")
    }
}

#[async_trait]
impl HttpService for Verbatim {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (method, url) = (request.method().as_str(), request.uri().to_string());
        let span = tracing::debug_span!("request", method, url, status = Empty, bytes = Empty, error = Empty);
        let answer = self.send(request).instrument(span.clone()).await;
        match &answer {
            Ok(response) => {
                let length = response.headers().get("content-length").and_then(|value| value.to_str().ok());
                let length = length.and_then(|length| length.parse::<u64>().ok());
                span.record("status", response.status().as_u16()).record("bytes", length);
            }
            Err(error) => {
                span.record("error", tracing::field::display(error));
            }
        }
        answer
    }
}

impl Verbatim {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let copied = request.headers().get(COPY_SOURCE).and_then(|value| value.to_str().ok()).and_then(restore_url);
        let url = restore_url(&request.uri().to_string());
        let is_restored = copied.is_some() || url.is_some();
        if let Some(copied) = copied {
            let copied = copied.parse().map_err(|error| HttpError::new(HttpErrorKind::Request, error))?;
            request.headers_mut().insert(COPY_SOURCE, copied);
        }
        if let Some(url) = url {
            *request.uri_mut() = url.parse().map_err(|error| HttpError::new(HttpErrorKind::Request, error))?;
        }
        if is_restored {
            self.signer.sign(&mut request).await?;
        }
        let is_listing = request.uri().query().is_some_and(|query| query.contains("list-type=2"));
        let asked = *self.asked.get_or_init(Instant::now);
        let server = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let response = match self.client.execute(request).await {
            // A wrong address or name is no outage: this kind of error is not retried.
            Err(error) if asked.elapsed() > FIRST_ANSWER_TIMEOUT && !answered().contains(&server) => {
                return Err(HttpError::new(HttpErrorKind::Unknown, error));
            }
            answer => answer?,
        };
        if !answered().contains(&server) {
            answered().insert(server);
        }
        if response.status().as_u16() == NOT_IMPLEMENTED {
            let text = response.into_body().bytes().await.unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let error = std::io::Error::other(format!("the store has no such operation (501): {text}"));
            return Err(HttpError::new(HttpErrorKind::Unknown, error));
        }
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

/// The URL with its escapes undone, in path and query; `None` if it has none.
fn restore_url(url: &str) -> Option<String> {
    if !url.contains(MARK_IN_URL) {
        return None;
    }
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let restored: Vec<Cow<'_, str>> = path
        .split('/')
        .map(|segment| match percent_decode_str(segment).decode_utf8() {
            Ok(decoded) if decoded.contains(MARK) => {
                utf8_percent_encode(&unescape_segment(&decoded), ENCODED).to_string().into()
            }
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
            out.push_str(&partial_escape(&escaped));
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

/// A text of XML as it is meant. A reference that no reader knows leaves it as it is written.
fn xml_plain(text: &str) -> Cow<'_, str> {
    if text.contains(NUL_IN_XML) {
        // A key may hold it, XML may not.
        return Cow::Owned(xml_plain(&text.replace(NUL_IN_XML, "\0")).into_owned());
    }
    unescape_xml(text).unwrap_or(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_keys_of_a_listing_are_escaped_and_restored_in_requests() {
        let xml = "<Prefix></Prefix><Key>a//b &amp; c</Key><Key>plain</Key><Key>x/../y</Key><Prefix>p//</Prefix>";
        let escaped = escape_listing(xml).unwrap();
        let mark = MARK;
        assert_eq!(
            escaped,
            format!(
                "<Prefix></Prefix><Key>a/{mark}/b &amp; c</Key><Key>plain</Key><Key>x/{mark}../y</Key>\
                 <Prefix>p/{mark}/</Prefix>"
            )
        );
        assert_eq!(
            escape_listing("<Key>a&#x0;b &#38; &lt;c</Key>").unwrap(),
            format!("<Key>{mark}a{mark}@b{mark}`&amp;{mark}`&lt;c</Key>")
        );
        assert_eq!(escape_listing("<Key>a//&other;</Key>").unwrap(), format!("<Key>a/{mark}/&amp;other;</Key>"));
        assert_eq!(escape_listing("<Key>a/b&#x41;</Key><Prefix>p/</Prefix>"), None);
        let url = format!("http://h/b/a/{MARK_IN_URL}/b%20c?prefix=p%2F{MARK_IN_URL}%2F&n=1");
        assert_eq!(restore_url(&url).unwrap(), "http://h/b/a//b%20c?prefix=p%2F%2F&n=1");
        assert_eq!(restore_url("http://h/b/a//b"), None);
    }
}
