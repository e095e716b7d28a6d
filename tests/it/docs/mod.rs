//! The pages that people read: links lead somewhere, snippets run, limits, reports and messages are those of the code,
//! and mdBook makes a site of them.

mod blocks;
mod decisions;
mod limits;
mod links;
mod literals;
mod messages;
mod recipes;
mod reports;
mod site;
mod snippets;
mod upstream;
mod ways;

use std::fs;
use std::path::{Path, PathBuf};

/// One page of Markdown.
struct Page {
    /// Its path in the repository, such as `docs/sql.md`.
    name: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README, CONTRIBUTING and all pages of `docs/`, by name.
fn pages() -> Vec<Page> {
    let mut files = ["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)).to_vec();
    files_below(&root().join("docs"), "md", &mut files);
    let page = |file: PathBuf| {
        let name = file.strip_prefix(root()).expect("below the root").to_str().expect("plain names").to_owned();
        Page { name, text: fs::read_to_string(&file).expect("a page") }
    };
    let pages: Vec<Page> = files.into_iter().map(page).collect();
    assert!(pages.len() > 20, "the pages are found");
    pages
}

/// One page by its name.
fn page(name: &str) -> Page {
    pages().into_iter().find(|page| page.name == name).unwrap_or_else(|| panic!("there is no page {name}"))
}

/// Adds the files with this extension, sorted.
fn files_below(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut entries: Vec<PathBuf> = entries.collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_below(&path, extension, files);
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
}
