//! A lake for assistants: read-only tools of the Model Context Protocol, over standard input and output.
//!
//! ```text
//! stdin ─▶ pipes ─▶ rmcp ─▶ server (turns, deadline, cancellation) ─▶ call ─▶ tables, reports, status, SQL
//! stdout ◀─ pipes ◀─ rmcp ◀──────────── answer (rows and bytes at most) ◀─ held (reloads the ledger)
//! ```
//!
//! - Nothing can be written, and nothing but the lake be read: statements go through the gate of `query`.
//! - All that an assistant can make grow has a limit: calls at a time, their time and memory, the length of a
//!   statement, rows and bytes of an answer.
//! - What is committed meanwhile appears: the ledger is looked at again when a call is planned.
//! - A call that fails is an answer that says why, never the end of the server.

mod answer;
mod call;
mod error;
mod held;
mod pipes;
mod reports;
mod server;
mod status;
mod tables;
mod tools;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::time::Duration;

use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;

use crate::lake::Lake;
use crate::query::{self, QueryError, STACK_BYTES};
use crate::threads::{self, ThreadError};
use held::Held;
use server::Server;

pub use answer::Room;
use error::ToolError;

/// How long what still computes at the end, or is still to be written, is waited for.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// How a lake is given to assistants.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the lake is asked.
    pub query: query::Options,
    /// Of each answer.
    pub room: Room,
    /// From a call to its answer.
    pub call_time_max: Duration,
}

/// Why a lake cannot be given to assistants.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what it is, and what its fields are")]
pub enum McpError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("the client does not begin as the Model Context Protocol does: {0}")]
    Handshake(String),
    #[error("the server cannot start: {0}")]
    Start(#[from] std::io::Error),
    #[error(transparent)]
    Threads(#[from] ThreadError),
    #[error("the server ended by itself, which is a fault of flowlake: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

/// Serves until standard input ends, or `stop` is ready. Calls run on threads of their own.
pub async fn serve(lake: Lake, options: Options, stop: impl Future<Output = ()>) -> Result<(), McpError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let builder = builder.thread_name("mcp").thread_stack_size(STACK_BYTES);
    let runtime = threads::runtime(builder, options.query.threads.max(2), threads::BLOCKING_MIN)?;
    let held = Held::open(lake, options.query.clone()).await?;
    let server = Server::new(held, &options, runtime.handle().clone());
    let (output, written) = pipes::output()?;
    let ended = converse(server, AsyncRwTransport::new_server(pipes::input()?, output), stop).await;
    // Joined, not left behind: see `command::ask::on_threads`.
    let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(LAST_STEPS)).await;
    let _ = tokio::time::timeout(LAST_STEPS, written).await;
    ended
}

async fn converse(
    server: Server,
    transport: impl rmcp::transport::Transport<rmcp::RoleServer> + 'static,
    stop: impl Future<Output = ()>,
) -> Result<(), McpError> {
    tokio::pin!(stop);
    let begun = tokio::select! {
        () = &mut stop => return Ok(()),
        begun = server.serve(transport) => begun,
    };
    let running = match begun {
        Ok(running) => running,
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(McpError::Handshake(error.to_string())),
    };
    let end = running.cancellation_token();
    let ended = running.waiting();
    tokio::pin!(ended);
    let quit = tokio::select! {
        quit = &mut ended => quit,
        () = &mut stop => {
            end.cancel();
            ended.await
        }
    };
    match quit? {
        rmcp::service::QuitReason::JoinError(error) => Err(error.into()),
        _ => Ok(()),
    }
}
