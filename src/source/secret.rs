//! Texts for people without the passwords that URLs may hold: `https://user:secret@host` is told as `https://…@host`.

use std::borrow::Cow;

/// Stands for what is not told.
const HIDDEN: &str = "…";

/// Where a URL ends in a text.
fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '{' | '}' | ',')
}

/// The text without users and passwords of the URLs in it.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, url)) = rest.split_once("://") {
        told.push_str(before);
        told.push_str("://");
        let end = url.find(ends_url).unwrap_or(url.len());
        let secret = secret_bytes(&url[..end]);
        if secret > 0 {
            told.push_str(HIDDEN);
        }
        rest = &url[secret..];
    }
    if told.is_empty() {
        return Cow::Borrowed(text);
    }
    told.push_str(rest);
    Cow::Owned(told)
}

/// How much of a URL behind its scheme is a user and a password: all before the last `@` of the host's part. A password that
/// was not escaped may hold a `/`, so that its host's part ends early: then what stands behind the colon is no port.
fn secret_bytes(url: &str) -> usize {
    let host = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
    if let Some(at) = host.rfind('@') {
        return at;
    }
    let has_no_port = host.split_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()));
    match url.rfind('@') {
        Some(at) if has_no_port && !host.starts_with('[') => at,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_are_not_told() {
        for (text, told) in [
            ("https://ana:sesame@host:9000/bucket", "https://…@host:9000/bucket"),
            (
                "for url (https://ana@host/b?c=d@e), then http://x:y@z",
                "for url (https://…@host/b?c=d@e), then http://…@z",
            ),
            ("https://ana:pa@ss@host", "https://…@host"),
            ("https://ana:pa/ss@host/b", "https://…@host/b"),
            (
                "proxy(http://ana:sesame@proxy:3128) of \"https://host\"",
                "proxy(http://…@proxy:3128) of \"https://host\"",
            ),
        ] {
            assert_eq!(without_secrets(text), told);
        }
    }

    #[test]
    fn all_else_is_told_as_it_is() {
        for text in [
            "s3://bucket/a@b/c.log.gz",
            "https://host:9000/bucket/key@x",
            "http://[::1]:9000/bucket/key@x",
            "file:///logs/a@b",
            "a@b",
            "",
            "://",
        ] {
            assert_eq!(without_secrets(text), text);
        }
    }
}
