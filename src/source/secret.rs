//! Texts for people without the secrets that URLs may hold: `https://user:secret@host` is told as `https://…@host`, and
//! `https://host/key?X-Amz-Signature=secret` as `https://host/key?X-Amz-Signature=…`.

use std::borrow::Cow;

/// Stands for what is not told.
const HIDDEN: &str = "…";

/// Where a URL ends in a text.
fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '{' | '}' | ',')
}

/// Words in the names of parameters of a query whose values open something: a presigned URL is a key by itself.
const OPENS: [&str; 7] = ["signature", "token", "credential", "secret", "passw", "accesskey", "apikey"];

/// The name of such a parameter that stands for itself: on Azure.
const SIGNATURE: &str = "sig";

/// The text without users, passwords and signatures of the URLs in it, and of URLs in those.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    match text.contains("://") {
        true => Cow::Owned(without_signatures(&without_users(text))),
        false => Cow::Borrowed(text),
    }
}

fn without_users(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, url)) = rest.split_once("://") {
        told.extend([before, "://"]);
        let end = url.find(ends_url).unwrap_or(url.len());
        let secret = secret_bytes(&url[..end]);
        if secret > 0 {
            told.push_str(HIDDEN);
        }
        // What follows the host may hold another URL.
        rest = &url[secret..];
    }
    told + rest
}

fn without_signatures(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, url)) = rest.split_once("://") {
        told.extend([before, "://"]);
        let scheme = before.to_ascii_lowercase();
        // Keys of a bucket may hold anything.
        let has_query = scheme.ends_with("http") || scheme.ends_with("https");
        if !has_query {
            rest = url;
            continue;
        }
        let end = url.find(ends_url).unwrap_or(url.len());
        let query = url[..end].find('?').unwrap_or(end);
        told.push_str(&url[..query]);
        push_query(&mut told, &url[query..end]);
        rest = &url[end..];
    }
    told + rest
}

/// A query, with the names of all of its parameters. A value may be a URL with a query of its own.
fn push_query(told: &mut String, query: &str) {
    for parameter in query.split_inclusive('&') {
        let (parameter, next) = parameter.strip_suffix('&').map_or((parameter, ""), |parameter| (parameter, "&"));
        let opening = parameter.match_indices('=').map(|(at, _)| at).find(|&at| opens(&parameter[..at]));
        match opening {
            Some(at) => told.extend([&parameter[..=at], HIDDEN, next]),
            None => told.extend([parameter, next]),
        }
    }
}

/// Whether the value of the parameter of which a text holds the name, at its end, opens something.
fn opens(text: &str) -> bool {
    let name = text.rsplit(['?', '=']).next().unwrap_or_default().to_lowercase();
    name == SIGNATURE || OPENS.iter().any(|word| name.contains(word))
}

/// How much of a URL behind its scheme is a user and a password: all before the last `@` of the host's part. A password
/// that was not escaped may hold a `/`, so that its host's part ends early: then what stands behind the colon is no
/// port.
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
            (
                "at https://host/k?list-type=2&X-Amz-Signature=a%2F&x-amz-security-token=b&prefix=c, https://h?TOKEN=d",
                "at https://host/k?list-type=2&X-Amz-Signature=…&x-amz-security-token=…&prefix=c, https://h?TOKEN=…",
            ),
            ("https://ana:pa/ss@host/b", "https://…@host/b"),
            (
                "proxy(http://ana:sesame@proxy:3128) of \"https://host\"",
                "proxy(http://…@proxy:3128) of \"https://host\"",
            ),
            ("http://a;https_proxy=http://ana:sesame@h", "http://a;https_proxy=http://…@h"),
            ("[http://a][http://ana:sesame@h]", "[http://a][http://…@h]"),
            ("s3://bucket/http://ana:sesame@h?token=a", "s3://bucket/http://…@h?token=…"),
            (
                "https://h/?next=https://ana:se&same@h2&Signature=a&next=http://h3?token=b",
                "https://h/?next=https://…@h2&Signature=…&next=http://h3?token=…",
            ),
            ("https://a.blob.core.windows.net/c?sv=1&sig=a&se=2", "https://a.blob.core.windows.net/c?sv=1&sig=…&se=2"),
            ("HTTPS://ana:sesame@host/k?SIG=a", "HTTPS://…@host/k?SIG=…"),
        ] {
            assert_eq!(without_secrets(text), told);
        }
    }

    #[test]
    fn all_else_is_told_as_it_is() {
        for text in [
            "s3://bucket/a@b/c.log.gz",
            "s3://bucket/a?token=b",
            "https://host/b?list-type=2&prefix=a%2Fb&delimiter=%2F",
            "https://host:9000/bucket/key@x",
            "https://host/b?design=a&signal=b",
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
