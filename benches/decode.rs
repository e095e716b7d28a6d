//! What a line costs on its way from gzip to columns, stage by stage.
//!
//! Held still: 200 interfaces, outside addresses of which few are frequent and most are seen a few times, five minutes
//! of times an object, one thread, warm buffers. Every bench reports items a second; an item is a line.
//! `cargo bench --bench decode`.

use std::hint::black_box;
use std::io::{self, Write};

use divan::Bencher;
use divan::counter::ItemsCount;
use flate2::Compression;
use flate2::write::GzEncoder;
use flowlake::columns::{Chunk, Dictionaries, Dictionary, TEXT_PADDING};
use flowlake::decode::{Body, Decoder, Reject, Settings, Sink, Source, Verdict};
use flowlake::schema::{Table, VPC_DEFAULT_FORMAT};

const LINES: usize = 200_000;
const START: u64 = 1_694_649_600;

fn main() {
    divan::main();
}

/// The whole of decoding but for gzip: plain text in memory, default format.
#[divan::bench]
fn decode_default_format(bencher: Bencher) {
    decode(bencher, default_format(LINES));
}

/// As above with the 29 fields of versions 2 to 5, twice as many of them texts.
#[divan::bench]
fn decode_version_5_format(bencher: Bencher) {
    decode(bencher, version_5(LINES));
}

/// As the first, with two spaces between tokens: every line takes the plain way.
#[divan::bench]
fn decode_default_format_plain_way(bencher: Bencher) {
    let text = String::from_utf8(default_format(LINES)).expect("generated text is ASCII");
    decode(bencher, text.replace(' ', "  ").into_bytes());
}

/// Inflating and decoding a whole object, as a task does.
#[divan::bench]
fn decode_gzip_default_format(bencher: Bencher) {
    decode(bencher, gzip(&default_format(LINES)));
}

/// As above for an object that is too large to be inflated as a whole.
#[divan::bench]
fn decode_streamed_gzip_default_format(bencher: Bencher) {
    let body = gzip(&default_format(LINES));
    let mut decoder = Decoder::new(Settings::default());
    bencher
        .counter(ItemsCount::new(LINES))
        .bench_local(|| object(&mut decoder, Body::Stream(&mut black_box(&body[..]))));
}

/// Inflating alone, and its checks: the first line shows that the object is not a flow log, and no other is read.
#[divan::bench]
fn inflate_only(bencher: Bencher) {
    let mut text = b"not a flow log\n".to_vec();
    text.extend(default_format(LINES));
    let body = gzip(&text);
    let mut decoder = Decoder::new(Settings::default());
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| {
        let source = Source { body: Body::Whole(black_box(&body)), delivered: 0, in_flow_log_prefix: false, log: None };
        let verdict = decoder.object(source, &mut Nowhere).expect("nothing can fail");
        assert!(matches!(verdict, Verdict::Skipped { .. }));
    });
}

/// Finding separators and judging lines alone: no integer to read, and a text that is always null.
#[divan::bench]
fn split_only(bencher: Bencher) {
    let mut text = b"type region az-id action\n".to_vec();
    for _ in 0..LINES {
        text.extend_from_slice(b"- - - -\n");
    }
    decode(bencher, text);
}

/// As [`split_only`] with four counters and times a line: the difference is what typing costs.
#[divan::bench]
fn split_and_type(bencher: Bencher) {
    let mut dice = Dice(1);
    let mut text = b"packets bytes start end\n".to_vec();
    for _ in 0..LINES {
        let (packets, start) = (1 + dice.skewed_below(100_000), START - dice.below(300));
        writeln!(text, "{packets} {} {start} {}", packets * 700, start + dice.below(60)).expect("memory takes all");
    }
    decode(bencher, text);
}

/// The dictionary alone: addresses of which few are frequent, in text that is split already.
#[divan::bench]
fn dictionary_only(bencher: Bencher) {
    let mut dice = Dice(1);
    let mut text = Vec::new();
    let mut tokens = Vec::with_capacity(LINES);
    for _ in 0..LINES {
        let from = text.len();
        let tail = dice.skewed_below(1 << 17).wrapping_mul(2_654_435_761);
        write!(text, "{}.{}.{}.{}", 11 + (tail >> 24) % 200, (tail >> 16) & 255, (tail >> 8) & 255, tail & 255)
            .expect("memory takes all");
        tokens.push((from, text.len()));
    }
    text.extend_from_slice(&[0; TEXT_PADDING]);
    let mut dictionary = Dictionary::default();
    let mut ids = Vec::with_capacity(LINES);
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| {
        ids.clear();
        dictionary.intern_all(black_box(&text), tokens.iter().copied(), b"-", &mut ids);
        black_box(&ids);
    });
}

struct Nowhere;

impl Sink for Nowhere {
    fn rows(&mut self, chunk: &Chunk, _: &Dictionaries) -> io::Result<()> {
        black_box(chunk);
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        panic!("generated lines are sound: {reject:?}");
    }

    fn dictionaries_cleared(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn decode(bencher: Bencher, body: Vec<u8>) {
    let mut decoder = Decoder::new(Settings::default());
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| object(&mut decoder, Body::Whole(black_box(&body))));
}

fn object(decoder: &mut Decoder, body: Body) {
    let source = Source { body, delivered: START as i64, in_flow_log_prefix: true, log: None };
    match decoder.object(source, &mut Nowhere).expect("nothing can fail") {
        Verdict::Decoded(decoded) => assert_eq!(decoded.counts.rows, LINES as u64),
        other => panic!("not decoded: {other:?}"),
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// A xorshift generator, for data that is the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    /// Small numbers are the more frequent, in proportion.
    fn skewed_below(&mut self, end: u64) -> u64 {
        let bits = 64 - end.leading_zeros() as u64;
        let magnitude = self.below(bits) + 1;
        self.below((1 << magnitude).min(end))
    }
}

fn default_format(lines: usize) -> Vec<u8> {
    let mut dice = Dice(1);
    let mut text = format!("{VPC_DEFAULT_FORMAT}\n").into_bytes();
    for _ in 0..lines {
        let values = default_values(&mut dice);
        writeln!(text, "{values}").expect("memory takes all");
    }
    text
}

fn default_values(dice: &mut Dice) -> String {
    let interface = dice.below(200);
    let inside = format!("10.{}.{}.{}", interface % 4, interface / 16, 10 + interface);
    let tail = dice.skewed_below(1 << 17).wrapping_mul(2_654_435_761);
    let outside = format!("{}.{}.{}.{}", 11 + (tail >> 24) % 200, (tail >> 16) & 255, (tail >> 8) & 255, tail & 255);
    let (source, destination) = if dice.below(2) == 0 { (&inside, &outside) } else { (&outside, &inside) };
    let service = [443, 443, 443, 80, 22, 53, 5432, 3306][dice.below(8) as usize];
    let client = 32_768 + dice.below(28_000);
    let packets = 1 + dice.skewed_below(100_000);
    let bytes = packets * (40 + dice.below(1460));
    let start = START - dice.below(300);
    let end = start + dice.below(60);
    let action = if dice.below(10) == 0 { "REJECT" } else { "ACCEPT" };
    format!(
        "2 123456789012 eni-0{interface:03x}5b8ca12345678 {source} {destination} {client} {service} 6 {packets} {bytes} \
         {start} {end} {action} OK"
    )
}

/// The fields of versions 2 to 5 in the order of AWS's table.
fn version_5(lines: usize) -> Vec<u8> {
    let names: Vec<&str> =
        Table::FLOW_LOGS.all_fields().filter(|field| field.version <= 5).map(|field| field.log).collect();
    let mut dice = Dice(1);
    let mut text = format!("{}\n", names.join(" ")).into_bytes();
    for _ in 0..lines {
        let values = default_values(&mut dice);
        let of = |at| values.split(' ').nth(at).expect("the default format has 14 fields");
        let (source, destination) = (of(3), of(4));
        let host = dice.below(200);
        writeln!(
            text,
            "{values} vpc-0abc{:013x} subnet-0def{:013x} i-0123456789a{host:06x} 19 IPv4 {source} {destination} us-east-1 \
             use1-az{} - - - {} {} 8",
            host % 3,
            host % 12,
            1 + host % 6,
            ["-", "AMAZON", "S3"][dice.below(3) as usize],
            ["ingress", "egress"][dice.below(2) as usize],
        )
        .expect("memory takes all");
    }
    text
}
