//! `docs/troubleshooting.md` against the texts in the code, both ways: what it quotes is a text of the program, and
//! every error, reason and difference is quoted. A quotation may be the stem of a message.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::literals::literals;
use super::{files_below, page, root};

/// Files in which every text of some length is a message, a reason or a difference.
const ALL_TEXTS: &[&str] = &[
    "src/audit/difference.rs",
    "src/codec/decode/object.rs",
    "src/codec/decode/plain.rs",
    "src/codec/decode/stream.rs",
    "src/source/object.rs",
];

/// Frames that say nothing by themselves: what fills them is quoted.
const BARE: &[&str] = &["…", "…: …", "… ……", "expected … found …"];

/// What the page quotes: the first cell of each row, and the second one where the first names a kind.
fn quoted() -> Vec<String> {
    let page = page("docs/troubleshooting.md");
    let rows = page.text.lines().filter(|line| line.starts_with("| `"));
    let mut quoted = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.split(" | ").map(|cell| cell.trim_matches([' ', '|'])).collect();
        let is_kind = |cell: &str| !cell.contains([' ', '…']);
        let cell = if cells.len() > 2 && is_kind(cells[0]) { cells[1] } else { cells[0] };
        quoted.push(cell.trim_matches('`').trim().to_owned());
    }
    assert!(quoted.len() > 200, "{} rows are found", quoted.len());
    quoted
}

fn sources() -> BTreeMap<String, String> {
    let mut files: Vec<PathBuf> = Vec::new();
    files_below(&root().join("src"), "rs", &mut files);
    let named = files.into_iter().map(|file| {
        let name = file.strip_prefix(root()).expect("below the root").display().to_string();
        (name, fs::read_to_string(&file).expect("source text"))
    });
    named.filter(|(name, _)| !name.contains("tests")).collect()
}

/// A text without backticks, which the page needs for itself, and on one line.
fn plain(text: &str) -> String {
    text.replace('`', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a quotation is a part of a text.
fn holds(text: &str, quoted: &str) -> bool {
    plain(text).contains(&plain(quoted))
}

#[test]
fn every_quoted_message_is_a_text_of_the_program() {
    let texts: Vec<String> = sources().values().flat_map(|source| literals(source)).collect();
    let is_lost = |quoted: &String| !texts.iter().any(|text| holds(text, quoted));
    let lost: Vec<String> = quoted().into_iter().filter(is_lost).collect();
    assert!(lost.is_empty(), "docs/troubleshooting.md quotes what no source says:\n{}", lost.join("\n"));
}

#[test]
fn every_error_and_reason_is_in_troubleshooting() {
    let quoted = quoted();
    let mut missing = Vec::new();
    for (name, source) in sources() {
        let errors = source
            .split("#[error(")
            .skip(1)
            .filter_map(|rest| literals(rest).into_iter().next().map(|text| (rest, text)));
        let errors = errors.filter(|(rest, _)| !rest.starts_with("transparent")).map(|(_, text)| text);
        let mut texts: Vec<String> = errors.collect();
        if ALL_TEXTS.contains(&name.as_str()) {
            texts.extend(literals(&source).into_iter().filter(|text| text.contains(' ')));
        }
        let is_missing =
            |text: &String| !BARE.contains(&plain(text).as_str()) && !quoted.iter().any(|quoted| holds(text, quoted));
        missing.extend(texts.into_iter().filter(is_missing).map(|text| format!("{name}: {text}")));
    }
    assert!(missing.is_empty(), "docs/troubleshooting.md lacks:\n{}", missing.join("\n"));
}

#[test]
fn every_exit_code_has_its_row() {
    let source = fs::read_to_string(root().join("src/error.rs")).expect("the exit codes");
    let (_, rest) = source.split_once("pub enum Exit {").expect("the exit codes");
    let (codes, _) = rest.split_once("\n}").expect("an end");
    let codes = codes.lines().filter_map(|line| line.split_once(" = ")).map(|(_, code)| code.trim_end_matches(','));
    let page = page("docs/operating.md");
    let (_, rest) = page.text.split_once("## Exit codes\n").expect("the section");
    let (section, _) = rest.split_once("\n## ").expect("an end");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |")).map(|(code, _)| code);
    let rows: Vec<&str> = rows.filter(|code| *code != "code").collect();
    assert_eq!(rows, codes.collect::<Vec<_>>());
}
