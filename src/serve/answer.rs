//! One connection's statements: planned on the ledger as it is now, and ended by deadline or cancellation, rows
//! included.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use futures::{Sink, SinkExt, StreamExt};
use pgwire::api::portal::{Format, Portal, PortalExecutionState};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler, send_query_response, send_ready_for_query};
use pgwire::api::results::{QueryResponse, Response};
use pgwire::api::stmt::StoredStatement;
use pgwire::api::store::{Entry, PortalStore};
use pgwire::api::{ClientInfo, ClientPortalStore, DEFAULT_NAME, PgWireConnectionState};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Execute, Parse, ParseComplete, Sync as PgSync, TARGET_TYPE_BYTE_PORTAL,
    TARGET_TYPE_BYTE_STATEMENT,
};
use pgwire::messages::response::{EmptyQueryResponse, TransactionStatus};
use pgwire::messages::simplequery::Query;
use pgwire::messages::startup::ParameterStatus;
use tokio::sync::watch;
use tokio::time::Instant;

use super::catalog::Catalog;
use super::command::{Command, Said, Session, check_status, check_transaction};
use super::context;
use super::errors::refused;
use super::portal::{self, Begun};
use super::rows;
use super::settings::Settings;
use super::statement::{Planner, Prepared};
use crate::query::{Current, InterruptibleJoins, Wanted};

/// The service of one connection.
pub(super) struct Answer {
    planner: Arc<Planner>,
    settings: Settings,
    session: Session,
    time_max: Duration,
    /// Grows when this connection's statement is cancelled.
    cancel: watch::Sender<u64>,
    current: Current,
}

impl Answer {
    pub(super) fn new(
        base: &SessionContext,
        catalog: Arc<Catalog>,
        settings: Settings,
        time_max: Duration,
        cancel: watch::Sender<u64>,
    ) -> Result<Answer> {
        let current = Current::default();
        let own = context::own(base, &catalog, &settings, Arc::new(InterruptibleJoins(current.clone())))?;
        let planner = Arc::new(Planner::new(own, catalog, settings.clone()));
        Ok(Answer { planner, settings, session: Session::default(), time_max, cancel, current })
    }

    /// The end of a statement that begins now.
    fn end(&self) -> End {
        let time = self.settings.statement_timeout().map_or(self.time_max, |own| own.min(self.time_max));
        End { at: Instant::now() + time, time, cancelled: self.cancel.subscribe(), _wanted: self.current.begin() }
    }

    /// Does what a command says, and tells the client what it changed.
    async fn command<C>(&self, client: &mut C, command: &Command, format: &Format) -> PgWireResult<Said>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let fields = Prepared::Command(command.clone()).fields(format)?;
        let before = self.settings.reported();
        let done = command.run(&self.settings, &self.session, client.transaction_status(), fields)?;
        client.set_transaction_status(done.status);
        done.forgotten.iter().for_each(|name| client.portal_store().rm_statement(name));
        for (name, value) in done.reported.into_iter().filter(|reported| !before.contains(reported)) {
            client.feed(PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name, value))).await?;
        }
        Ok(done.answer)
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
        refused(QUERY_CANCELED, text)
    }

    /// What is done until the end, or the end.
    async fn or<T>(&self, work: impl Future<Output = PgWireResult<T>>) -> PgWireResult<T> {
        tokio::select! {
            error = self.clone().reached() => Err(error),
            done = work => done,
        }
    }

    /// The response with rows that stop, with an error, at the end.
    fn bound(&self, mut response: QueryResponse) -> QueryResponse {
        let end = Box::pin(self.clone().reached());
        let no_rows: pgwire::api::results::SendableRowStream = Box::pin(futures::stream::empty());
        let rows = std::mem::replace(response.data_rows(), no_rows);
        let rows = futures::stream::unfold(Some((rows, end)), |running| async move {
            let (mut rows, mut end) = running?;
            tokio::select! {
                biased;
                error = &mut end => Some((Err(error), None)),
                row = rows.next() => row.map(|row| (row, Some((rows, end)))),
            }
        });
        *response.data_rows() = Box::pin(rows);
        response
    }
}

#[async_trait]
impl SimpleQueryHandler for Answer {
    async fn on_query<C>(&self, client: &mut C, query: Query) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        client.set_state(PgWireConnectionState::QueryInProgress);
        let statements = self.planner.parse(&query.query)?;
        if statements.is_empty() {
            client.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
        }
        for statement in statements {
            check_transaction(client.transaction_status(), &statement)?;
            let end = self.end();
            let prepared = end
                .or(async {
                    self.planner.refresh().await?;
                    self.planner.prepare(&statement, &[]).await
                })
                .await?;
            let rows = match &prepared {
                Prepared::Command(command) => match self.command(client, command, &Format::UnifiedText).await? {
                    Said::Tag(tag) => {
                        pgwire::api::query::send_execution_response(client, tag).await?;
                        continue;
                    }
                    Said::Rows(rows) => rows,
                },
                Prepared::Question(question) => {
                    let batches = end.or(self.planner.run(question, ParamValues::List(Vec::new()))).await?;
                    end.bound(rows::response(prepared.fields(&Format::UnifiedText)?, batches))
                }
            };
            send_query_response(client, rows, true).await?;
        }
        client.set_state(PgWireConnectionState::ReadyForQuery);
        let status = client.transaction_status();
        send_ready_for_query(client, status).await
    }

    /// Not called: the statements of a query are answered one by one, above.
    async fn do_query<C>(&self, _client: &mut C, _query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Err(PgWireError::NotReadyForQuery)
    }
}

#[async_trait]
impl ExtendedQueryHandler for Answer {
    type Statement = Arc<Prepared>;
    type QueryParser = Planner;

    fn query_parser(&self) -> Arc<Planner> {
        self.planner.clone()
    }

    async fn on_parse<C>(&self, client: &mut C, message: Parse) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let end = self.end();
        let parsed = end.or(StoredStatement::parse(client, &message, self.query_parser())).await?;
        self.session.prepared.keep("prepared statements", name, message.query.len())?;
        match parsed {
            Some(statement) => client.portal_store().put_statement(Arc::new(statement)),
            None => client.portal_store().put_empty_statement(name),
        }
        client.send(PgWireBackendMessage::ParseComplete(ParseComplete::new())).await?;
        Ok(())
    }

    async fn on_bind<C>(&self, client: &mut C, message: Bind) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let statement = message.statement_name.as_deref().unwrap_or(DEFAULT_NAME);
        let name = message.portal_name.as_deref().unwrap_or(DEFAULT_NAME);
        let found = client.portal_store().get_statement(statement);
        let found = found.ok_or_else(|| PgWireError::StatementNotFound(statement.to_owned()))?;
        let bytes = message.parameters.iter().flatten().map(|value| value.len()).sum();
        self.session.portals.keep("portals", name, bytes)?;
        match found {
            Entry::Value(statement) => {
                let portal = Portal::try_new(&message, statement)?;
                client.portal_store().put_portal(Arc::new(portal));
            }
            Entry::Empty if message.parameters.is_empty() => client.portal_store().put_empty_portal(name),
            Entry::Empty => return Err(refused("08P01", "values were bound, and the statement has no parameters")),
        }
        client.send(PgWireBackendMessage::BindComplete(BindComplete::new())).await?;
        Ok(())
    }

    async fn on_close<C>(&self, client: &mut C, message: Close) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        match message.target_type {
            TARGET_TYPE_BYTE_STATEMENT => {
                self.session.prepared.drop(name);
                client.portal_store().rm_statement(name);
            }
            TARGET_TYPE_BYTE_PORTAL => {
                self.session.portals.drop(name);
                client.portal_store().rm_portal(name);
            }
            _ => {}
        }
        client.send(PgWireBackendMessage::CloseComplete(CloseComplete::new())).await?;
        Ok(())
    }

    /// Portals with a name live as long as their transaction, as in Postgres. The one without, which Postgres keeps
    /// until the next one, ends here, so that a transaction which waits holds no rows for it.
    async fn on_sync<C>(&self, client: &mut C, _message: PgSync) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let status = client.transaction_status();
        if status == TransactionStatus::Idle {
            self.session.portals.drop_all();
            client.portal_store().clear_portals();
        } else {
            self.session.portals.drop(DEFAULT_NAME);
            client.portal_store().rm_portal(DEFAULT_NAME);
        }
        send_ready_for_query(client, status).await
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
        let begun = if is_new {
            let response = ExtendedQueryHandler::do_query(self, client, portal.as_ref(), rows_max).await?;
            portal::begin(client, &portal, response).await?
        } else {
            Begun::Rows
        };
        if matches!(begun, Begun::Rows) {
            portal::send_rows(client, &portal, rows_max).await?;
        }
        client.set_state(PgWireConnectionState::ReadyForQuery);
        Ok(())
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Self::Statement>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let prepared = &portal.statement.statement;
        let ends = matches!(prepared.as_ref(), Prepared::Command(command) if command.ends_transaction());
        if !ends {
            check_status(client.transaction_status())?;
        }
        match prepared.as_ref() {
            Prepared::Command(command) => {
                Ok(match self.command(client, command, &portal.result_column_format).await? {
                    Said::Tag(tag) => Response::Execution(tag),
                    Said::Rows(rows) => Response::Query(rows),
                })
            }
            Prepared::Question(question) => {
                let end = self.end();
                let fields = prepared.fields(&portal.result_column_format)?;
                let values = self.planner.values(question, portal)?;
                let batches = end
                    .or(async {
                        self.planner.refresh().await?;
                        self.planner.run(question, values).await
                    })
                    .await?;
                Ok(Response::Query(end.bound(rows::response(fields, batches))))
            }
        }
    }
}
