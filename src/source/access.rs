//! Options of one side, `--source-option name=value`: object_store's S3 settings, and whose rights are used.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use object_store::ClientConfigKey;
use object_store::aws::AmazonS3ConfigKey;
use strsim::levenshtein;

use super::error::{Result, SourceError};
use super::secret::without_secrets;

/// Names that object_store has not, or that are taken from it for AWS's own credential chain.
const OWN: [&str; 3] = ["role_arn", "external_id", "profile"];
/// Names worth suggesting; more are accepted.
const KNOWN: [&str; 27] = [
    "region",
    "endpoint",
    "request_payer",
    "skip_signature",
    "profile",
    "role_arn",
    "external_id",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "virtual_hosted_style_request",
    "unsigned_payload",
    "checksum_algorithm",
    "server_side_encryption",
    "sse_kms_key_id",
    "sse_bucket_key_enabled",
    "sse_customer_key_base64",
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "timeout",
    "proxy_url",
    "proxy_ca_certificate",
    "proxy_excludes",
    "user_agent",
    "conditional_put",
    "metadata_endpoint",
];
/// How far a name may be from one that is suggested, in edits.
const NEAR_EDITS_MAX: usize = 3;
const NEAR_MAX: usize = 3;

/// The options of one side, checked by name. Values may be secret and are never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Access {
    own: BTreeMap<&'static str, String>,
    s3: BTreeMap<String, (AmazonS3ConfigKey, String)>,
    follows_links: bool,
}

impl Access {
    /// Reads `name=value` options; a later one replaces an earlier one of the same name.
    pub fn parse<S: AsRef<str>>(options: &[S]) -> Result<Access> {
        let mut access = Access::default();
        for option in options {
            let option = option.as_ref();
            let Some((name, value)) = option.split_once('=') else {
                return Err(SourceError::OptionForm { option: told(beginning(option)) });
            };
            let name = name.trim().to_ascii_lowercase().replace('-', "_");
            if let Some(own) = OWN.iter().find(|own| name.strip_prefix("aws_").unwrap_or(&name) == **own) {
                access.own.insert(own, value.to_owned());
                continue;
            }
            match name.parse::<AmazonS3ConfigKey>() {
                Ok(AmazonS3ConfigKey::Bucket) | Err(_) => {
                    let near = near(&name);
                    let option = if near.is_empty() { told(&name) } else { format!("option \"{name}\"") };
                    return Err(SourceError::OptionUnknown { near, option });
                }
                Ok(key) => access.s3.insert(key.as_ref().to_owned(), (key, value.to_owned())),
            };
        }
        Ok(access)
    }

    /// Of a lake on disk: whether links in it are followed.
    pub fn following_links(self, follows_links: bool) -> Access {
        Access { follows_links, ..self }
    }

    pub(super) fn follows_links(&self) -> bool {
        self.follows_links
    }

    /// The name of any option, if there is one.
    pub fn first_name(&self) -> Option<String> {
        self.own.keys().map(|name| (*name).to_owned()).chain(self.s3.keys().cloned()).next()
    }

    /// A text without the values of options that are secret.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        // Others may be URLs with a password.
        let is_secret = |name: &str, value: &str| is_secret_name(name) || value.contains('@');
        let values = self.s3.iter().map(|(name, (_, value))| (name, value.as_str()));
        let values = values.filter(|(name, value)| is_secret(name, value)).map(|(_, value)| value);
        values.filter(|value| !value.is_empty()).fold(text.to_owned(), |text, value| text.replace(value, "…"))
    }

    pub(super) fn profile(&self) -> Option<&str> {
        self.own.get("profile").map(String::as_str)
    }

    pub(super) fn role_arn(&self) -> Option<&str> {
        self.own.get("role_arn").map(String::as_str)
    }

    pub(super) fn external_id(&self) -> Option<&str> {
        self.own.get("external_id").map(String::as_str)
    }

    /// Where instance credentials are asked for, when it is not AWS's address.
    pub(super) fn metadata_endpoint(&self) -> Option<String> {
        let given = self.get(AmazonS3ConfigKey::MetadataEndpoint).map(str::to_owned);
        given.or_else(|| std::env::var("AWS_METADATA_ENDPOINT").ok()).filter(|text| !text.is_empty())
    }

    pub(super) fn get(&self, key: AmazonS3ConfigKey) -> Option<&str> {
        self.s3.get(key.as_ref()).map(|(_, value)| value.as_str())
    }

    pub(super) fn s3(&self) -> impl Iterator<Item = (AmazonS3ConfigKey, &str)> {
        self.s3.values().map(|(key, value)| (*key, value.as_str()))
    }

    /// `AWS_…` variables that set up S3 itself; credentials among them are left to the credential chain.
    pub(super) fn environment() -> impl Iterator<Item = (AmazonS3ConfigKey, String)> {
        use AmazonS3ConfigKey as Key;
        // A variable that is not UTF-8 is none of ours.
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        std::env::vars_os()
            .filter_map(text)
            .filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty())
            .filter_map(|(name, value)| match name.to_ascii_lowercase().parse() {
                Ok(Key::AccessKeyId | Key::SecretAccessKey | Key::Token | Key::Bucket) => None,
                Ok(Key::Client(ClientConfigKey::UserAgent)) | Err(_) => None,
                Ok(key) => Some((key, value)),
            })
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.own.keys().map(|name| (*name).to_owned()).chain(self.s3.keys().cloned());
        f.debug_map().entries(names.map(|name| (name, "…"))).finish()
    }
}

/// Whether the value of an option is a secret, by the option's name in small letters.
pub fn is_secret_name(name: &str) -> bool {
    ["secret", "token", "access_key", "customer_key"].iter().any(|part| name.contains(part))
}

/// An option for people: with its value only where that is no secret. A text with no known name may be one as a whole.
pub fn shown_option(option: &str) -> String {
    match option.split_once('=') {
        Some((name, _)) if Access::parse(&[option]).is_ok() => {
            if is_secret_name(&name.to_ascii_lowercase().replace('-', "_")) {
                format!("{name}=…")
            } else {
                without_secrets(option).into_owned()
            }
        }
        _ => "…".to_owned(),
    }
}

/// What a text begins with that could be the name of an option.
fn beginning(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c)).next().unwrap_or_default()
}

/// How an option is named in a message. A text that is no known name may be a secret, alone or one that ends in `=`.
fn told(text: &str) -> String {
    let name = text.to_ascii_lowercase().replace('-', "_");
    match OWN.contains(&name.as_str()) || name.parse::<AmazonS3ConfigKey>().is_ok() {
        true => format!("option \"{text}\""),
        false => "an option (not shown, it may be a secret)".to_owned(),
    }
}

fn near(name: &str) -> Vec<String> {
    let mut found: Vec<(usize, &str)> = KNOWN
        .iter()
        .map(|known| (if known.contains(name) && name.len() > 2 { 1 } else { levenshtein(name, known) }, *known))
        .filter(|(edits, _)| *edits <= NEAR_EDITS_MAX)
        .collect();
    found.sort_unstable();
    found.into_iter().take(NEAR_MAX).map(|(_, known)| known.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_known_by_their_names() {
        let access =
            Access::parse(&["region=eu-west-1", "Request-Payer=true", "role_arn=arn:aws:iam::1:role/r", "profile=p"])
                .unwrap();
        assert_eq!(access.get(AmazonS3ConfigKey::Region), Some("eu-west-1"));
        assert_eq!(access.get(AmazonS3ConfigKey::RequestPayer), Some("true"));
        assert_eq!((access.role_arn(), access.profile()), (Some("arn:aws:iam::1:role/r"), Some("p")));
    }

    #[test]
    fn unknown_options_name_their_neighbours() {
        let error = Access::parse(&["regoin=x"]).unwrap_err().to_string();
        assert_eq!(error, "option \"regoin\" is unknown; did you mean region?");
        assert!(Access::parse(&["payer=x"]).unwrap_err().to_string().contains("request_payer"));
        assert!(Access::parse(&["zzzzzzzzzz=x"]).unwrap_err().to_string().contains("AmazonS3ConfigKey"));
        assert_eq!(
            Access::parse(&["region"]).unwrap_err().to_string(),
            "option \"region\" has no value; write it as name=value"
        );
    }

    #[test]
    fn no_value_is_ever_printed() {
        let access = Access::parse(&["secret_access_key=hunter2", "external_id=hunter3"]).unwrap();
        let text = format!("{access:?}");
        assert!(text.contains("secret_access_key") && !text.contains("hunter"), "{text}");
        assert_eq!(access.without_secrets("a bad hunter2 in us-east-1"), "a bad … in us-east-1");
    }

    #[test]
    fn options_are_shown_without_secrets() {
        for (option, shown) in [
            ("region=eu-west-1", "region=eu-west-1"),
            ("AWS-Secret-Access-Key=hunter2", "AWS-Secret-Access-Key=…"),
            ("proxy_url=http://ana:hunter2@proxy:3128", "proxy_url=http://…@proxy:3128"),
            ("hunter2", "…"),
            ("access-key-id=hunter2", "access-key-id=…"),
            ("wJalr/hunter2=", "…"),
        ] {
            assert_eq!(shown_option(option), shown);
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_printed() {
        for option in [
            "hunter2hunter2",
            "AKIAhunter2",
            "secret_access_key:hunter2",
            "wJalr/hunter2+bPx=",
            "hunter2==",
            "=hunter2",
        ] {
            let text = Access::parse(&[option]).unwrap_err().to_string();
            assert!(!text.contains("unter"), "{option}: {text}");
        }
        let named = Access::parse(&["Secret-Access-Key hunter2"]).unwrap_err().to_string();
        assert_eq!(named, "option \"Secret-Access-Key\" has no value; write it as name=value");
    }
}
