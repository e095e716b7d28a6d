//! The gate before every statement: questions and what clients say around them pass, all else is refused by name.

use std::ops::ControlFlow;

use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{ObjectName, ObjectNamePart, Select, Set, Statement, Visit, Visitor};
use datafusion_postgres::QueryHook;
use datafusion_postgres::hooks::HookClient;
use datafusion_postgres::pgwire::api::ClientInfo;
use datafusion_postgres::pgwire::api::results::Response;
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};

use super::depth;

#[derive(Debug)]
pub(super) struct ReadOnly;

/// What a statement is refused for; `None` lets it pass.
pub(super) fn refusal(statement: &Statement) -> Option<String> {
    match statement {
        Statement::Query(query) => match query.visit(&mut Writes) {
            ControlFlow::Break(what) => Some(cannot(&what)),
            ControlFlow::Continue(()) => None,
        },
        Statement::Explain { statement, .. } => refusal(statement),
        // The engine's own settings, such as its limit of memory, are not the client's.
        Statement::Set(set) => {
            variables(set).into_iter().any(is_the_engines).then(|| "cannot set the engine's own settings".to_owned())
        }
        Statement::ExplainTable { .. }
        | Statement::ShowVariable { .. }
        | Statement::ShowVariables { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowStatus { .. }
        | Statement::ShowCatalogs { .. }
        | Statement::ShowSchemas { .. }
        | Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. }
        | Statement::Savepoint { .. }
        | Statement::ReleaseSavepoint { .. }
        | Statement::Discard { .. } => None,
        // The engine would gather what they fetch in memory that no limit counts.
        Statement::Declare { .. } | Statement::Fetch { .. } | Statement::Close { .. } => {
            Some("cursors of SQL are not supported: stream the result, or set the driver's fetch size".to_owned())
        }
        other => Some(cannot(&first_words(&other.to_string()))),
    }
}

/// Finds what writes in a query, however deep: `SELECT … INTO`, or a statement where a query could stand.
struct Writes;

impl Visitor for Writes {
    type Break = String;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        match select.into {
            Some(_) => ControlFlow::Break("SELECT INTO".to_owned()),
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<String> {
        match statement {
            Statement::Query(_) => ControlFlow::Continue(()),
            other => ControlFlow::Break(first_words(&other.to_string())),
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

fn cannot(what: &str) -> String {
    format!("cannot execute {what}: flowlake serves the lake read-only; `flowlake convert` adds to it")
}

/// `CREATE TABLE`, `DROP VIEW`, `COPY`: the capitals that a statement begins with.
fn first_words(text: &str) -> String {
    let words = text.split_whitespace().take_while(|word| word.chars().all(|c| c.is_ascii_uppercase()));
    words.take(2).collect::<Vec<_>>().join(" ")
}

fn refused(statement: &Statement) -> Option<PgWireError> {
    const READ_ONLY_SQL_TRANSACTION: &str = "25006";
    const FEATURE_NOT_SUPPORTED: &str = "0A000";
    let Some(text) = refusal(statement) else { return depth::check_relations(statement).err() };
    let is_cursor = matches!(statement, Statement::Declare { .. } | Statement::Fetch { .. } | Statement::Close { .. });
    let code = if is_cursor { FEATURE_NOT_SUPPORTED } else { READ_ONLY_SQL_TRANSACTION };
    let error = ErrorInfo::new("ERROR".to_owned(), code.to_owned(), text);
    Some(PgWireError::UserError(Box::new(error)))
}

#[async_trait]
impl QueryHook for ReadOnly {
    async fn handle_simple_query(
        &self,
        statement: &Statement,
        _context: &SessionContext,
        _client: &mut dyn HookClient,
    ) -> Option<PgWireResult<Response>> {
        refused(statement).map(Err)
    }

    async fn handle_extended_parse_query(
        &self,
        statement: &Statement,
        _context: &SessionContext,
        _client: &(dyn ClientInfo + Send + Sync),
    ) -> Option<PgWireResult<LogicalPlan>> {
        refused(statement).map(Err)
    }

    async fn handle_extended_query(
        &self,
        statement: &Statement,
        _plan: &LogicalPlan,
        _params: &ParamValues,
        _context: &SessionContext,
        _client: &mut dyn HookClient,
    ) -> Option<PgWireResult<Response>> {
        refused(statement).map(Err)
    }
}
