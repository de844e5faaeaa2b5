//! A connection from nothing: reached, logged in to, on the right database.

use std::pin::Pin;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, ProtocolVersion, RedisConnectionInfo, RedisError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::{RemoteConfig, wire};
use crate::store::capabilities::Greeted;
use crate::store::error::{Disconnect, is_refusal};
use crate::store::tls::Secret;
use crate::store::url::{Endpoint, SentinelTarget};

/// Reads and writes the socket for as long as it is polled; ends when the connection does.
pub(super) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Requests that may wait inside the connection for the socket to take them.
const WRITE_QUEUE: usize = 256;

/// How to log in, and in secret or not.
#[derive(Clone, Copy)]
pub(super) struct Login<'a> {
    config: &'a RemoteConfig,
    username: Option<&'a str>,
    password: Option<&'a str>,
    database: u32,
}

impl<'a> Login<'a> {
    pub(super) fn server(config: &'a RemoteConfig) -> Login<'a> {
        let target = &config.target;
        Login {
            config,
            username: target.username.as_deref(),
            password: target.password.as_deref(),
            database: target.database,
        }
    }

    pub(super) fn sentinel(target: &'a SentinelTarget, config: &'a RemoteConfig) -> Login<'a> {
        Login {
            config,
            username: target.username.as_deref(),
            password: target.password.as_deref(),
            database: 0,
        }
    }

    /// Who to log in as, and by which password.
    pub(super) fn credentials(self) -> Option<(&'a str, &'a str)> {
        let password = self.password?;
        Some((self.username.unwrap_or("default"), password))
    }
}

/// A connection on which nothing was said yet.
pub(super) enum Dialed {
    Tcp(TcpStream),
    Tls(Box<Secret>),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
    #[cfg(test)]
    Simulated(tokio::io::DuplexStream),
}

/// Connects, authenticates and selects the database. `pushed` is told that the server pushed
/// something.
pub(super) async fn connect(
    endpoint: &Endpoint,
    login: Login<'_>,
    pushed: Option<Arc<Notify>>,
) -> Result<(MultiplexedConnection, Driver), Disconnect> {
    match dial(endpoint, login).await? {
        Dialed::Tcp(stream) => greet(stream, login, pushed).await,
        Dialed::Tls(stream) => greet(stream, login, pushed).await,
        #[cfg(unix)]
        Dialed::Unix(stream) => greet(stream, login, pushed).await,
        #[cfg(test)]
        Dialed::Simulated(stream) => greet(stream, login, pushed).await,
    }
}

/// Reaches the server, in secret if that is wanted.
pub(super) async fn dial(endpoint: &Endpoint, login: Login<'_>) -> Result<Dialed, Disconnect> {
    let unreachable = |error: std::io::Error| Disconnect::Unreachable(error.to_string().into());
    #[cfg(test)]
    if let Some(network) = &login.config.network {
        let stream = network.dial(endpoint).await.map_err(unreachable)?;
        return Ok(Dialed::Simulated(stream));
    }
    match endpoint {
        Endpoint::Tcp { host, port } => {
            let stream = TcpStream::connect((host.as_str(), *port))
                .await
                .map_err(unreachable)?;
            stream.set_nodelay(true).map_err(unreachable)?;
            if let Some(connector) = &login.config.connector {
                let stream = connector.connect(host, stream).await.map_err(unreachable)?;
                return Ok(Dialed::Tls(Box::new(stream)));
            }
            Ok(Dialed::Tcp(stream))
        }
        #[cfg(unix)]
        Endpoint::Unix { path } => {
            let stream = tokio::net::UnixStream::connect(path)
                .await
                .map_err(unreachable)?;
            Ok(Dialed::Unix(stream))
        }
        #[cfg(not(unix))]
        Endpoint::Unix { .. } => Err(Disconnect::Unreachable(
            "this system has no unix sockets".into(),
        )),
    }
}

async fn greet<S>(
    stream: S,
    login: Login<'_>,
    pushed: Option<Arc<Notify>>,
) -> Result<(MultiplexedConnection, Driver), Disconnect>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut info = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_db(i64::from(login.database))
        .set_lib_name("redstart", env!("CARGO_PKG_VERSION"));
    if let Some(username) = login.username {
        info = info.set_username(username);
    }
    if let Some(password) = login.password {
        info = info.set_password(password);
    }
    // Deadlines are ours: they run on the store's clock and know what an expired one means.
    let mut options = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(WRITE_QUEUE);
    if let Some(pushed) = pushed {
        options = options.set_push_sender(move |_| {
            pushed.notify_one();
            Ok::<(), ()>(())
        });
    }
    match MultiplexedConnection::new_with_config(&info, stream, options).await {
        Ok((connection, driver)) => Ok((connection, Box::pin(driver))),
        Err(error) => Err(why_not(&error)),
    }
}

/// What the server says of itself; refuses one that is too old.
pub(super) async fn introduce(
    connection: &mut MultiplexedConnection,
    driver: &mut Driver,
) -> Result<Greeted, Disconnect> {
    let question = redis::cmd("HELLO");
    let answer = tokio::select! {
        biased;
        answer = connection.send_packed_command(&question) => answer,
        () = driver => return Err(Disconnect::Lost),
    };
    let answer = answer.map_err(|error| Disconnect::Unreachable(error.to_string().into()))?;
    let greeted = Greeted::read(&wire::value(answer));
    match greeted.too_old() {
        Some(text) => Err(Disconnect::Refused {
            code: "ERR".into(),
            text: text.into(),
        }),
        None => Ok(greeted),
    }
}

/// Tells a server that is not there yet from one that does not want us.
fn why_not(error: &RedisError) -> Disconnect {
    let code = error.code().unwrap_or("ERR");
    let text = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::Io | ErrorKind::Parse => Disconnect::Unreachable(error.to_string().into()),
        ErrorKind::RESP3NotSupported => no_resp3(),
        _ => refusal(code, text),
    }
}

/// What an error reply to a greeting means.
pub(super) fn refusal(code: &str, text: &str) -> Disconnect {
    if is_refusal(code) || text.contains("max number of clients") {
        return Disconnect::Unreachable(format!("{code} {text}").into());
    }
    Disconnect::Refused {
        code: code.into(),
        text: text.into(),
    }
}

pub(super) fn no_resp3() -> Disconnect {
    Disconnect::Refused {
        code: "ERR".into(),
        text: "the server does not speak RESP3; redis 7.0 or valkey 7.2 or later is needed".into(),
    }
}
