//! The stores that tests run on.

use std::task::Poll;

use redstart::Store;
use redstart_testkit::Server;

/// Runs test functions that take a store, on each kind of it.
macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        #[cfg(feature = "embedded")]
        mod embedded {
            $(#[tokio::test]
            async fn $test() {
                let store = redstart::Store::open("memory:").await.unwrap();
                super::$test(&store).await;
            })*
        }

        mod server {
            $(#[tokio::test]
            async fn $test() {
                let on_server = crate::stores::on_server().await;
                super::$test(&on_server.store).await;
            })*
        }
    };
}

/// A server, and a store on it. The server goes when the value does.
pub(crate) struct OnServer {
    pub(crate) server: Server,
    pub(crate) store: Store,
}

/// A fresh server and a store on it.
pub(crate) async fn on_server() -> OnServer {
    let server = Server::from_path().unwrap().start().unwrap();
    let store = Store::open(&server.url()).await.unwrap();
    OnServer { server, store }
}

/// Polls a future once, so that its request is handed over, and gives it back.
pub(crate) async fn hand_over<F: Future + Unpin>(mut future: F) -> F {
    std::future::poll_fn(|context| {
        let polled = std::pin::Pin::new(&mut future).poll(context);
        assert!(polled.is_pending(), "an answer came before anybody asked");
        Poll::Ready(())
    })
    .await;
    future
}
