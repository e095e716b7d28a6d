//! Old records of the ledger in one object, as they lay: a tar archive under zstd. `tar --zstd -xf ARCHIVE` in the
//! lake's folder lays each one where it was.
//!
//! Same records, same bytes. What is not exactly of this form is refused: an archive has its hash in its name.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Relative;
use super::lines::{compress, inflate};

/// Headers and contents take whole blocks.
const BLOCK: usize = 512;

/// The text of an archive: an entry may have 512 MiB, and then it is nearly alone.
const TEXT_BYTES_MAX: u64 = 640 << 20;

/// Where the fields of a header begin and end (POSIX.1-1988, `ustar`).
const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const WRITTEN: std::ops::Range<usize> = 136..148;
const SUM: std::ops::Range<usize> = 148..156;

/// A record of the ledger as it lay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedRecord {
    /// Its name, relative to the lake.
    pub name: Relative,
    /// Its content, byte by byte.
    pub bytes: Bytes,
    /// When it was written, by the clock of the store, to the second.
    pub written: DateTime<Utc>,
}

/// The bytes of an archive of these records, in their order.
pub fn pack(records: &[PackedRecord]) -> Vec<u8> {
    let mut text = Vec::new();
    for record in records {
        text.extend(header(record));
        text.extend_from_slice(&record.bytes);
        text.resize(text.len().next_multiple_of(BLOCK), 0);
    }
    text.resize(text.len() + 2 * BLOCK, 0);
    compress(&text)
}

/// The records of [`pack`].
///
/// # Errors
/// A text that says what is wrong.
pub fn unpack(bytes: &[u8]) -> Result<Vec<PackedRecord>, String> {
    let text = Bytes::from(inflate(bytes, TEXT_BYTES_MAX)?);
    let mut records = Vec::new();
    let mut at = 0;
    loop {
        let header = text.get(at..at + BLOCK).ok_or("it ends in the middle")?;
        at += BLOCK;
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        let (record, size) = read_header(header)?;
        let end = at.checked_add(size).filter(|end| *end <= text.len()).ok_or("it ends in the middle")?;
        records.push(PackedRecord { bytes: text.slice(at..end), ..record });
        at = end.next_multiple_of(BLOCK);
    }
    let is_ended = text.len() == at + BLOCK && text[at..].iter().all(|byte| *byte == 0);
    if is_ended { Ok(records) } else { Err("something stands behind its end".to_owned()) }
}

fn header(record: &PackedRecord) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    assert!(record.name.len() <= NAME.len(), "the names of records in an archive are short");
    put(NAME.start, &record.name);
    // Mode, and the numbers of nobody.
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(SIZE.start, &format!("{:011o}", record.bytes.len()));
    put(WRITTEN.start, &format!("{:011o}", record.written.timestamp().max(0)));
    // A file.
    put(156, "0");
    put(257, "ustar\0");
    put(263, "00");
    let sum = sum_of(&header);
    header[SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// The sum of a header, of which the field for it counts as spaces.
fn sum_of(header: &[u8]) -> u32 {
    let of = |(at, byte): (usize, &u8)| u32::from(if SUM.contains(&at) { b' ' } else { *byte });
    header.iter().enumerate().map(of).sum()
}

/// A record without its content, and the size of that.
fn read_header(header: &[u8]) -> Result<(PackedRecord, usize), String> {
    let name = header[NAME].split(|byte| *byte == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).map_err(|error| error.to_string())?;
    let number = |field: std::ops::Range<usize>| {
        let digits = std::str::from_utf8(&header[field]).ok().map(|text| text.trim_matches(['\0', ' ']));
        digits.and_then(|digits| u64::from_str_radix(digits, 8).ok())
    };
    let damaged = || format!("the header of {name:?} is none");
    if number(SUM) != Some(u64::from(sum_of(header))) {
        return Err(damaged());
    }
    let size = number(SIZE).and_then(|size| usize::try_from(size).ok()).ok_or_else(damaged)?;
    let written = number(WRITTEN).and_then(|seconds| i64::try_from(seconds).ok());
    let written = written.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).ok_or_else(damaged)?;
    let name = name.parse().map_err(|error| format!("{name:?} is no name of a record: {error}"))?;
    Ok((PackedRecord { name, bytes: Bytes::new(), written }, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(sizes: &[usize]) -> Vec<PackedRecord> {
        let record = |(n, &size): (usize, &usize)| PackedRecord {
            name: format!("_flowlake/log/{n:020}.json").parse().unwrap(),
            bytes: vec![b'0' + n as u8; size].into(),
            written: DateTime::from_timestamp(1_700_000_000 + n as i64, 0).unwrap(),
        };
        sizes.iter().enumerate().map(record).collect()
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        for sizes in [&[][..], &[0], &[1], &[511, 512, 513, 0, 5000]] {
            let packed = pack(&records(sizes));
            assert_eq!(unpack(&packed).unwrap(), records(sizes));
            assert_eq!(packed, pack(&records(sizes)));
        }
    }

    /// The form is not ours: `tar` of the system reads it.
    #[test]
    fn tar_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let text = zstd::decode_all(pack(&records(&[700, 3])).as_slice()).unwrap();
        std::fs::write(folder.path().join("a.tar"), text).unwrap();
        let tar = |arguments: &[&str]| {
            let done = std::process::Command::new("tar").args(arguments).current_dir(folder.path()).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        tar(&["-xf", "a.tar"]);
        for record in records(&[700, 3]) {
            let path = folder.path().join(record.name.as_str());
            assert_eq!(std::fs::read(&path).unwrap(), record.bytes);
            let written: DateTime<Utc> = std::fs::metadata(path).unwrap().modified().unwrap().into();
            assert_eq!(written, record.written);
        }
    }

    #[test]
    fn whatever_is_not_of_the_form_is_refused() {
        let text = zstd::decode_all(pack(&records(&[700, 3])).as_slice()).unwrap();
        for cut in (0..text.len()).step_by(97) {
            assert!(unpack(&compress(&text[..cut])).is_err(), "cut at {cut}");
        }
        // Bytes of headers that are not looked at are in their sum.
        for at in (0..text.len()).filter(|at| !(BLOCK..3 * BLOCK).contains(at) && !(4 * BLOCK..5 * BLOCK).contains(at))
        {
            let mut text = text.clone();
            text[at] ^= 1;
            assert!(unpack(&compress(&text)).is_err(), "byte {at}");
        }
        assert!(unpack(b"").is_err() && unpack(b"no zstd").is_err());
    }
}
