//! The gate before every statement: questions and what clients say around them pass, all else is refused by name.

use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement};
use datafusion_postgres::QueryHook;
use datafusion_postgres::hooks::HookClient;
use datafusion_postgres::pgwire::api::ClientInfo;
use datafusion_postgres::pgwire::api::results::Response;
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};

#[derive(Debug)]
pub(super) struct ReadOnly;

/// What a statement is refused for; `None` lets it pass.
pub(super) fn refusal(statement: &Statement) -> Option<String> {
    match statement {
        Statement::Query(query) => refusal_of_query(query),
        Statement::Explain { statement, .. } => refusal(statement),
        Statement::Set(_) => {
            // The engine's own settings, such as its limit of memory, are not the client's.
            let text = statement.to_string().to_lowercase();
            text.contains("datafusion.").then(|| "cannot set the engine's own settings".to_owned())
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

fn refusal_of_query(query: &Query) -> Option<String> {
    match query.body.as_ref() {
        SetExpr::Select(select) if select.into.is_some() => Some(cannot("SELECT INTO")),
        SetExpr::Insert(_) => Some(cannot("INSERT")),
        SetExpr::Update(_) => Some(cannot("UPDATE")),
        SetExpr::Delete(_) => Some(cannot("DELETE")),
        SetExpr::Merge(_) => Some(cannot("MERGE")),
        _ => None,
    }
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
    let text = refusal(statement)?;
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
