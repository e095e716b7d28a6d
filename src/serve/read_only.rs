//! The gate before every statement: questions and what clients say around them pass, all else is refused by name.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CloseCursor, ObjectName, ObjectNamePart, Reset, Select, Set, Statement, TableFactor, Visit, Visitor,
};
use pgwire::error::PgWireResult;

use super::errors::{refused, too_complex};

/// Lets a statement pass, or says why not.
pub(super) fn check(statement: &Statement) -> PgWireResult<()> {
    const READ_ONLY_SQL_TRANSACTION: &str = "25006";
    const FEATURE_NOT_SUPPORTED: &str = "0A000";
    match refusal(statement) {
        None => crate::query::check_relations(statement).map_err(too_complex),
        Some(Refusal::Writes(text)) => Err(refused(READ_ONLY_SQL_TRANSACTION, text)),
        Some(Refusal::Unsupported(text)) => Err(refused(FEATURE_NOT_SUPPORTED, text)),
    }
}

/// What a statement is refused for.
#[derive(Debug)]
enum Refusal {
    Writes(String),
    Unsupported(&'static str),
}

fn refusal(statement: &Statement) -> Option<Refusal> {
    match statement {
        Statement::Query(query) => match query.visit(&mut Gate) {
            ControlFlow::Break(refusal) => Some(refusal),
            ControlFlow::Continue(()) => None,
        },
        Statement::Explain { statement, .. } => refusal(statement),
        // The engine's own settings, such as its limit of memory, are not the client's.
        Statement::Set(set) => variables(set).into_iter().any(is_the_engines).then(engines_own),
        Statement::Reset(reset) => match &reset.reset {
            Reset::ConfigurationParameter(name) => is_the_engines(name).then(engines_own),
            Reset::ALL => None,
        },
        Statement::ExplainTable { .. }
        | Statement::ShowVariable { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowCatalogs { .. }
        | Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. }
        | Statement::Savepoint { .. }
        | Statement::ReleaseSavepoint { .. }
        | Statement::Discard { .. }
        | Statement::Deallocate { .. }
        | Statement::UNLISTEN { .. }
        | Statement::Close { cursor: CloseCursor::All } => None,
        // What they fetch would be gathered in memory that no limit counts.
        Statement::Declare { .. } | Statement::Fetch { .. } | Statement::Close { .. } => Some(Refusal::Unsupported(
            "cursors of SQL are not supported: stream the result, or set the driver's fetch size",
        )),
        other => Some(cannot(&first_words(&other.to_string()))),
    }
}

/// Finds what writes in a query, however deep: `SELECT … INTO`, or a statement where a query could stand. And what
/// the engine would take and not do.
struct Gate;

impl Visitor for Gate {
    type Break = Refusal;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refusal> {
        match select.into {
            Some(_) => ControlFlow::Break(cannot("SELECT INTO")),
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Refusal> {
        match statement {
            Statement::Query(_) => ControlFlow::Continue(()),
            other => ControlFlow::Break(cannot(&first_words(&other.to_string()))),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        match factor {
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                ControlFlow::Break(Refusal::Unsupported("TABLESAMPLE is not supported; write WHERE random() < 0.01"))
            }
            _ => ControlFlow::Continue(()),
        }
    }
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

fn engines_own() -> Refusal {
    Refusal::Writes("cannot set the engine's own settings".to_owned())
}

fn cannot(what: &str) -> Refusal {
    Refusal::Writes(format!("cannot execute {what}: flowlake serves the lake read-only; `flowlake convert` adds to it"))
}

/// `CREATE TABLE`, `DROP VIEW`, `COPY`: the capitals that a statement begins with.
fn first_words(text: &str) -> String {
    let words = text.split_whitespace().take_while(|word| word.chars().all(|c| c.is_ascii_uppercase()));
    words.take(2).collect::<Vec<_>>().join(" ")
}
