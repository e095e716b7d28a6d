//! The rows of the wanted objects of a row group, by object and line: a page has an order of its own.

use std::collections::HashMap;
use std::ops::Range;

use super::texts::Texts;
use crate::encode::Origin;

/// URL, account, region and id of the flow log; objects come in the order of these. A URL is never null: its column is
/// a required one.
type Named<'a> = [Option<&'a str>; 4];

/// Of objects that nobody wants.
const UNWANTED: u32 = u32::MAX;

/// The order of rows, and the object of each.
pub struct Order {
    /// Numbers of rows in the row group.
    pub rows: Vec<u32>,
    /// Each with the places of its rows in `rows`.
    pub objects: Vec<(Origin, Range<usize>)>,
}

impl Order {
    /// `own` are the columns of [`Named`]. Rows of the same line stay in the order of the file.
    pub fn of(own: &[Texts; 4], lines: &[i64], wanted: impl Fn(&str) -> bool) -> Order {
        let (mut objects, numbers) = numbered(own, lines.len(), wanted);
        let mut sorted: Vec<u32> = (0..objects.len() as u32).collect();
        sorted.sort_unstable_by_key(|&number| objects[number as usize]);
        let mut ranks = vec![0; objects.len()];
        for (rank, &number) in sorted.iter().enumerate() {
            ranks[number as usize] = rank as u32;
        }
        objects.sort_unstable();
        let rows = numbers.iter().zip(lines).zip(0_u32..).filter(|((number, _), _)| **number != UNWANTED);
        let mut rows: Vec<(u32, i64, u32)> =
            rows.map(|((&number, &line), row)| (ranks[number as usize], line, row)).collect();
        rows.sort_unstable();
        let mut from = 0;
        let with_places = |runs: &[(u32, i64, u32)]| {
            let range = from..from + runs.len();
            from = range.end;
            (origin(&objects[runs[0].0 as usize]), range)
        };
        let objects = rows.chunk_by(|one, next| one.0 == next.0).map(with_places).collect();
        Order { objects, rows: rows.into_iter().map(|(_, _, row)| row).collect() }
    }
}

/// The wanted objects by their numbers, in the order of first sight, and the number of each row's object.
fn numbered<'a>(own: &[Texts<'a>; 4], rows: usize, wanted: impl Fn(&str) -> bool) -> (Vec<Named<'a>>, Vec<u32>) {
    let (mut objects, mut places) = (Vec::new(), HashMap::new());
    let mut numbers = Vec::with_capacity(rows);
    let mut last = None;
    for row in 0..rows {
        let keys = own.each_ref().map(|texts| texts.key(row));
        let number = match last {
            Some((same, number)) if same == keys => number,
            _ => {
                let mut named = [None; 4];
                for ((named, texts), key) in named.iter_mut().zip(own).zip(keys) {
                    *named = key.map(|key| texts.text(key));
                }
                *places.entry(named).or_insert_with(|| {
                    if !wanted(named[0].unwrap_or_default()) {
                        return UNWANTED;
                    }
                    objects.push(named);
                    objects.len() as u32 - 1
                })
            }
        };
        last = Some((keys, number));
        numbers.push(number);
    }
    (objects, numbers)
}

fn origin(named: &Named) -> Origin {
    let [url, account, region, log_id] = named.map(|text| text.map(str::to_owned));
    Origin { url: url.unwrap_or_default(), account, region, log_id, day: None, hour: None }
}
