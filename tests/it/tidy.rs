//! The house rules that a program can check: who imports whom, where writes happen, sizes, first lines.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import from this crate. `docs/architecture.md` shows the same table.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("schema", &[]),
    ("progress", &[]),
    ("shown", &[]),
    ("columns", &["schema"]),
    ("source", &["schema", "lake"]),
    ("lake", &["schema", "source"]),
    ("plan", &["source", "lake"]),
    ("fetch", &["source", "plan"]),
    ("decode", &["schema", "columns"]),
    ("encode", &["schema", "columns"]),
    ("readback", &["schema", "columns", "encode"]),
    ("commit", &["schema", "lake", "encode", "decode", "source"]),
    (
        "convert",
        &["schema", "columns", "progress", "source", "lake", "plan", "fetch", "decode", "encode", "commit", "shown"],
    ),
    ("ddl", &["lake", "schema"]),
    ("serve", &["lake", "query"]),
    ("mcp", &["lake", "query", "report", "schema", "shown"]),
    ("query", &["lake", "schema", "source", "fetch", "columns", "decode", "shown"]),
    ("report", &["query", "schema", "shown"]),
    ("audit", &["schema", "columns", "progress", "source", "lake", "fetch", "decode", "encode", "shown"]),
    ("inspect", &["schema", "columns", "source", "fetch", "decode", "progress", "shown"]),
    ("output", &["lake"]),
    ("sample", &["schema", "output"]),
    ("config", &["cli", "query", "shown", "source"]),
];

const LINES_MAX: usize = 500;

fn sources() -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 20, "the sources are found");
    files
}

fn walk(folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("source text");
            let relative =
                path.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).expect("below src").to_owned();
            files.insert(relative, text);
        }
    }
}

fn module(path: &Path) -> String {
    // The modules of the inner crate stand in the same table.
    let path = path.strip_prefix("codec").unwrap_or(path);
    let first = path.iter().next().expect("a name").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains("tests")) || path.iter().any(|p| p == "tests")
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module(&path)) else { continue };
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let name: String = used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                if !name.is_empty() && name != module(&path) && !allowed.contains(&name.as_str()) {
                    wrong.push(format!("{}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the table:\n{}", wrong.join("\n"));
}

#[test]
fn decode_encode_and_readback_are_plain_code() {
    for (path, text) in sources() {
        if ["decode", "encode", "readback", "columns"].contains(&module(&path).as_str()) && !is_test(&path) {
            for word in ["async ", ".await", "object_store", "SystemTime", "Instant::now", "Utc::now", "uuid"] {
                assert!(!text.contains(word), "{} contains `{word}`", path.display());
            }
        }
    }
}

#[test]
fn only_commit_writes_to_a_store() {
    for (path, text) in sources() {
        // This store passes on what `commit` writes.
        let passes_on = path.ends_with("source/exact.rs");
        if module(&path) != "commit" && !is_test(&path) && !passes_on {
            for word in
                [".put(", ".put_opts(", ".put_multipart(", ".delete(", ".rename(", "store.copy(", ".abort_multipart("]
            {
                assert!(!text.contains(word), "{} contains `{word}`", path.display());
            }
        }
    }
}

#[test]
fn files_open_with_their_purpose_and_stay_readable() {
    for (path, text) in sources() {
        if is_test(&path) {
            continue;
        }
        assert!(text.starts_with("//! "), "{} opens with //!", path.display());
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
    }
}

#[test]
fn every_report_says_what_it_means_and_has_a_total_order() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut reports = 0;
    for entry in fs::read_dir(folder).expect("sql/") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("SQL");
        // Tables of the ledger have all of their columns.
        let needs = if text.contains("-- table: lake\n") { "FROM lake." } else { "-- fields:" };
        for word in ["-- title:", "-- meaning:", needs, "ORDER BY"] {
            assert!(text.contains(word), "a report lacks `{word}`:\n{text}");
        }
        reports += 1;
    }
    assert!(reports > 0);
}
