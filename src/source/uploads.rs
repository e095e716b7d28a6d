//! Multipart uploads of a bucket that were begun and neither completed nor aborted: object_store does not list them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use http::header::DATE;
use object_store::aws::AmazonS3;
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::Signer as _;
use serde::Deserialize;
use url::Url;

use super::error::{Result, SourceError, detail_of, full_text};
use super::location::Location;
use super::verbatim::path_of;
use super::wire::Signer;

/// The uploads below one location of a bucket.
#[derive(Clone)]
pub struct Uploads {
    location: Location,
    bucket: Arc<AmazonS3>,
    client: HttpClient,
    signer: Arc<Signer>,
}

/// An upload that was begun.
#[derive(Debug)]
pub struct Unfinished {
    /// Key relative to the location.
    pub name: String,
    /// Path in the bucket: what [`Uploads::store`] wants in order to abort it, together with `id`.
    pub path: Path,
    /// S3's `UploadId`.
    pub id: String,
    /// Since it was begun, by the server's clock.
    pub age: TimeDelta,
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uploads below {}", self.location.url())
    }
}

impl Uploads {
    pub(super) fn new(location: Location, bucket: Arc<AmazonS3>, client: HttpClient, signer: Arc<Signer>) -> Uploads {
        Uploads { location, bucket, client, signer }
    }

    /// The store that ends them.
    pub fn store(&self) -> &dyn MultipartStore {
        self.bucket.as_ref()
    }

    /// All below the location whose age the store tells. A request is sent once.
    pub async fn list(&self) -> Result<Vec<Unfinished>> {
        let prefix = self.location.prefix();
        let bucket = self.bucket_url().await?;
        let mut uploads = Vec::new();
        let mut marker = Marker::default();
        loop {
            let (answer, now) = self.page(&bucket, &prefix, &marker).await?;
            let below = answer.uploads.into_iter().filter_map(|upload| {
                let name = upload.key.strip_prefix(&prefix)?.to_owned();
                let (path, age) = (path_of(&upload.key), now - upload.initiated?);
                Some(Unfinished { name, path, id: upload.upload_id, age })
            });
            uploads.extend(below);
            let next = Marker { key: answer.next_key_marker, id: answer.next_upload_id_marker };
            if !answer.is_truncated || next == marker {
                return Ok(uploads);
            }
            marker = next;
        }
    }

    /// `AmazonS3` keeps the bucket's URL to itself, and tells those of objects.
    async fn bucket_url(&self) -> Result<Url> {
        const ANY: &str = "any";
        let signed = self.bucket.signed_url(Method::GET, &Path::from(ANY), Duration::from_secs(60)).await;
        let mut url =
            signed.map_err(|error| SourceError::from_store(&error, &self.location.url(), self.location.bucket()))?;
        url.set_query(None);
        let folder = url.path().strip_suffix(ANY).map(str::to_owned).expect("the URL of an object ends in its key");
        url.set_path(&folder);
        Ok(url)
    }

    /// One answer to `ListMultipartUploads`, and when the server gave it.
    async fn page(&self, bucket: &Url, prefix: &str, marker: &Marker) -> Result<(Listed, DateTime<Utc>)> {
        let fail = |detail: String| SourceError::List { url: self.location.url(), detail };
        let mut url = bucket.clone();
        url.query_pairs_mut().append_pair("uploads", "").append_pair("prefix", prefix);
        for (name, value) in [("key-marker", &marker.key), ("upload-id-marker", &marker.id)] {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.as_str().parse().map_err(|error| fail(full_text(&error)))?;
        self.signer.sign(&mut request).await.map_err(|error| fail(full_text(&error)))?;
        let response = self.client.execute(request).await.map_err(|error| fail(full_text(&error)))?;
        let (parts, body) = response.into_parts();
        let text = body.bytes().await.map_err(|error| fail(full_text(&error)))?;
        let text = String::from_utf8_lossy(&text);
        if !parts.status.is_success() {
            return Err(fail(detail_of(&text)));
        }
        let now = parts.headers.get(DATE).and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
        let now = now.ok_or_else(|| fail("the answer has no date".to_owned()))?.to_utc();
        Ok((quick_xml::de::from_str(&text).map_err(|error| fail(full_text(&error)))?, now))
    }
}

/// Where a listing goes on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Marker {
    key: Option<String>,
    id: Option<String>,
}

/// `ListMultipartUploadsResult` of S3's API.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(default, rename = "Upload")]
    uploads: Vec<Upload>,
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: String,
    /// Some stores do not say it.
    initiated: Option<DateTime<Utc>>,
}
