//! JSON lines under zstd, read one after the other within limits: a ledger may be a stranger's, and a few kilobytes of
//! zstd can inflate to any size.
//!
//! The limits follow from what the program itself can write. A line is one task of a plan, one receipt, or the head of
//! a commit. A record inflates to [`INFLATED_PER_BYTE_MAX`] bytes for each of its own at most: the writer adds a frame
//! without content where its text is more repetitive than that, so that everything that was written can be read.

use std::io::{BufRead, BufReader, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest line: a task of 4,000 objects on disk, each with a path of 4,096 bytes that all become escapes, which
/// stands in it as URL, as key and in parts.
pub const LINE_BYTES_MAX: usize = 512 << 20;

/// Text for each byte of a record. Records of real lakes have 5 to 100.
pub const INFLATED_PER_BYTE_MAX: u64 = 1000;

/// Text that any record may have, however small it is.
pub const INFLATED_AT_LEAST: u64 = 16 << 20;

/// Of the frames that are read: the writer's have 2 MiB, those of `zstd -19` have 8 MiB.
const WINDOW_LOG_MAX: u32 = 24;

/// Of records and of rejects.
pub const ZSTD_LEVEL: i32 = 3;

/// The first bytes of a frame that every reader of zstd passes over.
const EMPTY_FRAME: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// The text that a record of so many bytes may have.
pub fn inflated_max(bytes: u64) -> u64 {
    bytes.saturating_mul(INFLATED_PER_BYTE_MAX).max(INFLATED_AT_LEAST)
}

/// What stands behind a record of so much text in so many bytes, so that it is within the limits; mostly nothing.
pub fn padding(text_bytes: u64, bytes: u64) -> Vec<u8> {
    let wanted = if text_bytes > INFLATED_AT_LEAST { text_bytes.div_ceil(INFLATED_PER_BYTE_MAX) } else { 0 };
    let Some(missing) = wanted.checked_sub(bytes).and_then(|missing| u32::try_from(missing).ok()).filter(|&n| n > 0)
    else {
        return Vec::new();
    };
    let mut frame = EMPTY_FRAME.to_vec();
    frame.extend(missing.to_le_bytes());
    frame.resize(frame.len() + missing as usize, 0);
    frame
}

/// Values as JSON lines under zstd, with the checksum of its frame. Same values, same bytes.
pub fn encode_lines<T: Serialize>(values: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut text = Vec::new();
    for value in values {
        serde_json::to_writer(&mut text, &value).expect("ledger records are plain data");
        text.push(b'\n');
    }
    compress(&text)
}

/// A text under zstd, as a record that can be read again.
pub(super) fn compress(text: &[u8]) -> Vec<u8> {
    let compressed = || -> std::io::Result<Vec<u8>> {
        let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.write_all(text)?;
        encoder.finish()
    };
    let mut bytes = compressed().expect("memory to memory does not fail");
    bytes.extend(padding(text.len() as u64, bytes.len() as u64));
    bytes
}

/// The text of [`compress`], if it has not more bytes than `most`.
pub(super) fn inflate(bytes: &[u8], most: u64) -> Result<Vec<u8>, String> {
    let reader = LineReader::new(bytes, bytes.len() as u64)?;
    let most = reader.inflated_max.min(most);
    let mut text = Vec::new();
    reader.text.take(most + 1).read_to_end(&mut text).map_err(|error| error.to_string())?;
    match text.len() as u64 > most {
        true => Err(format!("it inflates to more than {most} bytes, which no record does")),
        false => Ok(text),
    }
}

/// The values of [`encode_lines`].
pub fn decode_lines<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, String> {
    let mut values = Vec::new();
    let mut lines = LineReader::new(bytes, bytes.len() as u64)?;
    while let Some(line) = lines.next_line()? {
        values.push(serde_json::from_slice(line).map_err(|error| error.to_string())?);
    }
    Ok(values)
}

/// The lines of a record that are not empty.
pub struct LineReader<R: BufRead> {
    text: BufReader<std::io::Take<zstd::Decoder<'static, R>>>,
    line: Vec<u8>,
    inflated_max: u64,
    line_bytes_max: usize,
}

impl<R: BufRead> LineReader<R> {
    /// Reads a record of so many bytes.
    pub fn new(record: R, bytes: u64) -> Result<LineReader<R>, String> {
        let mut decoder = zstd::Decoder::with_buffer(record).map_err(|error| error.to_string())?;
        decoder.window_log_max(WINDOW_LOG_MAX).map_err(|error| error.to_string())?;
        let inflated_max = inflated_max(bytes);
        // One byte more than may come, so that too many are noticed.
        let text = BufReader::new(decoder.take(inflated_max.saturating_add(1)));
        Ok(LineReader { text, line: Vec::new(), inflated_max, line_bytes_max: LINE_BYTES_MAX })
    }

    /// The next line, without its end.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, String> {
        loop {
            self.line.clear();
            let mut line = (&mut self.text).take(self.line_bytes_max as u64 + 1);
            let read = line.read_until(b'\n', &mut self.line).map_err(|error| error.to_string())?;
            if self.text.get_ref().limit() == 0 {
                return Err(format!("it inflates to more than {} bytes, which no record does", self.inflated_max));
            }
            if read > self.line_bytes_max {
                let most = self.line_bytes_max;
                return Err(format!("one of its lines has more than {most} bytes, which no record has"));
            }
            if read == 0 {
                return Ok(None);
            }
            if self.line.last() == Some(&b'\n') {
                self.line.pop();
            }
            if !self.line.is_empty() {
                return Ok(Some(&self.line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, ZSTD_LEVEL).unwrap()
    }

    #[test]
    fn a_small_record_that_inflates_to_much_is_refused() {
        for text in [vec![b'\n'; 64 << 20], vec![b'['; 64 << 20]] {
            let bytes = compressed(&text);
            assert!(bytes.len() < 10_000, "{}", bytes.len());
            let error = decode_lines::<serde_json::Value>(&bytes).unwrap_err();
            assert!(error.contains("inflates to more than 16777216 bytes"), "{error}");
        }
        // Up to the limit it is read.
        let mut text = vec![b'\n'; INFLATED_AT_LEAST as usize - 1];
        text.push(b'7');
        assert_eq!(decode_lines::<u8>(&compressed(&text)), Ok(vec![7]));
        text.insert(0, b'\n');
        assert!(decode_lines::<u8>(&compressed(&text)).is_err());
    }

    #[test]
    fn a_long_line_is_refused() {
        let bytes = compressed(b"\"abc\"\n\"abcdef\"\n");
        let mut reader = LineReader::new(bytes.as_slice(), bytes.len() as u64).unwrap();
        reader.line_bytes_max = 6;
        assert_eq!(reader.next_line().unwrap(), Some(&b"\"abc\""[..]));
        assert!(reader.next_line().unwrap_err().contains("more than 6 bytes"));
    }

    #[test]
    fn what_the_writer_repeats_is_read_all_the_same() {
        let values = vec!["x".repeat(1 << 16); 400];
        let bytes = encode_lines(&values);
        let text_bytes: u64 = values.iter().map(|value| value.len() as u64 + 3).sum();
        assert_eq!(bytes.len() as u64, text_bytes.div_ceil(INFLATED_PER_BYTE_MAX) + 8, "a frame stands behind it");
        assert_eq!(decode_lines::<String>(&bytes), Ok(values.clone()));
        // To other readers of zstd the frame is nothing, at the end and between records.
        let both = [bytes.as_slice(), &encode_lines(["end"])].concat();
        assert_eq!(zstd::decode_all(both.as_slice()).unwrap().len() as u64, text_bytes + 6);
        assert_eq!(decode_lines::<String>(&both).unwrap().last().map(String::as_str), Some("end"));
        assert!(padding(INFLATED_AT_LEAST, 1).is_empty() && padding(text_bytes, text_bytes / 10).is_empty());
    }
}
