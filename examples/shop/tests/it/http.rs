//! Pages, the API and orders, on a store in this process and on a server.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use redstart::Store;
use redstart::store::SimulatedTime;
use redstart_testkit::Server;

use crate::visitor::Visitor;

/// Runs test functions that take a store, on each kind of it.
macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                let store = redstart::Store::open("memory:").await.unwrap();
                super::$test(&store).await;
            })*
        }

        mod server {
            $(#[tokio::test]
            async fn $test() {
                let server = super::Server::from_path().unwrap().start().unwrap();
                let store = redstart::Store::open(&server.url()).await.unwrap();
                super::$test(&store).await;
            })*
        }
    };
}

on_every_store![
    every_category_and_product_has_its_page,
    an_order_shows_on_the_next_page,
    an_order_for_too_many_sells_nothing,
    what_is_not_there_is_not_found,
    what_was_asked_for_once_comes_from_the_cache,
    a_crowd_asks_the_database_once,
    a_tag_makes_a_whole_category_new,
    what_one_shop_sells_another_shows_at_once,
];

async fn every_category_and_product_has_its_page(store: &Store) {
    let visitor = Visitor::of(store).await;
    let front = visitor.get("/").await;
    assert_eq!(front.status, StatusCode::OK);
    assert_eq!(front.text.matches("href=\"/category/").count(), 12);

    let category = visitor.get("/category/coffee?page=2").await;
    assert_eq!(category.status, StatusCode::OK);
    assert!(category.text.contains("Page 2 of 11"), "{}", category.text);
    assert!(category.text.contains("href=\"/product/25\""));

    let product = visitor.get("/api/products/25").await.json();
    assert_eq!(product["category"], "coffee");
    let page = visitor.get("/product/25").await;
    assert_eq!(page.status, StatusCode::OK);
    // The maker's name alone: the rest may hold letters that HTML writes otherwise.
    let name = product["name"].as_str().unwrap();
    assert!(page.text.contains(name.split(' ').next().unwrap()));

    let category = visitor.get("/api/categories/coffee?page=2").await.json();
    assert_eq!(category["products"][0], product);
}

async fn an_order_shows_on_the_next_page(store: &Store) {
    let visitor = Visitor::of(store).await;
    let stock = |product: serde_json::Value| product["stock"].as_u64().unwrap();
    let before = stock(visitor.get("/api/products/30").await.json());
    // The category's page is looked at as well, so that it too could be old afterwards.
    visitor.get("/api/categories/coffee?page=2").await;

    let bought = visitor.post("/product/30/buy", "quantity=1").await;
    assert_eq!(bought.status, StatusCode::SEE_OTHER);
    let location = bought.location.unwrap();
    assert!(visitor.get(&location).await.text.contains("Thank you"));

    assert_eq!(
        stock(visitor.get("/api/products/30").await.json()),
        before - 1
    );
    let category = visitor.get("/api/categories/coffee?page=2").await.json();
    let listed = category["products"].as_array().unwrap();
    let listed = listed.iter().find(|product| product["id"] == 30).unwrap();
    assert_eq!(stock(listed.clone()), before - 1);
}

async fn an_order_for_too_many_sells_nothing(store: &Store) {
    let visitor = Visitor::of(store).await;
    let before = visitor.get("/api/products/31").await.json();
    let bought = visitor.post("/product/31/buy", "quantity=99").await;
    let page = visitor.get(&bought.location.unwrap()).await;
    assert!(page.text.contains("Nothing was sold"), "{}", page.text);
    assert_eq!(visitor.get("/api/products/31").await.json(), before);
}

async fn what_is_not_there_is_not_found(store: &Store) {
    let visitor = Visitor::of(store).await;
    for path in [
        "/product/999999",
        "/category/spoons",
        "/category/coffee?page=12",
        "/category/coffee?page=0",
        "/nowhere",
    ] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text.contains("<h1>Not found</h1>"), "{path}");
    }
    for path in ["/api/products/999999", "/api/categories/spoons"] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.json()["error"].is_string(), "{path}");
    }
    let bought = visitor.post("/product/999999/buy", "quantity=1").await;
    assert_eq!(bought.status, StatusCode::NOT_FOUND);
}

async fn what_was_asked_for_once_comes_from_the_cache(store: &Store) {
    let visitor = Visitor::of(store).await;
    for (path, again) in [("/api/products/40", "hit"), ("/api/products/999999", "hit")] {
        let first = visitor.get(path).await;
        let second = visitor.get(path).await;
        assert_eq!(second.text, first.text);
        if first.status == StatusCode::OK {
            assert_eq!(first.cache.as_deref(), Some("load"));
            assert_eq!(second.cache.as_deref(), Some(again));
        }
    }
    visitor.get("/api/categories/coffee").await;
    visitor.get("/api/categories/coffee").await;
    let totals = visitor.shop.products.totals();
    // The product that is not there was remembered as well.
    assert_eq!((totals.loads, totals.hits), (3, 3));
    assert_eq!(totals.failures, 0);
}

async fn a_crowd_asks_the_database_once(store: &Store) {
    let visitor = Visitor::of(store).await;
    // It was looked at before, and so would be in the cache.
    visitor.get("/api/products/41").await;
    visitor.shop.database.set_latency_ms(20);
    let answer = visitor.post("/live/crowd", "product=41&readers=500").await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = answer.json();
    let crowd = &answer["crowd"];
    let count = |name: &str| crowd[name].as_u64().unwrap();
    assert_eq!(count("loads"), 1, "{crowd}");
    assert_eq!(count("waits") + count("hits"), 499, "{crowd}");
    assert!(
        answer["said"]
            .as_str()
            .unwrap()
            .starts_with("500 readers: 1 asked")
    );
}

async fn a_tag_makes_a_whole_category_new(store: &Store) {
    let visitor = Visitor::of(store).await;
    let how = async |path| visitor.get(path).await.cache.unwrap();
    // Products 1 and 2 are coffee, 251 is a knife.
    for path in ["/api/products/1", "/api/products/2", "/api/products/251"] {
        assert_eq!(how(path).await, "load");
        assert_eq!(how(path).await, "hit");
    }
    visitor.get("/api/categories/coffee").await;
    let loads = || visitor.shop.products.totals().loads;
    let before = loads();

    let done = visitor.post("/live/invalidate", "category=coffee").await;
    assert!(done.text.contains("250 products"), "{}", done.text);
    assert_eq!(how("/api/products/1").await, "load");
    assert_eq!(how("/api/products/2").await, "load");
    assert_eq!(how("/api/products/251").await, "hit");
    visitor.get("/api/categories/coffee").await;
    assert_eq!(loads(), before + 3);
}

async fn what_one_shop_sells_another_shows_at_once(store: &Store) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.db");
    let one = Visitor::with_database(store, Some(&file)).await;
    let other = Visitor::with_database(store, Some(&file)).await;
    let stock = async |visitor: &Visitor| {
        let product = visitor.get("/api/products/50").await.json();
        let page = visitor.get("/api/categories/coffee?page=3").await.json();
        let listed = page["products"].as_array().unwrap();
        let listed = listed.iter().find(|product| product["id"] == 50).unwrap();
        assert_eq!(listed["stock"], product["stock"]);
        product["stock"].as_u64().unwrap()
    };
    let before = stock(&one).await;
    assert_eq!(stock(&other).await, before);
    one.post("/product/50/buy", "quantity=1").await;
    assert_eq!(stock(&other).await, before - 1);
    assert_eq!(stock(&one).await, before - 1);
}

#[tokio::test]
async fn past_its_time_a_product_is_shown_while_a_new_one_is_loaded() {
    let simulated = SimulatedTime::starting_at(Duration::from_secs(1_700_000_000));
    let store = Store::builder("memory:").time(simulated.time());
    let visitor = Visitor::of(&store.open().await.unwrap()).await;
    let how = async || visitor.get("/api/products/70").await.cache.unwrap();
    assert_eq!(how().await, "load");
    assert_eq!(how().await, "hit");
    simulated.advance(Duration::from_secs(61));
    assert_eq!(how().await, "stale");
    // The load goes on in the background; nobody waits for it but this test, which has to let it.
    while how().await != "hit" {
        tokio::task::yield_now().await;
    }
    assert_eq!(visitor.shop.products.totals().loads, 2);
}

#[tokio::test]
async fn without_its_store_the_shop_goes_on() {
    let mut server = Server::from_path().unwrap().start().unwrap();
    let store = Store::open(&server.url()).await.unwrap();
    let visitor = Visitor::of(&store).await;
    let stock = async || visitor.get("/api/products/60").await.json()["stock"].as_u64();
    let before = stock().await.unwrap();
    server.kill();
    assert_eq!(stock().await, Some(before));
    // The order stands although nobody can be told; and nobody remembers the old number.
    let bought = visitor.post("/product/60/buy", "quantity=1").await;
    assert_eq!(bought.location.as_deref(), Some("/product/60?order=sold"));
    assert_eq!(stock().await, Some(before - 1));
    assert_eq!(visitor.get("/category/coffee").await.status, StatusCode::OK);
    assert!(visitor.shop.products.totals().failures > 0);
}

#[tokio::test]
async fn nonsense_is_refused() {
    let visitor = Visitor::of(&Store::open("memory:").await.unwrap()).await;
    for (path, form) in [
        ("/product/1/buy", "quantity=0"),
        ("/product/1/buy", "quantity=100"),
        ("/product/1/buy", "quantity=-1"),
        ("/product/1/buy", "quantity=many"),
        ("/product/1/buy", ""),
        ("/product/one/buy", "quantity=1"),
        ("/live/latency", "ms=5001"),
        ("/live/crowd", "product=1&readers=0"),
        ("/live/crowd", "product=1&readers=5001"),
        ("/live/invalidate", "category=spoons"),
    ] {
        let answer = visitor.post(path, form).await;
        assert!(answer.status.is_client_error(), "{path} {form}: {answer:?}");
    }
    assert!(visitor.shop.database.latency().is_zero());
}

#[tokio::test]
async fn the_page_of_another_site_cannot_buy() {
    let visitor = Visitor::of(&Store::open("memory:").await.unwrap()).await;
    let order = |site: &str| {
        Request::post("/product/1/buy")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site)
            .body(Body::from("quantity=1"))
            .unwrap()
    };
    let before = visitor.get("/api/products/1").await.json();
    assert_eq!(
        visitor.ask(order("cross-site")).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(visitor.get("/api/products/1").await.json(), before);
    assert_eq!(
        visitor.ask(order("same-origin")).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn everything_a_page_needs_comes_from_the_shop() {
    let visitor = Visitor::of(&Store::open("memory:").await.unwrap()).await;
    for path in ["/shop.css", "/live.js"] {
        assert_eq!(visitor.get(path).await.status, StatusCode::OK, "{path}");
    }
    for path in ["/", "/live", "/product/1", "/shop.css", "/live.js"] {
        let text = visitor.get(path).await.text;
        let text = text.replace("http://www.w3.org/2000/svg", "");
        assert!(!text.contains("://"), "{path} fetches from elsewhere");
    }
}
