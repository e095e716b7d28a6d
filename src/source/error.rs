//! What can stop a source from being read, told apart as a person would: no bucket, no permission, no credentials.

use std::io::ErrorKind;
use std::path::PathBuf;

use super::beneath::LinkMet;
use super::secret::without_secrets;

/// Why a source cannot be opened or listed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum SourceError {
    #[error("location \"{text}\" {reason}")]
    Location { text: String, reason: &'static str },
    #[error("{option} has no value; write it as name=value")]
    OptionForm { option: String },
    #[error("{option} is unknown{}", near_text(near))]
    OptionUnknown { option: String, near: Vec<String> },
    #[error("option \"{option}\" is for S3, but \"{url}\" is on local disk; leave the option out")]
    OptionLocal { option: String, url: String },
    #[error("options of \"{url}\" do not fit: {detail}")]
    OptionValue { url: String, detail: String },
    #[error("\"{url}\" does not exist; check the bucket's and the folder's spelling")]
    Missing { url: String },
    #[error("\"{path}\" is there, and is {what}; name a folder")]
    OtherThing { path: PathBuf, what: &'static str },
    #[error("bucket \"{bucket}\" does not exist; check its name, and the endpoint if it is not on AWS")]
    MissingBucket { bucket: String },
    #[error("\"{url}\" may not be read: {detail}; {}", rights(url))]
    Denied { url: String, detail: String },
    #[error("credentials for \"{url}\" were refused: {detail}; check the access key, its secret and the clock")]
    BadCredentials { url: String, detail: String },
    #[error(
        "no credentials were found for \"{url}\": {detail}; set AWS_PROFILE or AWS_ACCESS_KEY_ID, or the option \
         skip_signature=true for a public bucket"
    )]
    NoCredentials { url: String, detail: String },
    #[error("bucket of \"{url}\" is in another region: {detail}; give it with the option region=…")]
    Region { url: String, detail: String },
    #[error("\"{url}\" cannot be reached: {detail}; check the endpoint and the network")]
    Unreachable { url: String, detail: String },
    #[error("\"{url}\" cannot be listed: {detail}")]
    List { url: String, detail: String },
    /// In a lake on disk.
    #[error(transparent)]
    Link(LinkMet),
    #[error("folder \"{path}\" cannot be read: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("\"{link}\" leads to the lake \"{lake}\": a lake cannot be its own source; remove the link")]
    IntoLake { link: PathBuf, lake: PathBuf },
}

/// Whether this process, or the whole system, is short of something: each folder would fail the same.
fn is_want_of_the_process(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}

/// On disk no policy says who may read, but the rights of files and folders.
fn rights(url: &str) -> &'static str {
    match is_on_disk(url) {
        true => "give the user that runs flowlake the right to read it, and to pass the folders above it",
        false => "listing needs s3:ListBucket and reading needs s3:GetObject",
    }
}

fn is_on_disk(url: &str) -> bool {
    url.starts_with("file:")
}

fn near_text(near: &[String]) -> String {
    match near {
        [] => String::from("; the names are those of object_store's `AmazonS3ConfigKey`"),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

/// What opening or listing a source gives.
pub type Result<T> = std::result::Result<T, SourceError>;

impl SourceError {
    /// Whether a location or option was written wrongly, or names what cannot be meant.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            SourceError::Location { .. }
                | SourceError::OptionForm { .. }
                | SourceError::OptionUnknown { .. }
                | SourceError::OptionLocal { .. }
                | SourceError::OptionValue { .. }
                | SourceError::IntoLake { .. }
        )
    }

    /// Only this folder is closed; the rest of the source may still be listed.
    pub fn is_denied(&self) -> bool {
        match self {
            SourceError::Denied { .. } => true,
            // Rights, a disk that fails there (EIO), a path beyond what the system takes at once (PATH_MAX): whatever
            // the system says of one folder, it need not say of the next.
            SourceError::Folder { source, .. } => !is_want_of_the_process(source),
            _ => false,
        }
    }

    /// Whether a request may succeed when it is made again: the server is away, fails, or broke off.
    pub fn passes(&self) -> bool {
        matches!(self, SourceError::Unreachable { .. } | SourceError::List { .. })
    }

    /// The cause alone, for lists that name the folder themselves.
    pub fn reason(&self) -> String {
        match self {
            SourceError::Denied { detail, .. } => detail.clone(),
            SourceError::Folder { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                "permission denied".to_owned()
            }
            SourceError::Folder { source, .. } => source.to_string(),
            other => other.to_string(),
        }
    }

    /// Reads what a store says about a request for `url` (of `bucket`).
    pub fn from_store(error: &object_store::Error, url: &str, bucket: &str) -> SourceError {
        if let Some(met) = LinkMet::of(error) {
            return SourceError::Link(met.clone());
        }
        let text = full_text(error);
        let url = url.to_owned();
        let detail = detail_of(&text);
        let code = between(&text, "<Code>", "</Code>").unwrap_or_default();
        if let Some(detail) = super::not_loaded::not_loaded(error) {
            return SourceError::NoCredentials { url, detail: one_line(&detail) };
        }
        match code {
            "NoSuchBucket" => return SourceError::MissingBucket { bucket: bucket.to_owned() },
            "SignatureDoesNotMatch"
            | "InvalidAccessKeyId"
            | "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "RequestTimeTooSkewed"
            | "NotSignedUp" => return SourceError::BadCredentials { url, detail },
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
                return SourceError::Region { url, detail };
            }
            _ => {}
        }
        match error {
            object_store::Error::PermissionDenied { .. } if is_on_disk(&url) => {
                SourceError::Denied { url, detail: "permission denied".to_owned() }
            }
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                SourceError::Denied { url, detail }
            }
            object_store::Error::NotFound { .. } => SourceError::Missing { url },
            // A listing's status is only in the text of its error.
            _ if text.contains("status code: 403") || text.contains("status code: 401") => {
                SourceError::Denied { url, detail }
            }
            _ if text.contains("status code: 404") => SourceError::Missing { url },
            _ if text.contains("Received redirect") => SourceError::Region { url, detail },
            _ if text.contains("error sending request") || text.contains("Connect") => {
                SourceError::Unreachable { url, detail }
            }
            _ => SourceError::List { url, detail },
        }
    }
}

/// The message of an error and of all its causes, each text once, without passwords in URLs.
pub fn full_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    without_secrets(&text).into_owned()
}

/// What a server says in its XML, `Code: Message`, else the error's text on one line.
pub fn detail_of(text: &str) -> String {
    match (between(text, "<Code>", "</Code>"), between(text, "<Message>", "</Message>")) {
        (Some(code), Some(message)) => format!("{code}: {}", message.trim_end_matches('.')),
        (Some(code), None) => code.to_owned(),
        // The client and its connector both begin so.
        _ => one_line(text).replace("HTTP error: HTTP error: ", ""),
    }
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    Some(rest.split_once(close)?.0)
}
