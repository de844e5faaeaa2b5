use super::*;

fn server(url: &str) -> ServerTarget {
    match StoreUrl::parse(url).unwrap().target {
        Target::Server(server) => server,
        Target::Memory(_) | Target::File(_) => panic!("{url} is a server"),
    }
}

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp {
        host: host.to_owned(),
        port,
    }
}

fn one(host: &str, port: u16) -> Deployment {
    Deployment::One(tcp(host, port))
}

#[test]
fn a_server_url_may_leave_out_everything_but_its_host() {
    let target = server("redis://localhost");
    assert!(target.deployment == one("localhost", 6379));
    assert_eq!(
        (target.username, target.password, target.database),
        (None, None, 0)
    );
    assert_eq!(server("valkey://h:1/").database, 0);
}

#[test]
fn credentials_are_unescaped_and_split_at_the_last_at() {
    let target = server("redis://app:p%40ss%2Fw%3a@h:7/3");
    assert_eq!(target.username.as_deref(), Some("app"));
    assert_eq!(target.password.as_deref(), Some("p@ss/w:"));
    assert!(target.deployment == one("h", 7));
    assert_eq!(target.database, 3);
    assert_eq!(server("redis://:a@b@h").password.as_deref(), Some("a@b"));
    assert_eq!(server("redis://:only@h").username, None);
}

#[test]
fn ipv6_hosts_stand_in_brackets() {
    assert!(server("redis://[::1]:6380/1").deployment == one("::1", 6380));
    assert_eq!(server("redis://[::1]").to_string(), "redis://[::1]:6379/0");
}

#[test]
fn unix_sockets_take_their_database_as_an_option() {
    let target = server("redis+unix:///run/redis/a%20b.sock?db=4");
    let path = "/run/redis/a b.sock".into();
    assert!(target.deployment == Deployment::One(Endpoint::Unix { path }));
    assert_eq!(target.database, 4);
    assert_eq!(
        server("valkey+unix://:pw@/s").password.as_deref(),
        Some("pw")
    );
}

#[test]
fn memory_urls() {
    let memory = |url| match StoreUrl::parse(url).unwrap().target {
        Target::Memory(memory) => (memory.name, memory.cluster_strict),
        Target::File(_) | Target::Server(_) => panic!("{url} is in memory"),
    };
    assert_eq!(memory("memory:"), (None, false));
    assert_eq!(memory("memory:?cluster=strict"), (None, true));
    assert_eq!(
        memory("memory:jobs?cluster=strict"),
        (Some("jobs".to_owned()), true)
    );
}

#[test]
fn file_urls_name_a_directory() {
    for (url, directory, fsync, shown) in [
        ("file:./data", "./data", Fsync::EverySecond, "file:./data"),
        (
            "file:data?fsync=everysec",
            "data",
            Fsync::EverySecond,
            "file:data",
        ),
        ("file:/a%20b", "/a b", Fsync::EverySecond, "file:/a b"),
        (
            "file:///a/b?fsync=always",
            "/a/b",
            Fsync::Always,
            "file:/a/b?fsync=always",
        ),
        (
            "file:a%3fb%25?fsync=no",
            "a?b%",
            Fsync::No,
            "file:a%3Fb%25?fsync=no",
        ),
    ] {
        let parsed = StoreUrl::parse(url).unwrap();
        assert_eq!(
            parsed.directory(),
            Some((Path::new(directory), fsync)),
            "{url}"
        );
        assert_eq!(parsed.to_string(), shown);
        assert_eq!(StoreUrl::parse(shown).unwrap(), parsed);
        assert!(!parsed.is_shared() && !parsed.is_cluster_strict());
    }
    let strict = StoreUrl::parse("file:d?cluster=strict&fsync=no").unwrap();
    assert!(strict.is_cluster_strict());
    assert_eq!(strict.to_string(), "file:d?fsync=no&cluster=strict");
}

#[test]
fn the_wrong_part_is_named() {
    let part = |url: &str| match StoreUrl::parse(url).unwrap_err() {
        UrlError::Part { part, .. } => part,
        other => panic!("{url}: {other}"),
    };
    assert_eq!(part("localhost"), UrlPart::Scheme);
    assert_eq!(part("http://x"), UrlPart::Scheme);
    assert_eq!(part("redis:localhost"), UrlPart::Host);
    assert_eq!(part("redis://"), UrlPart::Host);
    assert_eq!(part("redis://[::1"), UrlPart::Host);
    assert_eq!(part("redis://h:0"), UrlPart::Port);
    assert_eq!(part("redis://h:x"), UrlPart::Port);
    assert_eq!(part("redis://h:1/one"), UrlPart::Database);
    assert_eq!(part("redis://h:1/+1"), UrlPart::Database);
    assert_eq!(part("redis://h:1/1?db=2"), UrlPart::Query);
    assert_eq!(part("redis://app@h"), UrlPart::Password);
    assert_eq!(part("redis://a:%zz@h"), UrlPart::Password);
    assert_eq!(part("redis://a,b"), UrlPart::Host);
    assert_eq!(part("redis+unix://host/path"), UrlPart::Host);
    assert_eq!(part("redis+sentinel://a,b"), UrlPart::Service);
    assert_eq!(part("redis+sentinel://a,/m"), UrlPart::Host);
    assert_eq!(part("redis+sentinel://a/m/x"), UrlPart::Database);
    assert_eq!(part("redis+sentinel://a/m?password=x"), UrlPart::Query);
    assert_eq!(part("redis+cluster://a:x,b"), UrlPart::Port);
    assert_eq!(part("redis+cluster://a/1"), UrlPart::Database);
    assert_eq!(part("redis+unix://"), UrlPart::Path);
    assert_eq!(part("redis+unix:///s?db=x"), UrlPart::Database);
    assert_eq!(part("file:"), UrlPart::Path);
    assert_eq!(part("file:%zz"), UrlPart::Path);
    assert_eq!(part("file://host/data"), UrlPart::Host);
    assert_eq!(part("file:d?fsync=sometimes"), UrlPart::Query);
    assert_eq!(part("file:d?sync=always"), UrlPart::Query);
    assert_eq!(part("memory:a b"), UrlPart::Name);
    assert_eq!(part("memory:?cluster=loose"), UrlPart::Query);
    assert_eq!(part("memory:?x"), UrlPart::Query);
}

#[test]
fn sentinels_are_followed_by_the_name_of_their_primary() {
    let target = server("redis+sentinel://app:pw@a,b:7,[::1]/mymaster/2?sentinel_password=s");
    let Deployment::Sentinel(sentinel) = &target.deployment else {
        panic!("{target:?}");
    };
    let sentinels = [tcp("a", 26379), tcp("b", 7), tcp("::1", 26379)];
    assert_eq!(sentinel.sentinels, sentinels);
    assert_eq!(
        (sentinel.service.as_str(), target.database),
        ("mymaster", 2)
    );
    assert_eq!(sentinel.password.as_deref(), Some("s"));
    assert_eq!(target.password.as_deref(), Some("pw"));
    assert_eq!(
        target.to_string(),
        "redis+sentinel://app:***@a:26379,b:7,[::1]:26379/mymaster/2"
    );
}

#[test]
fn a_cluster_is_known_by_some_of_its_nodes() {
    let target = server("valkey+cluster://:pw@a,b:7001/");
    let seeds = vec![tcp("a", 6379), tcp("b", 7001)];
    assert!(target.deployment == Deployment::Cluster { seeds });
    assert_eq!(target.to_string(), "redis+cluster://:***@a:6379,b:7001");
}

#[test]
fn tls_is_asked_for_by_the_scheme_and_told_by_options() {
    let target = server("rediss://h?ca=%2Fca.pem&cert=c&key=k");
    let tls = Tls::new().ca("/ca.pem").identity("c", "k");
    assert_eq!(target.tls, Some(tls));
    assert_eq!(target.to_string(), "rediss://h:6379/0");
    assert!(server("valkeys+cluster://a,b").tls.is_some());
    assert!(server("rediss+sentinel://a/m?ca=x").tls.is_some());
    assert_eq!(server("redis://h").tls, None);
    assert!(StoreUrl::parse("redis://h?ca=x").is_err());
}

#[test]
fn a_password_is_never_printed() {
    let secret = "hunter2";
    let urls = [
        "redis://app:hunter2@h/1",
        "redis://:hunter2@h:1/1",
        "redis+unix://:hunter2@/s?db=1",
        "redis+cluster://:hunter2@a,b",
        "redis+sentinel://:hunter2@a,b/m?sentinel_username=u&sentinel_password=hunter2",
    ];
    for url in urls {
        let parsed = StoreUrl::parse(url).unwrap();
        assert!(!format!("{parsed} {parsed:?}").contains(secret));
    }
    let broken = [
        "hunter2",
        "hunter2:redis://h",
        "redis://:hunter2",
        "redis://:a/hunter2@h",
        "redis://:hunter2@h:hunter2/hunter2?hunter2=hunter2",
        "redis://h/hunter2",
        "redis+unix://hunter2/s",
        "redis+unix:///s?hunter2=hunter2",
        "memory:hunter2 ",
    ];
    for url in broken {
        let error = StoreUrl::parse(url).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}
