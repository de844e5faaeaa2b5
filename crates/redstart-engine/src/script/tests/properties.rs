//! Properties of the libraries, and arbitrary input to everything that reads some.

use std::fmt::Write as _;

use proptest::prelude::*;
use redstart_protocol::Value;

use super::super::pattern::{Search, Trial, is_plain};
use super::super::{Runtime, Script};
use super::caller::Store;

fn run(runtime: &Runtime, source: &'static str, args: &[&[u8]]) -> Value {
    let script = Script::parse(source).expect("a script");
    runtime.run(&script, &[], args, &mut Store::default())
}

/// JSON whose text is the one that `cjson` writes for it.
#[derive(Clone, Debug)]
enum Json {
    Null,
    Boolean(bool),
    Integer(i32),
    Text(String),
    Array(Vec<Json>),
    /// With one field, for the order of several is Lua's.
    Object(String, Box<Json>),
}

impl Json {
    fn write(&self, text: &mut String) {
        match self {
            Json::Null => text.push_str("null"),
            Json::Boolean(boolean) => text.push_str(if *boolean { "true" } else { "false" }),
            Json::Integer(integer) => {
                let _ = write!(text, "{integer}");
            }
            Json::Text(inner) => Json::write_text(inner, text),
            Json::Array(items) if items.is_empty() => text.push_str("{}"),
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    text.push(if index == 0 { '[' } else { ',' });
                    item.write(text);
                }
                text.push(']');
            }
            Json::Object(key, value) => {
                text.push('{');
                Json::write_text(key, text);
                text.push(':');
                value.write(text);
                text.push('}');
            }
        }
    }

    fn write_text(inner: &str, text: &mut String) {
        text.push('"');
        for letter in inner.chars() {
            match letter {
                '"' | '\\' | '/' => text.extend(['\\', letter]),
                '\u{8}' => text.push_str("\\b"),
                '\t' => text.push_str("\\t"),
                '\n' => text.push_str("\\n"),
                '\u{c}' => text.push_str("\\f"),
                '\r' => text.push_str("\\r"),
                '\0'..'\u{20}' | '\u{7f}' => {
                    let _ = write!(text, "\\u{:04x}", u32::from(letter));
                }
                letter => text.push(letter),
            }
        }
        text.push('"');
    }
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Boolean),
        any::<i32>().prop_map(Json::Integer),
        any::<String>().prop_map(Json::Text),
    ];
    leaf.prop_recursive(8, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::Array),
            (any::<String>(), inner).prop_map(|(key, value)| Json::Object(key, value.into())),
        ]
    })
}

proptest! {
    #[test]
    fn json_survives_its_round_trip(json in json()) {
        let mut text = String::new();
        json.write(&mut text);
        let source = "return cjson.encode(cjson.decode(ARGV[1]))";
        prop_assert_eq!(run(&Runtime::default(), source, &[text.as_bytes()]), Value::bulk(&text));
    }

    /// MessagePack has no `cjson.null`, so that nulls in arrays would become gaps.
    #[test]
    fn messagepack_survives_its_round_trip(json in json()) {
        let mut text = String::new();
        json.write(&mut text);
        let text = text.replace("null", "true");
        let source = "return cjson.encode((cmsgpack.unpack(cmsgpack.pack(cjson.decode(ARGV[1])))))";
        prop_assert_eq!(run(&Runtime::default(), source, &[text.as_bytes()]), Value::bulk(&text));
    }

    #[test]
    fn packed_integers_survive_their_round_trip(
        size in 1usize..=6,
        order in "[<>]",
        alignment in "(![1248]?)?",
        integer in any::<i64>(),
    ) {
        let integer = integer >> (64 - 8 * size);
        let format = format!("{order}{alignment}bi{size}");
        let source = "local _, n = struct.unpack(ARGV[1], struct.pack(ARGV[1], 1, ARGV[2])) return n";
        let args = [format.as_bytes(), integer.to_string().into_bytes().leak()];
        prop_assert_eq!(run(&Runtime::default(), source, &args), Value::Integer(integer));
    }

    #[test]
    fn packed_texts_survive_their_round_trip(text in any::<Vec<u8>>(), double in any::<f64>()) {
        let source = "local text = ARGV[1]
            local packed = struct.pack('>Ic0!8d', #text, text, ARGV[2])
            local back, double = struct.unpack('>Ic0!8d', packed)
            return {back, cmsgpack.unpack(cmsgpack.pack(text)) == text and 1 or 0,
                    double == tonumber(ARGV[2]) and 1 or 0}";
        let double = if double.is_nan() { 0.0 } else { double };
        let double = format!("{double:e}");
        let value = run(&Runtime::default(), source, &[&text, double.as_bytes()]);
        let expected = [Value::bulk(&text), Value::Integer(1), Value::Integer(1)];
        prop_assert_eq!(value, Value::Array(expected.to_vec()));
    }

    /// Whatever comes out, it comes out.
    #[test]
    fn arbitrary_input_is_survived(input in any::<Vec<u8>>(), format in "[bBhHlLTiIcsxfd<>!0-9 %]{0,12}") {
        let source = "local function try(...) return type((select(2, pcall(...)))) end
            return {try(cjson.decode, ARGV[1]), try(cmsgpack.unpack, ARGV[1]),
                    try(struct.unpack, ARGV[2], ARGV[1]), try(struct.unpack, ARGV[1], ARGV[1]),
                    try(struct.size, ARGV[2]), try(struct.pack, ARGV[2], 1, ARGV[1], 2, ARGV[1]),
                    try(loadstring, ARGV[1]), try(string.find, ARGV[1], ARGV[1])}";
        let value = run(&Runtime::default(), source, &[&input, format.as_bytes()]);
        prop_assert!(matches!(value, Value::Array(_)), "{:?}", value);
    }

    /// The same letters over and over, so that something is found.
    #[test]
    fn json_like_input_is_survived(input in "[\\[\\]{},:\"0-9\\\\untrfalse.e+-]{0,40}") {
        let source = "local ok, value = pcall(cjson.decode, ARGV[1])
            if not ok then return 'no' end
            local text = cjson.encode({value})
            return cjson.encode(cjson.decode(text)) == text and 'yes' or text";
        let value = run(&Runtime::default(), source, &[input.as_bytes()]);
        prop_assert!(value == Value::bulk("yes") || value == Value::bulk("no"), "{:?}", value);
    }

    /// Trials find what Lua finds.
    #[test]
    fn trials_are_right(
        subject in "[ab()1 ]{0,12}",
        pattern in "(\\^?)([ab.]|%[abdsw%()]|\\[\\^?[ab%]?-?[b1]\\]|\\(|\\)|\\(\\)|%b\\(\\)|%f\\[a\\]|[*+?$-]){0,6}",
        from in 0usize..4,
    ) {
        prop_assume!(!is_plain(pattern.as_bytes()));
        let source = "local ok, first, last = pcall(string.find, ARGV[1], ARGV[2], tonumber(ARGV[3]) + 1)
            if not ok then return 'malformed' end
            return first and {first, last} or 'none'";
        let from = from.min(subject.len());
        let text = from.to_string();
        let args = [subject.as_bytes(), pattern.as_bytes(), text.as_bytes()];
        let lua = run(&Runtime::default(), source, &args);
        let search = Search::new(subject.as_bytes(), pattern.as_bytes());
        let trial = search.find(from, &|_| Ok(())).expect("nothing stops it");
        match trial {
            Trial::Match { start, end } => {
                // Captures that were never closed are a fault that Lua finds behind the match.
                if lua != Value::bulk("malformed") {
                    let expected = [start as i64 + 1, end as i64].map(Value::Integer);
                    prop_assert_eq!(lua, Value::Array(expected.to_vec()));
                }
            }
            Trial::NoMatch => prop_assert_eq!(lua, Value::bulk("none")),
            Trial::Malformed => prop_assert_eq!(lua, Value::bulk("malformed")),
        }
    }
}
