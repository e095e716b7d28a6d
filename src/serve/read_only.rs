//! The gate before every statement: questions and what clients say around them pass, all else is refused by name.

use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{CloseCursor, ObjectName, ObjectNamePart, Reset, Set, Statement};
use pgwire::error::{PgWireError, PgWireResult};

use super::errors::{refused, too_complex};
use crate::query::gate::{self, Refusal};

const READ_ONLY_SQL_TRANSACTION: &str = "25006";
const FEATURE_NOT_SUPPORTED: &str = "0A000";

/// Refuses what clients say around their questions and must not. Questions pass: [`check_question`] is for them.
pub(super) fn check_command(statement: &Statement) -> PgWireResult<()> {
    let is_the_engines = match statement {
        Statement::Set(set) => variables(set).into_iter().any(is_the_engines),
        Statement::Reset(reset) => match &reset.reset {
            Reset::ConfigurationParameter(name) => is_the_engines(name),
            Reset::ALL => false,
        },
        // What they fetch would be gathered in memory that no limit counts.
        Statement::Declare { .. } | Statement::Fetch { .. } => return Err(no_cursors()),
        Statement::Close { cursor } if !matches!(cursor, CloseCursor::All) => return Err(no_cursors()),
        _ => false,
    };
    match is_the_engines {
        // The engine's own settings, such as its limit of memory, are not the client's.
        true => Err(refused(READ_ONLY_SQL_TRANSACTION, "cannot set the engine's own settings")),
        false => Ok(()),
    }
}

/// Refuses what is no question, and what the engine would read and ignore. `is_scalar` says whether a function gives a
/// value for each row.
pub(super) fn check_question(statement: &Statement, is_scalar: &dyn Fn(&str) -> bool) -> PgWireResult<()> {
    match gate::refusal(statement, is_scalar) {
        None => crate::query::check_relations(statement).map_err(too_complex),
        Some(refusal) => Err(error_of(refusal)),
    }
}

/// Refuses what the engine would answer wrongly, once the statement is planned.
pub(super) fn check_plan(plan: &LogicalPlan) -> PgWireResult<()> {
    gate::planned(plan).map_or(Ok(()), |refusal| Err(error_of(refusal)))
}

fn error_of(refusal: Refusal) -> PgWireError {
    match refusal {
        Refusal::NotAQuestion(what) => {
            let text =
                format!("cannot execute {what}: flowlake serves the lake read-only; `flowlake convert` adds to it");
            refused(READ_ONLY_SQL_TRANSACTION, text)
        }
        Refusal::Ignored(what) => refused(FEATURE_NOT_SUPPORTED, format!("{what} is not supported")),
    }
}

fn no_cursors() -> PgWireError {
    let text = "cursors of SQL are not supported: stream the result, or set the driver's fetch size";
    refused(FEATURE_NOT_SUPPORTED, text)
}

fn variables(set: &Set) -> Vec<&ObjectName> {
    match set {
        Set::SingleAssignment { variable, .. } => vec![variable],
        Set::ParenthesizedAssignments { variables, .. } => variables.iter().collect(),
        Set::MultipleAssignments { assignments } => assignments.iter().map(|assignment| &assignment.name).collect(),
        _ => Vec::new(),
    }
}

/// Judged by the names' values: the engine reads `"datafusion"."x"` and `"datafusion.x"` like `datafusion.x`.
fn is_the_engines(variable: &ObjectName) -> bool {
    let value = |part: &ObjectNamePart| part.as_ident().map(|ident| ident.value.to_lowercase());
    let Some(values) = variable.0.iter().map(value).collect::<Option<Vec<String>>>() else { return true };
    values.join(".").split('.').next() == Some("datafusion")
}
