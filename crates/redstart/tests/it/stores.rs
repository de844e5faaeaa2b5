//! The stores that tests run on.

use std::task::Poll;

use redstart::Store;
use redstart_testkit::Server;

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
