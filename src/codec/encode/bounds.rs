//! Least and greatest values as the footer holds them: typed bytes, long texts shortened to bounds that still hold.

use parquet::basic::Type;
use parquet::data_type::ByteArray;
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::page::Extent;

/// Bytes of a text in statistics and indexes, where it can be shortened.
const TEXT_BYTES_MAX: usize = 64;

/// The bounds of a page in the column index; empty for a page of nulls.
pub fn index_bounds(extent: &Extent, physical: Type) -> (Vec<u8>, Vec<u8>) {
    match extent {
        Extent::None => (Vec::new(), Vec::new()),
        Extent::Ints { min, max } if physical == Type::INT32 => {
            ((*min as i32).to_le_bytes().to_vec(), (*max as i32).to_le_bytes().to_vec())
        }
        Extent::Ints { min, max } => (min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec()),
        Extent::Texts { min, max } => (lower_bound(min).to_vec(), upper_bound(max).into_owned()),
    }
}

/// The statistics of a column chunk.
pub fn statistics(extent: &Extent, nulls: u64, physical: Type) -> Statistics {
    let nulls = Some(nulls);
    let ints = match extent {
        Extent::Ints { min, max } => Some((*min, *max)),
        Extent::None | Extent::Texts { .. } => None,
    };
    let (min, max) = ints.unzip();
    match physical {
        Type::INT32 => Statistics::int32(min.map(|min| min as i32), max.map(|max| max as i32), None, nulls, false),
        Type::INT64 => Statistics::int64(min, max, None, nulls, false),
        _ => {
            let Extent::Texts { min, max } = extent else {
                return Statistics::byte_array(None, None, None, nulls, false);
            };
            let (low, high) = (lower_bound(min), upper_bound(max));
            let (low_is_exact, high_is_exact) = (low == min, *high == **max);
            let [low, high] = [low.to_vec(), high.into_owned()].map(|bound| Some(ByteArray::from(bound)));
            let values = ValueStatistics::new(low, high, None, nulls, false);
            Statistics::ByteArray(values.with_min_is_exact(low_is_exact).with_max_is_exact(high_is_exact))
        }
    }
}

/// A prefix, which is not greater. Text that is not UTF-8 stays whole.
fn lower_bound(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) if text.len() > TEXT_BYTES_MAX => &text.as_bytes()[..text.floor_char_boundary(TEXT_BYTES_MAX)],
        _ => text,
    }
}

/// A prefix with its last character raised, which is not less. Text that is not UTF-8 stays whole, and so does a prefix
/// in which no character has a next one of the same length.
fn upper_bound(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let prefix = lower_bound(text);
    if prefix.len() == text.len() {
        return text.into();
    }
    let prefix = std::str::from_utf8(prefix).unwrap_or_default();
    for (at, last) in prefix.char_indices().rev() {
        let next = char::from_u32(last as u32 + 1).filter(|next| next.len_utf8() == last.len_utf8());
        if let Some(next) = next {
            let mut bound = prefix.as_bytes()[..at].to_vec();
            bound.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
            return bound.into();
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_exact_and_long_ones_stay_bounds() {
        assert_eq!((lower_bound(b"eni-1"), &*upper_bound(b"eni-1")), (&b"eni-1"[..], &b"eni-1"[..]));
        let high = format!("{}~", char::from_u32(0x10_ffff).unwrap()).repeat(30);
        let last = char::from_u32(0x10_ffff).unwrap().to_string().repeat(30);
        for long in ["a".repeat(65), "é".repeat(40), "߿".repeat(40), high, last.clone(), "\u{d7ff}".repeat(40)] {
            let (low, upper) = (lower_bound(long.as_bytes()), upper_bound(long.as_bytes()));
            assert!(low <= long.as_bytes() && low.len() <= TEXT_BYTES_MAX);
            assert!(*upper >= *long.as_bytes() && std::str::from_utf8(&upper).is_ok(), "{long}");
            assert!(upper.len() <= TEXT_BYTES_MAX || *upper == *long.as_bytes());
        }
        assert_eq!(*upper_bound(last.as_bytes()), *last.as_bytes());
    }
}
