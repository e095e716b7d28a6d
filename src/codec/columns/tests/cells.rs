//! Sums of cells are equal just where the cells are.

use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::schema::{Column, Kind};

const COLUMNS: [(&str, Kind); 5] = [
    ("srcaddr", Kind::Text),
    ("dstaddr", Kind::Text),
    ("srcport", Kind::Port),
    ("bytes", Kind::Int64),
    ("other_fields", Kind::Text),
];

/// A row: its source, its line, and a cell for each of [`COLUMNS`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    url: String,
    account: Option<String>,
    line: i64,
    cells: [Option<String>; COLUMNS.len()],
}

impl Row {
    fn source(&self) -> SourceTexts<'_> {
        SourceTexts { url: &self.url, account: self.account.as_deref(), region: Some("eu-west-1"), log_id: None }
    }
}

/// How rows are handed on, which must not tell.
struct Way {
    chunk_rows: usize,
    is_reversed: bool,
    clears: bool,
}

const PLAINLY: Way = Way { chunk_rows: 100, is_reversed: false, clears: false };

fn sum(rows: &[Row], way: &Way) -> Cells {
    let (mut hashes, mut dictionaries) = (CellHashes::default(), Dictionaries::default());
    let mut order: Vec<usize> = (0..COLUMNS.len()).collect();
    if way.is_reversed {
        order.reverse();
    }
    let columns: Vec<Column> =
        order.iter().map(|&at| Column { name: COLUMNS[at].0.to_owned(), kind: COLUMNS[at].1 }).collect();
    let layout = Arc::new(Layout::of_columns(Table::FLOW_LOGS, columns));
    let mut sum = Cells::default();
    for rows in rows.chunk_by(|one, next| one.source() == next.source()).flat_map(|rows| rows.chunks(way.chunk_rows)) {
        let slots: Vec<usize> =
            layout.columns.iter().map(|column| dictionaries.slot(layout.table, &column.name)).collect();
        let values = order.iter().zip(&slots).map(|(&at, &slot)| {
            let cells = rows.iter().map(|row| row.cells[at].as_deref());
            let dictionary = dictionaries.get_mut(slot);
            match COLUMNS[at].1 {
                Kind::Text => Values::Text(
                    cells.map(|cell| cell.map_or(NULL_TEXT, |text| dictionary.intern(text.as_bytes()))).collect(),
                ),
                _ => Values::Int(cells.map(|cell| cell.map_or(NULL_INT, |digits| digits.parse().unwrap())).collect()),
            }
        });
        let values = values.collect();
        let lines = rows.iter().map(|row| row.line).collect();
        let chunk = Chunk { layout: Arc::clone(&layout), values, slots, lines };
        sum += hashes.sum(&rows[0].source(), &chunk, &dictionaries);
        if way.clears {
            dictionaries.clear();
        }
    }
    assert_eq!(sum.rows(), rows.len() as u64);
    sum
}

/// Small, so that rows have much in common: what differs in little must not be taken for equal.
fn row() -> impl Strategy<Value = Row> {
    let text = || prop::option::of(prop::sample::select(vec!["", "10.0.0.1", "10.0.0.2", "2", "é", "srcaddr"]));
    let int = || prop::option::of(prop::sample::select(vec![0, 1, 2, 3, 443, i64::from(i32::MAX), i64::MAX]));
    let port = int().prop_map(|port| port.filter(|port| *port < i64::MAX));
    let cells = (text(), text(), port, int(), text());
    (0..3_u8, prop::option::of(0..2_u8), 1..6_i64, cells).prop_map(|(url, account, line, cells)| {
        let (source, destination, port, bytes, other) = cells;
        Row {
            url: format!("s3://logs/{url}.gz"),
            account: account.map(|account| account.to_string()),
            line,
            cells: [
                source.map(str::to_owned),
                destination.map(str::to_owned),
                port.map(|port| port.to_string()),
                bytes.map(|bytes| bytes.to_string()),
                other.map(str::to_owned),
            ],
        }
    })
}

/// The cells that rows have, and how often each.
fn cells(rows: &[Row]) -> BTreeMap<(String, i64, &'static str, String), usize> {
    let mut cells = BTreeMap::new();
    for row in rows {
        let named = COLUMNS.iter().map(|(name, _)| *name).zip(row.cells.clone());
        let own = [("log_line", Some(row.line.to_string())), ("log_account", row.account.clone())];
        for (name, cell) in named.chain(own).filter_map(|(name, cell)| Some((name, cell?))) {
            *cells.entry((row.url.clone(), row.line, name, cell)).or_default() += 1;
        }
    }
    cells
}

/// Everything that can go wrong with one row, or with two cells.
fn mutations(rows: &[Row]) -> Vec<Vec<Row>> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Vec<Row>)| {
        let mut changed = rows.to_vec();
        change(&mut changed);
        all.push(changed);
    };
    for at in 0..rows.len() {
        with(&|rows| drop(rows.remove(at)));
        with(&|rows| rows.push(rows[at].clone()));
        with(&|rows| rows[at].line += 1);
        with(&|rows| rows[at].url.push('z'));
        with(&|rows| rows[at].account = Some("9".to_owned()));
        for column in 0..COLUMNS.len() {
            with(&|rows| rows[at].cells[column] = Some("77".to_owned()));
            with(&|rows| rows[at].cells[column] = None);
        }
        // Texts among each other, and integers: with the next row, and with the next column.
        let next = (at + 1) % rows.len();
        for (column, other) in [(0, 0), (0, 1), (1, 1), (2, 2), (3, 3), (4, 4), (4, 0), (0, 4)] {
            with(&|rows| {
                let held = rows[at].cells[column].clone();
                rows[at].cells[column] = std::mem::replace(&mut rows[next].cells[other], held);
            });
        }
        with(&|rows| rows[at].cells.swap(0, 1));
        with(&|rows| rows[at].cells.swap(1, 4));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_chunks_and_ids_do_not_tell(
        rows in prop::collection::vec(row(), 1..20),
        chunk_rows in 1..5_usize,
        shuffle in any::<u64>(),
    ) {
        let mut other = rows.clone();
        other.sort_by_key(|row| blake3::hash(format!("{shuffle}{row:?}").as_bytes()).to_hex().to_string());
        let expected = sum(&rows, &PLAINLY);
        for (is_reversed, clears) in [(false, true), (true, false), (true, true)] {
            prop_assert_eq!(sum(&other, &Way { chunk_rows, is_reversed, clears }), expected);
        }
        let (one, two) = rows.split_at(rows.len() / 2);
        let mut added = sum(two, &PLAINLY);
        added += sum(one, &PLAINLY);
        prop_assert_eq!(added, expected);
    }

    #[test]
    fn sums_are_equal_just_where_cells_are(rows in prop::collection::vec(row(), 1..8)) {
        let (expected, expected_sum) = (cells(&rows), sum(&rows, &PLAINLY));
        for changed in mutations(&rows) {
            let is_equal = cells(&changed) == expected;
            prop_assert_eq!(sum(&changed, &PLAINLY) == expected_sum, is_equal, "{:?}", changed);
        }
    }
}

#[test]
fn every_swap_of_small_integers_has_a_sum_of_its_own() {
    let row = |line: i64| Row {
        url: "s3://logs/a.gz".to_owned(),
        account: None,
        line,
        cells: [None, None, Some((line % 8).to_string()), Some((line / 8).to_string()), None],
    };
    let rows: Vec<Row> = (1..64).map(row).collect();
    let mut sums = HashSet::from([sum(&rows, &PLAINLY)]);
    let mut swaps = 1;
    for (one, other) in (0..63).flat_map(|one| (0..one).map(move |other| (one, other))) {
        for (column, of_other) in [(2, 2), (3, 3), (2, 3), (3, 2)] {
            let mut changed = rows.clone();
            changed[one].cells[column] = rows[other].cells[of_other].clone();
            changed[other].cells[of_other] = rows[one].cells[column].clone();
            if changed != rows {
                sums.insert(sum(&changed, &PLAINLY));
                swaps += 1;
            }
        }
    }
    assert_eq!((sums.len(), swaps > 6000), (swaps, true));
}

#[test]
fn a_row_of_nulls_counts_and_a_table_tells() {
    let nulls = Row { url: "s3://logs/a.gz".to_owned(), account: None, line: 7, cells: Default::default() };
    let line_8 = Row { line: 8, ..nulls.clone() };
    assert_ne!(sum(&[nulls], &PLAINLY), sum(&[line_8], &PLAINLY));
    assert_eq!(sum(&[], &PLAINLY), Cells::default());
    let of = |table: Table, kind: Kind, values: Values| {
        let mut dictionaries = Dictionaries::default();
        let slots = vec![dictionaries.slot(table, "protocol")];
        dictionaries.get_mut(slots[0]).intern(b"6");
        let layout = Layout::of_columns(table, vec![Column { name: "protocol".to_owned(), kind }]);
        let chunk = Chunk { layout: Arc::new(layout), values: vec![values], slots, lines: vec![1] };
        let source = SourceTexts { url: "s3://logs/a.gz", account: None, region: None, log_id: None };
        CellHashes::default().sum(&source, &chunk, &dictionaries)
    };
    let small = of(Table::FLOW_LOGS, Kind::Int32, Values::Int(vec![6]));
    assert_eq!(small, of(Table::FLOW_LOGS, Kind::Int64, Values::Int(vec![6])));
    assert_ne!(small, of(Table::TGW_FLOW_LOGS, Kind::Int64, Values::Int(vec![6])));
    assert_ne!(small, of(Table::FLOW_LOGS, Kind::Text, Values::Text(vec![1])));
}

#[test]
fn rows_of_one_line_do_not_make_up_for_each_other() {
    let bytes = |bytes: u8| Row {
        url: "s3://logs/a.gz".to_owned(),
        account: None,
        line: 1,
        cells: [None, None, None, Some(bytes.to_string()), None],
    };
    assert_ne!(sum(&[bytes(5), bytes(7)], &PLAINLY), sum(&[bytes(6), bytes(6)], &PLAINLY));
    assert_eq!(sum(&[bytes(5), bytes(7)], &PLAINLY), sum(&[bytes(7), bytes(5)], &PLAINLY));
}
