//! TLS: whom the store believes, and how it identifies itself.

use std::path::{Path, PathBuf};

/// What a `rediss://` store checks servers by. Without a word, by the certificates that the
/// operating system trusts.
///
/// The same can stand in the URL: `?ca=/etc/redis/ca.pem&cert=app.pem&key=app.key`. What is said
/// here comes before what the URL says.
///
/// ```
/// # fn main() -> Result<(), redstart::store::Error> {
/// use redstart::Store;
/// use redstart::store::Tls;
///
/// let tls = Tls::new().ca("/etc/redis/ca.pem").identity("app.pem", "app.key");
/// let store = Store::builder("rediss://cache.internal").tls(tls);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    pub(crate) ca: Option<PathBuf>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

impl Tls {
    /// Trusts what the operating system trusts, and shows no certificate of its own.
    pub fn new() -> Tls {
        Tls::default()
    }

    /// Trusts the certificates of this PEM file, and no others.
    #[must_use]
    pub fn ca(mut self, path: impl AsRef<Path>) -> Tls {
        self.ca = Some(path.as_ref().to_owned());
        self
    }

    /// Shows servers that ask for one the certificate of one PEM file, with the private key of
    /// another (or the same).
    #[must_use]
    pub fn identity(mut self, cert: impl AsRef<Path>, key: impl AsRef<Path>) -> Tls {
        self.cert = Some(cert.as_ref().to_owned());
        self.key = Some(key.as_ref().to_owned());
        self
    }

    /// This, and of the other what this does not say.
    pub(crate) fn or(self, other: &Tls) -> Tls {
        Tls {
            ca: self.ca.or_else(|| other.ca.clone()),
            cert: self.cert.or_else(|| other.cert.clone()),
            key: self.key.or_else(|| other.key.clone()),
        }
    }
}

pub(crate) use connector::{Connector, Secret};

/// Of a build without TLS there is none.
#[cfg(not(feature = "tls"))]
mod connector {
    use std::io;

    use tokio::net::TcpStream;

    use super::Tls;
    use crate::store::error::Result;
    use crate::store::url::UrlError;

    /// What it would make of a connection.
    pub(crate) type Secret = TcpStream;

    #[derive(Clone, Debug)]
    pub(crate) enum Connector {}

    impl Connector {
        pub(crate) fn new(_: &Tls) -> Result<Connector> {
            let (scheme, feature) = ("rediss", "tls");
            Err(UrlError::FeatureMissing { scheme, feature }.into())
        }

        pub(crate) async fn connect(&self, _: &str, _: TcpStream) -> io::Result<Secret> {
            match *self {}
        }
    }
}

#[cfg(feature = "tls")]
mod connector {
    use std::fmt;
    use std::io;
    use std::path::Path;
    use std::sync::Arc;

    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

    use super::Tls;
    use crate::store::error::{Error, Result};

    /// A connection that others cannot read.
    pub(crate) type Secret = TlsStream<TcpStream>;

    /// Makes a connection a secret one.
    #[derive(Clone)]
    pub(crate) struct Connector(TlsConnector);

    impl Connector {
        pub(crate) fn new(tls: &Tls) -> Result<Connector> {
            let provider = Arc::new(crypto::ring::default_provider());
            let versions = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|error| Error::Tls(error.to_string().into()))?;
            let config = versions.with_root_certificates(roots(tls)?);
            let config = match (&tls.cert, &tls.key) {
                (None, None) => config.with_no_client_auth(),
                (Some(cert), Some(key)) => config
                    .with_client_auth_cert(certificates(cert)?, private_key(key)?)
                    .map_err(|error| at("certificate and key do not fit", cert, &error))?,
                _ => {
                    let reason = "a certificate of our own needs both `cert` and `key`";
                    return Err(Error::Tls(reason.into()));
                }
            };
            Ok(Connector(TlsConnector::from(Arc::new(config))))
        }

        pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<Secret> {
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            self.0.connect(name, stream).await
        }
    }

    impl fmt::Debug for Connector {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Connector")
        }
    }

    fn roots(tls: &Tls) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        match &tls.ca {
            Some(path) => {
                for certificate in certificates(path)? {
                    let added = roots.add(certificate);
                    added.map_err(|error| at("not a certificate to trust", path, &error))?;
                }
            }
            None => {
                // Of the system's certificates some are often too old to be understood.
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    let reason = "this system trusts no certificate, name one by `ca`";
                    return Err(Error::Tls(reason.into()));
                }
            }
        }
        Ok(roots)
    }

    fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        let found: Vec<_> = read.map_err(|error| at("cannot read certificates", path, &error))?;
        match found.is_empty() {
            true => Err(at("no certificate in the file", path, &"expected PEM")),
            false => Ok(found),
        }
    }

    fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_file(path)
            .map_err(|error| at("cannot read a private key", path, &error))
    }

    fn at(what: &str, path: &Path, why: &dyn fmt::Display) -> Error {
        Error::Tls(format!("{}: {what}: {why}", path.display()).into())
    }
}
