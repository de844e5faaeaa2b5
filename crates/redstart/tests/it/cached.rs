//! `#[cached]`: that the body runs when it should, with what it should.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redstart::Store;
use redstart::cache::{Cache, CacheError, CacheKey};
use redstart::store::SimulatedTime;
use redstart::store::codec::Plain;

on_every_store![
    a_method_runs_once_for_each_key,
    keys_are_made_as_it_is_said,
    tags_come_from_arguments_and_from_values,
    an_error_is_returned_and_not_cached,
    nothing_is_cached_where_it_may_be,
    callers_at_once_share_a_load,
    arguments_may_have_any_name,
    receivers_of_all_kinds_are_taken,
];

/// Users, and how often they were asked for.
struct Users<K: ?Sized + 'static = u64> {
    cache: Cache<K, String>,
    asked: Arc<AtomicUsize>,
}

impl<K: ?Sized> Clone for Users<K> {
    fn clone(&self) -> Users<K> {
        Users {
            cache: self.cache.clone(),
            asked: Arc::clone(&self.asked),
        }
    }
}

impl<K: CacheKey + ?Sized> Users<K> {
    fn new(store: &Store) -> Users<K> {
        let cache = Cache::builder(store, "users", Plain)
            .jitter(0.0)
            .early_refresh(0.0)
            .negative_ttl(Duration::from_secs(60))
            .deadline(Duration::from_secs(20))
            .build();
        Users {
            cache: cache.unwrap(),
            asked: Arc::default(),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn ask(&self) -> usize {
        self.asked.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl Users {
    /// Attributes and comments stay where they are.
    #[redstart::cached(cache = self.cache)]
    #[must_use]
    async fn name(&self, id: u64) -> Result<String, CacheError> {
        Ok(format!("user {id}, question {}", self.ask()))
    }

    #[redstart::cached(cache = self.cache, key = id, tags = ["org:{org}", ("user", id)])]
    async fn member(&self, org: &str, id: u64) -> Result<String, CacheError> {
        Ok(format!("{id} of {org}, question {}", self.ask()))
    }

    #[redstart::cached(cache = self.cache, key = id, tags = ["users", |name| ("name", name.clone())])]
    async fn named(&self, id: u64, name: String) -> Result<Option<String>, CacheError> {
        self.ask();
        Ok((!name.is_empty()).then_some(name))
    }

    #[redstart::cached(cache = self.cache, key = id, tags = |names| names.split(' ').map(str::to_owned).collect::<Vec<_>>())]
    async fn many_tags(&self, id: u64, names: &str) -> Result<String, CacheError> {
        self.ask();
        Ok(names.to_owned())
    }

    #[redstart::cached(cache = self.cache)]
    async fn failing(&self, id: u64) -> Result<String, CacheError> {
        self.ask();
        let failed = std::fs::read_to_string(format!("no/such/file/{id}"));
        failed.map_err(|_| CacheError::Cancelled)
    }

    #[redstart::cached(cache = self.cache, ttl = "1m30s")]
    async fn for_a_while(
        &self,
        id: u64,
    ) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        Ok(format!("user {id}, question {}", self.ask()))
    }

    #[redstart::cached(cache = self.cache, ttl = Duration::from_secs(seconds))]
    #[expect(
        clippy::unused_async,
        reason = "the lint is to be fulfilled where the body is"
    )]
    async fn for_seconds(&self, seconds: u64) -> Result<String, CacheError> {
        Ok(format!("question {}", self.ask()))
    }

    #[redstart::cached(cache = self.cache, key = 7u64)]
    async fn taking(self, mut suffix: String) -> Result<String, CacheError> {
        suffix.push_str(&self.ask().to_string());
        Ok(suffix)
    }

    #[redstart::cached(cache = self.cache)]
    async fn shared(self: &Arc<Self>, id: u64) -> Result<String, CacheError> {
        Ok(format!("{id}: {}", self.ask()))
    }

    #[redstart::cached(cache = self.cache)]
    async fn r#match(self: Arc<Self>, id: u64) -> Result<String, CacheError> {
        Ok(format!("{id}: {}", self.ask()))
    }
}

async fn a_method_runs_once_for_each_key(store: &Store) {
    let users = Users::new(store);
    assert_eq!(users.name(7).await.unwrap(), "user 7, question 1");
    assert_eq!(users.name(7).await.unwrap(), "user 7, question 1");
    assert_eq!(users.name(8).await.unwrap(), "user 8, question 2");
    users.cache.invalidate(&7).await.unwrap();
    assert_eq!(users.name(7).await.unwrap(), "user 7, question 3");
    assert_eq!(
        users.cache.get(&8).await.unwrap().unwrap(),
        "user 8, question 2"
    );
}

impl Users<str> {
    #[redstart::cached(cache = self.cache, key = "user:{id:03}")]
    async fn formatted(&self, id: u64) -> Result<String, CacheError> {
        Ok(format!("{id}: {}", self.ask()))
    }

    #[redstart::cached(cache = self.cache)]
    async fn by_name(&self, name: &str) -> Result<String, CacheError> {
        Ok(format!("{name}: {}", self.ask()))
    }
}

struct Request {
    tenant: u64,
    path: String,
}

impl Users<(u64, String)> {
    #[redstart::cached(cache = self.cache)]
    async fn by_both(&self, tenant: u64, path: &str) -> Result<String, CacheError> {
        Ok(format!("{tenant} {path}: {}", self.ask()))
    }

    #[redstart::cached(cache = self.cache, key = |request| (request.tenant, request.path.clone()))]
    async fn by_closure(
        &self,
        request: Arc<Request>,
        _unused: &[u8],
    ) -> Result<String, CacheError> {
        Ok(format!("{}: {}", request.path, self.ask()))
    }

    #[redstart::cached(cache = self.cache, key = (tenant, path))]
    async fn by_tuple(&self, path: String, tenant: u64, page: u32) -> Result<String, CacheError> {
        Ok(format!("{tenant} {path} {page}: {}", self.ask()))
    }
}

#[redstart::cached(cache = users.cache, key = id, namespace = "free")]
async fn in_a_namespace(users: &Users<(&'static str, u64)>, id: u64) -> Result<String, CacheError> {
    Ok(format!("{id}: {}", users.ask()))
}

#[redstart::cached(cache = names)]
async fn generic<T, const LENGTH: usize>(
    names: Cache<T, String>,
    of: T,
) -> Result<String, CacheError>
where
    T: CacheKey + Clone + ToString + Send + Sync + 'static,
{
    Ok(format!("{:LENGTH$}", of.to_string()))
}

async fn keys_are_made_as_it_is_said(store: &Store) {
    let users = Users::<str>::new(store);
    assert_eq!(users.formatted(7).await.unwrap(), "7: 1");
    assert_eq!(users.cache.get("user:007").await.unwrap().unwrap(), "7: 1");
    assert_eq!(users.by_name("ada").await.unwrap(), "ada: 2");
    assert_eq!(users.cache.get("ada").await.unwrap().unwrap(), "ada: 2");

    let users = Users::<(u64, String)>::new(store);
    let key = |path: &str| (7, path.to_owned());
    assert_eq!(users.by_both(7, "/a").await.unwrap(), "7 /a: 1");
    assert_eq!(
        users.cache.get(&key("/a")).await.unwrap().unwrap(),
        "7 /a: 1"
    );
    let request = Arc::new(Request {
        tenant: 7,
        path: "/b".to_owned(),
    });
    assert_eq!(users.by_closure(request, b"x").await.unwrap(), "/b: 2");
    assert_eq!(users.cache.get(&key("/b")).await.unwrap().unwrap(), "/b: 2");
    // The page is no part of the key, because it was not said.
    assert_eq!(
        users.by_tuple("/c".to_owned(), 7, 1).await.unwrap(),
        "7 /c 1: 3"
    );
    assert_eq!(
        users.by_tuple("/c".to_owned(), 7, 2).await.unwrap(),
        "7 /c 1: 3"
    );
    assert_eq!(
        users.cache.get(&key("/c")).await.unwrap().unwrap(),
        "7 /c 1: 3"
    );

    let users = Users::<(&'static str, u64)>::new(store);
    assert_eq!(in_a_namespace(&users, 9).await.unwrap(), "9: 1");
    assert_eq!(
        users.cache.get(&("free", 9)).await.unwrap().unwrap(),
        "9: 1"
    );

    let users = Users::<u64>::new(store);
    let name = generic::<_, 8>(users.cache.clone(), 42).await.unwrap();
    assert_eq!(name, "42      ");
    assert_eq!(users.cache.get(&42).await.unwrap().unwrap(), name);
}

async fn tags_come_from_arguments_and_from_values(store: &Store) {
    let users = Users::new(store);
    let invalidate = |tag: &'static str| {
        let cache = users.cache.clone();
        async move { cache.invalidate_tags([tag]).await.unwrap() }
    };
    assert_eq!(users.member("a", 1).await.unwrap(), "1 of a, question 1");
    assert_eq!(users.member("b", 2).await.unwrap(), "2 of b, question 2");
    invalidate("org:a").await;
    assert_eq!(users.member("b", 2).await.unwrap(), "2 of b, question 2");
    assert_eq!(users.member("a", 1).await.unwrap(), "1 of a, question 3");
    users.cache.invalidate_tags([("user", 2u64)]).await.unwrap();
    assert_eq!(users.member("b", 2).await.unwrap(), "2 of b, question 4");

    let ask = |id| users.named(id, "ada".to_owned());
    assert_eq!(ask(3).await.unwrap().unwrap(), "ada");
    assert_eq!(users.named(4, String::new()).await.unwrap(), None);
    assert_eq!(users.asked(), 6);
    users
        .cache
        .invalidate_tags([("name", "ada")])
        .await
        .unwrap();
    // What has no value has no tags of it.
    users.named(4, String::new()).await.unwrap();
    assert_eq!(users.asked(), 6);
    ask(3).await.unwrap();
    assert_eq!(users.asked(), 7);
    invalidate("users").await;
    users.named(4, String::new()).await.unwrap();
    ask(3).await.unwrap();
    assert_eq!(users.asked(), 9);

    for tag in ["red", "green"] {
        users.many_tags(5, "red green").await.unwrap();
        let before = users.asked();
        invalidate("blue").await;
        users.many_tags(5, "red green").await.unwrap();
        assert_eq!(users.asked(), before);
        invalidate(tag).await;
        users.many_tags(5, "red green").await.unwrap();
        assert_eq!(users.asked(), before + 1, "{tag}");
    }
}

async fn an_error_is_returned_and_not_cached(store: &Store) {
    let users = Users::new(store);
    for asked in 1..=3 {
        let error = users.failing(1).await.unwrap_err();
        let own = error.loader::<CacheError>();
        assert!(matches!(own, Some(CacheError::Cancelled)), "{error:?}");
        assert_eq!(users.asked(), asked);
    }
}

async fn nothing_is_cached_where_it_may_be(store: &Store) {
    let users = Users::new(store);
    for _ in 0..3 {
        assert_eq!(users.named(1, String::new()).await.unwrap(), None);
        assert_eq!(users.asked(), 1);
    }
}

async fn callers_at_once_share_a_load(store: &Store) {
    let users = Users::new(store);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let users = users.clone();
        callers.spawn(async move { users.name(7).await.unwrap() });
    }
    for name in callers.join_all().await {
        assert_eq!(name, "user 7, question 1");
    }
}

/// The names that the expansion uses itself.
#[redstart::cached(cache = cache.cache, key = (key, load, value, this))]
async fn hygienic(
    cache: &Users<(u8, u8, u8, u8)>,
    key: u8,
    load: u8,
    value: u8,
    this: u8,
) -> Result<String, CacheError> {
    Ok(format!("{key}{load}{value}{this}{}", cache.ask()))
}

async fn arguments_may_have_any_name(store: &Store) {
    let users = Users::new(store);
    assert_eq!(hygienic(&users, 1, 2, 3, 4).await.unwrap(), "12341");
    assert_eq!(hygienic(&users, 1, 2, 3, 4).await.unwrap(), "12341");
    assert_eq!(hygienic(&users, 4, 3, 2, 1).await.unwrap(), "43212");
}

/// Callers are tasks, mostly.
#[test]
fn calls_can_be_spawned() {
    fn is_send<T: Send>(_: fn(&'static Users) -> T) {}
    is_send(|users| users.name(1));
    is_send(|users| users.member("a", 1));
    is_send(|users| users.many_tags(1, "a b"));
}

async fn receivers_of_all_kinds_are_taken(store: &Store) {
    let users = Arc::new(Users::new(store));
    assert_eq!(users.shared(1).await.unwrap(), "1: 1");
    assert_eq!(users.shared(1).await.unwrap(), "1: 1");
    assert_eq!(Arc::clone(&users).r#match(2).await.unwrap(), "2: 2");
    let taken = || Users::clone(&users).taking("third: ".to_owned());
    assert_eq!(taken().await.unwrap(), "third: 3");
    assert_eq!(taken().await.unwrap(), "third: 3");
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn a_time_to_live_is_kept() {
    let simulated = SimulatedTime::starting_at(Duration::from_secs(1_700_000_000));
    let store = Store::builder("memory:").time(simulated.time());
    let users = Users::new(&store.open().await.unwrap());
    assert_eq!(users.for_a_while(1).await.unwrap(), "user 1, question 1");
    assert_eq!(users.for_seconds(20).await.unwrap(), "question 2");
    let pass = |seconds| simulated.advance(Duration::from_secs(seconds));
    pass(19);
    assert_eq!(users.for_seconds(20).await.unwrap(), "question 2");
    pass(2);
    assert_eq!(users.for_seconds(20).await.unwrap(), "question 3");
    pass(68);
    assert_eq!(users.for_a_while(1).await.unwrap(), "user 1, question 1");
    pass(2);
    assert_eq!(users.for_a_while(1).await.unwrap(), "user 1, question 4");
}
