//! Floats and decimals in Postgres's forms.

use bytes::{BufMut, BytesMut};

/// A float with the digits that give it back: with an exponent where that is below -4, or not below `digits`.
///
/// `scientific` and `positional` are the two forms in which Rust writes these digits.
pub(super) fn float(is_finite: bool, scientific: String, positional: String, digits: i32) -> String {
    if !is_finite {
        return match positional.as_str() {
            "inf" => "Infinity".to_owned(),
            "-inf" => "-Infinity".to_owned(),
            _ => "NaN".to_owned(),
        };
    }
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return positional };
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    if (-4..digits).contains(&exponent) {
        return positional;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// A decimal such as `-12.50` as groups of four digits.
pub(super) fn put_numeric(out: &mut BytesMut, text: &str) {
    const NEGATIVE: u16 = 0x4000;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (NEGATIVE, digits),
        None => (0, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut padded = "0".repeat((4 - whole.len() % 4) % 4) + whole;
    let whole_groups = padded.len() / 4;
    padded += fraction;
    padded += &"0".repeat((4 - fraction.len() % 4) % 4);
    let groups: Vec<u16> = padded.as_bytes().chunks(4).map(group).collect();
    let first = groups.iter().position(|group| *group != 0).unwrap_or(groups.len());
    let last = groups.iter().rposition(|group| *group != 0).map_or(first, |last| last + 1);
    let significant = &groups[first..last];
    let weight = if significant.is_empty() { 0 } else { whole_groups as i16 - 1 - first as i16 };
    out.put_i16(significant.len() as i16);
    out.put_i16(weight);
    out.put_u16(sign);
    out.put_u16(fraction.len() as u16);
    significant.iter().for_each(|group| out.put_u16(*group));
}

fn group(digits: &[u8]) -> u16 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'))
}
