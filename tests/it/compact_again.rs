//! Objects whose rows were merged are decoded again: as few of them go together as share files.

use std::collections::BTreeMap;

use object_store::path::Path;
use serde_json::Value;

use crate::compact::{answers_are_right, compact, fed, is_proven, put};
use crate::faults::{key, text};
use crate::lab::{Lab, gzip};
use crate::oracle::{self, Expected, Row};

/// An object of the 3rd with a row of its midnight on either side.
pub fn of_two_dates() -> String {
    let midnight = 1_693_526_400 + 2 * 86_400;
    let row = |start: i64| format!("2 10.0.60.1 443 {start} 7 64\n");
    format!("version srcaddr dstport start packets bytes\n{}{}", row(midnight - 10), row(midnight + 10))
}

/// A redo of objects of these key days, of which some have lines that are set aside.
fn again(lab: &Lab, since: &str, until: &str) -> Value {
    lab.convert(&["--redo", "--since", since, "--until", until, "--retention", "0s"], 3)
}

/// Each run has objects of three dates; one object more has rows of the 2nd and of the 3rd.
#[test]
fn a_redo_is_cut_where_merged_dates_share_no_file() {
    let lab = Lab::on_disk();
    fed(&lab, 4);
    put(&lab, 3, 60, &of_two_dates());
    lab.convert(&["--lookback", "30d"], 0);
    compact(&lab, &["--retention", "0s"], 0);
    assert_eq!(lab.data_files().len(), 3);
    lab.alter("logs");
    let summary = again(&lab, "2023-09-01", "2023-09-03");
    assert_eq!((&summary["tasks_replaced"], &summary["objects"]), (&2.into(), &13.into()), "{summary}");
    assert!(lab.lake_rows() == lab.expected("logs").rows);
    answers_are_right(&lab);
    is_proven(&lab);
    // What cannot be made again of one date keeps no other from it.
    let first = lab.data_files().into_iter().find(|name| name.contains("date=2023-09-01")).expect("a file");
    let (whole, object) = (lab.get(&first), format!("logs/{}", key(1, 1)));
    lab.put(&first, whole[..whole.len() - 1].to_vec());
    lab.alter("logs");
    let bytes = lab.get(&object);
    lab.delete(&Path::from(object.as_str()));
    let summary = again(&lab, "2023-09-01", "2023-09-03");
    assert_eq!((&summary["tasks_replaced"], &summary["objects"]), (&1.into(), &9.into()), "{summary}");
    let kept = summary["kept"].as_array().expect("a list");
    let names = [object.rsplit_once('/').expect("a folder").1, first.rsplit_once('/').expect("a folder").1];
    assert!(kept.len() == 2 && names.iter().all(|name| kept.iter().any(|kept| kept.to_string().contains(name))));
    lab.put(&object, bytes);
    assert_eq!(again(&lab, "2023-09-01", "2023-09-01")["tasks_replaced"], 1);
    assert!(lab.lake_rows() == lab.expected("logs").rows);
    answers_are_right(&lab);
    is_proven(&lab);
}

/// A task had objects of three days, of which one has a line that was set aside.
#[test]
fn set_aside_lines_that_are_gone_are_made_again_by_the_objects_that_had_them() {
    let lab = Lab::on_disk();
    (1..=3).for_each(|day| put(&lab, day, day + 3, &text(day, day + 3)));
    lab.convert(&[], 3);
    let rejects = lab.list("lake/_flowlake/rejects");
    assert_eq!(rejects.len(), 1);
    lab.delete(&Path::from(rejects.into_keys().next().expect("one").as_str()));
    assert_eq!(lab.run(&["verify", "{}lake/"]).code, 4);
    let summary = again(&lab, "2023-09-02", "2023-09-02");
    assert_eq!((&summary["tasks_replaced"], &summary["objects"]), (&1.into(), &1.into()), "{summary}");
    assert!(lab.lake_rows() == lab.expected("logs").rows);
    is_proven(&lab);
    let said = lab.run(&["rejects", "{}lake/", "--json"]);
    assert_eq!((said.code, said.stdout.lines().count()), (0, 1), "{}", said.stdout);
}

/// The same fields in another order.
const ORDERS: [&str; 3] = [
    "version srcaddr dstport start packets bytes",
    "version bytes packets start dstport srcaddr",
    "start version srcaddr bytes dstport packets",
];

/// An object of the 2nd with or without its header, and what it must give.
fn put_in_order(lab: &Lab, order: usize, has_header: bool, rows: &mut BTreeMap<(String, i64), Row>) {
    let value = |row: u64, field: &str| match field {
        "version" => "2".to_owned(),
        "srcaddr" => format!("10.0.{order}.{row}"),
        "start" => (1_693_612_800 + 100 * row).to_string(),
        _ => (field.len() as u64 * 100 + row).to_string(),
    };
    let line = |row| ORDERS[order].split(' ').map(|field| value(row, field)).collect::<Vec<_>>().join(" ") + "\n";
    let lines: String = (0..7).map(line).collect();
    let whole = format!("{}\n{lines}", ORDERS[order]);
    let (key, mut expected) = (format!("logs/{}", key(2, order as u32)), Expected::default());
    oracle::read(&lab.url(&key), &gzip(whole.as_bytes()), &mut expected);
    let before = i64::from(!has_header);
    rows.extend(expected.rows.into_iter().map(|((url, line), row)| ((url, line - before), row)));
    lab.put_gz(&key, if has_header { &whole } else { &lines });
}

/// A plan has one `--format`, and takes the file in which rows of others lie.
#[test]
fn objects_of_several_formats_in_one_file_are_all_decoded_again() {
    let lab = Lab::on_disk();
    let mut rows = BTreeMap::new();
    put_in_order(&lab, 0, true, &mut rows);
    lab.convert(&[], 0);
    for (order, fields) in ORDERS.iter().enumerate().skip(1) {
        put_in_order(&lab, order, false, &mut rows);
        let format: Vec<String> = fields.split(' ').map(|field| format!("${{{field}}}")).collect();
        lab.convert(&["--format", &format.join(" ")], 0);
    }
    assert_eq!((lab.data_files().len(), lab.lake_rows()), (3, rows.clone()));
    compact(&lab, &["--retention", "0s"], 0);
    assert_eq!((lab.data_files().len(), lab.lake_rows()), (1, rows.clone()));
    let again = || {
        let day = ["--redo", "--since", "2023-09-02", "--until", "2023-09-02", "--retention", "0s"];
        let summary = lab.convert(&day, 0);
        assert_eq!(lab.lake_rows(), rows, "{summary}");
        is_proven(&lab);
        (summary["tasks_replaced"].as_u64(), summary["tasks_unchanged"].as_u64())
    };
    lab.alter("logs");
    assert_eq!(again(), (Some(3), Some(0)));
    assert_eq!(again(), (Some(0), Some(3)));
    // The last one alone has other content.
    let last = format!("logs/{}", key(2, 2));
    lab.put(&last, [lab.get(&last), gzip(b"\n")].concat());
    assert_eq!(again(), (Some(1), Some(2)));
}
