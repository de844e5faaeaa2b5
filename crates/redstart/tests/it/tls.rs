//! A store that speaks TLS with a redis-server.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use redstart::Store;
use redstart::store::{Error, Tls};
use redstart_testkit::Server;

/// An authority, and what it certified, as PEM files.
struct Certificates {
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

impl Certificates {
    /// Writes them into a directory.
    fn new(directory: &Path) -> Certificates {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Another name than the certificate's, which would be taken for one that signed itself.
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(names).unwrap();
        let cert = cert.signed_by(&key, &ca).unwrap();
        let write = |name: &str, pem: String| {
            let path = directory.join(name);
            std::fs::write(&path, pem).unwrap();
            path
        };
        Certificates {
            ca: write("ca.pem", ca.pem()),
            cert: write("cert.pem", cert.pem()),
            key: write("key.pem", key.serialize_pem()),
        }
    }
}

struct OnTls {
    certificates: Certificates,
    port: u16,
    _server: Server,
    _directory: tempfile::TempDir,
}

/// A server that asks its clients for certificates too.
fn on_tls() -> OnTls {
    let directory = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(directory.path());
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let Certificates { ca, cert, key } = &certificates;
    let arg = |path: &Path| path.to_str().unwrap().to_owned();
    let server = Server::from_path().unwrap().args([
        "--tls-port".to_owned(),
        port.to_string(),
        "--tls-ca-cert-file".to_owned(),
        arg(ca),
        "--tls-cert-file".to_owned(),
        arg(cert),
        "--tls-key-file".to_owned(),
        arg(key),
    ]);
    OnTls {
        port,
        _server: server.start().unwrap(),
        certificates,
        _directory: directory,
    }
}

#[tokio::test]
async fn a_store_reaches_a_server_over_tls() {
    let on_tls = on_tls();
    let (port, Certificates { ca, cert, key }) = (on_tls.port, &on_tls.certificates);
    let url = format!(
        "rediss://localhost:{port}?ca={}&cert={}&key={}",
        ca.display(),
        cert.display(),
        key.display()
    );
    let by_url = Store::open(&url).await.unwrap();
    by_url.command(["SET", "k", "secret"]).await.unwrap();

    let tls = Tls::new().ca(ca).identity(cert, key);
    let by_builder = Store::builder(&format!("rediss://127.0.0.1:{port}")).tls(tls);
    let by_builder = by_builder.open().await.unwrap();
    let value = by_builder.command(["GET", "k"]).returning::<String>().await;
    assert_eq!(value.unwrap(), "secret");
}

#[tokio::test]
async fn who_is_not_trusted_is_not_talked_to() {
    let on_tls = on_tls();
    let (port, Certificates { ca, cert, key }) = (on_tls.port, &on_tls.certificates);
    let open = async |url: &str, tls: Tls| {
        let store = Store::builder(&format!("rediss://{url}:{port}")).tls(tls);
        store.open().await.unwrap_err()
    };

    let others = tempfile::tempdir().unwrap();
    let others = Certificates::new(others.path());
    let stranger = Tls::new().ca(&others.ca).identity(cert, key);
    let error = open("localhost", stranger).await;
    assert!(error.to_string().contains("certificate"), "{error}");

    let other_name = Tls::new().ca(ca).identity(cert, key);
    let error = open("127.0.0.2", other_name).await;
    assert!(error.to_string().contains("not valid for name"), "{error}");

    let error = open("localhost", Tls::new().ca(ca)).await;
    assert!(error.is_unavailable(), "{error}");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let Certificates { ca, cert, key } = Certificates::new(directory.path());
    let open = async |tls: Tls| {
        let store = Store::builder("rediss://localhost:1").tls(tls);
        store.open().await.unwrap_err()
    };
    let cases = [
        (Tls::new().ca("/nowhere.pem"), "/nowhere.pem"),
        (Tls::new().ca(&key), "key.pem: no certificate"),
        (
            Tls::new().ca(&ca).identity(&cert, &cert),
            "cert.pem: cannot read a private key",
        ),
    ];
    for (tls, expected) in cases {
        let error = open(tls).await;
        assert!(matches!(error, Error::Tls(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let plain = Store::builder("redis://localhost:1").tls(Tls::new().ca(&ca));
    assert!(matches!(plain.open().await.unwrap_err(), Error::Config(_)));
}
