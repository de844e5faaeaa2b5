//! Doubles and long doubles: reading, adding, printing.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use redstart_protocol::number::{LongDouble, format_g17, parse_f64, parse_range_f64};

use crate::oracle::{Oracle, request};

const CASES: usize = 20_000;
/// So many requests are sent before their replies are read; both directions stay in the buffers.
const BATCH: usize = 200;

/// Spellings that are right, nearly right and plain wrong.
fn spelling() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[-+]?[0-9]{1,4}(\\.[0-9]{0,6})?",
        8 => "[-+]?[0-9]{0,22}\\.[0-9]{0,22}",
        4 => "[-+]?[0-9]{1,3}(\\.[0-9]{1,25})?[eE][-+]?[0-9]{1,3}",
        2 => "[-+]?[0-9]{1,30}(\\.[0-9]{1,5})?e[-+]?4[89][0-9]{2}",
        2 => "[-+]?0[xX][0-9a-fA-F]{0,20}(\\.[0-9a-fA-F]{0,20})?([pP][-+]?[0-9]{1,4})?",
        1 => "[-+]?0x[0-9a-f]\\.[0-9a-f]{1,20}p-(1[0-9]{3}|16[34][0-9]{2})",
        2 => "[-+]?[0-9]{17,40}",
        1 => "[-+]?(inf|INF|Infinity|infinit|nan|NaN|nan\\(1\\)|)",
        1 => "[-+ .0-9eExX]{0,6}",
        2 => any::<f64>().prop_map(|value| format!("{value:e}")),
        1 => (-30i32..30).prop_map(|tenths| format!("{}.5e-17", tenths)),
        1 => (1u64.., 0usize..18).prop_map(|(digits, point)| {
            let mut text = format!("{digits:020}");
            text.insert(20 - point, '.');
            text
        }),
    ]
}

fn samples<S: Strategy>(strategy: S) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..CASES)
        .map(|_| strategy.new_tree(&mut runner).expect("a sample").current())
        .collect()
}

#[test]
fn scores_are_read_and_printed_alike() {
    let server = Oracle::start(&[]);
    let mut connection = server.connect();
    for batch in samples(spelling()).chunks(BATCH) {
        for text in batch {
            connection.send(&request(&[b"DEL", b"z"]));
            // Behind another member, so that nothing is taken for an option.
            connection.send(&request(&[
                b"ZADD",
                b"z",
                b"0",
                b"n",
                text.as_bytes(),
                b"m",
            ]));
            connection.send(&request(&[b"ZINCRBY", b"z", b"0", b"m"]));
        }
        for text in batch {
            connection.read_text();
            let added = connection.read_text();
            let score = connection.read_text();
            match parse_f64(text.as_bytes()) {
                None => assert_eq!(added, b"ERR value is not a valid float", "{text:?}"),
                // Adding zero hides the sign of a zero.
                Some(value) => assert_eq!(score, *format_g17(value + 0.0), "{text:?}"),
            }
        }
    }
}

#[test]
fn the_ends_of_score_ranges_are_read_alike() {
    let server = Oracle::start(&[]);
    let mut connection = server.connect();
    let texts: Vec<String> = samples(("[ \t]{0,1}", spelling(), "[ \0]{0,1}"))
        .into_iter()
        .map(|(before, text, after)| format!("{before}{text}{after}"))
        .collect();
    for batch in texts.chunks(BATCH) {
        for text in batch {
            connection.send(&request(&[b"ZCOUNT", b"nothing", text.as_bytes(), b"+inf"]));
        }
        for text in batch {
            let expected = if parse_range_f64(text.as_bytes()).is_some() {
                "0"
            } else {
                "ERR min or max is not a float"
            };
            assert_eq!(
                connection.read_text().escape_ascii().to_string(),
                expected,
                "{text:?}"
            );
        }
    }
}

#[test]
fn long_doubles_are_added_alike() {
    let server = Oracle::start(&[]);
    let mut connection = server.connect();
    for batch in samples((spelling(), spelling())).chunks(BATCH) {
        for (a, b) in batch {
            connection.send(&request(&[b"SET", b"k", a.as_bytes()]));
            connection.send(&request(&[b"INCRBYFLOAT", b"k", b.as_bytes()]));
        }
        for (a, b) in batch {
            connection.read_text();
            let reply = connection.read_text();
            let expected = match [a, b].map(|text| LongDouble::parse(text.as_bytes())) {
                [Some(a), Some(b)] => match a.checked_add(b) {
                    Some(sum) => sum.to_string(),
                    None => "ERR increment would produce NaN or Infinity".to_owned(),
                },
                _ => "ERR value is not a valid float".to_owned(),
            };
            assert_eq!(reply.escape_ascii().to_string(), expected, "{a:?} + {b:?}");
        }
    }
}
