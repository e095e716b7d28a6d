//! Damaged files are errors, or other rows, and never a panic.

use super::*;
use crate::encode::tests::values::one_chunk;
use crate::encode::tests::{Limits, TestObject, options, run};

/// A small file of all types, with two row groups and two objects.
fn small() -> Bytes {
    let row = |n: u64| {
        let cells = [format!("10.0.0.{}", n % 3), (n % 5).to_string(), (n * 1000).to_string()];
        let cells = cells.map(|cell| Some(cell).filter(|_| !n.is_multiple_of(4)));
        cells.into_iter().chain([Some(n.to_string())]).collect()
    };
    let object = |n: u64| TestObject {
        origin: crate::encode::tests::origin(&format!("s3://logs/{n}.gz")),
        ..one_chunk("srcaddr srcport bytes start", (0..9).map(row).collect())
    };
    let limits = Limits { page_rows: 6, row_group_rows: 12, ..Limits::default() };
    let outcome = run(&options(), &limits, &[object(1), object(2)]);
    assert_eq!((outcome.files.len(), outcome.files[0].row_groups), (1, 2));
    outcome.bytes[0].clone()
}

#[test]
fn a_file_that_was_cut_short_is_an_error() {
    let whole = small();
    let expected = read(std::slice::from_ref(&whole)).cells;
    assert_eq!(expected.rows(), 18);
    for length in 0..whole.len() {
        let mut taken = Taken::default();
        let read = ReadBack::default().file(whole.slice(..length), &mut taken);
        assert!(read.is_err(), "the first {length} bytes");
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_other_rows() {
    let whole = small();
    let expected = read(std::slice::from_ref(&whole)).cells;
    let (mut errors, mut same, mut other) = (0, 0, 0);
    for at in 0..whole.len() {
        for mask in [0x01, 0x40, 0x80, 0xff] {
            let mut bytes = whole.to_vec();
            bytes[at] ^= mask;
            let mut taken = Taken::default();
            match ReadBack::default().file(Bytes::from(bytes), &mut taken) {
                Err(_) => errors += 1,
                Ok(_) if taken.cells == expected => same += 1,
                Ok(rows) => {
                    assert_eq!(rows, taken.cells.rows());
                    other += 1;
                }
            }
        }
    }
    // What a damaged value or key makes of a row is not seen here; the ledger has the hash of the file.
    assert!(errors > 10 * other && other > 0 && same > 0, "{errors} errors, {same} the same, {other} other rows");
}
