//! What the database answers.

use redstart::store::Time;
use shop::database::{Database, PAGE_SIZE, Purchase};

async fn database() -> Database {
    Database::open(None, Time::system()).await.unwrap()
}

#[tokio::test]
async fn twelve_categories_hold_three_thousand_products() {
    let categories = database().await.categories().await.unwrap();
    assert_eq!(categories.len(), 12);
    let products: u32 = categories.iter().map(|category| category.products).sum();
    assert_eq!(products, 3000);
    assert!(categories.is_sorted_by(|one, next| one.name < next.name));
}

#[tokio::test]
async fn the_pages_of_a_category_hold_each_of_its_products_once() {
    let database = database().await;
    let first = database.category_page("knives", 1).await.unwrap().unwrap();
    assert_eq!(first.products.len() as u32, PAGE_SIZE);
    let mut seen = Vec::new();
    for page in 1..=first.pages {
        let found = database.category_page("knives", page).await.unwrap();
        let products = found.unwrap().products;
        assert!(products.iter().all(|product| product.category == "knives"));
        seen.extend(products.into_iter().map(|product| product.id));
    }
    assert_eq!(seen.len() as u32, first.category.products);
    assert!(seen.is_sorted_by(|one, next| one < next));
    for (slug, page) in [("knives", 0), ("knives", first.pages + 1), ("spoons", 1)] {
        assert_eq!(database.category_page(slug, page).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_is_sold_is_gone_and_what_is_not_there_is_not_sold() {
    let database = database().await;
    let before = database.product(7).await.unwrap().unwrap();
    assert!(before.stock > 1, "{before:?}");

    let Purchase::Sold(sold) = database.buy(7, before.stock - 1).await.unwrap() else {
        panic!("there were as many");
    };
    assert_eq!(sold.stock, 1);
    assert_eq!(database.product(7).await.unwrap(), Some(sold.clone()));
    assert_eq!(
        database.buy(7, 2).await.unwrap(),
        Purchase::SoldOut(sold.clone())
    );
    assert_eq!(database.product(7).await.unwrap(), Some(sold));
    assert_eq!(
        database.buy(1_000_000, 1).await.unwrap(),
        Purchase::NoSuchProduct
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn buyers_at_once_never_sell_more_than_there_is() {
    let database = database().await;
    let stock = database.product(9).await.unwrap().unwrap().stock;
    let mut buyers = tokio::task::JoinSet::new();
    for _ in 0..stock + 20 {
        let database = database.clone();
        buyers.spawn(async move { database.buy(9, 1).await.unwrap() });
    }
    let outcomes = buyers.join_all().await;
    let sold = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Purchase::Sold(_)));
    assert_eq!(sold.count() as u32, stock);
    assert_eq!(database.product(9).await.unwrap().unwrap().stock, 0);
}

#[tokio::test]
async fn a_file_is_filled_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.db");
    let first = Database::open(Some(&file), Time::system()).await.unwrap();
    let Purchase::Sold(sold) = first.buy(3, 1).await.unwrap() else {
        panic!("every product has stock at first");
    };
    drop(first);
    let second = Database::open(Some(&file), Time::system()).await.unwrap();
    assert_eq!(second.product(3).await.unwrap(), Some(sold));
    assert_eq!(second.categories().await.unwrap().len(), 12);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.db");
    std::fs::write(&file, "dear diary, ".repeat(100)).unwrap();
    let refused = Database::open(Some(&file), Time::system())
        .await
        .unwrap_err();
    assert!(refused.to_string().starts_with("database: "), "{refused}");
}
