//! Requests to the S3 server that object_store has no call for: buckets and their policies.

use std::io::{Read, Write};
use std::net::TcpStream;

use object_store::aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer, AwsCredential};
use object_store::client::HttpRequestBody;

use super::server::{ADMIN, Server};

pub fn client(server: &Server, bucket: &str, identity: (&str, &str)) -> AmazonS3 {
    client_at(&server.endpoint, bucket, identity)
}

pub fn client_at(endpoint: &str, bucket: &str, (access, secret): (&str, &str)) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(bucket)
        .with_access_key_id(access)
        .with_secret_access_key(secret)
        .build()
        .expect("a client")
}

/// Makes a bucket; `false` while the server cannot.
pub fn make_bucket(server: &Server, bucket: &str) -> bool {
    request(&server.endpoint, "PUT", &format!("/{bucket}"), "", b"").is_ok_and(|answer| is_success(&answer))
}

/// Puts the statements of a bucket's policy in force, instead of any before; none allows everything again.
pub fn put_policy(endpoint: &str, bucket: &str, statements: &[serde_json::Value]) {
    let target = format!("/{bucket}?policy=");
    let answer = match statements {
        [] => request(endpoint, "DELETE", &target, "", b""),
        _ => {
            let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": statements });
            request(endpoint, "PUT", &target, "", policy.to_string().as_bytes())
        }
    };
    let answer = answer.expect("the server answers");
    assert!(is_success(&answer), "the policy was not taken: {}", String::from_utf8_lossy(&answer));
}

fn is_success(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 2")
}

/// Sends one request in the name of [`ADMIN`] and gives the whole answer. `headers` end in line breaks and are not
/// signed.
pub fn request(endpoint: &str, method: &str, target: &str, headers: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let credential = AwsCredential { key_id: ADMIN.0.to_owned(), secret_key: ADMIN.1.to_owned(), token: None };
    let asked = http::Request::builder().method(method).uri(format!("{endpoint}{target}"));
    let mut asked = asked.body(HttpRequestBody::empty()).expect("a request of the lab");
    AwsAuthorizer::new(&credential, "s3", "us-east-1").with_sign_payload(false).authorize(&mut asked, None);
    let mut head = format!("{method} {target} HTTP/1.1\r\n{headers}");
    for (name, value) in asked.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().expect("headers of a signature are ASCII"));
    }
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://"))?;
    write!(stream, "{head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
