//! One client from its first byte to its last.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use datafusion::prelude::SessionContext;
use futures::{SinkExt, StreamExt};
use pgwire::api::query::ExtendedQueryHandler;
use pgwire::api::{ClientInfo, NoopHandler, PgWireConnectionState};
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use pgwire::tokio::server::{PgWireMessageServerCodec, negotiate_tls, process_error, process_message};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::codec::{Framed, FramedParts};

use super::Limits;
use super::answer::Answer;
use super::cancel::{Registered, Registry};
use super::catalog::Catalog;
use super::door::{Door, Keeper};
use super::errors::refused;
use super::guard::{Guard, TooLong};
use super::settings::Settings;
use crate::query::Veiled;

/// From the first byte to the end of the authentication.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(15);

/// Beyond its deadline, a statement may take this long to send its last rows to a client that reads slowly.
const SLOW_CLIENT_TIME_MAX: Duration = Duration::from_secs(60);

type Statement = <Answer as ExtendedQueryHandler>::Statement;
type Socket<S> = Framed<S, PgWireMessageServerCodec<Statement>>;

/// What all connections of a server share.
pub(super) struct Shared {
    door: Arc<Door>,
    catalog: Arc<Catalog>,
    base: Veiled<SessionContext>,
    limits: Limits,
    registry: Arc<Registry>,
    seats: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(door: Door, catalog: Arc<Catalog>, base: SessionContext, limits: Limits) -> Shared {
        let seats = Arc::new(Semaphore::new(limits.connections_max));
        Shared { door: Arc::new(door), catalog, base: Veiled::new(base), limits, registry: Arc::default(), seats }
    }

    pub(super) fn has_tables(&self) -> bool {
        self.catalog.has_tables()
    }
}

/// The handlers of one connection.
struct Handlers {
    keeper: Arc<Keeper>,
    answer: Arc<Answer>,
    registry: Arc<Registry>,
    copy: Arc<NoopHandler>,
}

impl Handlers {
    async fn handle<S>(&self, socket: &mut Socket<S>, message: PgWireFrontendMessage) -> Result<(), PgWireError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static,
    {
        let (answer, again) = (self.answer.clone(), self.answer.clone());
        let (keeper, copy, registry) = (self.keeper.clone(), self.copy.clone(), self.registry.clone());
        process_message(message, socket, keeper, answer, again, copy, registry).await
    }
}

pub(super) async fn serve(socket: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let slow = || io::Error::from(io::ErrorKind::TimedOut);
    let negotiated = negotiate_tls::<Statement>(socket, shared.door.tls.clone());
    let Some(framed) = timeout(HANDSHAKE_TIME_MAX, negotiated).await.map_err(|_| slow())?? else { return Ok(()) };
    let parts = framed.into_parts();
    let mut guarded = FramedParts::new(Guard::new(parts.io, &parts.read_buf)?, parts.codec);
    guarded.write_buf = parts.write_buf;
    let mut socket = Framed::from_parts(guarded);

    let (cancel, _) = watch::channel(0);
    let settings = Settings::default();
    let answer = Answer::new(
        &shared.base,
        shared.catalog.clone(),
        settings.clone(),
        shared.limits.statement_time_max,
        cancel.clone(),
    );
    let answer = Arc::new(answer.map_err(io::Error::other)?);
    let handlers = Handlers {
        keeper: Arc::new(shared.door.keeper(shared.seats.clone(), settings.clone())),
        answer,
        registry: shared.registry.clone(),
        copy: Arc::new(NoopHandler),
    };
    let entry = timeout(HANDSHAKE_TIME_MAX, enter(&mut socket, &handlers)).await.map_err(|_| slow())??;
    if entry == Entry::Out {
        return Ok(());
    }
    let _seat = handlers.keeper.take_seat();
    settings.set_process(socket.pid_and_secret_key().0);
    let _registered: Registered = shared.registry.register(socket.pid_and_secret_key(), cancel);
    converse(&mut socket, &handlers, shared.limits.statement_time_max + SLOW_CLIENT_TIME_MAX).await
}

/// What a handshake came to.
#[derive(PartialEq)]
enum Entry {
    /// The client may ask.
    In,
    /// It is gone, was refused, or came to cancel.
    Out,
}

/// The handshake.
async fn enter<S>(socket: &mut Socket<S>, handlers: &Handlers) -> io::Result<Entry>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static,
{
    while matches!(
        socket.state(),
        PgWireConnectionState::AwaitingStartup | PgWireConnectionState::AuthenticationInProgress
    ) {
        let Some(Ok(message)) = socket.next().await else { return Ok(Entry::Out) };
        let is_cancel = matches!(message, PgWireFrontendMessage::CancelRequest(_));
        if let Err(error) = handlers.handle(socket, message).await {
            // Whatever it was: who could not come in does not stay.
            socket.send(PgWireBackendMessage::ErrorResponse(ErrorInfo::from(error).into())).await?;
            socket.close().await?;
            return Ok(Entry::Out);
        }
        if is_cancel {
            return Ok(Entry::Out);
        }
    }
    Ok(Entry::In)
}

async fn converse<S>(socket: &mut Socket<S>, handlers: &Handlers, time_max: Duration) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static,
{
    loop {
        let message = match socket.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                let Some(refused) = too_long(&error) else {
                    return process_error(socket, error, false).await;
                };
                process_error(socket, statement_too_long(&refused), refused.kind != b'Q').await?;
                // The stream behind a refused message is sound; a framed socket says once that it ended.
                let _ = socket.next().await;
                continue;
            }
            None => return Ok(()),
        };
        if matches!(message, PgWireFrontendMessage::Terminate(_)) {
            return Ok(());
        }
        let extended = message.is_extended_query();
        let handled = timeout(time_max, handlers.handle(socket, message)).await;
        let handled = handled.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        if let Err(error) = handled {
            let info = ErrorInfo::from(error);
            let is_fatal = info.is_fatal();
            process_error(socket, PgWireError::UserError(Box::new(info)), extended).await?;
            if is_fatal {
                return Ok(());
            }
        }
    }
}

fn too_long(error: &PgWireError) -> Option<TooLong> {
    let PgWireError::IoError(error) = error else { return None };
    error.get_ref()?.downcast_ref::<TooLong>().copied()
}

fn statement_too_long(refused_message: &TooLong) -> PgWireError {
    const PROGRAM_LIMIT_EXCEEDED: &str = "54000";
    refused(PROGRAM_LIMIT_EXCEEDED, refused_message.to_string())
}
