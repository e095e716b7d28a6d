//! AWS's own credential chain (environment, profiles, SSO, web identity, roles, instance) behind object_store's trait.
//!
//! object_store knows neither profiles nor SSO, so the chain is aws-config's. It does not cache: [`Refreshed`] does,
//! and asks again before the credentials expire, so that a run may outlive them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

use super::access::Access;
use super::error::full_text;
use super::not_loaded::NotLoaded;

/// Credentials are replaced this long before they expire, or at half their life if they live shorter.
const REFRESH_BEFORE: Duration = Duration::from_secs(300);
/// Shown in the bucket owner's CloudTrail.
const SESSION_NAME: &str = "flowlake";
/// Where STS is asked when nothing names a region.
pub(super) const REGION_DEFAULT: &str = "us-east-1";

/// What the shared configuration of AWS says: environment variables and the profile.
pub(super) struct Shared {
    config: SdkConfig,
    provider: ProviderConfig,
}

impl Shared {
    pub(super) async fn load(access: &Access) -> Shared {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let mut profile_region = ProfileFileRegionProvider::builder();
        if let Some(profile) = access.profile() {
            profile_region = profile_region.profile_name(profile);
        }
        // The instance's own region is not asked for: a bucket's region is asked of S3.
        let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(profile_region.build())
            .region()
            .await;
        let provider = ProviderConfig::default().with_http_client(http.clone());
        let provider = provider.with_region(region.clone().or_else(|| Some(Region::from_static(REGION_DEFAULT))));
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http).no_credentials();
        // Without a region of its own the loader would ask the instance.
        loader = loader.region(region.clone().unwrap_or_else(|| Region::from_static(REGION_DEFAULT)));
        if let Some(profile) = access.profile() {
            loader = loader.profile_name(profile);
        }
        let config = loader.load().await.into_builder().region(region).build();
        Shared { config, provider }
    }

    /// The region of `AWS_REGION` or the profile.
    pub(super) fn region(&self) -> Option<String> {
        self.config.region().map(|region| region.as_ref().to_owned())
    }

    /// `AWS_ENDPOINT_URL`, or the profile's `endpoint_url`.
    pub(super) fn endpoint(&self) -> Option<String> {
        self.config.endpoint_url().map(str::to_owned)
    }

    pub(super) async fn credentials(&self, access: &Access, region: &str) -> Refreshed {
        let base = self.base(access).await;
        let Some(role) = access.role_arn() else { return Refreshed::new(base) };
        let config = self
            .config
            .clone()
            .into_builder()
            .region(Region::new(region.to_owned()))
            .credentials_provider(base)
            .build();
        let mut assumed = AssumeRoleProvider::builder(role).session_name(SESSION_NAME).configure(&config);
        if let Some(id) = access.external_id() {
            assumed = assumed.external_id(id);
        }
        Refreshed::new(SharedCredentialsProvider::new(assumed.build().await))
    }

    async fn base(&self, access: &Access) -> SharedCredentialsProvider {
        // A profile asked for by option wins over keys in the environment, as with AWS's own tools.
        if let Some(profile) = access.profile() {
            let chosen = ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&self.provider);
            return SharedCredentialsProvider::new(chosen.build());
        }
        let mut chain =
            DefaultCredentialsChain::builder().configure(self.provider.clone()).region(self.provider_region());
        if let Some(endpoint) = access.metadata_endpoint()
            && let Ok(client) = imds::Client::builder().configure(&self.provider).endpoint(&endpoint)
        {
            chain = chain.imds_client(client.build());
        }
        SharedCredentialsProvider::new(chain.build().await)
    }

    fn provider_region(&self) -> Region {
        self.config.region().cloned().unwrap_or_else(|| Region::from_static(REGION_DEFAULT))
    }
}

/// A provider's credentials, kept until shortly before they expire.
#[derive(Debug)]
pub struct Refreshed {
    provider: SharedCredentialsProvider,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    credential: Arc<AwsCredential>,
    refresh_at: Option<SystemTime>,
    expires_at: Option<SystemTime>,
}

impl Refreshed {
    pub fn new(provider: SharedCredentialsProvider) -> Refreshed {
        Refreshed { provider, kept: Mutex::new(None) }
    }

    async fn fetch(&self, now: SystemTime) -> Result<Kept, CredentialsError> {
        let found = self.provider.provide_credentials().await?;
        let expires_at = found.expiry();
        let refresh_at = expires_at.map(|expiry| {
            let life = expiry.duration_since(now).unwrap_or_default();
            expiry - REFRESH_BEFORE.min(life / 2)
        });
        let credential = Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        });
        Ok(Kept { credential, refresh_at, expires_at })
    }
}

#[async_trait]
impl CredentialProvider for Refreshed {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        // Held over the fetch, so that a thousand requests ask once.
        let mut kept = self.kept.lock().await;
        let now = SystemTime::now();
        if let Some(kept) = &*kept
            && kept.refresh_at.is_none_or(|at| now < at)
        {
            return Ok(Arc::clone(&kept.credential));
        }
        match self.fetch(now).await {
            Ok(fresh) => {
                let credential = Arc::clone(&fresh.credential);
                *kept = Some(fresh);
                Ok(credential)
            }
            Err(error) => match &*kept {
                Some(old) if old.expires_at.is_none_or(|at| now < at) => Ok(Arc::clone(&old.credential)),
                _ => Err(object_store::Error::Generic { store: "S3", source: Box::new(NotLoaded(full_text(&error))) }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use aws_credential_types::Credentials;
    use aws_credential_types::provider::future;

    use super::*;
    use crate::source::not_loaded::not_loaded;

    #[derive(Debug, Default)]
    struct ShortLived {
        life: Duration,
        calls: Arc<AtomicU64>,
        fails_after: u64,
    }

    impl ProvideCredentials for ShortLived {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let call = self.calls.fetch_add(1, Ordering::SeqCst);
            if call >= self.fails_after {
                return future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("no more")));
            }
            let expiry = SystemTime::now() + self.life;
            let found = Credentials::new(format!("key{call}"), "secret", None, Some(expiry), "test");
            future::ProvideCredentials::ready(Ok(found))
        }
    }

    fn refreshed(life_ms: u64, fails_after: u64) -> (Refreshed, Arc<AtomicU64>) {
        let calls = Arc::new(AtomicU64::new(0));
        let provider = ShortLived { life: Duration::from_millis(life_ms), calls: Arc::clone(&calls), fails_after };
        (Refreshed::new(SharedCredentialsProvider::new(provider)), calls)
    }

    #[tokio::test]
    async fn long_lived_credentials_are_asked_for_once() {
        let (refreshed, calls) = refreshed(3_600_000, 9);
        for _ in 0..5 {
            assert_eq!(refreshed.get_credential().await.unwrap().key_id, "key0");
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn credentials_are_replaced_before_they_expire() {
        let (refreshed, _) = refreshed(400, 9);
        assert_eq!(refreshed.get_credential().await.unwrap().key_id, "key0");
        assert_eq!(refreshed.get_credential().await.unwrap().key_id, "key0");
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(refreshed.get_credential().await.unwrap().key_id, "key1");
    }

    #[tokio::test]
    async fn a_failed_refresh_keeps_credentials_that_still_hold_and_then_says_so() {
        let (refreshed, _) = refreshed(400, 1);
        assert_eq!(refreshed.get_credential().await.unwrap().key_id, "key0");
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(refreshed.get_credential().await.unwrap().key_id, "key0");
        tokio::time::sleep(Duration::from_millis(250)).await;
        let error = refreshed.get_credential().await.unwrap_err();
        assert!(not_loaded(&error).unwrap().contains("no more"));
    }
}
