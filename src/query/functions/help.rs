//! How each SQL function is called and what it gives, as the engine and our own functions say it.

use std::collections::BTreeMap;

use datafusion::execution::SessionState;
use datafusion::logical_expr::{Documentation, Signature};

use crate::functions::OWN;

/// What a function is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FunctionKind {
    /// Of a row, of our own.
    Own,
    /// Of a row.
    Row,
    /// Of a group of rows: one value for all of them.
    Aggregate,
    /// Of a row and its neighbours, with OVER.
    Window,
}

/// What people are told of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionHelp {
    /// As statements call it. An alias has a help of its own.
    pub name: String,
    /// Under which heading it is listed.
    pub kind: FunctionKind,
    /// How it is called, such as `ip_prefix(address [, bits])`.
    pub usage: String,
    /// One sentence; empty if the engine has none.
    pub meaning: String,
}

/// Every function of a session, by name.
pub(in crate::query) fn help(state: &SessionState) -> Vec<FunctionHelp> {
    let mut found = BTreeMap::new();
    for (name, function) in state.window_functions() {
        let help = described(name, FunctionKind::Window, function.documentation(), function.signature());
        found.insert(name.clone(), help);
    }
    for (name, function) in state.aggregate_functions() {
        let help = described(name, FunctionKind::Aggregate, function.documentation(), function.signature());
        found.insert(name.clone(), help);
    }
    for (name, function) in state.scalar_functions() {
        let documentation = function.documentation();
        let is_own = documentation.is_some_and(|said| said.doc_section == OWN);
        let kind = if is_own { FunctionKind::Own } else { FunctionKind::Row };
        found.insert(name.clone(), described(name, kind, documentation, function.signature()));
    }
    found.into_values().collect()
}

fn described(name: &str, kind: FunctionKind, said: Option<&Documentation>, takes: &Signature) -> FunctionHelp {
    let usage = match said.map(|said| said.syntax_example.trim()).filter(|usage| !usage.is_empty()) {
        Some(usage) => usage.split_whitespace().collect::<Vec<_>>().join(" "),
        None => {
            let takes = takes.type_signature.to_string_repr().join(", ");
            if takes.is_empty() { format!("{name}()") } else { format!("{name}({takes})") }
        }
    };
    let meaning = said.map(|said| first_sentence(&said.description)).unwrap_or_default();
    FunctionHelp { name: name.to_owned(), kind, usage, meaning }
}

/// The first sentence of a text in Markdown, as one line.
fn first_sentence(text: &str) -> String {
    let paragraph = text.trim().split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    // Such as `e.g. 5`, which ends no sentence.
    let is_end = |at: &usize| line[at + 2..].starts_with(|c: char| c.is_uppercase() || c == '`');
    let end = line.match_indices(". ").map(|(at, _)| at).find(is_end);
    end.map_or(line.as_str(), |end| &line[..=end]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_where_the_next_begins() {
        assert_eq!(first_sentence("\nReturns a\n  number, e.g. 5. More of it."), "Returns a number, e.g. 5.");
        assert_eq!(first_sentence("Whether it is so\n\nMore"), "Whether it is so");
        assert_eq!(first_sentence(""), "");
    }
}
