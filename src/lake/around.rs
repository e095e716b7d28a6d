//! Which lake a path on disk lies in, whoever's lake it is: whatever writes files asks this first.

use std::path::{Path, PathBuf};

use super::names::LEDGER;
use crate::schema::Table;
use crate::source::real_path;

/// A lake that holds a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// The lake's folder, with all links resolved.
    pub lake: PathBuf,
    /// Where in it the path lies.
    pub part: Part,
}

/// Where in a lake a path lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The lake's folder itself.
    Root,
    /// The folder of a table: every file in it counts as rows.
    Table,
    /// `_flowlake`, or something in it.
    Ledger,
    /// A folder beside those, in which no lake has anything.
    Beside,
}

impl Part {
    /// Whether what lies there would be taken for a part of the lake, or lie among its parts.
    pub fn is_of_the_lake(self) -> bool {
        self != Part::Beside
    }
}

/// The innermost lake that holds a path, which need not exist. Links are resolved as far as it does.
pub fn lake_around(path: &Path) -> std::io::Result<Option<Around>> {
    let path = real_path(path)?;
    let lake = path.ancestors().find(|folder| folder.join(LEDGER).is_dir());
    Ok(lake.map(|lake| Around { lake: lake.to_owned(), part: part_of(path.strip_prefix(lake).unwrap_or(&path)) }))
}

fn part_of(below: &Path) -> Part {
    match below.iter().next() {
        None => Part::Root,
        Some(first) if first == LEDGER => Part::Ledger,
        Some(first) if Table::all().any(|table| first == table.name()) => Part::Table,
        Some(_) => Part::Beside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_lake_and_the_part_of_it_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().canonicalize().unwrap().join("a/lake");
        std::fs::create_dir_all(lake.join("_flowlake/log")).unwrap();
        std::fs::create_dir_all(lake.join("flow_logs")).unwrap();
        std::os::unix::fs::symlink(lake.join("flow_logs"), folder.path().join("link")).unwrap();
        let part = |name: &str| {
            let found = lake_around(&folder.path().join(name)).unwrap()?;
            assert_eq!(found.lake, lake, "{name}");
            Some(found.part)
        };
        assert_eq!(part("a/lake"), Some(Part::Root));
        assert_eq!(part("a/lake/flow_logs/date=2023-09-14/x.parquet"), Some(Part::Table));
        assert_eq!(part("a/lake/tgw_flow_logs"), Some(Part::Table));
        assert_eq!(part("link/x.parquet"), Some(Part::Table));
        assert_eq!(part("a/lake/_flowlake/tmp/x"), Some(Part::Ledger));
        assert_eq!(part("a/lake/pages/x.html"), Some(Part::Beside));
        assert_eq!(part("b/../a/lake/flow_logs"), Some(Part::Table));
        assert_eq!((part("a"), part("a/lake-2/x"), part("b")), (None, None, None));
    }
}
