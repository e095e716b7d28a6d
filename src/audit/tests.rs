use std::collections::BTreeSet;

use super::lines::{Bounds, Lines, Met};
use super::matching::{Matching, Side};
use super::notes::{Note, Notes, Part};
use super::sums::{Sums, Window, partition_of, partition_of_key};
use crate::schema::Table;

/// Meets lines in as many passes as it takes: those that were met again, those that are beyond, and the passes.
fn meet(bounds: &[Bounds], bits_max: u64, rows: &[(usize, i64)]) -> (Vec<(usize, i64)>, usize, u64) {
    let mut lines = Lines::new(bounds.iter().cloned(), bits_max);
    let (mut again, mut beyond, mut passes) = (Vec::new(), 0, 0);
    while lines.next_pass() {
        passes += 1;
        assert!(passes < 10_000, "it comes to an end");
        for &(object, line) in rows {
            match lines.meet(object, line) {
                Met::Repeated => again.push((object, line)),
                Met::Beyond if lines.is_first() => beyond += 1,
                Met::First | Met::Beyond | Met::Elsewhere => {}
            }
        }
    }
    again.sort_unstable();
    (again, beyond, passes)
}

fn bounds(lines: u64, rows: u64) -> Bounds {
    Bounds { lines, rows, taken: Vec::new() }
}

/// What is met again is told once, in whatever order and memory, and whether or not the rows are as many as they
/// should be.
#[test]
fn lines_are_met_once_in_any_memory() {
    let counts = [70_i64, 0, 300, 1];
    let mut rows = Vec::new();
    for (object, &count) in counts.iter().enumerate() {
        rows.extend((0..=count + 1).chain([i64::MIN, i64::MAX]).map(|line| (object, line)));
    }
    // In the middle of an object, behind it, and far behind it.
    rows.insert(40, (0, 17));
    rows.extend([(2, 300), (2, 299), (2, 300), (0, 17), (0, 70), (3, 1)]);
    let twice = vec![(0, 17), (0, 17), (0, 70), (2, 299), (2, 300), (2, 300), (3, 1)];
    let mut mixed = rows.clone();
    mixed.sort_unstable_by_key(|(object, line)| (line.rem_euclid(7), *object, *line));
    for bits_max in [64, 100, 400, 1_000, 1_000_000] {
        for more in [0, 1] {
            let bounds: Vec<Bounds> = counts.iter().map(|&count| bounds(count as u64, count as u64 + more)).collect();
            for rows in [&rows, &mixed] {
                let (again, beyond, _) = meet(&bounds, bits_max, rows);
                assert_eq!(again, twice, "{bits_max} bits, {more} more rows are to come");
                // 0, the one behind the last and the two extremes of each.
                assert_eq!(beyond, 4 * 4, "{bits_max}");
            }
        }
    }
    assert_eq!(meet(&[], 64, &[]).2, 1, "the first pass is there without any object");
}

/// Objects that are complete make room for others, so that one pass is enough for rows in order.
#[test]
fn complete_objects_make_room() {
    let rows: Vec<(usize, i64)> = (0..500).flat_map(|object| (2..=301).map(move |line| (object, line))).collect();
    assert_eq!(meet(&vec![bounds(301, 300); 500], 700, &rows), (Vec::new(), 0, 1));
    // None of them is ever complete.
    assert!(meet(&vec![bounds(301, 301); 500], 700, &rows).2 > 400);
    // One object that is larger than memory.
    let rows: Vec<(usize, i64)> = (1..=1_000).map(|line| (0, line)).collect();
    assert_eq!(meet(&[bounds(1_000, 1_000)], 128, &rows), (Vec::new(), 0, 8));
}

/// What was set aside counts as met, in each window.
#[test]
fn lines_that_were_set_aside_are_met_again() {
    let rows: Vec<(usize, i64)> = (1..=600).map(|line| (0, line)).collect();
    let taken = vec![3..5, 127..130, 599..700];
    for bits_max in [64, 128, 10_000] {
        let (again, _, _) = meet(&[Bounds { taken: taken.clone(), ..bounds(600, 594) }], bits_max, &rows);
        assert_eq!(again.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [4, 5, 128, 129, 130, 600]);
    }
}

#[test]
fn notes_come_back_by_partition() {
    let folder = tempfile::tempdir().unwrap();
    for held_bytes_max in [0, 1_000, 1 << 20] {
        let mut notes = Notes::holding(held_bytes_max, folder.path());
        for n in 0..300_u64 {
            let sums = Sums { rows: n, measures: [u64::MAX, 0, 0, 0], mix: u64::MAX - n };
            let part = Part { object: format!("s3://a\"b/{n}\n"), lines: Some(n), sums, set_aside: vec![(n, n + 1)] };
            let table = if n % 2 == 0 { Table::FLOW_LOGS } else { Table::TGW_FLOW_LOGS };
            notes.add(table, &format!("date={}", n % 7), &Note::Part(part)).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
        for partition in notes.partitions() {
            let mut parts = 0;
            let read = partition.read(|note| {
                let Note::Part(part) = note else { panic!("{note:?}") };
                let n = part.sums.rows;
                assert_eq!(partition.name, format!("date={}", n % 7));
                assert_eq!((part.object, part.sums.mix), (format!("s3://a\"b/{n}\n"), u64::MAX - n));
                assert_eq!((part.lines, part.set_aside), (Some(n), vec![(n, n + 1)]));
                assert!(seen.insert(n), "{n}");
                parts += 1;
            });
            read.unwrap();
            assert_eq!(partition.parts().0, parts);
            names.push((partition.table, partition.name.clone()));
        }
        assert_eq!((seen.len(), names.len()), (300, 14));
        assert!(names.is_sorted());
    }
}

#[test]
fn names_are_matched_whatever_their_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut matching = Matching::new(folder.path());
    let long = "x".repeat(300);
    for n in 0..60_000 {
        let name = format!("{long}{n}");
        matching.add(Side::Listed, &name, &name).unwrap();
        if n % 3 == 0 {
            matching.add(Side::Committed, &name, "").unwrap();
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files have no name");
    let (mut alone, mut both) = (0, 0);
    matching
        .groups(|group| {
            match group {
                [one] if one.side == Side::Listed && one.note.starts_with(&long) => alone += 1,
                [first, second] if first.side == Side::Committed && second.side == Side::Listed => both += 1,
                other => panic!("{other:?}"),
            }
            Ok(())
        })
        .unwrap();
    assert_eq!((alone, both), (40_000, 20_000));
}

#[test]
fn partitions_are_read_as_the_writer_spells_them() {
    let day = 1_694_649_600;
    assert_eq!(Window::of_partition("date=2023-09-14"), Some(Window::Of(day..day + 86_400)));
    assert_eq!(Window::of_partition("date=2023-09-14/hour=07"), Some(Window::Of(day + 25_200..day + 28_800)));
    let default = "__HIVE_DEFAULT_PARTITION__";
    assert_eq!(Window::of_partition(&format!("date={default}")), Some(Window::Unknown));
    assert_eq!(Window::of_partition(&format!("date=2023-09-14/hour={default}")), Some(Window::Unknown));
    for wrong in ["2023-09-14", "date=2023-13-14", "date=2023-09-14/hour=24", "date=2023-09-14/7"] {
        assert_eq!(Window::of_partition(wrong), None, "{wrong}");
    }
    assert_eq!(partition_of(day + 25_201, true).unwrap().path(), "date=2023-09-14/hour=07");
    assert_eq!(partition_of(253_402_300_800, false), None);
    assert_eq!(partition_of(-1, false), None);
    let date = "2023-09-14".parse().ok();
    assert_eq!(partition_of_key(date, Some(7), true).path(), "date=2023-09-14/hour=07");
    assert_eq!(partition_of_key(date, None, true).path(), format!("date=2023-09-14/hour={default}"));
    assert_eq!(partition_of_key(None, None, false).path(), format!("date={default}"));
}
