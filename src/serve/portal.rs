//! Rows of a prepared statement, sent as they come. The protocol's own way would gather them in memory first.

use std::fmt::Debug;

use datafusion_postgres::pgwire::api::portal::{Portal, PortalExecutionState};
use datafusion_postgres::pgwire::api::query::{send_execution_response, send_partial_query_response};
use datafusion_postgres::pgwire::api::results::{Response, Tag};
use datafusion_postgres::pgwire::api::{ClientInfo, ClientPortalStore};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::response::EmptyQueryResponse;
use futures::{Sink, SinkExt};

/// What is sent for a statement that ran just now; its rows wait in the portal.
pub(super) async fn begin<C, S>(client: &mut C, portal: &Portal<S>, response: Response) -> PgWireResult<bool>
where
    C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    S: Clone,
{
    let status = client.transaction_status();
    match response {
        Response::Query(rows) => {
            portal.start(rows).await;
            return Ok(true);
        }
        Response::Execution(tag) => send_execution_response(client, tag).await?,
        Response::TransactionStart(tag) => {
            send_execution_response(client, tag).await?;
            client.set_transaction_status(status.to_in_transaction_state());
        }
        Response::TransactionEnd(tag) => {
            send_execution_response(client, tag).await?;
            client.set_transaction_status(status.to_idle_state());
        }
        Response::Error(error) => return Err(PgWireError::UserError(error)),
        _ => client.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?,
    }
    Ok(false)
}

/// Sends the next rows of a portal, all of them if `rows_max` is 0.
pub(super) async fn send_rows<C, S>(client: &mut C, portal: &Portal<S>, rows_max: usize) -> PgWireResult<()>
where
    C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    S: Clone,
{
    let state = portal.state();
    let mut state = state.lock().await;
    match &mut *state {
        PortalExecutionState::Suspended(rows) => {
            if !send_partial_query_response(client, rows, rows_max).await? {
                *state = PortalExecutionState::Finished;
            }
            Ok(())
        }
        PortalExecutionState::Finished => send_execution_response(client, Tag::new("SELECT").with_rows(0)).await,
        PortalExecutionState::Initial => Err(PgWireError::PortalNotStarted),
    }
}
