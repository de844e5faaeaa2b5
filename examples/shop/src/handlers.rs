//! What answers which URL.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};

use crate::Shop;
use crate::crowd::{self, Crowd};
use crate::database::{Category, DatabaseError, Purchase};
use crate::pages;
use crate::products::ProductsError;

/// The longest the database may be told to take.
const LATENCY_MAX_MS: u32 = 5_000;
/// As many of a product as one order may be for.
const QUANTITY_MAX: u32 = 99;

/// All routes of a shop.
pub fn router(shop: Shop) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/category/{slug}", get(category))
        .route("/product/{id}", get(product))
        .route("/product/{id}/buy", post(buy))
        .route("/api/categories/{slug}", get(api_category))
        .route("/api/products/{id}", get(api_product))
        .route("/live", get(live))
        .route("/live/events", get(live_events))
        .route("/live/latency", post(set_latency))
        .route("/live/invalidate", post(invalidate))
        .route("/live/crowd", post(send_crowd))
        .route(
            "/live.js",
            get(|| asset("text/javascript; charset=utf-8", LIVE_JS)),
        )
        .route(
            "/shop.css",
            get(|| asset("text/css; charset=utf-8", SHOP_CSS)),
        )
        .fallback(|| async { Problem::NotFound })
        .layer(middleware::from_fn(own_pages_only))
        .with_state(shop)
}

const LIVE_JS: &str = include_str!("../assets/live.js");
const SHOP_CSS: &str = include_str!("../assets/shop.css");

async fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
        text,
    )
}

async fn front(State(shop): State<Shop>) -> Result<Html<String>, Problem> {
    Ok(Html(pages::front(&shop.products.categories().await?)))
}

#[derive(Deserialize)]
struct PageNumber {
    page: Option<u32>,
}

async fn category(
    State(shop): State<Shop>,
    Path(slug): Path<String>,
    Query(PageNumber { page }): Query<PageNumber>,
) -> Result<Html<String>, Problem> {
    let found = shop
        .products
        .category_page(&slug, page.unwrap_or(1))
        .await?;
    Ok(Html(pages::category(&found.ok_or(Problem::NotFound)?)))
}

async fn api_category(
    State(shop): State<Shop>,
    Path(slug): Path<String>,
    Query(PageNumber { page }): Query<PageNumber>,
) -> Result<Response, ApiProblem> {
    let found = shop
        .products
        .category_page(&slug, page.unwrap_or(1))
        .await?;
    Ok(Json(found.ok_or(Problem::NotFound)?).into_response())
}

#[derive(Deserialize)]
struct Note {
    order: Option<String>,
}

async fn product(
    State(shop): State<Shop>,
    Path(id): Path<u32>,
    Query(Note { order }): Query<Note>,
) -> Result<Html<String>, Problem> {
    let seen = shop.products.product(id).await?;
    let found = seen.product.as_ref().ok_or(Problem::NotFound)?;
    // Words of ours only: a link must not make the shop say what its author likes.
    let note = match order.as_deref() {
        Some("sold") => Some("Thank you. It is on its way."),
        Some("short") => Some("There are not as many left. Nothing was sold."),
        _ => None,
    };
    Ok(Html(pages::product(found, &seen, note)))
}

async fn api_product(
    State(shop): State<Shop>,
    Path(id): Path<u32>,
) -> Result<Response, ApiProblem> {
    let seen = shop.products.product(id).await?;
    let found = seen.product.ok_or(Problem::NotFound)?;
    Ok(([("x-cache", seen.how.name())], Json(found)).into_response())
}

#[derive(Deserialize)]
struct Order {
    quantity: u32,
}

async fn buy(
    State(shop): State<Shop>,
    Path(id): Path<u32>,
    Form(Order { quantity }): Form<Order>,
) -> Result<Redirect, Problem> {
    if !(1..=QUANTITY_MAX).contains(&quantity) {
        return Err(Problem::Refused("An order is for 1 to 99 pieces."));
    }
    let order = match shop.products.buy(id, quantity).await? {
        Purchase::Sold(_) => "sold",
        Purchase::SoldOut(_) => "short",
        Purchase::NoSuchProduct => return Err(Problem::NotFound),
    };
    // The page is fetched anew, so going back or reloading does not buy a second time.
    Ok(Redirect::to(&format!("/product/{id}?order={order}")))
}

async fn live(State(shop): State<Shop>) -> Result<Html<String>, Problem> {
    let categories = shop.products.categories().await?;
    let latency_ms = shop.database.latency().as_millis();
    Ok(Html(pages::live(&categories, latency_ms)))
}

async fn live_events(
    State(shop): State<Shop>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = Arc::clone(&shop.live).frames(move || shop.products.totals());
    let events = events.map(|frame| {
        // Plain numbers and strings always have a JSON form.
        let event = Event::default().json_data(frame);
        Ok(event.unwrap_or_else(|_| Event::default().comment("a frame without a form")))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

#[derive(Deserialize)]
struct Latency {
    ms: u32,
}

async fn set_latency(
    State(shop): State<Shop>,
    Form(Latency { ms }): Form<Latency>,
) -> Result<Answer, ApiProblem> {
    if ms > LATENCY_MAX_MS {
        return Err(Problem::Refused("The database may take up to 5,000 ms longer.").into());
    }
    shop.database.set_latency_ms(ms);
    Ok(Answer::saying(format!(
        "The database takes {ms} ms longer."
    )))
}

#[derive(Deserialize)]
struct Tag {
    category: String,
}

async fn invalidate(
    State(shop): State<Shop>,
    Form(Tag { category }): Form<Tag>,
) -> Result<Answer, ApiProblem> {
    let known = shop.products.categories().await?;
    let Some(category) = known.iter().find(|known| known.slug == category) else {
        return Err(Problem::NotFound.into());
    };
    shop.products.invalidate_category(&category.slug).await?;
    let Category { name, products, .. } = category;
    Ok(Answer::saying(format!(
        "{name}: {products} products and their pages, in one step."
    )))
}

#[derive(Deserialize)]
struct CrowdWish {
    product: u32,
    readers: u32,
}

async fn send_crowd(
    State(shop): State<Shop>,
    Form(CrowdWish { product, readers }): Form<CrowdWish>,
) -> Result<Answer, ApiProblem> {
    if !(1..=crowd::READERS_MAX).contains(&readers) {
        return Err(Problem::Refused("A crowd has 1 to 5,000 readers.").into());
    }
    let Ok(_alone) = shop.crowd.try_lock() else {
        return Err(Problem::Refused("There is a crowd already.").into());
    };
    let crowd = crowd::rush(&shop.products, product, readers).await?;
    let said = format!(
        "{} readers: {} asked the database, {} waited for it, {} found it in the cache{}; the \
         slowest took {:.0} ms.",
        crowd.readers,
        crowd.loads,
        crowd.waits,
        crowd.hits + crowd.stale,
        match crowd.failures {
            0 => String::new(),
            failures => format!(", {failures} got nothing"),
        },
        crowd.slowest_ms,
    );
    Ok(Answer {
        said,
        crowd: Some(crowd),
    })
}

/// What a form of the live page is answered with.
#[derive(Serialize)]
struct Answer {
    said: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    crowd: Option<Crowd>,
}

impl Answer {
    fn saying(said: String) -> Answer {
        Answer { said, crowd: None }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// Refuses what the page of another site makes a browser post here.
async fn own_pages_only(request: Request, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site");
    let foreign = site.is_some_and(|site| site != "same-origin" && site != "none");
    if foreign && request.method() != Method::GET {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

/// Why there is no page.
#[derive(Debug)]
enum Problem {
    NotFound,
    /// The request is wrong, and why, for people.
    Refused(&'static str),
    /// The shop is; the text is for its log, not for visitors.
    Broken(String),
}

impl From<ProductsError> for Problem {
    fn from(error: ProductsError) -> Problem {
        Problem::Broken(error.to_string())
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Problem {
        Problem::Broken(error.to_string())
    }
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Problem::Broken(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(&self) -> &str {
        match self {
            Problem::NotFound => "There is nothing here by this name.",
            Problem::Refused(why) => why,
            Problem::Broken(_) => "Please try again in a moment.",
        }
    }

    fn log(&self) {
        if let Problem::Broken(error) = self {
            tracing::error!(%error, "a page could not be made");
        }
    }

    fn title(&self) -> &str {
        match self {
            Problem::NotFound => "Not found",
            Problem::Refused(_) => "That does not work",
            Problem::Broken(_) => "The shop has a problem",
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.log();
        let html = pages::problem(self.title(), self.text());
        (self.status(), Html(html)).into_response()
    }
}

/// The same for programs.
struct ApiProblem(Problem);

impl<E: Into<Problem>> From<E> for ApiProblem {
    fn from(problem: E) -> ApiProblem {
        ApiProblem(problem.into())
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        self.0.log();
        let body = serde_json::json!({ "error": self.0.text() });
        (self.0.status(), Json(body)).into_response()
    }
}
