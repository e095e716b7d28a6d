//! What an object held, in few bytes: whether two readings were of one content.
//!
//! Its stored bytes are hashed as they are read: they are a tenth of its text. An object that was compressed anew has
//! other bytes and the same text; of that the CRC-32 tells which gzip itself ends in, together with the length. Of
//! several gzip members each ends in its own: of such an object only equal bytes tell anything.

use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

/// The first 16 bytes of the BLAKE3 of an object as it is stored, and the CRC-32 of its text unless it is gzip of
/// several members. In records 32 hexadecimal digits, and 8 more behind a `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest {
    stored: u128,
    text: Option<u32>,
}

impl Digest {
    /// Of objects whose texts have one length; `None` if nobody can tell.
    pub fn is_of_same_content(self, other: Digest) -> Option<bool> {
        if self.stored == other.stored { Some(true) } else { Some(self.text? == other.text?) }
    }
}

/// Takes an object's bytes as they are stored.
#[derive(Debug, Default)]
pub struct Digesting {
    hasher: blake3::Hasher,
    /// Of what is no gzip.
    crc: flate2::Crc,
    head: Vec<u8>,
    /// The last [`TRAILER_BYTES`].
    tail: Vec<u8>,
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What a gzip member ends in: the CRC-32 and the length of its text, each in four bytes.
const TRAILER_BYTES: usize = 8;

impl Digesting {
    /// Takes the next bytes, in pieces of any length.
    pub fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        let had = self.head.len();
        self.head.extend(&bytes[..(GZIP_MAGIC.len() - had).min(bytes.len())]);
        if self.head != GZIP_MAGIC[..self.head.len()] {
            // What could have been the beginning of gzip until now.
            if self.head[..had] == GZIP_MAGIC[..had] {
                self.crc.update(&self.head[..had]);
            }
            self.crc.update(bytes);
        }
        let kept = self.tail.len().min(TRAILER_BYTES.saturating_sub(bytes.len()));
        self.tail.drain(..self.tail.len() - kept);
        self.tail.extend(&bytes[bytes.len() - bytes.len().min(TRAILER_BYTES)..]);
    }

    /// Of an object that inflated to so many bytes.
    pub fn digest(&self, inflated_bytes: u64) -> Digest {
        let mut stored = [0; 16];
        stored.copy_from_slice(&self.hasher.finalize().as_bytes()[..16]);
        let text = if self.head == GZIP_MAGIC { self.told(inflated_bytes) } else { Some(self.crc.sum()) };
        Digest { stored: u128::from_be_bytes(stored), text }
    }

    /// What the last gzip member tells of its text, if that is all of the text.
    fn told(&self, inflated_bytes: u64) -> Option<u32> {
        let (crc, length) = self.tail.split_first_chunk::<4>()?;
        let is_all = u32::try_from(inflated_bytes).is_ok_and(|all| all.to_le_bytes() == *length);
        is_all.then(|| u32::from_le_bytes(*crc))
    }

    /// A reader whose bytes are added as they come.
    pub fn reading<'a, R: Read>(&'a mut self, reader: &'a mut R) -> impl Read + 'a {
        Reading { digesting: self, reader }
    }
}

struct Reading<'a, R> {
    digesting: &'a mut Digesting,
    reader: &'a mut R,
}

impl<R: Read> Read for Reading<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(to)?;
        self.digesting.add(&to[..read]);
        Ok(read)
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Digest, &'static str> {
        let (stored, crc) = match text.split_once('-') {
            Some((stored, crc)) => (stored, Some(crc)),
            None => (text.as_str(), None),
        };
        let crc = crc.map(|crc| u32::from_str_radix(crc, 16)).transpose().ok();
        let found = u128::from_str_radix(stored, 16).ok().zip(crc).map(|(stored, text)| Digest { stored, text });
        // Spelled anew it must be the same: numbers are read in other spellings, too.
        let is_ours = |digest: &Digest| digest.to_string() == text;
        found.filter(is_ours).ok_or("a digest has 32 hexadecimal digits, and perhaps 8 more")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.stored)?;
        self.text.map_or(Ok(()), |crc| write!(f, "-{crc:08x}"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn digest(bytes: &[u8], inflated_bytes: usize, at_once: usize) -> Digest {
        let mut digesting = Digesting::default();
        bytes.chunks(at_once).for_each(|part| digesting.add(part));
        digesting.digest(inflated_bytes as u64)
    }

    #[test]
    fn the_same_text_is_known_however_it_is_stored_and_another_is_told() {
        let text = b"srcaddr start\n10.0.0.1 1694735970\n".repeat(50);
        let other = b"srcaddr start\n10.0.0.2 1694735970\n".repeat(50);
        let all = digest(&gzip(&text, 6), text.len(), 1 << 20);
        for at_once in [1, 2, 3, 7, 8, 9] {
            assert_eq!(digest(&gzip(&text, 6), text.len(), at_once), all);
        }
        for at_once in [1, 5, 1000] {
            for same in [gzip(&text, 0), text.clone()] {
                assert_eq!(all.is_of_same_content(digest(&same, text.len(), at_once)), Some(true));
            }
            for another in [gzip(&other, 6), other.clone()] {
                assert_eq!(all.is_of_same_content(digest(&another, text.len(), at_once)), Some(false));
            }
        }
        let nearly = b"\x1fsrcaddr start\n";
        assert_eq!(digest(nearly, 15, 1), digest(nearly, 15, 15));
        // Of several members the last one tells of itself alone.
        let members = [gzip(&other, 6), gzip(&text, 6)].concat();
        let members = digest(&members, 2 * text.len(), 5);
        assert_eq!((members.is_of_same_content(all), members.is_of_same_content(members)), (None, Some(true)));
    }

    #[test]
    fn a_digest_is_read_as_it_is_written_and_nothing_else_is() {
        let text = b"srcaddr\n";
        for digest in [digest(&gzip(text, 6), text.len(), 5), digest(text, text.len(), 5)] {
            let written = digest.to_string();
            assert_eq!(Digest::try_from(written.clone()), Ok(digest));
            for other in
                [&written[1..], &written.to_uppercase(), &format!("+{}", &written[1..]), &format!("{written}-")]
            {
                assert!(*other == *written || Digest::try_from(other.to_owned()).is_err(), "{other}");
            }
        }
    }
}
