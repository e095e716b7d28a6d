//! `regexp_match`, in which a group that took no part is null.
//!
//! The engine (DataFusion 55) leaves such a group out of the list, so that those behind it move up:
//! `(regexp_match('b', '(a)?(b)'))[1]` was `'b'`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListBuilder, StringViewArray, StringViewBuilder};
use arrow::datatypes::{DataType, Field};
use datafusion_common::{Result, exec_datafusion_err, exec_err};
use datafusion_expr::ScalarUDF;
use regex::Regex;

use super::super::function::{Function, strings};

/// Patterns that are kept compiled.
const COMPILED_MAX: usize = 64;

/// In the place of the engine's `regexp_match`.
pub fn regexp_match(engines: &ScalarUDF) -> ScalarUDF {
    const TEXT: DataType = DataType::Utf8View;
    let list = DataType::List(Arc::new(Field::new_list_field(TEXT, true)));
    let function = Function::new("regexp_match", &[&[TEXT, TEXT], &[TEXT, TEXT, TEXT]], list, matches);
    ScalarUDF::new_from_impl(function.in_place_of(engines))
}

/// The groups of the first match, or the match if there are no groups; null where nothing matches.
fn matches(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let (texts, patterns) = (strings(&columns[0]), strings(&columns[1]));
    let flags: Option<&StringViewArray> = columns.get(2).map(strings);
    let mut compiled: HashMap<(&str, &str), Regex> = HashMap::new();
    let mut found = ListBuilder::new(StringViewBuilder::new());
    for (row, (text, pattern)) in texts.iter().zip(patterns).enumerate() {
        let flag = flags.map_or(Some(""), |flags| flags.is_valid(row).then(|| flags.value(row)));
        let (Some(text), Some(pattern), Some(flag)) = (text, pattern, flag) else {
            found.append_null();
            continue;
        };
        if compiled.len() > COMPILED_MAX {
            compiled.clear();
        }
        let regex = match compiled.entry((pattern, flag)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(compile(pattern, flag)?),
        };
        let Some(groups) = regex.captures(text) else {
            found.append_null();
            continue;
        };
        let skipped = usize::from(groups.len() > 1);
        for group in groups.iter().skip(skipped) {
            found.values().append_option(group.map(|group| group.as_str()));
        }
        found.append(true);
    }
    Ok(Arc::new(found.finish()))
}

fn compile(pattern: &str, flags: &str) -> Result<Regex> {
    if flags.contains('g') {
        return exec_err!("regexp_match gives the first match alone: leave the flag \"g\" out");
    }
    let whole = if flags.is_empty() { pattern.to_owned() } else { format!("(?{flags}){pattern}") };
    Regex::new(&whole).map_err(|error| exec_datafusion_err!("\"{pattern}\" is no regular expression: {error}"))
}
