//! The rows of a row group in runs of one object, in the order of the file.
//!
//! On a page the rows of an object lie side by side, so that there are about as many runs as objects on each page.

use std::ops::Range;

use super::texts::Texts;
use crate::encode::Origin;

/// The columns of URL, account, region and id of the flow log. A URL is never null: its column is a required one.
pub type Own<'a> = [Texts<'a>; 4];

/// Where runs of rows of one object begin.
pub struct Runs(Vec<bool>);

impl Runs {
    /// Those of so many rows.
    pub fn of(own: &Own, rows: usize) -> Runs {
        let mut begins = vec![false; rows];
        own.iter().for_each(|texts| texts.mark_changes(&mut begins));
        begins.first_mut().into_iter().for_each(|first| *first = true);
        Runs(begins)
    }

    /// Where each run lies in the row group.
    pub fn iter(&self) -> impl Iterator<Item = Range<usize>> {
        let begins = || self.0.iter().enumerate().filter_map(|(row, begins)| begins.then_some(row));
        begins().zip(begins().skip(1).chain([self.0.len()])).map(|(from, to)| from..to)
    }
}

/// The object of a row.
pub fn origin(own: &Own, row: usize) -> Origin {
    let text = |texts: &Texts| texts.key(row).map(|key| texts.text(key).to_owned());
    let [url, account, region, log_id] = own.each_ref().map(text);
    Origin { url: url.unwrap_or_default(), account, region, log_id, day: None, hour: None }
}
