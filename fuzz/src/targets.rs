//! What is fuzzed, and the promise that each keeps for any bytes. A target gives the number of lines it read.

use std::collections::BTreeSet;
use std::io::{self, Write};

use flowlake::columns::{Chunk, Dictionaries, NULL_INT, NULL_TEXT, Values};
use flowlake::decode::{Body, Decoder, Reject, Settings, Sink, Source, Verdict};
use flowlake::lake::{Commit, CommitHead, Entry, Intent, PlannedTask, RejectRecord, decode_lines};
use flowlake::schema::{FIELDS_PER_HEADER_MAX, Layout, Types, is_header};
use flowlake::source::Facts;

use crate::naive::{self, DELIVERED, Expected, Row};

type Target = fn(&[u8]) -> u64;

pub const TARGETS: [(&str, Target); 5] =
    [("decoder", decoder), ("header", header), ("key", key), ("ledger", ledger), ("format", format)];

const FORMATS: [Option<&str>; 3] = [None, Some("default"), Some("${instance-tag} ${interface-tag}")];

#[derive(Default)]
struct Given {
    rows: Vec<Row>,
    rejects: Vec<(u64, u64, Option<String>)>,
}

impl Sink for Given {
    fn rows(&mut self, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
        for (row, &line) in chunk.lines.iter().enumerate() {
            let text = |(values, &slot): (&Values, &usize)| match values {
                Values::Int(values) => (values[row] != NULL_INT).then(|| values[row].to_string()),
                Values::Text(ids) if ids[row] == NULL_TEXT => None,
                Values::Text(ids) => {
                    let bytes = dictionaries.get(slot).text(ids[row]).to_vec();
                    Some(String::from_utf8(bytes).expect("texts are UTF-8"))
                }
            };
            self.rows.push((line, chunk.values.iter().zip(&chunk.slots).map(text).collect()));
        }
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        self.rejects.push((reject.line, reject.offset, reject.field));
        Ok(())
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The first byte chooses the format and the way in; the rest is the object's text. The decoder gives what the naive one
/// gives: every row with its values, every reject with its place.
fn decoder(bytes: &[u8]) -> u64 {
    let Some((&choice, text)) = bytes.split_first() else { return 0 };
    // What begins like gzip or Parquet is not plain text; such bytes are another target's.
    let is_plain = !text.starts_with(&[0x1f, 0x8b]) && !text.starts_with(b"PAR1");
    let format = FORMATS[usize::from(choice) % FORMATS.len()];
    let layout = format.map(|format| Layout::from_format(format, &Types::default()).expect("a sound format"));
    let mut decoder = Decoder::new(Settings { types: Types::default(), format: layout });
    let mut given = Given::default();
    let zipped = gzip(text);
    let mut reader = if is_plain { text } else { &zipped };
    let body = match choice / 3 % 3 {
        0 => Body::Whole(&zipped),
        1 if is_plain => Body::Whole(text),
        _ => Body::Stream(&mut reader),
    };
    let verdict = decoder.object(Source { body, delivered: DELIVERED, in_flow_log_prefix: true }, &mut given);
    let expected = naive::read(text, format);
    match (verdict.expect("nothing fails in memory"), expected) {
        (Verdict::Decoded(decoded), Some(expected)) => {
            let counts = decoded.counts;
            let Given { rows, rejects } = given;
            assert_eq!(counts.lines, counts.headers + counts.blanks + counts.rows + counts.rejects);
            let (lines, headers, blanks) = (counts.lines, counts.headers, counts.blanks);
            assert_eq!(Expected { rows, rejects, headers, blanks, lines }, expected);
            lines
        }
        (Verdict::Aside { .. }, None) => text.split(|&byte| byte == b'\n').count() as u64,
        (verdict, expected) => panic!("the decoder says {verdict:?}, the naive one {expected:?}"),
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// A layout names no column twice and not too many.
fn sound(layout: &Layout) {
    let names: BTreeSet<&str> = layout.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names.len(), layout.columns.len());
    assert!((1..=FIELDS_PER_HEADER_MAX).contains(&names.len()));
    for place in [layout.start, layout.packets, layout.bytes].into_iter().flatten() {
        assert!(place < layout.columns.len());
    }
}

fn header(bytes: &[u8]) -> u64 {
    let Ok(line) = std::str::from_utf8(bytes) else { return 0 };
    let tokens: Vec<&str> = line.split(' ').filter(|token| !token.is_empty()).collect();
    let layout = Layout::from_names(tokens.iter().copied(), &Types::default());
    if let Ok(layout) = &layout {
        sound(layout);
        is_header(&tokens, Some(layout));
    }
    is_header(&tokens, None);
    1
}

fn format(bytes: &[u8]) -> u64 {
    let Ok(text) = std::str::from_utf8(bytes) else { return 0 };
    if let Ok(layout) = Layout::from_format(text, &Types::default()) {
        sound(&layout);
    }
    1
}

/// What a key tells stands in the key.
fn key(bytes: &[u8]) -> u64 {
    let Ok(key) = std::str::from_utf8(bytes) else { return 0 };
    let facts = Facts::of(key);
    for fact in [&facts.account, &facts.region, &facts.log_id].into_iter().flatten() {
        assert!(key.contains(fact.as_str()), "{fact} is not in {key}");
    }
    assert!(facts.hour.is_none_or(|hour| hour < 24));
    1
}

/// Records are read or refused, never worse; what is read says the same when it is written and read again.
fn ledger(bytes: &[u8]) -> u64 {
    if let Ok(entry) = Entry::parse(bytes, "fuzz") {
        let text = serde_json::to_vec(&entry).expect("an entry is plain data");
        let again = Entry::parse(&text, "fuzz").expect("what was written can be read");
        assert_eq!(serde_json::to_vec(&again).expect("an entry is plain data"), text);
    }
    if let Ok(commit) = Commit::parse(bytes) {
        let text = commit.encode();
        assert_eq!(Commit::parse(&text).expect("what was written can be read").encode(), text);
    }
    let _ = serde_json::from_slice::<Intent>(bytes);
    let _ = serde_json::from_slice::<flowlake::lake::Checkpoint>(bytes);
    let _ = decode_lines::<PlannedTask>(bytes);
    let _ = decode_lines::<RejectRecord>(bytes);
    let _ = decode_lines::<CommitHead>(bytes);
    // Filed receipts are Parquet, whose library panics on some damaged footers: they are read only if their hash is that in
    // their name, so that nothing but what was written gets that far.
    1
}
