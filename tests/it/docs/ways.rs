//! The table "Where do I change what" of `docs/architecture.md`: each path is there, each test named beside one is in
//! it.

use std::fs;
use std::path::Path;

use super::{page, root};

/// The paths and names that stand in backticks.
fn spans(row: &str) -> impl Iterator<Item = &str> {
    row.split('`').skip(1).step_by(2)
}

fn is_path(span: &str) -> bool {
    ["src/", "sql/", "docs/", "tests/", "packaging/"].iter().any(|folder| span.starts_with(folder))
}

#[test]
fn every_way_leads_to_files_and_tests() {
    let page = page("docs/architecture.md");
    let (_, table) =
        page.text.split_once("| to add or change | look at | held by |\n|---|---|---|\n").expect("a table");
    let mut wrong = Vec::new();
    let mut rows = 0;
    for row in table.lines().take_while(|line| line.starts_with("| ")) {
        let paths: Vec<&str> = spans(row).filter(|span| is_path(span)).collect();
        wrong
            .extend(paths.iter().filter(|path| !root().join(path).exists()).map(|path| format!("{path} is not there")));
        let held_by = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        if !spans(held_by).any(|span| is_path(span) && root().join(span).is_file()) {
            wrong.push(format!("no test holds: {row}"));
        }
        for name in spans(held_by).filter(|span| !is_path(span)) {
            let holds = |path: &&str| text(&root().join(path)).contains(&format!("fn {name}("));
            if !paths.iter().any(holds) {
                wrong.push(format!("no test `{name}` in: {row}"));
            }
        }
        rows += 1;
    }
    assert!(rows > 20, "{rows} rows are found");
    assert!(wrong.is_empty(), "docs/architecture.md:\n{}", wrong.join("\n"));
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
