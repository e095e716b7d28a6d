//! What an error of the engine says to the asker: its innermost cause, without the layers it came through, the engine's
//! own code in it, and the plea to report it.

use datafusion::error::DataFusionError;

/// What the engine puts before a text, to say where it comes from.
const KINDS: [&str; 15] = [
    "Arrow error: ",
    "Assertion failed: ",
    "Cast error: ",
    "Compute error: ",
    "Error during planning: ",
    "Execution error: ",
    "External error: ",
    "External: ",
    "Internal error: ",
    "Invalid regex caused by ",
    "Invalid regex ",
    "Parquet error: ",
    "SQL error: ",
    "Schema error: ",
    "This feature is not implemented: ",
];

/// The begin of what follows where the engine takes a mistake for its own.
const PLEA: &str = "This issue was likely caused by a bug";

/// What stands before the path of a file, in the layers.
const OF_FILE: &str = "Failed to fetch metadata for file";

/// What stands before the code of an error of a filter that the Parquet reader asked.
const OF_FILTER: &str = "Error evaluating filter predicate: ";

const NO_FUNCTION: &str = "No function matches the given name and argument types '";

/// Texts that name parts of the engine, and what they mean to the asker.
const MEANT: [(&str, &str); 13] = [
    ("'__scalar_sq_", "a query within a query names an outer column that is not there behind GROUP BY"),
    ("'__correlated_sq_", "a query within a query names an outer column that is not there behind GROUP BY"),
    (
        "does not support logical expression WindowFunction",
        "a window function cannot stand here; make it a column of a query in FROM, or write QUALIFY",
    ),
    (
        "does not support logical expression AggregateFunction",
        "an aggregate cannot stand here; make it a column of a query in FROM",
    ),
    (
        "does not support logical expression",
        "a query within a query cannot stand here, or not with these outer columns; join it in FROM",
    ),
    ("undecorrelated", "a query within a query names outer columns where it cannot; join it in FROM"),
    (
        "For SELECT DISTINCT, ORDER BY",
        "for SELECT DISTINCT, ORDER BY expressions must appear in select list; make it a column too, or write SELECT … \
         FROM (SELECT DISTINCT …) ORDER BY …",
    ),
    ("operation Duration(ns) IS", "a difference of times and a text have no common type; write interval '5 minutes'"),
    (
        ", got Column(",
        "a function in FROM takes constants alone; of a column, write SELECT unnest(generate_series(1, a)) FROM t",
    ),
    ("Divide by zero", "a division by zero; divide by nullif(…, 0), and it is null"),
    ("DivideByZero", "a division by zero; divide by nullif(…, 0), and it is null"),
    (
        "Conflicting ordering requirements",
        "aggregates of different ORDER BY cannot stand in one SELECT; ask each in a query of its own, and join them",
    ),
    (
        "as a sliding accumulator",
        "this aggregate has no frame whose begin moves; write ROWS BETWEEN UNBOUNDED PRECEDING AND …",
    ),
];

/// The text of an error.
pub(crate) fn of(error: &DataFusionError) -> String {
    let whole = error.strip_backtrace();
    let is_of_file = whole.contains(OF_FILE)
        || matches!(error.find_root(), DataFusionError::ObjectStore(_) | DataFusionError::IoError(_));
    let text = if is_of_file { whole } else { error.find_root().strip_backtrace() };
    let text = text.split(OF_FILTER).last().unwrap_or(&text);
    // What is quoted is the asker's, or a value's.
    let unquoted = text.split(['\'', '"', '\n']).next().unwrap_or_default();
    let is_meant = |part: &str| if part.starts_with('\'') { text.contains(part) } else { unquoted.contains(part) };
    if let Some((_, meant)) = MEANT.iter().find(|(part, _)| is_meant(part)) {
        return (*meant).to_owned();
    }
    if let Some(said) = no_function(text) {
        return said;
    }
    let code = of_code(text);
    let text = code.as_deref().unwrap_or(text);
    let mut text = text.split_once(PLEA).map_or(text, |(text, _)| text.trim_end().trim_end_matches('.')).trim();
    while let Some(rest) = KINDS.iter().find_map(|kind| text.strip_prefix(kind)) {
        text = rest;
    }
    text.to_owned()
}

/// A call that no function of the name takes, and those that there are.
fn no_function(text: &str) -> Option<String> {
    let (_, rest) = text.rsplit_once(NO_FUNCTION)?;
    let (call, rest) = rest.split_once("'.")?;
    let (_, candidates) = rest.split_once("Candidate functions:")?;
    // Line ends are written out where the engine shows an error within another one.
    let candidates = candidates.replace("\\n", "\n").replace("\\t", "\t");
    let candidates: Vec<&str> = candidates.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Some(format!("there is no function {call}; there are {}", candidates.join(", ")))
}

/// The first text in the code of an error, as Rust shows it: `Execution("…")`.
fn of_code(text: &str) -> Option<String> {
    let is_code = |(name, _): &(&str, &str)| name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '(');
    let (_, written) = text.split_once("(\"").filter(is_code)?;
    let mut signs = written.chars();
    let mut said = String::new();
    loop {
        match signs.next()? {
            '"' => return Some(said),
            '\\' => match signs.next()? {
                'n' | 'r' | 't' => said.push(' '),
                sign => said.push(sign),
            },
            sign => said.push(sign),
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::error::ArrowError;
    use datafusion::common::{exec_datafusion_err, internal_datafusion_err, plan_datafusion_err};
    use datafusion::parquet::errors::ParquetError;

    use super::*;

    #[test]
    fn a_filter_says_what_the_function_said() {
        let inner = exec_datafusion_err!("cidr_contains: \"10.0.0.0/33\" is no range \\ 1");
        let arrow = ArrowError::ComputeError(format!("{OF_FILTER}{inner:?}"));
        let error = DataFusionError::from(ParquetError::External(Box::new(arrow)));
        assert_eq!(of(&error), "cidr_contains: \"10.0.0.0/33\" is no range \\ 1");
        let zero = DataFusionError::from(ArrowError::DivideByZero);
        let arrow = ArrowError::ComputeError(format!("{OF_FILTER}{zero:?}"));
        for error in [DataFusionError::from(ParquetError::External(Box::new(arrow))), zero] {
            assert!(of(&error).contains("nullif"), "{}", of(&error));
        }
    }

    #[test]
    fn what_a_value_says_is_no_word_of_the_engine() {
        let cast = ArrowError::CastError("Cannot cast string 'Divide by zero' to value of Int32 type".to_owned());
        let said = of(&DataFusionError::from(cast));
        assert!(said.contains("Cannot cast string 'Divide by zero'"), "{said}");
    }

    #[test]
    fn layers_and_pleas_are_left_out() {
        let layered = plan_datafusion_err!("Cannot infer x").context("type_coercion").context("Optimizer rule failed");
        assert_eq!(of(&layered), "Cannot infer x");
        assert_eq!(of(&internal_datafusion_err!("n is 0")), "n is 0");
        let call = plan_datafusion_err!(
            "Function 'avg' failed. No function matches the given name and argument types 'avg(Date32)'. You might need \
             to add explicit type casts.\n\tCandidate functions:\n\tavg(Decimal)\n\tavg(Float64)"
        );
        assert_eq!(of(&call), "there is no function avg(Date32); there are avg(Decimal), avg(Float64)");
        let planned = DataFusionError::NotImplemented(
            "Physical plan does not support logical expression WindowFunction(WindowFunction { fun: 1 })".to_owned(),
        );
        assert!(of(&planned).contains("QUALIFY"), "{}", of(&planned));
        assert_eq!(of(&plan_datafusion_err!("f(\"x\") is no (\"y\")")), "f(\"x\") is no (\"y\")");
    }
}
