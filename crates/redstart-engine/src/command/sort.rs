//! SORT: a list, set or sorted set in the order of its elements, or of what other keys say of them.

mod pattern;
mod rank;

use std::ops::Range;

use redstart_protocol::Value;

use self::pattern::Pattern;
use self::rank::{Order, ranked};
use super::args::{Args, is};
use super::ctx::{Ctx, Origin};
use super::error::CommandError;
use super::{Row, row};
use crate::data::{Blob, Element, End, List};
use crate::keyspace::Ttl;
use crate::keyspace::change::Event;
use crate::keyspace::object::Object;

pub(super) const TABLE: &[Row] = &[
    row("sort", sort).all_shards_if(looks_at_other_keys),
    row("sort_ro", sort_ro).all_shards_if(looks_at_other_keys),
];

fn sort(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let request = Request::parse(args, Storing::Allowed, ctx.env.options.cluster_strict)?;
    answer(ctx, args[1], &request)
}

fn sort_ro(ctx: &mut Ctx<'_>, args: &[&[u8]]) -> Result<Value, CommandError> {
    let request = Request::parse(args, Storing::Refused, ctx.env.options.cluster_strict)?;
    answer(ctx, args[1], &request)
}

/// Whether patterns lead to keys that the arguments do not name.
fn looks_at_other_keys(args: &[&[u8]]) -> bool {
    // What is refused looks at nothing.
    Request::parse(args, Storing::Allowed, false).is_ok_and(|request| {
        let by = request.by.iter().filter(|_| !request.unsorted);
        by.chain(&request.gets).any(Pattern::is_of_other_keys)
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storing {
    Allowed,
    Refused,
}

/// What SORT was asked for besides the key.
struct Request<'a> {
    /// What the elements are compared by, if not by themselves.
    by: Option<Pattern<'a>>,
    /// The elements stay in the order they have.
    unsorted: bool,
    order: Order,
    offset: i64,
    /// How many elements are wanted; all, if it is negative.
    count: i64,
    /// What is answered for each element, if not the element.
    gets: Vec<Pattern<'a>>,
    store: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    fn parse(
        args: &'a [&'a [u8]],
        storing: Storing,
        cluster_strict: bool,
    ) -> Result<Request<'a>, CommandError> {
        let mut request = Request {
            by: None,
            unsorted: false,
            order: Order::default(),
            offset: 0,
            count: -1,
            gets: Vec::new(),
            store: None,
        };
        let mut options = Args::at(args, 2);
        while let Some(word) = options.try_next() {
            match word {
                _ if is(word, "ASC") => request.order.descending = false,
                _ if is(word, "DESC") => request.order.descending = true,
                _ if is(word, "ALPHA") => request.order.by_text = true,
                _ if is(word, "LIMIT") && options.left() >= 2 => {
                    (request.offset, request.count) = (options.int()?, options.int()?);
                }
                _ if is(word, "STORE") && storing == Storing::Allowed => {
                    request.store = Some(options.next()?);
                }
                _ if is(word, "BY") => {
                    let pattern = Pattern::parse(options.next()?);
                    request.unsorted |= pattern.is_constant();
                    if cluster_strict && !pattern.is_constant() {
                        return Err(denied_in_cluster("BY"));
                    }
                    request.by = Some(pattern);
                }
                _ if is(word, "GET") => {
                    request.gets.push(Pattern::parse(options.next()?));
                    if cluster_strict {
                        return Err(denied_in_cluster("GET"));
                    }
                }
                _ => return Err(CommandError::SYNTAX),
            }
        }
        Ok(request)
    }

    /// The places of what is wanted among so many elements.
    fn range(&self, len: usize) -> Range<usize> {
        let start = usize::try_from(self.offset.max(0)).map_or(len, |offset| offset.min(len));
        let count = usize::try_from(self.count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }
}

fn denied_in_cluster(option: &str) -> CommandError {
    CommandError::new(format!(
        "ERR {option} option of SORT denied in cluster mode."
    ))
}

/// The most values that are answered at once: with many a GET they are many times more than there
/// are elements, and Redis would go on until memory runs out.
const ANSWERS_MAX: usize = 1 << 27;

fn answer(ctx: &mut Ctx<'_>, key: &[u8], request: &Request<'_>) -> Result<Value, CommandError> {
    let elements = wanted(ctx, key, request)?;
    if elements.len().saturating_mul(request.gets.len()) > ANSWERS_MAX {
        return Err(CommandError::new("ERR value is out of range"));
    }
    let Some(target) = request.store else {
        let mut values = Vec::with_capacity(elements.len() * request.gets.len().max(1));
        each_answer(ctx, &elements, &request.gets, |answer| {
            values.push(answer.map_or(Value::Null, super::element));
        });
        return Ok(Value::Array(values));
    };

    let mut list = List::new();
    each_answer(ctx, &elements, &request.gets, |answer| {
        let answer = answer.unwrap_or(Element::Str(b""));
        list.push(End::Tail, &answer.to_bytes());
    });
    let len = list.len();
    if len > 0 {
        ctx.put(target, Object::List(Box::new(list)), Ttl::Clear);
        let changes = ctx.space.changes();
        ctx.changed(target, Event::list("sortstore"));
        ctx.space.set_changes(changes + len as u64);
    } else if ctx.take(target).is_some() {
        ctx.changed(target, Event::generic("del"));
    }

    Ok(Value::from(len))
}

/// Calls `tell` with all there is to answer, in order: the elements, or what the patterns lead to.
fn each_answer(
    ctx: &mut Ctx<'_>,
    elements: &[Blob],
    gets: &[Pattern<'_>],
    mut tell: impl FnMut(Option<Element<'_>>),
) {
    for element in elements {
        if gets.is_empty() {
            tell(Some(Element::Str(element)));
        }
        for pattern in gets {
            pattern.follow(ctx, element, &mut tell);
        }
    }
}

/// The elements that are wanted, in the order that is wanted.
fn wanted(ctx: &mut Ctx<'_>, key: &[u8], request: &Request<'_>) -> Result<Vec<Blob>, CommandError> {
    let is_script = ctx.origin == Origin::Script;
    let mut order = request.order;
    let mut by = request.by.as_ref();
    let mut unsorted = request.unsorted;

    let collection = ctx.read(key).map(|entry| &entry.object);
    let (mut elements, range) = match collection {
        None => return Ok(Vec::new()),
        Some(Object::List(list)) => {
            let range = request.range(list.len());
            if unsorted {
                let range = mirrored_if(order.descending, range, list.len());
                return Ok(listed(list.range(range), order.descending));
            }
            (list.iter().map(Element::to_blob).collect(), range)
        }
        Some(Object::SortedSet(set)) => {
            let range = request.range(set.len());
            let elements = match unsorted {
                true => {
                    let range = mirrored_if(order.descending, range.clone(), set.len());
                    listed(set.range(range).map(|(member, _)| member), order.descending)
                }
                false => set.iter().map(|(member, _)| member.to_blob()).collect(),
            };
            // As in Redis, a sorted set that has been sorted is packed no more.
            unpack(ctx, key);
            if unsorted {
                return Ok(elements);
            }
            (elements, range)
        }
        Some(Object::Set(set)) => {
            // What is stored, or what a script does with it, must not depend on the order that a
            // set happens to have.
            if unsorted && (request.store.is_some() || is_script) {
                (unsorted, by, order.by_text) = (false, None, true);
            }
            let range = request.range(set.len());
            let mut elements: Vec<Blob> = set.iter().map(Element::to_blob).collect();
            if by.is_some() && order.by_text && set.encoding() != "intset" {
                elements.sort_unstable();
            }
            (elements, range)
        }
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };

    if unsorted {
        elements.truncate(range.end);
        return Ok(elements.split_off(range.start));
    }
    ranked(ctx, elements, by, order, range, request.store.is_some())
}

/// The places that are as far from the end as these are from the beginning.
fn mirrored_if(mirrored: bool, range: Range<usize>, len: usize) -> Range<usize> {
    match mirrored {
        true => len - range.end..len - range.start,
        false => range,
    }
}

fn listed<'e>(elements: impl Iterator<Item = Element<'e>>, backwards: bool) -> Vec<Blob> {
    let mut elements: Vec<Blob> = elements.map(Element::to_blob).collect();
    if backwards {
        elements.reverse();
    }
    elements
}

fn unpack(ctx: &mut Ctx<'_>, key: &[u8]) {
    let seed = ctx.space.seed();
    ctx.update(key, |object| {
        if let Object::SortedSet(set) = object {
            set.unpack(seed);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, Engine};

    fn call(client: &mut Client, line: &str) -> Value {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        client.call(&args)
    }

    fn bulks(words: &str) -> Value {
        Value::Array(words.split(' ').map(Value::bulk).collect())
    }

    #[test]
    fn equal_weights_leave_the_order_as_it_was() {
        let mut client = Engine::builder().build().connect_embedded();
        call(&mut client, "RPUSH l d c b a z y x w v u");
        call(&mut client, "MSET w_d 1 w_b 1 w_z 0");
        for (line, expected) in [
            ("SORT l ALPHA BY w_*", "c a y x w v u z d b"),
            ("SORT l ALPHA BY w_* DESC", "d b z c a y x w v u"),
            ("SORT l ALPHA BY w_* LIMIT 1 3", "a y x"),
            ("SORT l ALPHA BY w_* LIMIT 6 100", "u z d b"),
            ("SORT l BY w_* DESC LIMIT 0 2", "d b"),
            ("SORT l BY nosort DESC LIMIT 1 2", "v w"),
        ] {
            assert_eq!(call(&mut client, line), bulks(expected), "{line}");
        }
    }

    #[test]
    fn a_cluster_has_no_patterns() {
        let engine = Engine::builder().cluster_strict(true).build();
        let mut client = engine.connect_embedded();
        call(&mut client, "RPUSH l 2 1");
        for (line, option) in [
            ("SORT l BY w_*", "BY"),
            ("SORT l GET #", "GET"),
            ("SORT_RO l GET w_* BY w_*", "GET"),
            ("SORT_RO l BY w_* foo", "BY"),
        ] {
            let expected = denied_in_cluster(option).into_value();
            assert_eq!(call(&mut client, line), expected, "{line}");
        }
        assert_eq!(call(&mut client, "SORT l BY nosort"), bulks("2 1"));
        assert_eq!(call(&mut client, "SORT l STORE {l}2"), Value::Integer(2));
    }

    #[cfg(feature = "script")]
    #[test]
    fn sets_are_sorted_for_scripts_and_for_storing() {
        let mut client = Engine::builder().build().connect_embedded();
        call(&mut client, "SADD s e b d a c");
        let script = b"return redis.call('SORT', KEYS[1], 'BY', 'nosort')";
        let reply = client.call(&[b"EVAL", script, b"1", b"s"]);
        assert_eq!(reply, bulks("a b c d e"));
        call(&mut client, "SORT s BY nosort DESC LIMIT 0 3 STORE l");
        assert_eq!(call(&mut client, "LRANGE l 0 -1"), bulks("e d c"));
        assert_eq!(
            call(&mut client, "SORT l BY nosort LIMIT 5 1 STORE l"),
            Value::Integer(0)
        );
        assert_eq!(call(&mut client, "EXISTS l"), Value::Integer(0));
    }

    #[cfg(feature = "script")]
    #[test]
    fn an_operation_cannot_reach_further_than_its_keys() {
        let mut client = Engine::builder().build().connect_embedded();
        call(&mut client, "RPUSH l 2 1");
        let source = "return redis.call('SORT', KEYS[1], unpack(ARGV))";
        let sha = client.load_operation(source).expect("a good script");
        let line = |rest: &str| format!("EVALSHA {sha} 1 l {rest}");
        assert_eq!(call(&mut client, &line("BY nosort")), bulks("2 1"));
        assert!(matches!(
            call(&mut client, &line("BY w_*")),
            Value::Error(_)
        ));
    }

    fn range(limit: &str, len: usize) -> Range<usize> {
        let line = format!("SORT k LIMIT {limit}");
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let request = Request::parse(&args, Storing::Allowed, false);
        request.expect("a good request").range(len)
    }

    #[test]
    fn limits_are_cut_to_what_is_there() {
        for (limit, len, expected) in [
            ("0 -1", 5, 0..5),
            ("0 0", 5, 0..0),
            ("1 2", 5, 1..3),
            ("-3 2", 5, 0..2),
            ("4 9223372036854775807", 5, 4..5),
            ("5 1", 5, 5..5),
            ("9223372036854775807 -1", 5, 5..5),
            ("3 -9223372036854775808", 5, 3..5),
            ("0 3", 0, 0..0),
        ] {
            assert_eq!(range(limit, len), expected, "LIMIT {limit} of {len}");
        }
    }

    #[test]
    fn only_patterns_with_a_star_reach_further() {
        for (line, expected) in [
            ("SORT k", false),
            ("SORT k BY nosort GET # GET plain STORE by", false),
            ("SORT k BY w_*", true),
            ("SORT k GET w_*->f", true),
            ("SORT k BY w_* BY nosort", false),
            ("SORT k GET w_* LIMIT 0", false),
            ("SORT_RO k ALPHA BY w_*", true),
        ] {
            let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            assert_eq!(looks_at_other_keys(&args), expected, "{line}");
        }
    }
}
