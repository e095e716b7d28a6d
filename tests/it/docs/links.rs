//! Links between the pages: files that exist, and headings that are there.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::blocks::prose;
use super::{Page, page, pages, root};

/// The targets of a page's links, `file#heading`, without those to other hosts.
fn targets(page: &Page) -> Vec<String> {
    let text = prose(page).join("\n");
    let behind = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    behind.map(|(target, _)| target.to_owned()).filter(|target| !target.contains("://")).collect()
}

/// The file of the repository to which a link leads, without `..`.
fn file_of(page: &Page, target: &str) -> PathBuf {
    let folder = Path::new(&page.name).parent().expect("a page lies in a folder");
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{}: {target} leads out of the repository", page.name),
            part => path.push(part),
        }
    }
    path
}

/// The names that GitHub and mdBook give to a page's headings.
fn headings(page: &Page) -> BTreeSet<String> {
    let lines = prose(page).into_iter().filter(|line| line.starts_with('#'));
    let texts = lines.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    texts.map(|text| text.chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn every_link_leads_to_a_page_and_a_heading() {
    let mut wrong = Vec::new();
    let mut links = 0;
    for from in pages() {
        for target in targets(&from) {
            links += 1;
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let path = if file.is_empty() { PathBuf::from(&from.name) } else { file_of(&from, file) };
            let stays = !from.name.starts_with("docs/") || path.starts_with("docs");
            if !root().join(&path).exists() {
                wrong.push(format!("{}: {target} is not there", from.name));
            } else if !stays {
                wrong.push(format!("{}: {target} is not on the site; write it as code", from.name));
            } else if !heading.is_empty() && !headings(&page(path.to_str().expect("plain"))).contains(heading) {
                wrong.push(format!("{}: {target} is no heading", from.name));
            }
        }
    }
    assert!(links > 100, "links are found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_is_in_the_summary_once() {
    let summary = page("docs/SUMMARY.md");
    let mut listed = targets(&summary);
    listed.sort();
    let names = pages().into_iter().filter_map(|page| Some(page.name.strip_prefix("docs/")?.to_owned()));
    let mut names: Vec<String> = names.filter(|name| name != "SUMMARY.md").collect();
    names.sort();
    assert_eq!(listed, names, "docs/SUMMARY.md has every page of docs/");
}
