//! The rows of a row group in runs of one object, in the order of the file.
//!
//! On a page the rows of an object lie side by side, so that there are about as many runs as objects on each page.

use std::ops::Range;

use super::texts::Texts;
use crate::encode::Origin;

/// Rows of one object, each run with where they lie in the row group. `own` are the columns of URL, account, region and
/// id of the flow log. A URL is never null: its column is a required one.
pub fn runs(own: &[Texts; 4], rows: usize) -> Vec<(Origin, Range<usize>)> {
    let mut begins = vec![false; rows];
    own.iter().for_each(|texts| texts.mark_changes(&mut begins));
    begins.first_mut().into_iter().for_each(|first| *first = true);
    let mut runs: Vec<(Origin, Range<usize>)> = Vec::new();
    for row in begins.iter().enumerate().filter_map(|(row, begins)| begins.then_some(row)) {
        if let Some((_, last)) = runs.last_mut() {
            last.end = row;
        }
        runs.push((origin(own, row), row..rows));
    }
    runs
}

fn origin(own: &[Texts; 4], row: usize) -> Origin {
    let text = |texts: &Texts| texts.key(row).map(|key| texts.text(key).to_owned());
    let [url, account, region, log_id] = own.each_ref().map(text);
    Origin { url: url.unwrap_or_default(), account, region, log_id, day: None, hour: None }
}
