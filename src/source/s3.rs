//! The client of one bucket: endpoint, region, credentials, time limits and retries.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use object_store::aws::{
    AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, AwsCredentialProvider, resolve_bucket_region,
};
use object_store::{ClientConfigKey, ClientOptions, StaticCredentialProvider};

use super::access::Access;
use super::credentials::{REGION_DEFAULT, Shared};
use super::error::{Result, SourceError, full_text};
use super::location::Location;
use super::retry::Retries;
use super::uploads::Uploads;
use super::wire::{Signer, VerbatimConnector};

/// A whole request with its body; bodies are fetched in bounded pieces.
const REQUEST_TIMEOUT: &str = "120 seconds";
const CONNECT_TIMEOUT: &str = "5 seconds";
/// S3 is asked once for a bucket's region; without an answer the configured region is taken.
const REGION_TIMEOUT: Duration = Duration::from_secs(5);
/// An open bucket.
pub(super) struct Bucket {
    pub client: Arc<AmazonS3>,
    pub uploads: Uploads,
}

/// Builds the client; `requests` counts what it sends.
pub(super) async fn open(location: &Location, access: &Access, requests: Arc<AtomicU64>) -> Result<Bucket> {
    use AmazonS3ConfigKey as Key;
    let mut builder = AmazonS3Builder::new()
        .with_config(Key::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT)
        .with_config(Key::Client(ClientConfigKey::ConnectTimeout), CONNECT_TIMEOUT)
        .with_retry(Retries::of_requests());
    for (key, value) in Access::environment() {
        builder = builder.with_config(key, value);
    }
    let shared = Shared::load(access).await;
    if let Some(endpoint) = shared.endpoint()
        && builder.get_config_value(&Key::Endpoint).is_none()
    {
        builder = builder.with_endpoint(endpoint);
    }
    for (key, value) in access.s3() {
        builder = builder.with_config(key, value);
        // An endpoint given by option wins over the more specific variable of the environment.
        if key == Key::Endpoint {
            builder = builder.with_config(Key::S3Endpoint, value);
        }
    }
    let endpoint = builder.get_config_value(&Key::S3Endpoint).or(builder.get_config_value(&Key::Endpoint));
    check_endpoint(location, endpoint.as_deref())?;
    if endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.with_allow_http(true);
    }
    let region = match access.get(Key::Region) {
        Some(region) => region.to_owned(),
        None => region_of(location, shared.region(), endpoint.is_some()).await,
    };
    if endpoint.is_none() && region.starts_with("cn-") {
        builder = builder.with_endpoint(format!("https://s3.{region}.amazonaws.com.cn"));
    }
    let is_set = |key| builder.get_config_value(&key).is_some_and(|value| is_true(&value));
    let (unsigned, request_payer) = (is_set(Key::SkipSignature), is_set(Key::RequestPayer));
    let credentials = match unsigned {
        // Nobody is asked for them, but the URLs of objects are told only with some.
        true => Arc::new(StaticCredentialProvider::new(AwsCredential {
            key_id: String::new(),
            secret_key: String::new(),
            token: None,
        })),
        false => credentials(location, access, &shared, &region).await?,
    };
    let signer = Arc::new(Signer {
        credentials: (!unsigned).then(|| Arc::clone(&credentials)),
        region: region.clone(),
        request_payer,
    });
    let connector = VerbatimConnector::new(Arc::clone(&signer), requests);
    let plain = connector.plain();
    let client = builder
        .with_region(region)
        .with_bucket_name(location.bucket())
        .with_credentials(credentials)
        .with_http_connector(connector)
        .build()
        .map_err(|error| SourceError::OptionValue {
            url: location.url(),
            detail: access.without_secrets(&full_text(&error)),
        })?;
    let client = Arc::new(client);
    let plain = plain.get().cloned().expect("building a store connects it");
    let uploads = Uploads::new(location.clone(), Arc::clone(&client), plain, signer);
    Ok(Bucket { client, uploads })
}

/// A user would be sent in place of a signature, a query would not be sent, and both may be secrets.
fn check_endpoint(location: &Location, endpoint: Option<&str>) -> Result<()> {
    if !endpoint.is_some_and(|endpoint| endpoint.contains(['@', '?', '#'])) {
        return Ok(());
    }
    let detail = "an endpoint holds no user, no password and no query; give keys as options or in the environment";
    Err(SourceError::OptionValue { url: location.url(), detail: detail.to_owned() })
}

/// Keys given as options, else AWS's own chain.
async fn credentials(
    location: &Location,
    access: &Access,
    shared: &Shared,
    region: &str,
) -> Result<AwsCredentialProvider> {
    use AmazonS3ConfigKey as Key;
    match (access.get(Key::AccessKeyId), access.get(Key::SecretAccessKey)) {
        (Some(key_id), Some(secret_key)) => Ok(Arc::new(StaticCredentialProvider::new(AwsCredential {
            key_id: key_id.to_owned(),
            secret_key: secret_key.to_owned(),
            token: access.get(Key::Token).map(str::to_owned),
        }))),
        (None, None) => Ok(Arc::new(shared.credentials(access, region).await)),
        _ => Err(SourceError::OptionValue {
            url: location.url(),
            detail: "access_key_id and secret_access_key go together".to_owned(),
        }),
    }
}

/// The bucket's own region as S3 tells it, else the configured one.
async fn region_of(location: &Location, configured: Option<String>, custom_endpoint: bool) -> String {
    let fallback = configured.unwrap_or_else(|| REGION_DEFAULT.to_owned());
    // Other partitions are not known to the endpoint that is asked.
    let other_partition = ["cn-", "us-gov-", "us-iso", "eu-isoe"].iter().any(|start| fallback.starts_with(start));
    if custom_endpoint || other_partition {
        return fallback;
    }
    let options = ClientOptions::new().with_timeout(REGION_TIMEOUT).with_connect_timeout(REGION_TIMEOUT);
    resolve_bucket_region(location.bucket(), &options).await.unwrap_or(fallback)
}

/// As object_store reads a flag.
fn is_true(value: &str) -> bool {
    ["1", "true", "on", "yes", "y"].contains(&value.to_ascii_lowercase().as_str())
}
