//! Lines are decoded, encoded and read back, and their cells stay the same.

use std::collections::BTreeMap;
use std::io;

use proptest::prelude::*;

use crate::columns::{CellHashes, Cells, Chunk, Dictionaries};
use crate::decode::{self, Body, Decoder, Reject, Settings, Source, Verdict};
use crate::encode::tests::{Memory, options};
use crate::encode::{Options, Origin, TaskEncoder};
use crate::readback::{self, ReadBack};
use crate::schema::{Kind, PartitionBy, TGW_DEFAULT_FORMAT, Table, Types, Unknown, VPC_DEFAULT_FORMAT};

/// 2023-09-14.
const DELIVERED: i64 = 1_694_650_000;

/// Unknown fields: the first of a task become columns, the rest share `other_fields`.
const CUSTOM: &str = "version srcaddr new-one dstport new-two pkt-dstaddr start new-three tcp-flags log-status";

struct Encoding {
    encoder: TaskEncoder<Memory>,
    origin: Origin,
    hashes: CellHashes,
    cells: BTreeMap<String, Cells>,
    has_others: bool,
}

impl decode::Sink for Encoding {
    fn rows(&mut self, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
        let cells = self.hashes.sum(&self.origin.texts(), chunk, dictionaries);
        *self.cells.entry(self.origin.url.clone()).or_default() += cells;
        self.has_others |= !chunk.layout.others.is_empty();
        self.encoder.push(chunk, dictionaries).map_err(io::Error::other)
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        Err(io::Error::other(format!("{reject:?}")))
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        self.encoder.dictionaries_cleared().map_err(io::Error::other)
    }
}

#[derive(Default)]
struct Summing {
    hashes: CellHashes,
    cells: BTreeMap<String, Cells>,
}

impl readback::Sink for Summing {
    fn rows(&mut self, origin: &Origin, chunk: &Chunk, dictionaries: &Dictionaries) -> io::Result<()> {
        let cells = self.hashes.sum(&origin.texts(), chunk, dictionaries);
        *self.cells.entry(origin.url.clone()).or_default() += cells;
        Ok(())
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn token(field: &str, table: Table) -> BoxedStrategy<String> {
    let kind = table.kind(field).unwrap_or(Kind::Text);
    let value = match kind {
        Kind::Text => prop_oneof![6 => "[0-9]{1,2}\\.[0-9]", 1 => "[a-zéß߿€]{1,60}"].boxed(),
        Kind::Int32 | Kind::Port => (0..65_536_i64).prop_map(|int| int.to_string()).boxed(),
        Kind::Int64 => (0..=i64::MAX).prop_map(|int| int.to_string()).boxed(),
        // Many days, so that some have no file open.
        _ => (0..40_i64).prop_map(|days| (DELIVERED - days * 80_000).to_string()).boxed(),
    };
    prop_oneof![1 => Just("-".to_owned()), 9 => value].boxed()
}

fn object() -> impl Strategy<Value = String> {
    let headers = vec![(VPC_DEFAULT_FORMAT, Table::FLOW_LOGS), (TGW_DEFAULT_FORMAT, Table::TGW_FLOW_LOGS)];
    prop_oneof![prop::sample::select(headers), Just((CUSTOM, Table::FLOW_LOGS))].prop_flat_map(|(header, table)| {
        let tokens: Vec<_> = header.split_whitespace().map(|field| token(field, table)).collect();
        prop::collection::vec(tokens, 1..60).prop_map(move |rows| {
            let rows: Vec<String> = rows.into_iter().map(|tokens| tokens.join(" ")).collect();
            format!("{header}\n{}\n", rows.join("\n"))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cells_of_lines_are_those_of_files(
        objects in prop::collection::vec(object(), 1..6),
        by in prop_oneof![Just(PartitionBy::Date), Just(PartitionBy::DateHour)],
        file_bytes_max in prop_oneof![3000..20_000_u64, Just(1 << 30)],
    ) {
        let unknown = Unknown { known: BTreeMap::new(), new_per_task: 2 };
        let mut decoder = Decoder::new(Settings { types: Types::default(), format: None, unknown });
        let options = Options { partition_by: by, file_bytes_max, ..options() };
        let mut encoding = Encoding {
            encoder: TaskEncoder::new(options, Memory::default()).unwrap(),
            origin: Origin::default(),
            hashes: CellHashes::default(),
            cells: BTreeMap::new(),
            has_others: false,
        };
        for (n, text) in objects.iter().enumerate() {
            let log_id = Some("fl-é".to_owned()).filter(|_| n % 2 > 0);
            encoding.origin = Origin { url: format!("s3://logs/{n}.gz"), log_id, ..Origin::default() };
            encoding.encoder.begin_object(&encoding.origin);
            let source = Source { body: Body::Whole(text.as_bytes()), delivered: DELIVERED, in_flow_log_prefix: true, log: None };
            let verdict = decoder.object(source, &mut encoding).unwrap();
            prop_assert!(matches!(verdict, Verdict::Decoded(_)), "{verdict:?}");
            encoding.encoder.end_object();
        }
        prop_assert_eq!(encoding.has_others, objects.iter().any(|object| object.starts_with(CUSTOM)));
        let (files, memory) = encoding.encoder.finish().unwrap();
        let (mut reader, mut summing) = (ReadBack::default(), Summing::default());
        for (file, bytes) in files.iter().zip(memory.0.lock().unwrap().values()) {
            let rows = reader.file(bytes::Bytes::from(bytes.clone()), &mut summing).unwrap();
            prop_assert_eq!(rows, file.rows);
        }
        prop_assert_eq!(summing.cells, encoding.cells);
    }
}
