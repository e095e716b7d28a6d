//! The list of `docs/reports.md` against the reports of the program, which are the files of `sql/`.
//!
//! `FLOWLAKE_GOLDEN=update cargo test --test it docs::reports` writes it anew.

use std::fs;

use flowlake::report::{Pack, Report};

use super::{page, root};
use crate::golden::is_update;

const HEADING: &str = "| report | meaning | parameters |\n|---|---|---|\n";

fn row(report: &Report) -> String {
    // That most reports have `top` is said above the list.
    let names = report.parameters.iter().map(|parameter| parameter.name.as_str()).filter(|name| *name != "top");
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    format!("| `{}` | {} | {} |\n", report.name, report.meaning, names.join(", "))
}

#[test]
fn the_list_has_every_report_of_the_program() {
    let page = page("docs/reports.md");
    let (before, rest) = page.text.split_once(HEADING).expect("the list");
    let (listed, after) = rest.split_once("\n\n").expect("an end");
    let rows: String = Pack::embedded().reports().iter().map(row).collect();
    if is_update() {
        let text = format!("{before}{HEADING}{rows}\n{after}");
        return fs::write(root().join(&page.name), text).expect("the checkout is writable");
    }
    let hint = "`FLOWLAKE_GOLDEN=update cargo test --test it docs::reports` writes the list anew";
    assert_eq!(format!("{listed}\n"), rows, "docs/reports.md; {hint}");
}
