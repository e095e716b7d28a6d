//! The encode stage alone: rows in columns are at hand, files go nowhere.
//!
//! Held still in all: one task of 1,048,576 rows in 50 objects of 10 interfaces each, one date, chunks of 4,096 rows,
//! dictionaries filled beforehand, one thread, the same pseudo-random rows in every run. Provenance columns, receipts
//! and the hash of the files are always part of it. Each bench below varies the columns or the compression only, so
//! that the cost of a kind of page or of a compressor is a difference between two of them.

use std::io::{self, Cursor, Write};
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use flowlake::columns::{CHUNK_ROWS_MAX, Chunk, Dictionaries, Values};
use flowlake::encode::{Options, Origin, Staging, TaskEncoder};
use flowlake::schema::{Compression, Kind, Layout, PartitionBy, Types, VPC_DEFAULT_FORMAT};

const ROWS: usize = 256 * CHUNK_ROWS_MAX;
const CHUNKS_PER_OBJECT: usize = 5;
const ADDRESSES: u64 = 50_000;

fn main() {
    for compression in Compression::ALL {
        let bytes = encode(&Task::new(VPC_DEFAULT_FORMAT), compression);
        println!("default format, {}: {:.2} bytes a row", compression.name(), bytes as f64 / ROWS as f64);
    }
    divan::main();
}

/// Isolates provenance, receipts and what surrounds the pages: the log gives one constant column.
#[divan::bench]
fn a_constant_column(bencher: Bencher) {
    bench(bencher, "version", Compression::None);
}

/// Isolates dictionary pages of texts: two columns of addresses and one of interfaces, uncompressed.
#[divan::bench]
fn texts(bencher: Bencher) {
    bench(bencher, "interface-id srcaddr dstaddr", Compression::None);
}

/// Isolates dictionary pages of integers: ports and protocols, uncompressed.
#[divan::bench]
fn small_integers(bencher: Bencher) {
    bench(bencher, "srcport dstport protocol", Compression::None);
}

/// Isolates pages of differences: counters and times, uncompressed.
#[divan::bench]
fn wide_integers(bencher: Bencher) {
    bench(bencher, "packets bytes start end", Compression::None);
}

/// The whole encoder on the default format. Without compression it isolates what the compressors add.
#[divan::bench(args = [Compression::None, Compression::Zstd, Compression::Snappy, Compression::Gzip])]
fn default_format(bencher: Bencher, compression: &Compression) {
    bench(bencher, VPC_DEFAULT_FORMAT, *compression);
}

fn bench(bencher: Bencher, header: &str, compression: Compression) {
    let task = Task::new(header);
    bencher.counter(ItemsCount::new(ROWS)).bench(|| encode(&task, compression));
}

struct Task {
    chunks: Vec<Chunk>,
    dictionaries: Dictionaries,
}

/// Bytes of all files.
fn encode(task: &Task, compression: Compression) -> u64 {
    let options = Options {
        compression,
        file_bytes_max: 512 << 20,
        partition_by: PartitionBy::Date,
        created_by: "flowlake version 0.0.0 (build bench)".to_owned(),
        bloom: Vec::new(),
        expired: None,
    };
    let mut encoder = TaskEncoder::new(options, Nowhere).expect("the encoder starts");
    for (object, chunks) in task.chunks.chunks(CHUNKS_PER_OBJECT).enumerate() {
        encoder.begin_object(&Origin {
            url: format!("s3://flow-logs/AWSLogs/123456789012/vpcflowlogs/eu-west-1/2023/09/14/{object:040}.log.gz"),
            account: Some("123456789012".to_owned()),
            region: Some("eu-west-1".to_owned()),
            log_id: Some("fl-0123456789abcdef0".to_owned()),
            ..Origin::default()
        });
        for chunk in chunks {
            encoder.push(chunk, &task.dictionaries).expect("nowhere is never full");
        }
        divan::black_box(encoder.end_object());
    }
    let (files, Nowhere) = encoder.finish().expect("nowhere is never full");
    files.iter().map(|file| file.bytes).sum()
}

impl Task {
    fn new(header: &str) -> Task {
        let layout = Layout::from_names(header.split_whitespace(), &Types::default()).expect("a valid header");
        let layout = Arc::new(layout);
        let mut dictionaries = Dictionaries::default();
        let slots: Vec<usize> =
            layout.columns.iter().map(|column| dictionaries.slot(layout.table, &column.name)).collect();
        let mut dice = Dice(1);
        let mut chunks = Vec::new();
        for number in 0..ROWS / CHUNK_ROWS_MAX {
            let object = (number / CHUNKS_PER_OBJECT) as u64;
            let flows: Vec<Flow> = (0..CHUNK_ROWS_MAX).map(|_| Flow::random(&mut dice, object)).collect();
            let mut values = Vec::new();
            for (column, &slot) in layout.columns.iter().zip(&slots) {
                values.push(match column.kind {
                    Kind::Text => {
                        let dictionary = dictionaries.get_mut(slot);
                        let id = |flow: &Flow| dictionary.intern(flow.text(&column.name).as_bytes());
                        Values::Text(flows.iter().map(id).collect())
                    }
                    _ => Values::Int(flows.iter().map(|flow| flow.int(&column.name)).collect()),
                });
            }
            let first = (number % CHUNKS_PER_OBJECT * CHUNK_ROWS_MAX) as i64 + 2;
            let lines = (first..first + CHUNK_ROWS_MAX as i64).collect();
            chunks.push(Chunk { layout: Arc::clone(&layout), values, slots: slots.clone(), lines });
        }
        Task { chunks, dictionaries }
    }
}

/// A flow between one of an object's ten interfaces and an outside address, some of which are met far more often.
struct Flow {
    interface: u64,
    outside: u64,
    is_ingress: bool,
    ephemeral: i64,
    service: i64,
    packets: i64,
    bytes: i64,
    start: i64,
    length: i64,
    is_rejected: bool,
}

impl Flow {
    fn random(dice: &mut Dice, object: u64) -> Flow {
        let packets = 1 + (dice.roll(40) * dice.roll(40) * dice.roll(2)) as i64;
        Flow {
            interface: object % 20 * 10 + dice.roll(10),
            outside: dice.roll(dice.clone().roll(ADDRESSES) + 1),
            is_ingress: dice.roll(2) == 0,
            ephemeral: 32_768 + dice.roll(28_232) as i64,
            service: [443, 443, 443, 80, 53, 22, 5432, 8080][dice.roll(8) as usize],
            packets,
            bytes: packets * (40 + dice.roll(1460) as i64),
            start: 1_694_649_600 + object as i64 * 300 + dice.roll(300) as i64,
            length: 10 + dice.roll(50) as i64,
            is_rejected: dice.roll(12) == 0,
        }
    }

    fn text(&self, column: &str) -> String {
        let inside = || format!("10.0.{}.{}", self.interface / 250, self.interface % 250);
        let outside = || format!("{}.{}.{}.9", 11 + self.outside % 200, self.outside / 256, self.outside % 256);
        match (column, self.is_ingress) {
            ("interface-id" | "interface_id", _) => format!("eni-0{:016x}", self.interface * 0x9e37_79b9_7f4a),
            ("srcaddr", true) | ("dstaddr", false) => outside(),
            ("srcaddr", false) | ("dstaddr", true) => inside(),
            ("account_id", _) => "123456789012".to_owned(),
            ("action", _) => if self.is_rejected { "REJECT" } else { "ACCEPT" }.to_owned(),
            _ => "OK".to_owned(),
        }
    }

    fn int(&self, column: &str) -> i64 {
        match (column, self.is_ingress) {
            ("version", _) => 2,
            ("srcport", true) | ("dstport", false) => self.ephemeral,
            ("srcport", false) | ("dstport", true) => self.service,
            ("protocol", _) => {
                if self.service == 53 {
                    17
                } else {
                    6
                }
            }
            ("packets", _) => self.packets,
            ("bytes", _) => self.bytes,
            ("start", _) => self.start,
            _ => self.start + self.length,
        }
    }
}

/// A small pseudo-random sequence, the same in every run.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Files that are forgotten as they are written.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Staging for Nowhere {
    type File = Nowhere;
    type Spill = Cursor<Vec<u8>>;

    fn create(&mut self, _: usize) -> io::Result<Nowhere> {
        Ok(Nowhere)
    }

    fn spill(&mut self, _: usize) -> io::Result<Cursor<Vec<u8>>> {
        Ok(Cursor::default())
    }
}
