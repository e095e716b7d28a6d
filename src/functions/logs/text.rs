//! Numbers as words, and percent-encoded tags as text.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use datafusion_common::Result;
use percent_encoding::percent_decode_str;

use super::super::function::strings;
use super::iana;

/// IANA's keyword of a protocol number.
pub fn protocol_name(number: i64) -> Option<Cow<'static, str>> {
    let name = iana::PROTOCOLS.get(usize::try_from(number).ok()?)?;
    (!name.is_empty()).then_some(Cow::Borrowed(*name))
}

/// Flags from the lowest bit, as AWS numbers them: FIN 1, SYN 2, RST 4.
const FLAGS: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

/// The flags that are set, such as `SYN,ACK`; empty for 0, which AWS gives for packets with only ACK or PSH.
pub fn tcp_flags(bits: i64) -> Option<Cow<'static, str>> {
    let bits = u8::try_from(bits).ok()?;
    let set: Vec<&str> =
        FLAGS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, flag)| *flag).collect();
    Some(Cow::Owned(set.join(",")))
}

/// Tags of flow logs are percent-encoded. What is no escape stays as it is; bytes that are no UTF-8 become U+FFFD.
pub fn url_decode(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let decoded = strings(&columns[0]).iter().map(|text| text.map(decode)).collect::<StringViewArray>();
    Ok(Arc::new(decoded))
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}
