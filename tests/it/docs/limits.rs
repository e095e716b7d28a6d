//! `docs/limits.md` against the constants of the code: each row that names one has its value.

use std::fs;

use super::{page, root};

/// The value of a constant, as its file spells it.
fn value(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (_, rest) = text.split_once(&format!("const {name}: "))?;
    let (definition, _) = rest.split_once(';')?;
    Some(definition.split_once(" = ")?.1.to_owned())
}

#[test]
fn limits_are_those_of_the_code() {
    let page = page("docs/limits.md");
    let mut rows = 0;
    for line in page.text.lines().filter(|line| line.starts_with('|') && line.contains(".rs`")) {
        let mut spans = line.split('`').rev().skip(1).step_by(2);
        let (file, said) = (spans.next().expect("a file"), spans.next().expect("a constant"));
        let (name, said) = said.split_once(" = ").unwrap_or_else(|| panic!("no constant in {line}"));
        assert_eq!(value(file, name).as_deref(), Some(said), "{name} of {file}, in docs/limits.md");
        rows += 1;
    }
    assert!(rows > 60, "{rows} rows name a constant");
}
