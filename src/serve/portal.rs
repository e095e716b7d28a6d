//! Rows of a prepared statement, sent as they come. The protocol's own way would gather them in memory first.

use std::fmt::Debug;

use futures::{Sink, SinkExt};
use pgwire::api::portal::{Portal, PortalExecutionState};
use pgwire::api::query::{send_execution_response, send_partial_query_response};
use pgwire::api::results::{Response, Tag};
use pgwire::api::{ClientInfo, ClientPortalStore};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::EmptyQueryResponse;

/// What became of a statement that ran just now.
pub(super) enum Begun {
    /// Its rows wait in the portal.
    Rows,
    /// All that it has to say is sent.
    Said,
}

/// Sends what a statement that ran just now has to say, but for its rows.
pub(super) async fn begin<C, S>(client: &mut C, portal: &Portal<S>, response: Response) -> PgWireResult<Begun>
where
    C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::Error: Debug,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    S: Clone,
{
    match response {
        Response::Query(rows) => {
            portal.start(rows).await;
            return Ok(Begun::Rows);
        }
        Response::Execution(tag) => send_execution_response(client, tag).await?,
        Response::Error(error) => return Err(PgWireError::UserError(error)),
        _ => client.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?,
    }
    Ok(Begun::Said)
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
