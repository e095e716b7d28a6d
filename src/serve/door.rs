//! Who comes in: TLS, the user's name, the password (SCRAM-SHA-256).

use std::collections::HashMap;
use std::fmt::Debug;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use futures::Sink;
use pgwire::api::ClientInfo;
use pgwire::api::auth::sasl::SASLAuthStartupHandler;
use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramAuth, gen_salted_password};
use pgwire::api::auth::{
    AuthSource, LoginInfo, Password, ServerParameterProvider, StartupHandler, finish_authentication,
    protocol_negotiation, save_startup_parameters_to_metadata,
};
use pgwire::api::{PgWireConnectionState, PidSecretKeyGenerator, RandomPidSecretKeyGenerator};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::errors::fatal;
use super::settings::Settings;
use super::{Options, ServeError};

/// The user's name where a password is asked for and none was chosen.
const USER: &str = "flowlake";

const SALT_BYTES: usize = 16;

/// What every connection must pass.
pub(super) struct Door {
    pub(super) tls: Option<TlsAcceptor>,
    /// Whether a connection without TLS is refused.
    needs_tls: bool,
    user: Option<String>,
    login: Option<Arc<Login>>,
}

/// The one user's password, salted; and one that nobody knows, for users that do not exist.
struct Login {
    user: String,
    salt: Vec<u8>,
    password: Vec<u8>,
    nobody: Vec<u8>,
}

impl Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({})", self.user)
    }
}

impl Door {
    pub(super) fn new(options: &Options) -> Result<Door, ServeError> {
        let tls = options.tls.as_ref().map(|(cert, key)| acceptor(cert, key)).transpose()?;
        let user = options.user.clone();
        let login = match &options.password_file {
            Some(path) => Some(Arc::new(Login::read(user.as_deref().unwrap_or(USER), path)?)),
            None => None,
        };
        Ok(Door { tls, needs_tls: !options.listen.ip().is_loopback(), user, login })
    }

    /// The keeper of one connection: it remembers how far its client is.
    pub(super) fn keeper(self: &Arc<Self>, seats: Arc<Semaphore>, settings: Settings) -> Keeper {
        let told = Arc::new(Told(settings));
        let scram =
            self.login.clone().map(|login| SASLAuthStartupHandler::new(told.clone()).with_scram(ScramAuth::new(login)));
        Keeper { door: self.clone(), seats, seat: Mutex::default(), told, scram }
    }
}

impl Login {
    fn read(user: &str, path: &Path) -> Result<Login, ServeError> {
        let wrong = |reason: String| ServeError::File { path: path.to_owned(), reason };
        let text = String::from_utf8(read_secret(path)?).map_err(|_| wrong("it is no UTF-8 text".to_owned()))?;
        let password = text.trim_end_matches(['\n', '\r']);
        if password.is_empty() {
            return Err(wrong("it holds no password".to_owned()));
        }
        let salt = uuid::Uuid::new_v4().as_bytes()[..SALT_BYTES].to_vec();
        let nobody = uuid::Uuid::new_v4().to_string();
        Ok(Login {
            user: user.to_owned(),
            password: gen_salted_password(password, &salt, SCRAM_ITERATIONS),
            nobody: gen_salted_password(&nobody, &salt, SCRAM_ITERATIONS),
            salt,
        })
    }
}

/// What a file holds that nobody else may read or change.
fn read_secret(path: &Path) -> Result<Vec<u8>, ServeError> {
    let wrong = |reason: String| ServeError::File { path: path.to_owned(), reason };
    let mut file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let found = file.metadata().map_err(|error| wrong(error.to_string()))?;
    // SAFETY: `geteuid` reads a number of the process and cannot fail.
    let user = unsafe { libc::geteuid() };
    if let Some(reason) = not_secret(found.uid(), found.mode(), user) {
        return Err(wrong(reason));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    Ok(bytes)
}

/// Why others than `user` may know, or set, what a file holds, by its owner and its mode.
///
/// A service that is not root is often given a file of root's that its group may read (secrets of Kubernetes,
/// credentials of systemd, `ssl-cert` of Debian): as in PostgreSQL, that is secret enough.
fn not_secret(owner: u32, mode: u32, user: u32) -> Option<String> {
    if user != 0 && owner != user && owner != 0 {
        return Some(format!("it belongs to another user (number {owner})"));
    }
    let (open, right) = if owner == 0 && user != 0 { (0o026, "640") } else { (0o066, "600") };
    let mode = mode & 0o777;
    (mode & open != 0).then(|| format!("other users may read or change it (mode {mode:03o}); chmod {right} the file"))
}

#[async_trait]
impl AuthSource for Login {
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        let known = login.user() == Some(self.user.as_str());
        let password = if known { &self.password } else { &self.nobody };
        Ok(Password::new(Some(self.salt.clone()), password.clone()))
    }
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, ServeError> {
    let wrong = |path: &Path, reason: String| ServeError::File { path: path.to_owned(), reason };
    let certificates: Vec<CertificateDer> = CertificateDer::pem_file_iter(cert)
        .and_then(|found| found.collect())
        .map_err(|error| wrong(cert, format!("no PEM certificate can be read: {error}")))?;
    if certificates.is_empty() {
        return Err(wrong(cert, "it holds no PEM certificate".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&read_secret(key)?)
        .map_err(|error| wrong(key, format!("no PEM private key can be read: {error}")))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(cert, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .map_err(|error| wrong(key, error.to_string()))?;
    // Clients that begin with TLS at once (sslnegotiation=direct) must name the protocol.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The door of one connection.
pub(super) struct Keeper {
    door: Arc<Door>,
    /// Free connections.
    seats: Arc<Semaphore>,
    /// This connection's own, from the moment that it is let in.
    seat: Mutex<Option<OwnedSemaphorePermit>>,
    told: Arc<Told>,
    scram: Option<SASLAuthStartupHandler<Told>>,
}

/// What a client is told of the session when it is in.
struct Told(Settings);

impl ServerParameterProvider for Told {
    fn server_parameters<C: ClientInfo>(&self, _client: &C) -> Option<HashMap<String, String>> {
        Some(self.0.reported().into_iter().collect())
    }
}

/// Numbers and secrets by which connections are cancelled.
static KEYS: LazyLock<RandomPidSecretKeyGenerator> = LazyLock::new(RandomPidSecretKeyGenerator::default);

pub(super) fn too_many() -> PgWireError {
    fatal("53300", "sorry, too many clients already: see --connections")
}

#[async_trait]
impl StartupHandler for Keeper {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        // Taken before the client hears that it is in, and given back at once by one that is not in yet.
        let seat = self.seats.clone().try_acquire_owned().map_err(|_| too_many())?;
        self.judge(client, message).await?;
        if matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            *self.seat.lock().expect("no holder of the lock panics") = Some(seat);
        }
        Ok(())
    }
}

impl Keeper {
    /// The seat of a client that is in.
    pub(super) fn take_seat(&self) -> Option<OwnedSemaphorePermit> {
        self.seat.lock().expect("no holder of the lock panics").take()
    }

    async fn judge<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if let PgWireFrontendMessage::Startup(startup) = &message {
            if self.door.needs_tls && !client.is_secure() {
                return Err(fatal("28000", "this server takes connections with TLS only; set sslmode=require"));
            }
            let user = startup.parameters.get("user").map(String::as_str).unwrap_or_default();
            let expected = self.door.user.as_deref().unwrap_or(user);
            if self.scram.is_none() && user != expected {
                return Err(fatal("28000", format!("there is no user \"{}\"", user.escape_debug())));
            }
            let settings = &self.told.0;
            settings.begin(&startup.parameters).map_err(|refusal| fatal(refusal.code, refusal.text))?;
            if self.scram.is_none() {
                protocol_negotiation(client, startup).await?;
                save_startup_parameters_to_metadata(client, startup);
                let (process, secret) = KEYS.generate(client);
                client.set_pid_and_secret_key(process, secret);
                return finish_authentication(client, self.told.as_ref()).await;
            }
        }
        match &self.scram {
            Some(scram) => scram.on_startup(client, message).await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_of_roots_may_be_read_by_the_group_of_a_service() {
        const ROOT: u32 = 0;
        const SERVICE: u32 = 1000;
        let modes = |owner, user| -> Vec<u32> {
            let all = [0o400, 0o440, 0o600, 0o640, 0o660, 0o604, 0o644, 0o602];
            all.into_iter().filter(|mode| not_secret(owner, 0o100_000 | mode, user).is_none()).collect()
        };
        assert_eq!(modes(ROOT, SERVICE), [0o400, 0o440, 0o600, 0o640]);
        assert_eq!(modes(SERVICE, SERVICE), [0o400, 0o600]);
        assert_eq!(modes(ROOT, ROOT), [0o400, 0o600]);
        assert_eq!(modes(SERVICE, ROOT), [0o400, 0o600]);
        assert_eq!(modes(SERVICE + 1, SERVICE), [0; 0]);
        let told = not_secret(ROOT, 0o644, SERVICE).expect("all may read it");
        assert!(told.contains("mode 644") && told.contains("chmod 640"), "{told}");
    }

    /// PEM allows text around the key, in any encoding.
    #[test]
    fn a_key_with_text_that_is_no_utf_8_is_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a name that is an address");
        std::fs::write(&cert, made.cert.pem()).expect("the test's own folder");
        let private = [b"cl\xe9 priv\xe9e\n", made.signing_key.serialize_pem().as_bytes()].concat();
        std::fs::write(&key, private).expect("the test's own folder");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("the test's own file");
        assert!(acceptor(&cert, &key).is_ok());
        let told = Login::read(USER, &key).map(|_| ()).expect_err("a password is text").to_string();
        assert!(told.contains("UTF-8"), "{told}");
    }
}
