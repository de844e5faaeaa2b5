//! What scripts ask of their caller, and what callers ask of a runtime.

use std::thread;

use redstart_protocol::{Resp, Value};

use super::super::caller::{LogLevel, ReplicationTargets};
use super::super::{Flags, Limits, Runtime, Script, Sha};
use super::caller::Store;

fn run(source: &str, store: &mut Store) -> Value {
    let script = Script::parse(source.to_owned()).expect("a script");
    Runtime::default().run(&script, &[], &[], store)
}

#[test]
fn the_log_gets_its_words_joined() {
    let mut store = Store::default();
    let value = run(
        "redis.log(redis.LOG_WARNING, 'a', 1.5, {}, 'b') redis.log(redis.LOG_DEBUG, nil, 'c')",
        &mut store,
    );
    assert_eq!(value, Value::Null);
    let expected = [
        (LogLevel::Warning, b"a 1.5 b".to_vec()),
        (LogLevel::Debug, b" c".to_vec()),
    ];
    assert_eq!(store.log, expected);
}

#[test]
fn the_caller_learns_of_the_protocol_and_of_replication() {
    let mut store = Store::default();
    run(
        "redis.setresp(3) redis.set_repl(redis.REPL_AOF)",
        &mut store,
    );
    assert_eq!(store.resp, Resp::V3);
    let targets = ReplicationTargets {
        log: true,
        replicas: false,
    };
    assert_eq!(store.replication, Some(targets));
}

#[test]
fn permissions_are_the_callers() {
    let mut store = Store::default();
    let value = run(
        "return {redis.acl_check_cmd('get', 'k'), redis.acl_check_cmd('set', 'k', 1)}",
        &mut store,
    );
    assert_eq!(value, Value::Array(vec![Value::Integer(1), Value::Null]));
    let Value::Error(text) = run("return redis.acl_check_cmd('nosuch')", &mut store) else {
        panic!("an unknown command is an error");
    };
    assert!(text.starts_with(b"ERR Invalid command passed to redis.acl_check_cmd() script: "));
}

#[test]
fn errors_of_commands_get_a_code() {
    let mut store = Store::default();
    assert_eq!(
        run("return {pcall(redis.call, 'nocode')}", &mut store),
        Value::Array(vec![Value::Null, Value::bulk("ERR oops")])
    );
    assert_eq!(
        run("return redis.call('nested')[1]", &mut store),
        Value::error("OOPS inside")
    );
}

#[test]
fn flags_are_read() {
    let flags = |source: &'static str| Script::parse(source).expect("a script").flags();
    assert_eq!(flags("return 1"), Flags::default());
    assert_eq!(
        flags("#!lua flags=no-writes,allow-stale\nreturn 1"),
        Flags {
            declared: true,
            no_writes: true,
            allow_stale: true,
            ..Flags::default()
        }
    );
}

#[test]
fn a_sha_is_lower_case() {
    let sha = Sha::of(b"return 1");
    assert_eq!(sha.to_string(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    assert_eq!(
        Sha::parse(b"E0E1F9FABFC9D4800C877A703B823AC0578FF8DB"),
        Some(sha)
    );
    assert_eq!(Sha::parse(b"e0e1"), None);
}

#[test]
fn a_script_that_does_not_compile_says_so_at_once() {
    let script = Script::parse("return return").expect("its first line is fine");
    let error = Runtime::default().compile(&script).expect_err("a fault");
    let expected = "ERR Error compiling script (new function): \
                    user_script:1: unexpected symbol near 'return'";
    assert_eq!(error, Value::error(expected));
    let value = Runtime::default().run(&script, &[], &[], &mut Store::default());
    assert_eq!(value, error);
}

/// More scripts than a virtual machine remembers.
#[test]
fn forgotten_scripts_are_compiled_again() {
    let runtime = Runtime::default();
    for _ in 0..2 {
        for number in 0..1500 {
            let script = Script::parse(format!("return {number}")).expect("a script");
            let value = runtime.run(&script, &[], &[], &mut Store::default());
            assert_eq!(value, Value::Integer(number));
        }
    }
}

#[test]
fn scripts_run_side_by_side() {
    let runtime = Runtime::new(Limits {
        idle: 2,
        ..Limits::default()
    });
    let script = Script::parse("redis.call('SET', 'k', KEYS[1]) return redis.call('GET', 'k')");
    let script = script.expect("a script");
    thread::scope(|scope| {
        for number in 0..8 {
            let (runtime, script) = (&runtime, &script);
            scope.spawn(move || {
                let mut store = Store::default();
                let key = format!("key {number}");
                for _ in 0..200 {
                    let value = runtime.run(script, &[key.as_bytes()], &[], &mut store);
                    assert_eq!(value, Value::bulk(&key));
                }
            });
        }
    });
}

/// A script whose caller runs scripts.
#[test]
fn runs_can_nest() {
    struct Nested<'a>(&'a Runtime, u32);
    impl super::super::Caller for Nested<'_> {
        fn call(&mut self, _: &[&[u8]]) -> Value {
            if self.1 == 0 {
                return Value::bulk("innermost");
            }
            let script = Script::parse("return redis.call('again')").expect("a script");
            self.0
                .run(&script, &[], &[], &mut Nested(self.0, self.1 - 1))
        }
        fn set_resp(&mut self, _: Resp) {}
        fn log(&mut self, _: LogLevel, _: &[u8]) {}
        fn may_run(&mut self, _: &[&[u8]]) -> Option<bool> {
            None
        }
        fn interrupt(&mut self, _: u64) -> Option<super::super::Stop> {
            None
        }
    }
    let runtime = Runtime::default();
    let script = Script::parse("return redis.call('again')").expect("a script");
    let value = runtime.run(&script, &[], &[], &mut Nested(&runtime, 10));
    assert_eq!(value, Value::bulk("innermost"));
}

/// Even where not much more than the sandbox fits.
#[test]
fn small_limits_are_limits() {
    for memory in [0, 1, 50_000, 100_000, 200_000, 1_000_000] {
        let runtime = Runtime::new(Limits {
            memory,
            ..Limits::default()
        });
        for source in [
            "return 1",
            "local t = {} for i = 1, 1e6 do t[i] = {} end return 1",
            "local s = '' for i = 1, 1e5 do s = s .. i end return 1",
            "return cjson.encode(cjson.decode('[' .. ('{\"a\":[1,2,3]},'):rep(2e4) .. '1]'))",
            "return redis.call(('x'):rep(1e6))",
            "local function f() return f() + 1 end return f()",
        ] {
            let script = Script::parse(source).expect("a script");
            let value = runtime.run(&script, &[], &[], &mut Store::default());
            assert!(
                value.is_error() || value == Value::Integer(1),
                "{source} in {memory}: {value:?}"
            );
        }
    }
}
