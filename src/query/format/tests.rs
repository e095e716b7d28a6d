use datafusion::arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, ListArray, StringArray};
use datafusion::arrow::datatypes::{Float64Type, Schema};
use unicode_width::UnicodeWidthStr;

use super::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

async fn shown(rows: RecordBatch, format: Format, room: Room) -> (String, Written) {
    let mut out = Vec::new();
    let written = write(Answer::of(rows), format, room, &mut out, |_| Ok(())).await.unwrap();
    (String::from_utf8(out).unwrap(), written)
}

fn width(width: usize) -> Room {
    Room { width: Some(width), ..Room::default() }
}

/// Thirty columns of texts, numbers and wide letters.
fn wide() -> RecordBatch {
    let columns = (0..10).flat_map(|n| {
        let number: ArrayRef = Arc::new(Int64Array::from(vec![n, 1_694_563_200, i64::MAX]));
        let text = texts(&["10.0.0.1", "", "arn:aws:ec2:eu-west-1:123456789012:vpc-flow-log/fl-0123456789abcdef0"]);
        let letters = texts(&["日本語のテキスト、とても長い", "❤️❤️❤️❤️❤️❤️❤️❤️❤️❤️", "👩‍👩‍👧‍👦 e\u{301}"]);
        [(format!("number_{n}"), number), (format!("text_{n}"), text), (format!("文字_{n}"), letters)]
    });
    let columns: Vec<(String, ArrayRef)> = columns.collect();
    batch(columns.iter().map(|(name, column)| (name.as_str(), Arc::clone(column))).collect())
}

/// Cells of a table that shows the first number of [`wide()`] and a mark beside it: `| 9223372036854775807 | … |`.
const ONE_NUMBER: usize = 27;

#[tokio::test]
async fn no_line_is_wider_than_the_terminal_unless_a_number_is() {
    for columns in [1, 2, 3, 7, 30] {
        let rows = wide().project(&(0..columns).collect::<Vec<_>>()).unwrap();
        for cells in 20..=200 {
            let (text, written) = shown(rows.clone(), Format::Table, width(cells)).await;
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines.len(), 7, "{text}");
            let most = cells.max(ONE_NUMBER);
            assert!(lines.iter().all(|line| line.width() <= most), "{columns} columns in {cells}:\n{text}");
            assert!(lines.iter().all(|line| line.width() == lines[0].width()), "{columns} in {cells}:\n{text}");
            assert!(text.contains("| 9223372036854775807 |"), "{columns} columns in {cells}:\n{text}");
            let bars = lines[0].matches('+').count() - 1;
            let mark = usize::from(written.columns_left_out > 0);
            assert_eq!(bars, columns - written.columns_left_out + mark, "{columns} columns in {cells}:\n{text}");
            let (text, _) = shown(rows.clone(), Format::Line, width(cells)).await;
            assert!(text.lines().all(|line| line.width() <= cells), "{columns} columns in {cells}:\n{text}");
        }
    }
}

#[tokio::test]
async fn a_table_is_narrowed_then_loses_columns_in_the_middle() {
    let rows = batch(vec![
        ("srcaddr", texts(&["10.0.0.1"])),
        ("dstaddr", texts(&["2001:db8:85a3:8d3:1319:8a2e:370:7348"])),
        ("dstport", Arc::new(Int64Array::from(vec![443]))),
        ("bytes", Arc::new(Int64Array::from(vec![1_234_567]))),
    ]);
    let (text, written) = shown(rows.clone(), Format::Table, width(60)).await;
    let expected = "\
+----------+---------------------------+---------+---------+
| srcaddr  | dstaddr                   | dstport |   bytes |
+----------+---------------------------+---------+---------+
| 10.0.0.1 | 2001:db8:85a3:8d3:1319:8… |     443 | 1234567 |
+----------+---------------------------+---------+---------+
";
    assert_eq!((text.as_str(), written.columns_left_out), (expected, 0));
    let (text, written) = shown(rows.clone(), Format::Table, width(36)).await;
    let expected = "\
+----------+---+---------+
| srcaddr  | … |   bytes |
+----------+---+---------+
| 10.0.0.1 | … | 1234567 |
+----------+---+---------+
";
    assert_eq!((text.as_str(), written.columns_left_out), (expected, 2));
    let (whole, written) = shown(rows, Format::Table, Room::default()).await;
    assert!(whole.contains("2001:db8:85a3:8d3:1319:8a2e:370:7348 |     443 | 1234567 |"), "{whole}");
    assert_eq!(written, Written { rows: 1, has_more: false, columns_left_out: 0 });
}

#[tokio::test]
async fn a_number_that_comes_late_is_whole_too() {
    let number: Vec<i64> = (0..2500).map(|row| if row == 2400 { 1_234_567 } else { row % 100 }).collect();
    let text: Vec<String> = number.iter().map(|number| "x".repeat(if *number > 100 { 20 } else { 3 })).collect();
    let (number, text): (ArrayRef, ArrayRef) = (Arc::new(Int64Array::from(number)), Arc::new(StringArray::from(text)));
    let alone = batch(vec![("n", Arc::clone(&number))]);
    let (table, _) = shown(alone, Format::Table, width(80)).await;
    assert_eq!(table.lines().filter(|line| line.len() == 6).count(), 2503, "the others have the width of the first");
    assert!(table.contains("|  0 |\n") && table.contains("| 1234567 |\n") && !table.contains('…'), "{table}");
    let beside = batch(vec![("text", text), ("n", number)]);
    let (table, _) = shown(beside, Format::Table, width(80)).await;
    assert!(table.contains("| xxx  |  0 |\n") && table.contains("| xxx… | 1234567 |\n"), "{table}");
}

#[tokio::test]
async fn a_number_with_a_long_name_is_whole_on_a_tiny_terminal() {
    let rows = batch(vec![("sum(flow_logs.bytes)", Arc::new(Int64Array::from(vec![1_234_567_890, 7])))]);
    for (cells, name) in [(24, "sum(flow_logs.bytes)"), (16, "sum(flow_lo…"), (10, "sum(flow_…")] {
        let (text, _) = shown(rows.clone(), Format::Table, width(cells)).await;
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], format!("| {name} |"), "{text}");
        assert!(
            lines[3].ends_with("1234567890 |") && lines.iter().all(|line| line.width() == lines[0].width()),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_line_holds_one_column() {
    let rows = batch(vec![
        ("a", texts(&["one", "two\nlines"])),
        ("long_name", Arc::new(Int64Array::from(vec![None, Some(7)]))),
    ]);
    let (text, _) = shown(rows.clone(), Format::Line, Room::default()).await;
    assert_eq!(text, "        a = one\nlong_name = NULL\n\n        a = two\\nlines\nlong_name = 7\n");
    let long = batch(vec![("a", texts(&["0123456789abcdefghij"]))]);
    assert_eq!(shown(long.clone(), Format::Line, width(14)).await.0, "a = 0123456789\n    abcdefghij\n");
    assert_eq!(shown(long, Format::Line, Room::default()).await.0, "a = 0123456789abcdefghij\n");
    let none = RecordBatch::new_empty(Arc::new(Schema::empty()));
    assert_eq!(shown(none, Format::Line, Room::default()).await.0, "");
}

#[tokio::test]
async fn rows_end_where_there_is_no_more_room() {
    let rows = || batch(vec![("n", Arc::new(Int64Array::from((0..50).collect::<Vec<_>>())))]);
    let most = |rows| Room { rows: Some(rows), width: None };
    for (room, expected, has_more) in [(most(10), 10, true), (most(50), 50, false), (most(60), 50, false)] {
        let (text, written) = shown(rows(), Format::Table, room).await;
        assert_eq!(written, Written { rows: expected, has_more, columns_left_out: 0 });
        assert_eq!(text.lines().count() as u64, expected + 4);
    }
    let (text, written) = shown(rows(), Format::Csv, most(10)).await;
    assert_eq!((written.rows, text.lines().count()), (50, 51), "what programs read is whole");
}

/// Readers of objects and of Parquet keep one of two columns that have one name.
#[tokio::test]
async fn two_columns_of_one_name_are_refused_where_one_would_be_lost() {
    for format in Format::ALL.map(|(format, _)| format) {
        let rows = batch(vec![("a", texts(&["1"])), ("b", texts(&["2"])), ("a", texts(&["3"]))]);
        let mut out = Vec::new();
        let written = write(Answer::of(rows), format, Room::default(), &mut out, |_| Ok(())).await;
        let may_not = matches!(format, Format::Json | Format::Ndjson | Format::Parquet);
        let is_refused = matches!(written, Err(QueryError::SameName { ref name, .. }) if name == "a");
        assert_eq!((is_refused, out.is_empty()), (may_not, may_not), "{format:?}");
    }
}

/// As PostgreSQL's `to_json` writes what JSON has no number for.
#[tokio::test]
async fn json_keeps_what_is_no_number_to_it() {
    let wide = Float64Array::from(vec![Some(f64::INFINITY), Some(f64::NAN), None, Some(0.5)]);
    let narrow = Float32Array::from(vec![Some(f32::NEG_INFINITY), Some(-f32::NAN), None, Some(1e30)]);
    let inner = [Some(vec![Some(f64::INFINITY), None]), None, Some(vec![]), Some(vec![Some(2.0)])];
    let list = ListArray::from_iter_primitive::<Float64Type, _, _>(inner);
    let rows = batch(vec![("w", Arc::new(wide) as ArrayRef), ("n", Arc::new(narrow)), ("l", Arc::new(list))]);
    let right = [
        r#"{"w":"Infinity","n":"-Infinity","l":["Infinity",null]}"#,
        r#"{"w":"NaN","n":"NaN","l":null}"#,
        r#"{"w":null,"n":null,"l":[]}"#,
        r#"{"w":0.5,"n":1.0e30,"l":[2.0]}"#,
    ];
    let (text, _) = shown(rows.clone(), Format::Ndjson, Room::default()).await;
    assert_eq!(text.lines().collect::<Vec<_>>(), right);
    let (text, _) = shown(rows, Format::Json, Room::default()).await;
    assert_eq!(text, format!("[{}]\n", right.join(",")));
}
