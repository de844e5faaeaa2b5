//! Somebody who asks a shop's router, without a network in between.

use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use redstart::Store;
use serde_json::Value;
use shop::{Shop, handlers};
use tower::ServiceExt;

pub(crate) struct Visitor {
    pub(crate) shop: Shop,
    router: Router,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    /// Where the value came from, as the API says it.
    pub(crate) cache: Option<String>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

impl Visitor {
    /// Of a fresh shop over a store.
    pub(crate) async fn of(store: &Store) -> Visitor {
        Visitor::with_database(store, None).await
    }

    /// Of a shop whose database is in a file.
    pub(crate) async fn with_database(store: &Store, file: Option<&Path>) -> Visitor {
        let shop = Shop::open(store, file).await.unwrap();
        Visitor {
            router: handlers::router(shop.clone()),
            shop,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.ask(request).await
    }

    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.ask(request).await
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        let (location, cache) = (header("location"), header("x-cache"));
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer {
            status,
            location,
            cache,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}
