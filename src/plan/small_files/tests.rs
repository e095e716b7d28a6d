//! Which files go together.

use super::*;
use crate::lake::Relative;
use crate::schema::{Kind, Table};

const MIB: u64 = 1 << 20;

fn file(number: u64, bytes: u64, columns: &[&str]) -> DataFile {
    let partition: Relative = "date=2026-03-01".parse().unwrap();
    DataFile {
        path: format!("flow_logs/{partition}/p{number:012}-t0000-{:08x}-0000.parquet", number).parse().unwrap(),
        table: Table::named("flow_logs").unwrap(),
        partition,
        rows: 1,
        bytes,
        hash: "0".repeat(64),
        columns: columns.iter().map(|&name| (name.to_owned(), Kind::Text)).collect(),
        start_min: Some(1000 - number as i64),
        start_max: None,
    }
}

fn sizes(groups: &[Vec<DataFile>]) -> Vec<Vec<u64>> {
    groups.iter().map(|group| group.iter().map(|file| file.bytes / MIB).collect()).collect()
}

fn of(sizes: &[u64]) -> Vec<DataFile> {
    sizes.iter().enumerate().map(|(number, &size)| file(number as u64, size * MIB, &["a"])).collect()
}

#[test]
fn small_files_go_together_in_order_of_time() {
    assert_eq!(sizes(&groups_of_small_files(&of(&[1, 2, 3]), 256 * MIB)), [[3, 2, 1]]);
    assert_eq!(sizes(&groups_of_small_files(&of(&[1, 200, 2]), 256 * MIB)), [[2, 1]]);
}

#[test]
fn a_large_file_is_not_rewritten_for_a_late_one() {
    assert!(groups_of_small_files(&of(&[200, 1]), 256 * MIB).is_empty());
    assert!(groups_of_small_files(&of(&[256, 130, 1]), 256 * MIB).is_empty());
    assert!(groups_of_small_files(&of(&[1]), 256 * MIB).is_empty());
    assert!(groups_of_small_files(&[], 256 * MIB).is_empty());
}

#[test]
fn files_of_other_columns_stay_apart() {
    let mut files = of(&[1, 2]);
    files.extend([file(7, 5 * MIB, &["a", "b"]), file(8, 6 * MIB, &["a", "b"]), file(9, MIB, &["c"])]);
    assert_eq!(sizes(&groups_of_small_files(&files, 256 * MIB)), [vec![2, 1], vec![6, 5]]);
}

#[test]
fn what_lies_aside_stays() {
    let mut files = of(&[1, 2, 3]);
    files[1].path = Names::aside(&files[1].path);
    assert_eq!(sizes(&groups_of_small_files(&files, 256 * MIB)), [[3, 1]]);
}

/// Whatever the sizes, a set comes to no more files than its bytes ask for, with a quarter more and two.
#[test]
fn few_files_are_left() {
    let target = 256 * MIB;
    let mut dice = 7_u64;
    for round in 0..200 {
        let files: Vec<DataFile> = (0..round % 60)
            .map(|number| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let most = [2, 140, 260, 600][round as usize % 4];
                file(number, ((dice >> 33) % most + 1) * MIB, &["a"])
            })
            .collect();
        let merged = groups_of_small_files(&files, target);
        let taken: usize = merged.iter().map(Vec::len).sum();
        let made: u64 =
            merged.iter().map(|group| group.iter().map(|file| file.bytes).sum::<u64>().div_ceil(target)).sum();
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let left = files.len() as u64 - taken as u64 + made;
        assert!(left <= bytes * 5 / 4 / target + 2, "{left} files of {bytes} bytes in round {round}");
    }
}

#[test]
fn what_is_much_is_cut_into_equal_tasks() {
    let groups = groups_of_small_files(&of(&[120; 100]), 256 * MIB);
    let cut: Vec<u64> = groups.iter().map(|group| group.iter().map(|file| file.bytes / MIB).sum()).collect();
    assert_eq!(cut, [4080, 4080, 3840]);
}
