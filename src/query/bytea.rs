//! Bytes that are written as text, as PostgreSQL reads them: `\xdead`, or the text's own bytes with `\\` for a
//! backslash and `\336` for any byte.

/// The bytes of a text; `None` if it has a backslash that begins neither.
pub(crate) fn of_text(text: &str) -> Option<Vec<u8>> {
    if let Some(digits) = text.strip_prefix("\\x") {
        return hex::decode(digits.trim_end()).ok();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'\\' {
            bytes.push(byte);
        } else if let Some(behind) = rest.strip_prefix(b"\\") {
            bytes.push(b'\\');
            rest = behind;
        } else {
            let (digits, behind) = rest.split_at_checked(3)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()?);
            rest = behind;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bytes_as_postgresql_reads_them() {
        for (text, right) in [
            ("\\xDEad", Some(&[0xde, 0xad][..])),
            ("\\x", Some(&[])),
            ("\\xabc", None),
            ("\\x+1", None),
            ("abc", Some(b"abc")),
            ("a\\\\b", Some(b"a\\b")),
            ("a\\336", Some(&[b'a', 0xde])),
            ("a\\b", None),
            ("\\777", None),
            ("\u{e9}", Some(&[0xc3, 0xa9])),
        ] {
            assert_eq!(of_text(text).as_deref(), right, "{text}");
        }
    }
}
