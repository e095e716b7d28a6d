//! What is fuzzed, and the promise that each keeps for any bytes. A target gives the number of lines it read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use flowlake::columns::{Chunk, Dictionaries, NULL_INT, NULL_TEXT, Values};
use flowlake::decode::{Body, Decoder, Reject, Settings, Sink, Source, Verdict};
use flowlake::lake::{Checkpoint, Commit, CommitHead, Entry, Intent, PlannedTask, RejectRecord, decode_lines};
use flowlake::schema::{FIELDS_PER_HEADER_MAX, Layout, Place, Types, Unknown, is_header};
use flowlake::source::Facts;

use crate::naive::{self, DELIVERED, Row, Value};

type Target = fn(&[u8]) -> u64;

pub const TARGETS: [(&str, Target); 6] = [
    ("decoder", decoder),
    ("header", header),
    ("key", key),
    ("ledger", ledger),
    ("format", format),
    ("lake", crate::lake::lake),
];

const FORMATS: [Option<&str>; 3] = [None, Some("default"), Some("${instance-tag} ${interface-tag}")];

thread_local! {
    /// One for each format, for all objects, as in a task: what an object leaves behind must not touch the next one.
    /// Those of the first three give every unknown field a column, the others none.
    static DECODERS: RefCell<[[Decoder; 3]; 2]> = RefCell::new([true, false].map(|has_columns| FORMATS.map(|format| {
        let format = format.map(|format| Layout::from_format(format, &Types::default()).expect("a sound format"));
        Decoder::new(Settings { format, unknown: unknown(has_columns), types: Types::default() })
    })));
}

fn unknown(has_columns: bool) -> Unknown {
    if has_columns { Unknown::unlimited() } else { Unknown { new_per_task: 0, ..Unknown::default() } }
}

/// Takes what the decoder gives, and compares each row with the one that is expected in its place.
#[derive(Default)]
struct Given<'a> {
    /// None where the object must be set aside: rows that were given before are then worth nothing.
    expected: Option<std::slice::Iter<'a, Row<'a>>>,
    rejects: Vec<(u64, u64, Option<String>)>,
}

impl Sink for Given<'_> {
    fn rows(&mut self, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
        let Some(expected) = &mut self.expected else { return Ok(()) };
        for (row, &line) in chunk.lines.iter().enumerate() {
            let value = |(values, &slot): (&'_ Values, &usize)| match values {
                Values::Int(values) if values[row] == NULL_INT => Value::Null,
                Values::Int(values) => Value::Int(values[row]),
                Values::Text(ids) if ids[row] == NULL_TEXT => Value::Null,
                Values::Text(ids) => {
                    let text = std::str::from_utf8(dictionaries.get(slot).text(ids[row])).expect("texts are UTF-8");
                    Value::Text(text.into())
                }
                Values::Array(_) => unreachable!("flow logs have no such values"),
            };
            let given = chunk.values.iter().zip(&chunk.slots).map(value);
            let (at, values) = expected.next().expect("no row is given that the text does not have");
            assert!(
                (line, chunk.values.len()) == (*at, values.len()) && given.clone().eq(values.iter().cloned()),
                "line {line} is {:?}, not {values:?} of line {at}",
                given.collect::<Vec<_>>()
            );
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

/// The first byte chooses the format and the way in; the rest is the object's text. The decoder gives what the naive
/// one gives: every row with its values, every reject with its place.
fn decoder(bytes: &[u8]) -> u64 {
    let Some((&choice, text)) = bytes.split_first() else { return 0 };
    // What begins like gzip or Parquet is not plain text; such bytes are another target's.
    let is_plain = !text.starts_with(&[0x1f, 0x8b]) && !text.starts_with(b"PAR1");
    let format = FORMATS[usize::from(choice) % FORMATS.len()];
    let has_columns = choice / 96 % 2 == 0;
    let expected = naive::read(text, format, &unknown(has_columns));
    let mut given = Given { expected: expected.as_ref().map(|expected| expected.rows.iter()), rejects: Vec::new() };
    // What is fuzzed is the text; one object in eight is worth the time to compress it.
    let level = if choice / 12 % 8 == 0 { Compression::fast() } else { Compression::none() };
    let (is_zipped, is_whole) = (!is_plain || choice / 3 % 2 == 0, choice / 6 % 2 == 0);
    let zipped = if is_zipped { gzip(text, level) } else { Vec::new() };
    let mut bytes = if is_zipped { &zipped } else { text };
    let body = if is_whole { Body::Whole(bytes) } else { Body::Stream(&mut bytes) };
    let source = Source { body, delivered: DELIVERED, in_flow_log_prefix: true, log: None };
    let verdict = DECODERS.with_borrow_mut(|decoders| {
        decoders[usize::from(!has_columns)][usize::from(choice) % FORMATS.len()].object(source, &mut given)
    });
    match (verdict.expect("nothing fails in memory"), &expected) {
        (Verdict::Decoded(decoded), Some(expected)) => {
            let counts = decoded.counts;
            assert_eq!(counts.lines, counts.headers + counts.blanks + counts.rows + counts.rejects);
            assert!(given.expected.is_some_and(|rest| rest.len() == 0), "every row of the text is given");
            assert_eq!(counts.rows, expected.rows.len() as u64);
            assert_eq!(given.rejects, expected.rejects);
            assert_eq!(
                (counts.headers, counts.blanks, counts.lines),
                (expected.headers, expected.blanks, expected.lines)
            );
            counts.lines
        }
        (Verdict::Aside { .. }, None) => text.split(|&byte| byte == b'\n').count() as u64,
        (verdict, expected) => panic!("the decoder says {verdict:?}, the naive one {expected:?}"),
    }
}

fn gzip(text: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// A layout names no column twice and not too many.
fn sound(layout: &Layout) {
    let names: BTreeSet<&str> = layout.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names.len(), layout.columns.len());
    assert!((1..=FIELDS_PER_HEADER_MAX).contains(&names.len()));
    for place in [layout.start, layout.end].iter().chain(&layout.measures).copied().flatten() {
        assert!(place < layout.columns.len());
    }
}

fn header(bytes: &[u8]) -> u64 {
    let Ok(line) = std::str::from_utf8(bytes) else { return 0 };
    let tokens: Vec<&str> = line.split(' ').filter(|token| !token.is_empty()).collect();
    let layout = Layout::from_names(tokens.iter().copied(), &Types::default());
    if let Ok(layout) = &layout {
        sound(layout);
        for place in [Place::First(Some(layout)), Place::Member(layout), Place::Middle(layout)] {
            // Whatever it is, the same line again is a header.
            assert!(is_header(&tokens, place), "{tokens:?} {place:?}");
        }
    }
    is_header(&tokens, Place::First(None));
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
        let text = entry.encode();
        assert_eq!(Entry::parse(&text, "fuzz").expect("what was written can be read").encode(), text);
    }
    if let Ok(commit) = Commit::parse(bytes, "commit") {
        let text = commit.encode();
        assert_eq!(Commit::parse(&text, "commit").expect("what was written can be read").encode(), text);
    }
    let _ = serde_json::from_slice::<Intent>(bytes);
    if let Ok(checkpoint) = Checkpoint::parse(bytes, "fuzz") {
        let text = checkpoint.encode();
        assert_eq!(Checkpoint::parse(&text, "fuzz").expect("what was written can be read").encode(), text);
    }
    let _ = decode_lines::<PlannedTask>(bytes);
    let _ = decode_lines::<RejectRecord>(bytes);
    let _ = decode_lines::<CommitHead>(bytes);
    // Filed receipts are Parquet, whose library panics on some damaged footers: they are read only if their hash is
    // that in their name, so that nothing but what was written gets that far.
    1
}
