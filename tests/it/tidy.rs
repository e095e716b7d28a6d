//! The house rules that a program can check: who imports whom, where writes happen, sizes, first lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file, tests too; of the file in the middle; of a function.
const LINES_MAX: usize = 499;
const LINES_OF_HALF_MAX: usize = 140;
const LINES_OF_FUNCTION_MAX: usize = 70;
const COLUMNS_MAX: usize = 120;

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

/// What each module may import from this crate, as `docs/architecture.md` says it; `None` is anything.
fn table() -> BTreeMap<String, Option<BTreeSet<String>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = fs::read_to_string(path).expect("the page");
    let (_, rest) = page.split_once("| may import |\n|---|---|---|\n").expect("its table");
    let mut table = BTreeMap::new();
    for row in rest.lines().take_while(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let may = match cells.get(2).copied().unwrap_or_default().trim() {
            "anything" => None,
            names => Some(quoted(names)),
        };
        table.extend(quoted(cells[0]).into_iter().map(|module| (module, may.clone())));
    }
    assert!(table.len() > 20, "the table has {} modules", table.len());
    table
}

/// The names in backticks, but those in parentheses.
fn quoted(cell: &str) -> BTreeSet<String> {
    let outside = cell.split('(').map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
    let outside = outside.collect::<String>();
    outside.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The modules that a source text names after `crate::`, also in a list.
fn imports(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let mut found = BTreeSet::new();
    for used in code.join("\n").split("crate::").skip(1) {
        let Some(list) = used.strip_prefix('{') else {
            found.insert(first_name(used));
            continue;
        };
        let mut depth = 0_usize;
        let mut is_new = true;
        for (at, sign) in list.char_indices() {
            match sign {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_new = true,
                _ if is_new && !sign.is_whitespace() => {
                    found.insert(first_name(&list[at..]));
                    is_new = false;
                }
                _ => {}
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// What a path starts with, if it is the name of a module.
fn first_name(path: &str) -> String {
    path.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()
}

#[test]
fn imports_are_found_in_lists_too() {
    let text = "use crate::{lake::{self, Lake}, source,\n    Run};\n// crate::plan\nlet x = crate::shown::text(y);";
    assert_eq!(imports(text), BTreeSet::from(["lake", "shown", "source"].map(str::to_owned)));
    let names = quoted("`lake`, `decode` (`Reject`, `x`), `source` (`y`)");
    assert_eq!(names, BTreeSet::from(["decode", "lake", "source"].map(str::to_owned)));
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let table = table();
    let mut wrong = Vec::new();
    let mut met = BTreeSet::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !is_test(path)) {
        let module = module(&path);
        let Some(may) = table.get(&module) else {
            wrong.push(format!("{}: `{module}` is not in the table", path.display()));
            continue;
        };
        if let Some(may) = may {
            let against = imports(&text).into_iter().filter(|name| *name != module && !may.contains(name));
            wrong.extend(against.map(|name| format!("{}: `{name}`", path.display())));
        }
        met.insert(module);
    }
    wrong.extend(table.keys().filter(|name| !met.contains(*name)).map(|name| format!("`{name}` is no module")));
    assert!(wrong.is_empty(), "imports against docs/architecture.md:\n{}", wrong.join("\n"));
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
        let mut comments = text.lines().filter(|line| line.trim_start().starts_with("//"));
        let wide = comments.find(|line| line.chars().count() > COLUMNS_MAX);
        assert_eq!(wide, None, "{}: a comment is wider than {COLUMNS_MAX} columns", path.display());
    }
}

#[test]
fn files_and_functions_are_of_human_size() {
    let sources = sources();
    let mut lines: Vec<usize> = sources.values().map(|text| text.lines().count()).collect();
    lines.sort_unstable();
    assert!(lines[lines.len() / 2] <= LINES_OF_HALF_MAX, "half of the files have {} lines", lines[lines.len() / 2]);
    let (mut large, mut functions) = (Vec::new(), 0);
    for (path, text) in &sources {
        let count = text.lines().count();
        large.extend((count > LINES_MAX).then(|| format!("{}: {count} lines", path.display())));
        for (name, count) in functions_of(text) {
            functions += 1;
            // Tables of cases are as long as there are cases.
            let is_large = count > LINES_OF_FUNCTION_MAX && !is_test(path) && !name.contains("tests::");
            large.extend(is_large.then(|| format!("{}: {name} has {count} lines", path.display())));
        }
    }
    assert!(functions > 2_000, "{functions} functions were seen");
    assert_eq!(large, Vec::<String>::new());
}

/// The functions of formatted code with their lines; those within `mod tests` are called so.
fn functions_of(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.iter().position(|line| line.starts_with("mod tests {")).unwrap_or(lines.len());
    let mut found = Vec::new();
    for (begin, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let words: Vec<&str> = code.split(' ').collect();
        let Some(at) = words.iter().position(|word| *word == "fn") else { continue };
        let is_head =
            words[..at].iter().all(|word| word.starts_with("pub") || ["const", "async", "unsafe"].contains(word));
        if !is_head || code.ends_with(';') {
            continue;
        }
        let name = words[at + 1].split(['(', '<']).next().unwrap_or_default();
        let indent = &line[..line.len() - code.len()];
        let end = format!("{indent}}}");
        let count = match code.ends_with('}') {
            true => 1,
            false => lines[begin..].iter().position(|line| *line == end).map_or(1, |length| length + 1),
        };
        let within = if begin > tests { "tests::" } else { "" };
        found.push((format!("{within}{name}"), count));
    }
    found
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
