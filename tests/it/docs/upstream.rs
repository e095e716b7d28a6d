//! `docs/upstream.md` against the source: each file that it names is there, and each file whose head blames a library
//! is named.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::{files_below, page, root};

/// How a head says that a file is there because of a library.
const BLAMES: [&str; 3] = ["(DataFusion 55", "object_store's own", "object_store does not"];

/// The first cell of each row: the ends of paths below `src`.
fn named() -> BTreeSet<String> {
    let page = page("docs/upstream.md");
    let rows = page.text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split(" | ").next().unwrap_or_default().to_owned());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn every_workaround_is_listed_and_is_there() {
    let mut files: Vec<PathBuf> = Vec::new();
    files_below(&root().join("src"), "rs", &mut files);
    let named = named();
    assert!(named.len() > 40, "{} files are named", named.len());
    let lost: Vec<&String> = named.iter().filter(|name| !files.iter().any(|file| file.ends_with(name))).collect();
    assert!(lost.is_empty(), "docs/upstream.md names what is not there: {lost:?}");
    let mut missing = Vec::new();
    for file in files.iter().filter(|file| !file.to_string_lossy().contains("tests")) {
        let text = fs::read_to_string(file).expect("source text");
        let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
        let head = head.join("");
        let blames = BLAMES.iter().any(|words| head.contains(words));
        if blames && !named.iter().any(|name| file.ends_with(name)) {
            missing.push(file.display().to_string());
        }
    }
    assert!(missing.is_empty(), "docs/upstream.md lacks:\n{}", missing.join("\n"));
}
