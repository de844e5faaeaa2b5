//! Scripts that would hang or kill the process, if they could.

use redstart_protocol::Value;

use super::super::caller::Stop;
use super::super::{Limits, Runtime, Script};
use super::caller::Store;

/// Runs a script in 32 MiB, on a thread with the least stack that threads commonly have.
fn run(source: &str) -> Value {
    run_for(source, 1_000_000)
}

/// The same for a script that is ended after so many questions.
fn run_for(source: &str, questions: u32) -> Value {
    let script = Script::parse(source.to_owned()).expect("a script");
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let ran = thread.spawn(move || {
        let runtime = Runtime::new(Limits {
            memory: 32 << 20,
            ..Limits::default()
        });
        let mut store = Store {
            stop: Some((questions, Stop::TimedOut)),
            ..Store::default()
        };
        let value = runtime.run(&script, &[], &[], &mut store);
        let after = Script::parse("return 'fine'").expect("a script");
        let fine = runtime.run(&after, &[], &[], &mut Store::default());
        assert_eq!(fine, Value::bulk("fine"), "after {script:?}");
        value
    });
    let ran = ran.expect("a thread").join();
    ran.expect("no panic")
}

#[track_caller]
fn ends(source: &str, because: &str) {
    let questions = if because == STOPPED { 20 } else { 1_000_000 };
    match run_for(source, questions) {
        Value::Error(text) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            assert!(text.contains(because), "{source} ended in: {text}");
        }
        other => panic!("{source} answered {other:?}"),
    }
}

const STOPPED: &str = "ERR Script ended because it ran longer than its time limit";
const MEMORY: &str = "not enough memory";

#[test]
fn loops_end() {
    for source in [
        "while true do end",
        "while true do pcall(error) end",
        "while true do pcall(function() while true do end end) end",
        "xpcall(function() while true do end end, function() while true do end end) while true do end",
        "xpcall(error, function() while true do end end)",
        "local function f() while true do end end while true do coroutine.resume(coroutine.create(f)) end",
        "local function f() while true do end end while true do coroutine.wrap(f)() end",
        "load(function() while true do end end) while true do end",
        "while true do load(function() return '' end) end",
        "load(function() return ' ' end)",
        "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
        "local t = setmetatable({}, {__index = function() while true do end end}) while true do pcall(function() return t.x end) end",
        "while true do redis.pcall('PING') end",
        "while true do collectgarbage() end",
    ] {
        ends(source, STOPPED);
    }
}

/// Coroutines that each have some instructions left when the script is to end.
#[test]
fn chains_of_coroutines_end() {
    ends(
        "local function loop() while true do end end
         local function chain(depth)
           if depth == 0 then return loop end
           return function()
             for i = 1, 1000000 do coroutine.resume(coroutine.create(chain(depth - 1))) end
           end
         end
         chain(100)()",
        STOPPED,
    );
}

#[test]
fn pattern_matching_ends() {
    for source in [
        "return string.find(('a'):rep(60), ('a?'):rep(60) .. ('a'):rep(60))",
        "return string.find(('a'):rep(5000), '.-.-.-.-b')",
        "return string.match(('a'):rep(5000), '(.*)(.*)(.*)(.*)b')",
        "return string.gsub(('a'):rep(5000), '.-.-.-.-b', '')",
        "for _ in string.gmatch(('a'):rep(5000), '.-.-.-.-b') do end",
        "return string.find(('('):rep(200000), '%b()')",
        "return string.find(('ab'):rep(100000), '(.-)%1%1%1c')",
        "local s = ('a'):rep(2000000) return s:find(s .. 'b', 1, false), s:find('^' .. ('a*'):rep(8) .. 'b')",
        "return ('a'):rep(1000000):find('a-a-a-a-b')",
    ] {
        ends(source, STOPPED);
    }
}

/// Searching for plain text takes time proportional to the lengths.
#[test]
fn plain_searches_end() {
    let value = run(
        "local s = ('a'):rep(4000000) return {s:find(('a'):rep(2000000) .. 'b', 1, true) or 0, \
         s:find(('a'):rep(2000000), 3, true)}",
    );
    let expected = [0, 3, 2_000_002].map(Value::Integer);
    assert_eq!(value, Value::Array(expected.to_vec()));
}

#[test]
fn patterns_do_not_exhaust_the_stack() {
    for source in [
        "return string.find(('a'):rep(100000), ('a?'):rep(100000))",
        "return string.find(('a'):rep(100000), ('a*'):rep(100000))",
        "return string.find(('a'):rep(100000), ('a-'):rep(100000))",
        "return string.match('a', ('()'):rep(100000))",
    ] {
        match run(source) {
            Value::Error(text) => assert!(
                text.windows(7)
                    .any(|word| word == b"complex" || word == b"capture"),
                "{text:?}"
            ),
            other => panic!("{source} answered {other:?}"),
        }
    }
}

#[test]
fn memory_ends() {
    for source in [
        "return ('x'):rep(1e9)",
        "return ('x'):rep('1e9')",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do t[#t + 1] = {} end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "return string.format(('%s'):rep(90), unpack((function() local t = {} local s = ('x'):rep(1e6) for i = 1, 90 do t[i] = s end return t end)()))",
        "local t = {} local s = ('x'):rep(1e6) for i = 1, 1000 do t[i] = s end return table.concat(t)",
        "local s = ('x'):rep(1e6) return s:gsub('x', ('y'):rep(1000))",
        "local t = {} for i = 1, 1e6 do t[i] = coroutine.create(function() end) end",
        "return redis.call(('x'):rep(3e7), ('y'):rep(3e7))",
    ] {
        ends(source, MEMORY);
    }
}

/// What is caught in the script does not keep its memory.
#[test]
fn memory_errors_can_be_caught() {
    let value = run("local ok, err = pcall(string.rep, 'x', 1e9) return {tostring(ok), err}");
    let expected = [Value::bulk("false"), Value::bulk(MEMORY)];
    assert_eq!(value, Value::Array(expected.to_vec()));
}

/// Data that refers to itself, or to the same thing often.
#[test]
fn tangled_data_ends() {
    const DAG: &str = "local t = {1} for i = 1, 60 do t = {t, t} end ";
    for (source, because) in [
        (format!("{DAG} return t"), "too large"),
        (format!("{DAG} return cjson.encode(t)"), MEMORY),
        (
            "local t = {1} for i = 1, 14 do local u = {} for j = 1, 9 do u[j] = t end t = u end \
             return cmsgpack.pack(t)"
                .into(),
            MEMORY,
        ),
        (
            "local t = {} t.x = t return cjson.encode(t)".into(),
            "Cannot serialise, excessive nesting (1001)",
        ),
        (
            "cjson.encode_max_depth(100000) local t = {} t[1] = t return cjson.encode(t)".into(),
            "Cannot serialise, excessive nesting (1001)",
        ),
        (
            "cjson.decode_max_depth(100000) return cjson.decode(('['):rep(100000))".into(),
            "Found too many nested data structures (1001)",
        ),
        (
            "return cmsgpack.unpack(('\\145'):rep(100000))".into(),
            "too many return values",
        ),
        (
            "return cmsgpack.unpack(('\\129'):rep(100000))".into(),
            "too many return values",
        ),
        (
            "cjson.encode_sparse_array(false, 0) return cjson.encode({[2^30] = 1})".into(),
            MEMORY,
        ),
        (
            "return cjson.decode('[' .. ('1,'):rep(5e6) .. '1]')".into(),
            MEMORY,
        ),
        (
            "return cmsgpack.unpack('\\221\\1\\0\\0\\0' .. ('\\1'):rep(16777216))".into(),
            MEMORY,
        ),
        ("while true do cjson.new() end".into(), MEMORY),
    ] {
        ends(&source, because);
    }
    let mut depth = 0;
    let mut value = run("local t = {} t[1] = t return t");
    while let Value::Array(mut items) = value {
        depth += 1;
        value = items.pop().expect("an item");
    }
    assert_eq!(depth, 1000);
    assert_eq!(value, Value::error("ERR reached lua stack limit"));
}

#[test]
fn recursion_ends() {
    for source in [
        "local function f() return 1 + f() end return f()",
        "local function f() f() end f()",
        "local function f() pcall(f) error('deep') end f()",
        "local function f() return (('x'):gsub('x', f)) end return f()",
        "local function f() xpcall(f, f) end f() error('deep')",
        "local function f() coroutine.wrap(f)() end f()",
        "local function f() table.sort({1, 2, 3}, f) end f()",
        "local t = {} setmetatable(t, {__index = function(t, k) return t[k .. 'x'] end}) return t.x",
        "local t = setmetatable({}, {__tostring = function(t) return tostring(t) end}) return tostring(t)",
        "local t = setmetatable({}, {__concat = function(a, b) return a .. b end}) return t .. t",
        "local t = setmetatable({}, {__eq = function(a, b) return a == b end}) local u = setmetatable({}, getmetatable(t)) return t == u",
        "local function f() for _ in string.gmatch('a', 'a') do f() end end f()",
        "local function f() load(function() f() end) error('deep') end f()",
        "local t = {} t[t] = table.foreach table.foreach(t, table.foreach)",
    ] {
        match run(source) {
            Value::Error(text) => {
                let text = String::from_utf8_lossy(&text);
                assert!(
                    ["overflow", "deep", "too many", MEMORY, STOPPED]
                        .iter()
                        .any(|word| text.contains(word)),
                    "{source} ended in: {text}"
                );
            }
            other => panic!("{source} answered {other:?}"),
        }
    }
}

#[test]
fn sources_end() {
    for source in [
        format!("return {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("return {}", "{".repeat(100_000)),
        format!("return {} 1", "not ".repeat(100_000)),
        "if true then ".repeat(100_000),
        format!("return {}'a'", "'a' .. ".repeat(100_000)),
    ] {
        match run(&source) {
            Value::Error(text) => assert!(text.starts_with(b"ERR Error compiling"), "{text:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn sorting_ends() {
    // A sequence on which quicksort by the median of three takes quadratic time.
    let killer = "local n = 200000 local t = {} local k = n / 2
        for i = 1, k do if i % 2 == 1 then t[i] = i t[i + 1] = k + i end t[k + i] = 2 * i end ";
    let value = run(&format!(
        "{killer} table.sort(t) for i = 2, #t do if t[i] < t[i - 1] then return i end end return #t"
    ));
    assert_eq!(value, Value::Integer(200_000));
    let value = run(
        "local a, b = ('x'):rep(5e6) .. 'a', ('x'):rep(5e6) .. 'b'
         local t = {} for i = 1, 20000 do t[i] = i % 2 == 0 and a or b end
         table.sort(t) return {t[1] == a and 1 or 0, t[10000] == a and 1 or 0, t[10001] == b and 1 or 0}",
    );
    assert_eq!(value, Value::Array(vec![Value::Integer(1); 3]));
    ends(
        "local t = {} for i = 1, 100000 do t[i] = i end table.sort(t, rawequal)",
        "invalid order function for sorting",
    );
    ends(
        "local t = {} for i = 1, 100000 do t[i] = i % 2 == 0 and i or 'x' end table.sort(t)",
        "attempt to compare",
    );
    ends(
        "local t = {} for i = 1, 100000 do t[i] = i end while true do table.sort(t, function(a, b) return a < b end) end",
        STOPPED,
    );
}

#[test]
fn insertions_end() {
    for position in ["-2^31", "2^31", "'-2000000000'"] {
        ends(
            &format!("table.insert({{1, 2, 3}}, {position}, 'x')"),
            "bad argument #2 to 'insert' (position out of bounds)",
        );
    }
}

/// Functions of the library that call each other without an instruction in between.
#[test]
fn visits_end() {
    ends(
        "local function tree(depth)
           local node = {}
           for i = 1, 8 do node[depth == 0 and {} or tree(depth - 1)] = depth == 0 and rawget or table.foreach end
           return node
         end
         local root = tree(4)
         while true do table.foreach(root, table.foreach) end",
        STOPPED,
    );
}

/// Compiled chunks would not be checked by Lua.
#[test]
fn compiled_chunks_are_not_loaded() {
    let refused = |value: Value| match value {
        Value::Bulk(text) => assert!(
            text.ends_with(b"unexpected symbol near 'char(27)'"),
            "{text:?}"
        ),
        other => panic!("{other:?}"),
    };
    refused(run(
        "return select(2, loadstring(string.dump(function() end)))",
    ));
    refused(run(
        "local s = string.dump(function() end)
         return select(2, load(function() local r = s s = nil return r end))",
    ));
    refused(run(
        "local s, i = string.dump(function() end), 0
         return select(2, load(function() i = i + 1 if i <= #s then return s:sub(i, i) end end))",
    ));
    ends("\u{1b}Lua", "unexpected symbol near 'char(27)'");
}

/// What a script changes is gone when the next one starts.
#[test]
fn nothing_is_left_behind() {
    let runtime = Runtime::default();
    let run = |source: &str| {
        let script = Script::parse(source.to_owned()).expect("a script");
        runtime.run(&script, &[], &[], &mut Store::default())
    };
    for source in [
        "x = 1",
        "rawset(_G, 'x', 1)",
        "redis.x = 1",
        "rawset(redis, 'x', 1)",
        "table.insert(redis, 'x')",
        "table.insert(_G, 1, 'x')",
        "setmetatable(_G, nil)",
        "setmetatable(redis, {__index = {x = 1}})",
        "getmetatable(_G).__index = nil",
        "rawset(getmetatable(_G), '__index', nil)",
        "getmetatable('').__index = function() return 1 end",
        "rawset(getmetatable(''), 'x', 1)",
        "getmetatable('').__index.x = 1",
        "for k, v in pairs(_G) do rawset(_G, k, nil) end",
        "local _, t = pairs(redis) t.x = 1",
        "local f, t = pairs(string) rawset(t, 'x', 1)",
        "next = nil",
        "getmetatable(setmetatable({}, {__index = _G})).__index.x = 1",
        "table.foreach(_G, function(k, v) rawset(_G, k, 1) end)",
        "coroutine.wrap(function() x = 1 end)()",
        "loadstring('x = 1')()",
        "KEYS = {}",
    ] {
        let Value::Error(text) = run(source) else {
            panic!("{source} was allowed");
        };
        let text = String::from_utf8_lossy(&text);
        assert!(
            text.contains("Attempt to modify a readonly table"),
            "{source}: {text}"
        );
    }
    for source in [
        "cjson.encode_max_depth(1) cjson.encode_number_precision(1)",
        "redis.setresp(3)",
        "collectgarbage('stop')",
        "collectgarbage('setpause', 1000)",
        "math.randomseed(1)",
        "KEYS.x = 1 ARGV.x = 1",
    ] {
        assert_eq!(run(source), Value::Null, "{source}");
    }
    assert_eq!(
        run(
            "return {cjson.encode({{1.25}}), redis.call('PING'), rawget(_G, 'x') == nil and 1 or 0, \
             rawget(redis, 'x') == nil and 1 or 0, #KEYS, #ARGV, tostring(KEYS.x), \
             type(string.x), type(getmetatable('').x)}"
        ),
        Value::Array(vec![
            Value::bulk("[[1.25]]"),
            Value::simple("PONG"),
            Value::Integer(1),
            Value::Integer(1),
            Value::Integer(0),
            Value::Integer(0),
            Value::bulk("nil"),
            Value::bulk("nil"),
            Value::bulk("nil"),
        ])
    );
}

#[test]
fn a_kill_says_so() {
    let script = Script::parse("\nwhile true do end").expect("a script");
    let mut store = Store {
        stop: Some((3, Stop::Killed)),
        ..Store::default()
    };
    let value = Runtime::default().run(&script, &[], &[], &mut store);
    assert_eq!(
        value,
        Value::error(format!(
            "ERR Script killed by user with SCRIPT KILL... script: {}, on @user_script:2.",
            script.sha()
        ))
    );
    assert_eq!(store.questions, 4);
}

/// A panic of the engine is not hidden by a script that catches everything, and the runtime goes on.
#[test]
fn panics_of_the_caller_pass_through() {
    let runtime = Runtime::default();
    for source in [
        "redis.call('PING')",
        "pcall(redis.call, 'PING') while true do end",
        "xpcall(function() redis.call('PING') end, function() return 1 end) return 1",
        "return coroutine.resume(coroutine.create(function() redis.call('PING') end))",
        "return ('x'):gsub('x', function() redis.call('PING') end)",
    ] {
        let script = Script::parse(source).expect("a script");
        let mut store = Store {
            panics: true,
            ..Store::default()
        };
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.run(&script, &[], &[], &mut store)
        }));
        let panic = ran.expect_err("the panic goes on");
        assert_eq!(panic.downcast_ref(), Some(&"a defect of the engine"));
        let fine = Script::parse("return redis.call('PING')").expect("a script");
        let value = runtime.run(&fine, &[], &[], &mut Store::default());
        assert_eq!(value, Value::simple("PONG"));
    }
}
