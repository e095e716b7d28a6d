//! Every value that goes in comes out: random tasks, and the corners that random ones miss.

use parquet::basic::Encoding;
use proptest::prelude::*;

use super::*;

const HEADERS: [&str; 5] = [
    "version account-id srcaddr srcport protocol packets bytes start end action",
    "action end start bytes packets protocol srcport srcaddr account-id version",
    "start brand-new srcaddr another",
    "srcaddr dstport",
    "start tgw-id protocol packets-lost-no-route",
];

fn cell(kind: Kind, name: &str) -> BoxedStrategy<Cell> {
    let value = match (kind, name) {
        (_, "start") => prop_oneof![
            8 => (0..40_i64).prop_map(|hours| (1_694_600_000 + hours * 3601).to_string()),
            1 => (0..40_i64).prop_map(|days| (1_694_649_600 + days * 86_400 - days % 2).to_string()),
            1 => Just(i64::MAX.to_string()),
        ]
        .boxed(),
        (Kind::Text, _) => prop_oneof![
            8 => (0..30_u32).prop_map(|host| format!("10.0.0.{host}")),
            2 => (0..9_u32).prop_map(|host| format!("2001:db8::{host:x}:ffff")),
            1 => "[a-zé߿\u{10ffff}]{0,90}",
        ]
        .boxed(),
        (Kind::Int32 | Kind::Port, _) => prop_oneof![8 => 0..200_i64, 4 => 0..65_536_i64, 1 => 0..=i64::from(i32::MAX)]
            .prop_map(|n| n.to_string())
            .boxed(),
        _ => prop_oneof![8 => 0..100_i64, 4 => 0..1_000_000_i64, 1 => 0..=i64::MAX].prop_map(|n| n.to_string()).boxed(),
    };
    prop_oneof![1 => Just(None), 9 => value.prop_map(Some)].boxed()
}

fn chunk() -> impl Strategy<Value = TestChunk> {
    (0..HEADERS.len(), any::<u8>(), 1..1000_i64, any::<u8>()).prop_flat_map(|(header, nulls, first_line, clear)| {
        let columns = layout(HEADERS[header]).columns.clone();
        let cells: Vec<_> = columns
            .iter()
            .enumerate()
            .map(
                |(at, column)| {
                    if nulls % 16 == at as u8 { Just(None).boxed() } else { cell(column.kind, &column.name) }
                },
            )
            .collect();
        proptest::collection::vec(cells, 0..40).prop_map(move |rows| TestChunk {
            header: HEADERS[header].to_owned(),
            rows,
            first_line,
            clear_after: clear % 8 == 0,
        })
    })
}

pub fn object() -> impl Strategy<Value = TestObject> {
    let origin =
        (0..5_u8, proptest::option::of(0..3_u32), proptest::option::of(0..24_u8)).prop_map(|(n, day, hour)| Origin {
            url: format!("s3://logs/{n}.gz"),
            account: Some("123456789012".to_owned()).filter(|_| n > 0),
            region: Some(format!("eu-{n}")).filter(|_| n > 1),
            log_id: None,
            day: day.map(|day| chrono::NaiveDate::from_ymd_opt(2023, 9, 14 + day).unwrap()),
            hour,
        });
    (origin, proptest::collection::vec(chunk(), 0..5)).prop_map(|(origin, chunks)| TestObject { origin, chunks })
}

pub fn limits() -> impl Strategy<Value = Limits> {
    (1..70_usize, 1..200_usize, 1..20_usize, 1..4000_usize, 1..4000_usize).prop_map(
        |(page_rows, row_group_rows, open_partitions, bytes, spill_bytes)| Limits {
            page_rows,
            row_group_rows,
            text_dictionary_bytes: bytes,
            small_dictionary_bytes: bytes * 2,
            buffered_bytes: bytes * 8,
            pending_values: bytes,
            table_bytes: bytes,
            open_partitions,
            spill_bytes,
            ..Limits::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_tasks_are_read_back_as_they_were_pushed(
        objects in proptest::collection::vec(object(), 0..6),
        limits in limits(),
        by in prop_oneof![Just(PartitionBy::Date), Just(PartitionBy::DateHour)],
        compression in proptest::sample::select(&Compression::ALL[..]),
        file_bytes_max in prop_oneof![Just(1_u64), 2000..30_000_u64, Just(1 << 30)],
    ) {
        let options = Options { partition_by: by, compression, file_bytes_max, ..options() };
        let outcome = run(&options, &limits, &objects);
        prop_assert_eq!(read_back(&outcome), expected(&options, &objects));
        metadata::check_files(&outcome);
        let again = run(&options, &limits, &objects);
        prop_assert_eq!(&outcome.files, &again.files);
        prop_assert_eq!(outcome.bytes, again.bytes);
        for (object, receipt) in objects.iter().zip(&outcome.receipts) {
            check_receipt(&options, object, receipt);
        }
    }
}

fn check_receipt(options: &Options, object: &TestObject, receipt: &[PartitionSums]) {
    let mut naive: BTreeMap<(Table, String), [u64; 4]> = BTreeMap::new();
    for ((table, columns, partition), rows) in expected(options, std::slice::from_ref(object)) {
        let sums = naive.entry((table, partition)).or_default();
        for row in rows {
            let value = |name: &str| -> i64 {
                let at = columns.iter().position(|column| column == name);
                at.and_then(|at| row[at].as_ref()).map_or(NULL_INT, |digits| digits.parse().unwrap())
            };
            let (packets, bytes) = (value("packets"), value("bytes"));
            let mix = row_mix([value("log_line"), value("start"), value("end"), packets, bytes]);
            for (sum, added) in sums.iter_mut().zip([1, packets.max(0) as u64, bytes.max(0) as u64, mix]) {
                *sum = sum.wrapping_add(added);
            }
        }
    }
    let found = receipt
        .iter()
        .map(|s| ((s.table, s.partition.path()), [s.rows, s.measures[0], s.measures[1], s.mix]))
        .collect();
    assert_eq!(naive, found);
}

pub fn one_chunk(header: &str, rows: Vec<Vec<Cell>>) -> TestObject {
    let chunk = TestChunk { header: header.to_owned(), rows, first_line: 2, clear_after: false };
    TestObject { origin: origin("s3://logs/a.gz"), chunks: vec![chunk] }
}

fn assert_read_back(limits: &Limits, objects: &[TestObject]) -> Outcome {
    let outcome = run(&options(), limits, objects);
    assert!(read_back(&outcome) == expected(&options(), objects), "what is read differs from what was pushed");
    metadata::check_files(&outcome);
    outcome
}

#[test]
fn keys_of_every_width_and_runs_of_every_length() {
    let mut dice = Dice(1);
    for width in 0..=17 {
        let mut rows = Vec::new();
        while rows.len() < (40_000).max(2 << width) {
            let run = [1, 1, 1, 1, 1, 1, 3, 8, 9, 64, 200][dice.roll(11) as usize];
            // The first values are all of them, so that the keys do have the width.
            let value = if rows.len() < 1 << width { rows.len() as u64 } else { dice.roll(1 << width) };
            let run = if rows.len() < 1 << width { 1 } else { run };
            rows.extend(std::iter::repeat_n(vec![Some(value.to_string())], run));
        }
        assert_read_back(&Limits::default(), &[one_chunk("tcp-flags", rows)]);
    }
}

#[test]
fn differences_of_every_width() {
    let mut dice = Dice(2);
    let mut rows = Vec::new();
    for width in 0..=63 {
        for _ in 0..dice.roll(600) {
            let value = (dice.roll(1 << 31) << 32 | dice.roll(1 << 31) << 1 | dice.roll(2)) & ((1 << width) - 1);
            rows.push(vec![Some(value.to_string())]);
        }
    }
    let limits = Limits { page_rows: 777, ..Limits::default() };
    assert_read_back(&limits, &[one_chunk("bytes", rows)]);
}

#[test]
fn counters_leave_their_dictionary_when_it_does_not_pay() {
    let text = |value: u64| vec![Some(value.to_string())];
    let page = Limits::default().page_rows as u64;
    // Values that come twice, then ever new ones past the dictionary's limit, then nulls, then more.
    let paying = (0..page).map(|row| text(row / 2 * 1_000_003));
    let fresh = (0..2 * page + 5).map(|row| if row % 7 == 0 { vec![None] } else { text(row * 70_001 + 1) });
    let rows: Vec<Vec<Cell>> = paying.chain(fresh).chain((0..page).map(|_| vec![None])).chain([text(5)]).collect();
    let outcome = assert_read_back(&Limits::default(), &[one_chunk("bytes", rows)]);
    let metadata = metadata::read_metadata(&outcome.bytes[0]);
    let encodings: Vec<Encoding> = metadata.row_group(0).column(0).encodings().collect();
    assert!(encodings.contains(&Encoding::RLE_DICTIONARY) && encodings.contains(&Encoding::DELTA_BINARY_PACKED));
    let unlike = (0..page).map(|row| text(row * 3)).collect();
    let outcome = assert_read_back(&Limits::default(), &[one_chunk("bytes", unlike)]);
    let metadata = metadata::read_metadata(&outcome.bytes[0]);
    assert_eq!(metadata.row_group(0).column(0).dictionary_page_offset(), None);
}

#[test]
fn rows_leave_neither_their_page_nor_their_object() {
    let mut dice = Dice(4);
    let mut row = |_| {
        let [port, other] = [dice.roll(5), dice.roll(60_000)];
        [
            format!("eni-{}", dice.roll(3)),
            "10.0.0.1".to_owned(),
            format!("10.0.1.{port}"),
            port.to_string(),
            other.to_string(),
        ]
        .map(Some)
        .to_vec()
    };
    let header = "interface-id srcaddr dstaddr srcport dstport";
    let objects: Vec<TestObject> = (0..9)
        .map(|n| TestObject {
            origin: origin(&format!("s3://logs/{n}.gz")),
            ..one_chunk(header, (0..70).map(&mut row).collect())
        })
        .collect();
    let limits = Limits { page_rows: 100, ..Limits::default() };
    let outcome = assert_read_back(&limits, &objects);
    let rows = read_rows(&outcome.bytes[0]);
    let place = |row: &Vec<Cell>| {
        let [url, line] = [&row[row.len() - 2], &row[row.len() - 1]].map(|cell| cell.clone().unwrap());
        (url, line.parse::<usize>().unwrap() - 2)
    };
    for (page, rows) in rows.chunks(100).enumerate() {
        let places: Vec<_> = rows.iter().map(place).collect();
        assert!(places.is_sorted_by_key(|(url, _)| url.clone()), "objects in their order");
        let number = |(url, line): &(String, usize)| url[10..11].parse::<usize>().unwrap() * 70 + line;
        let mut numbers: Vec<usize> = places.iter().map(number).collect();
        assert!(!numbers.is_sorted(), "a page has an order of its own");
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq((page * 100..).take(rows.len())), "the rows of page {page}");
    }
}

#[test]
fn pages_of_nulls_before_between_and_after_values() {
    let limits = Limits { page_rows: 10, row_group_rows: 60, ..Limits::default() };
    let value = |row: usize| (20..30).contains(&(row % 100)).then(|| (row * 7).to_string());
    let rows = (0..333).map(|row| vec![value(row); 3]).collect();
    let outcome = assert_read_back(&limits, &[one_chunk("srcaddr srcport bytes", rows)]);
    assert_eq!(outcome.files[0].row_groups, 6);
    let nothing = (0..25).map(|_| vec![None; 3]).collect();
    assert_read_back(&limits, &[one_chunk("srcaddr srcport bytes", nothing)]);
}

#[test]
fn many_partitions_in_one_object_are_set_aside_and_written_one_by_one() {
    let dates = 600;
    let mut dice = Dice(3);
    let row = |dice: &mut Dice| {
        let start = 1_600_000_000 + dice.roll(dates) * 86_400;
        vec![Some(start.to_string()), Some(format!("10.0.0.{}", dice.roll(99))).filter(|text| text.len() < 9)]
    };
    let rows = (0..6000).map(|_| row(&mut dice)).collect();
    let limits = Limits { spill_bytes: 20_000, page_rows: 7, ..Limits::default() };
    let outcome = assert_read_back(&limits, &[one_chunk("start srcaddr", rows)]);
    assert_eq!(outcome.files.len(), dates as usize);
    assert!(outcome.files.iter().map(|file| file.ordinal).eq(0..dates as usize));
}

#[test]
fn a_task_without_rows_has_no_files() {
    let outcome = run(&options(), &Limits::default(), &[TestObject::default(), one_chunk("start", Vec::new())]);
    assert!(outcome.files.is_empty() && outcome.bytes.is_empty());
    assert_eq!(outcome.receipts, [vec![], vec![]]);
}

#[test]
fn layouts_of_the_same_columns_share_a_file_in_canonical_order() {
    let mut object = one_chunk("zz-new start srcaddr aa-new", vec![vec![Some("1".to_owned()); 4]]);
    object.chunks.extend(one_chunk("aa-new srcaddr start zz-new", vec![vec![Some("2".to_owned()); 4]]).chunks);
    let outcome = assert_read_back(&Limits::default(), &[object]);
    assert_eq!(outcome.files.len(), 1);
    let names: Vec<&str> = outcome.files[0].columns.iter().map(|column| column.name.as_str()).collect();
    let own = ["log_account", "log_region", "log_id", "log_object", "log_line"];
    assert_eq!(names, [&["srcaddr", "start", "aa_new", "zz_new"], &own[..]].concat());
}
