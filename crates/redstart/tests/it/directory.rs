//! Stores that keep their data in a directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use redstart::Store;
use redstart::store::{Error, SimulatedTime};

/// A directory that is not there yet, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path =
            std::env::temp_dir().join(format!("redstart-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Directory(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn url(&self) -> String {
        format!("file:{}", self.0.display())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn get(store: &Store, key: &str) -> Option<String> {
    store.command(["GET", key]).returning().await.unwrap()
}

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let directory = Directory::new("again");
    for fsync in ["", "?fsync=always", "?fsync=no"] {
        let url = directory.url() + fsync;
        let store = Store::open(&url).await.unwrap();
        store.command(["INCR", "opened"]).await.unwrap();
        store.command(["SET", "how", &url]).await.unwrap();
        assert_eq!(store.url().to_string(), url);
        assert!(!store.is_shared());
        drop(store);
        let again = Store::open(&url).await.unwrap();
        assert_eq!(get(&again, "how").await, Some(url));
    }
    let last = Store::open(&directory.url()).await.unwrap();
    assert_eq!(get(&last, "opened").await.as_deref(), Some("3"));
}

#[cfg(unix)]
#[tokio::test]
async fn the_directory_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new("private");
    let store = Store::open(&directory.url()).await.unwrap();
    let mode = std::fs::metadata(directory.path())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    drop(store);
}

#[tokio::test]
async fn opened_twice_it_is_one_store_until_the_last_handle_goes() {
    let directory = Directory::new("twice");
    let one = Store::open(&directory.url()).await.unwrap();
    // The same directory by another name.
    let roundabout = directory.path().join("appendonlydir").join("..");
    let other = Store::open(&format!("file:{}", roundabout.display()))
        .await
        .unwrap();
    one.command(["SET", "k", "v"]).await.unwrap();
    drop(one);
    assert_eq!(get(&other, "k").await.as_deref(), Some("v"));

    for (url, time) in [
        (directory.url() + "?fsync=always", None),
        (directory.url() + "?cluster=strict", None),
        (
            directory.url(),
            Some(SimulatedTime::starting_at(Duration::from_secs(1))),
        ),
    ] {
        let mut builder = Store::builder(&url);
        if let Some(time) = &time {
            builder = builder.time(time.time());
        }
        let error = builder.open().await.unwrap_err();
        assert!(matches!(error, Error::Config(_)), "{error}");
    }
    drop(other);
    // Nobody holds it: it may be opened in another way.
    let strict = Store::open(&(directory.url() + "?cluster=strict"))
        .await
        .unwrap();
    assert_eq!(get(&strict, "k").await.as_deref(), Some("v"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_open_and_close_it_at_the_same_time() {
    let directory = Directory::new("many");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let url = directory.url();
            tokio::spawn(async move {
                for _ in 0..10 {
                    let store = Store::open(&url).await.unwrap();
                    store.command(["INCR", "count"]).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let store = Store::open(&directory.url()).await.unwrap();
    assert_eq!(get(&store, "count").await.as_deref(), Some("80"));
}

#[tokio::test]
async fn an_engine_that_is_still_held_keeps_its_directory() {
    let directory = Directory::new("held");
    let store = Store::open(&directory.url()).await.unwrap();
    let engine = store.engine().cloned();
    drop(store);
    let error = Store::open(&directory.url()).await.unwrap_err();
    assert!(
        matches!(error, Error::Directory { in_use: true, .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("choose another directory"),
        "{error}"
    );
    drop(engine);
    Store::open(&directory.url()).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_loaded_is_said_with_file_and_place() {
    let directory = Directory::new("corrupt");
    drop(Store::open(&directory.url()).await.unwrap());
    let log = directory.path().join("appendonlydir");
    let log = std::fs::read_dir(log)
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let mut files = log.filter(|path| path.to_string_lossy().ends_with(".incr.aof"));
    let file = files.next().expect("a log");
    std::fs::write(
        &file,
        "*1\r\n$4\r\nPING\r\nnonsense\r\n*1\r\n$4\r\nPING\r\n",
    )
    .unwrap();
    let error = Store::open(&directory.url()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, Error::Directory { in_use: false, .. }),
        "{text}"
    );
    assert!(text.contains("incr.aof is corrupt at byte 14"), "{text}");

    std::fs::write(directory.path().join("file"), "").unwrap();
    let error = Store::open(&(directory.url() + "/file")).await.unwrap_err();
    assert!(
        error.to_string().contains("cannot make the directory"),
        "{error}"
    );
}

#[test]
fn it_opens_without_a_runtime() {
    let directory = Directory::new("no-runtime");
    let url = directory.url();
    let mut open = std::pin::pin!(Store::open(&url));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let opened = open.as_mut().poll(&mut context);
    assert!(matches!(opened, std::task::Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn time_to_live_goes_on_while_it_is_closed() {
    let directory = Directory::new("expiry");
    let time = SimulatedTime::starting_at(Duration::from_secs(1_700_000_000));
    let open = || Store::builder(&directory.url()).time(time.time()).open();
    let store = open().await.unwrap();
    store
        .command(["SET", "short", "v", "EX", "10"])
        .await
        .unwrap();
    store
        .command(["SET", "long", "v", "EX", "100"])
        .await
        .unwrap();
    drop(store);
    time.advance(Duration::from_secs(11));
    let store = open().await.unwrap();
    assert_eq!(get(&store, "short").await, None);
    assert_eq!(get(&store, "long").await.as_deref(), Some("v"));
}
