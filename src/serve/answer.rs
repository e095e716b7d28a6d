//! One connection's statements: planned on the ledger as it is now, and ended by deadline or cancellation, rows included.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::hooks::set_show::SetShowHook;
use datafusion_postgres::hooks::transactions::TransactionStatementHook;
use datafusion_postgres::pgwire::api::portal::{Format, Portal, PortalExecutionState};
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::results::{FieldInfo, QueryResponse, Response};
use datafusion_postgres::pgwire::api::stmt::QueryParser;
use datafusion_postgres::pgwire::api::store::{Entry, PortalStore};
use datafusion_postgres::pgwire::api::{ClientInfo, ClientPortalStore, DEFAULT_NAME, PgWireConnectionState, Type};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::extendedquery::Execute;
use datafusion_postgres::{DfSessionService, Parser};
use futures::{Sink, StreamExt};
use tokio::sync::watch;
use tokio::time::Instant;

use super::catalog::Catalog;
use super::depth;
use super::interruptible::{Current, InterruptibleJoins, Wanted};
use super::portal;
use super::read_only::ReadOnly;

/// A statement as the engine's own service keeps it.
type Prepared = (String, Option<(Statement, LogicalPlan)>);

/// Where a client's own `SET statement_timeout` is kept, in milliseconds.
const CLIENT_TIMEOUT: &str = "statement_timeout_ms";

/// The service of one connection.
pub(super) struct Answer {
    engine: DfSessionService,
    parser: Arc<FreshParser>,
    catalog: Arc<Catalog>,
    time_max: Duration,
    /// Grows when this connection's statement is cancelled.
    cancel: watch::Sender<u64>,
    current: Current,
}

impl Answer {
    pub(super) fn new(
        base: &SessionContext,
        catalog: Arc<Catalog>,
        time_max: Duration,
        cancel: watch::Sender<u64>,
    ) -> Answer {
        // A copy of its own: what a client sets is set for this client.
        let current = Current::default();
        let state = SessionStateBuilder::new_from_existing(base.state())
            .with_physical_optimizer_rule(Arc::new(InterruptibleJoins(current.clone())));
        let context = Arc::new(SessionContext::new_with_state(state.build()));
        let engine = DfSessionService::new_with_hooks(
            context,
            vec![Arc::new(ReadOnly), Arc::new(SetShowHook), Arc::new(TransactionStatementHook)],
        );
        let parser = Arc::new(FreshParser { inner: engine.query_parser(), catalog: catalog.clone() });
        Answer { engine, parser, catalog, time_max, cancel, current }
    }

    /// The end of a statement that begins now.
    fn end(&self, client: &impl ClientInfo) -> End {
        let own = client.metadata().get(CLIENT_TIMEOUT).and_then(|text| text.parse().ok()).map(Duration::from_millis);
        let time = own.map_or(self.time_max, |own| own.min(self.time_max));
        End { at: Instant::now() + time, time, cancelled: self.cancel.subscribe(), _wanted: self.current.begin() }
    }
}

/// When a statement ends at the latest.
#[derive(Clone)]
struct End {
    at: Instant,
    time: Duration,
    cancelled: watch::Receiver<u64>,
    /// Dropped with the statement, which ends its joins.
    _wanted: Wanted,
}

impl End {
    /// Waits until the statement must end, and says why.
    async fn reached(mut self) -> PgWireError {
        const QUERY_CANCELED: &str = "57014";
        let text = tokio::select! {
            Ok(()) = self.cancelled.changed() => "canceling statement due to user request".to_owned(),
            () = tokio::time::sleep_until(self.at) => {
                let time = humantime::format_duration(self.time);
                format!("canceling statement due to statement timeout: it ran for {time}, see --timeout")
            }
        };
        PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), QUERY_CANCELED.to_owned(), text)))
    }

    /// The response with rows that stop, with an error, at the end.
    fn bound(&self, response: Response) -> Response {
        let Response::Query(QueryResponse { command_tag, row_schema, data_rows, .. }) = response else {
            return response;
        };
        let end = Box::pin(self.clone().reached());
        let rows = futures::stream::unfold(Some((data_rows, end)), |running| async move {
            let (mut rows, mut end) = running?;
            tokio::select! {
                biased;
                error = &mut end => Some((Err(error), None)),
                row = rows.next() => row.map(|row| (row.map_err(told), Some((rows, end)))),
            }
        });
        let mut bounded = QueryResponse::new(row_schema, rows);
        bounded.set_command_tag(&command_tag);
        Response::Query(bounded)
    }
}

/// The engine's errors in Postgres's terms, where clients act on them.
pub(super) fn told(error: PgWireError) -> PgWireError {
    let PgWireError::ApiError(source) = &error else { return error };
    let code = match source.downcast_ref::<DataFusionError>().map(DataFusionError::find_root) {
        Some(DataFusionError::ResourcesExhausted(_)) => "53200",
        Some(DataFusionError::SQL(..)) => "42601",
        Some(DataFusionError::SchemaError(..) | DataFusionError::Plan(_)) => "42000",
        Some(DataFusionError::NotImplemented(_)) => "0A000",
        _ => return error,
    };
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), code.to_owned(), source.to_string())))
}

/// A statement that cannot be planned, since the ledger cannot be read.
fn unread(error: crate::query::QueryError) -> PgWireError {
    const IO_ERROR: &str = "58030";
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), IO_ERROR.to_owned(), error.to_string())))
}

#[async_trait]
impl SimpleQueryHandler for Answer {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        depth::check(query)?;
        let end = self.end(client);
        let responses = tokio::select! {
            error = end.clone().reached() => return Err(error),
            responses = async {
                self.catalog.refresh().await.map_err(unread)?;
                SimpleQueryHandler::do_query(&self.engine, client, query).await
            } => responses.map_err(told)?,
        };
        Ok(responses.into_iter().map(|response| end.bound(response)).collect())
    }
}

#[async_trait]
impl ExtendedQueryHandler for Answer {
    type Statement = Prepared;
    type QueryParser = FreshParser;

    fn query_parser(&self) -> Arc<FreshParser> {
        self.parser.clone()
    }

    async fn on_execute<C>(&self, client: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let Some(Entry::Value(portal)) = client.portal_store().get_portal(name) else {
            return self._on_execute(client, message).await;
        };
        let rows_max = usize::try_from(message.max_rows).unwrap_or(0);
        client.set_state(PgWireConnectionState::QueryInProgress);
        let is_new = matches!(*portal.state().lock().await, PortalExecutionState::Initial);
        let has_rows = if is_new {
            let response = ExtendedQueryHandler::do_query(self, client, portal.as_ref(), rows_max).await?;
            portal::begin(client, &portal, response).await?
        } else {
            true
        };
        if has_rows {
            portal::send_rows(client, &portal, rows_max).await?;
        }
        client.set_state(PgWireConnectionState::ReadyForQuery);
        Ok(())
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Self::Statement>,
        max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let end = self.end(client);
        let response = tokio::select! {
            error = end.clone().reached() => return Err(error),
            response = async {
                self.catalog.refresh().await.map_err(unread)?;
                ExtendedQueryHandler::do_query(&self.engine, client, portal, max_rows).await
            } => response.map_err(told)?,
        };
        Ok(end.bound(response))
    }
}

/// The engine's parser, after a look at the ledger.
pub(super) struct FreshParser {
    inner: Arc<Parser>,
    catalog: Arc<Catalog>,
}

#[async_trait]
impl QueryParser for FreshParser {
    type Statement = Prepared;

    async fn parse_sql<C>(&self, client: &C, sql: &str, types: &[Option<Type>]) -> PgWireResult<Option<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        depth::check(sql)?;
        self.catalog.refresh().await.map_err(unread)?;
        self.inner.parse_sql(client, sql, types).await.map_err(told)
    }

    fn get_parameter_types(&self, statement: &Prepared) -> PgWireResult<Vec<Type>> {
        self.inner.get_parameter_types(statement)
    }

    fn get_result_schema(&self, statement: &Prepared, format: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        self.inner.get_result_schema(statement, format)
    }
}
