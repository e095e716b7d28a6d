//! `\h`: the functions that a statement may call, and how.

use std::fmt::Write;

use crate::query::{FunctionHelp, FunctionKind, nearest};
use crate::shown::{self, wrapped};

const HEADINGS: [(FunctionKind, &str); 4] = [
    (FunctionKind::Own, "For flow logs"),
    (FunctionKind::Row, "Of values"),
    (FunctionKind::Aggregate, "Of groups of rows"),
    (FunctionKind::Window, "Of rows and their neighbours (OVER)"),
];

/// All functions on a page of `width` columns: our own with what they give, the others by name.
pub(super) fn page(functions: &[FunctionHelp], width: usize) -> String {
    let mut page = String::new();
    for (kind, heading) in HEADINGS {
        let of_kind: Vec<&FunctionHelp> = functions.iter().filter(|function| function.kind == kind).collect();
        let gap = if page.is_empty() { "" } else { "\n" };
        writeln!(page, "{gap}{heading}").expect("a string takes all");
        if kind == FunctionKind::Own {
            of_kind.iter().for_each(|function| said(&mut page, function, width));
            continue;
        }
        let names: Vec<&str> = of_kind.iter().map(|function| function.name.as_str()).collect();
        for line in wrapped(&names.join(" "), width.saturating_sub(2)) {
            writeln!(page, "  {line}").expect("a string takes all");
        }
    }
    page
}

/// One function.
pub(super) fn one(functions: &[FunctionHelp], name: &str, width: usize) -> Result<String, String> {
    let name = name.trim_end_matches(['(', ')']).to_lowercase();
    let Some(function) = functions.iter().find(|function| function.name == name) else {
        let names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
        let near = nearest(&name, &names).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        return Err(format!("there is no function `{}`{near}; \\h lists them", shown::line(&name)));
    };
    let mut page = String::new();
    said(&mut page, function, width);
    Ok(page)
}

fn said(page: &mut String, function: &FunctionHelp, width: usize) {
    writeln!(page, "  {}", function.usage).expect("a string takes all");
    for line in wrapped(&function.meaning, width.saturating_sub(6)).iter().filter(|line| !line.is_empty()) {
        writeln!(page, "      {line}").expect("a string takes all");
    }
}
