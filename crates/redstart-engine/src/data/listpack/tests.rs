use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn pack<'a>(strings: impl IntoIterator<Item = &'a [u8]>) -> Listpack {
    let mut pack = Listpack::new();
    for string in strings {
        pack.push_back(string);
    }
    pack
}

fn strings(pack: &Listpack) -> Vec<Blob> {
    pack.iter().map(Element::to_blob).collect()
}

#[test]
fn is_written_in_the_format_of_redis() {
    // What follows each is the pack inside a DUMP by redis-server 7.0.15.
    let cases: [(&[&[u8]], &[u8]); 4] = [
        (&[], b"\x07\0\0\0\0\0\xff"),
        (
            &[b"1", b"-1", b"4095", b"a"],
            b"\x12\0\0\0\x04\0\x01\x01\xdf\xff\x02\xcf\xff\x02\x81a\x02\xff",
        ),
        (
            &[b"field", b"-32768"],
            b"\x12\0\0\0\x02\0\x85field\x06\xf1\0\x80\x03\xff",
        ),
        (
            &[
                b"127",
                b"128",
                b"-4096",
                b"-4097",
                b"32767",
                b"32768",
                b"8388607",
                b"8388608",
                b"-8388608",
                b"2147483647",
                b"-2147483649",
            ],
            b"\x3c\0\0\0\x0b\0\x7f\x01\xc0\x80\x02\xd0\x00\x02\xf1\xff\xef\x03\xf1\xff\x7f\x03\
            \xf2\x00\x80\x00\x04\xf2\xff\xff\x7f\x04\xf3\x00\x00\x80\x00\x05\xf2\x00\x00\x80\x04\
            \xf3\xff\xff\xff\x7f\x05\xf4\xff\xff\xff\x7f\xff\xff\xff\xff\t\xff",
        ),
    ];
    for (entries, bytes) in cases {
        let pack = pack(entries.iter().copied());
        assert_eq!(
            pack.as_bytes().escape_ascii().to_string(),
            bytes.escape_ascii().to_string()
        );
        assert_eq!(
            Listpack::from_bytes(bytes).map(|pack| pack.len()),
            Ok(entries.len())
        );
    }
}

#[test]
fn long_strings_are_framed_as_by_redis() {
    // Length, header and the bytes behind the string, again by redis-server 7.0.15.
    let cases: [(usize, &[u8], &[u8]); 9] = [
        (63, b"\xbf", b"\x40"),
        (125, b"\xe0\x7d", b"\x7f"),
        (126, b"\xe0\x7e", b"\x01\x80"),
        (4095, b"\xef\xff", b"\x20\x81"),
        (4096, b"\xf0\0\x10\0\0", b"\x20\x85"),
        (16_377, b"\xf0\xf9\x3f\0\0", b"\x7f\xfe"),
        (16_378, b"\xf0\xfa\x3f\0\0", b"\0\xff\xff"),
        (2_097_145, b"\xf0\xf9\xff\x1f\0", b"\x7f\xff\xfe"),
        (2_097_146, b"\xf0\xfa\xff\x1f\0", b"\0\xff\xff\xff"),
    ];
    for (len, header, backlen) in cases {
        let string = vec![b'x'; len];
        let pack = pack([&string[..]]);
        let entry = [header, &string, backlen].concat();
        assert_eq!(pack.as_bytes()[HEADER..pack.size() - 1], entry, "{len}");
    }
}

#[test]
fn every_encoding_is_read_back() {
    let integers = [
        0,
        127,
        128,
        4095,
        4096,
        32767,
        32768,
        8_388_607,
        8_388_608,
        2_147_483_647,
    ];
    let mut strings: Vec<Vec<u8>> = Vec::new();
    for integer in integers.into_iter().chain([2_147_483_648, i64::MAX - 1]) {
        strings.push(integer.to_string().into());
        strings.push((-integer).to_string().into());
        strings.push((-integer - 1).to_string().into());
    }
    // Around every change of a header's or a backward length's size.
    for len in [
        0, 1, 62, 63, 64, 125, 126, 127, 128, 4094, 4095, 4096, 16_377, 16_378, 16_379,
    ] {
        strings.push(vec![b'x'; len]);
    }
    for len in [2_097_145, 2_097_146, 2_097_147] {
        strings.push(vec![b'x'; len]);
    }
    let pack = pack(strings.iter().map(Vec::as_slice));
    assert!(
        pack.iter()
            .map(Element::to_blob)
            .eq(strings.iter().map(|s| Blob::from(&s[..])))
    );
    let backwards = pack.iter().rev().map(Element::to_blob);
    assert!(backwards.eq(strings.iter().rev().map(|s| Blob::from(&s[..]))));
    assert!(Listpack::from_bytes(pack.as_bytes()).is_ok());
}

#[test]
fn counts_more_entries_than_its_header_can() {
    let mut pack = Listpack::new();
    let counts = |pack: &Listpack| {
        assert_eq!(pack.iter().count(), pack.len());
        assert_eq!(
            Listpack::from_bytes(pack.as_bytes()).map(|copy| copy.len()),
            Ok(pack.len())
        );
        (pack.len(), [pack.as_bytes()[4], pack.as_bytes()[5]])
    };
    for _ in 0..65_534 {
        pack.push_back(b"1");
    }
    assert_eq!(counts(&pack), (65_534, [0xfe, 0xff]));
    pack.push_back(b"2");
    assert_eq!(counts(&pack), (65_535, [0xff, 0xff]));
    pack.push_back(b"2");
    assert_eq!(counts(&pack), (65_536, [0xff, 0xff]));
    pack.remove_range(0, 65_526);
    assert_eq!(counts(&pack), (10, [10, 0]));
}

#[test]
fn finds_with_a_skip() {
    let pack = pack([b"1".as_slice(), b"b", b"b", b"1", b"01", b"x"]);
    let from = pack.first().expect("a first entry");
    let index = |needle: &[u8], skip| {
        let found = pack.find(from, &needle.into(), skip)?;
        (0..pack.len()).position(|index| pack.seek(index as isize) == Some(found))
    };
    assert_eq!(index(b"1", 0), Some(0));
    assert_eq!(index(b"b", 0), Some(1));
    assert_eq!(index(b"b", 1), Some(2));
    assert_eq!(index(b"01", 1), Some(4));
    assert_eq!(index(b"x", 1), None);
    assert_eq!(index(b"x", 2), None);
    assert_eq!(index(b"b", usize::MAX), None);
}

#[test]
fn an_integer_from_outside_may_be_stored_as_a_string() {
    let pack = Listpack::from_bytes(b"\x0a\0\0\0\x01\0\x811\x02\xff").expect("a pack");
    assert!(
        pack.find(pack.first().expect("an entry"), &b"1".as_slice().into(), 0)
            .is_some()
    );
}

#[test]
fn a_queue_moves_through_its_allocation() {
    for (push_back, pop_front) in [(true, true), (false, false)] {
        let mut pack = Listpack::new();
        for i in 0..100 {
            pack.push_back(format!("item:{i}").as_bytes());
        }
        let settled = pack.memory() * 2;
        for i in 100..10_000 {
            let item = format!("item:{i}");
            if push_back {
                pack.push_back(item.as_bytes())
            } else {
                pack.push_front(item.as_bytes())
            }
            pack.remove_range(if pop_front { 0 } else { -1 }, 1);
            assert!(pack.memory() <= settled);
        }
        assert_eq!(pack.len(), 100);
        assert!(Listpack::from_bytes(pack.as_bytes()).is_ok());
    }
}

#[test]
fn gives_memory_back() {
    let mut pack = Listpack::new();
    for _ in 0..1000 {
        pack.push_back(b"something");
    }
    pack.remove_range(10, 980);
    assert_eq!(pack.len(), 20);
    assert!(pack.memory() < 1200, "{}", pack.memory());
    pack.shrink_to_fit();
    assert_eq!(pack.memory(), pack.size());
    assert_eq!(pack.clone().memory(), pack.size());
}

#[test]
fn malformed_bytes_are_refused() {
    let cases: [&[u8]; 14] = [
        b"",
        b"\xff",
        b"\x06\0\0\0\0\xff",
        b"\x07\0\0\0\0\0\0",
        b"\x08\0\0\0\0\0\xff",
        b"\x07\0\0\0\x01\0\xff",
        b"\x08\0\0\0\x01\0\x01\xff",
        b"\x09\0\0\0\x01\0\x01\x02\xff",
        b"\x09\0\0\0\x02\0\x01\x01\xff",
        b"\x09\0\0\0\x01\0\x82\x02\xff",
        b"\x09\0\0\0\x01\0\xff\x01\xff",
        b"\x09\0\0\0\x01\0\xf5\x01\xff",
        b"\x0d\0\0\0\x01\0\xf0\xff\xff\xff\xff\x05\xff",
        b"\x0a\0\0\0\x01\0\x01\x80\x01\xff",
    ];
    for bytes in cases {
        assert_eq!(
            Listpack::from_bytes(bytes).err(),
            Some(Malformed),
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[derive(Clone, Debug)]
enum Step {
    PushFront(Vec<u8>),
    PushBack(Vec<u8>),
    PushBackAll(Vec<u8>, Vec<u8>),
    PopFront,
    PopBack,
    InsertBefore(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize),
    RemoveRange(usize, usize),
    SplitAndAppend(usize, bool),
    Shrink,
}

fn string() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..30),
        4 => (any::<i64>(), 0u32..64).prop_map(|(i, shift)| (i >> shift).to_string().into_bytes()),
        1 => prop::collection::vec(Just(b'z'), 60..300),
        1 => prop::collection::vec(Just(b'z'), 4000..4200),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..10_000usize;
    prop_oneof![
        4 => string().prop_map(Step::PushFront),
        4 => string().prop_map(Step::PushBack),
        1 => (string(), string()).prop_map(|(s, t)| Step::PushBackAll(s, t)),
        1 => Just(Step::PopFront),
        1 => Just(Step::PopBack),
        2 => (at.clone(), string()).prop_map(|(at, s)| Step::InsertBefore(at, s)),
        2 => (at.clone(), string()).prop_map(|(at, s)| Step::InsertAfter(at, s)),
        3 => (at.clone(), string()).prop_map(|(at, s)| Step::Replace(at, s)),
        3 => at.clone().prop_map(Step::Remove),
        1 => (at.clone(), 0..8usize).prop_map(|(at, count)| Step::RemoveRange(at, count)),
        1 => (at, any::<bool>()).prop_map(|(at, keep)| Step::SplitAndAppend(at, keep)),
        1 => Just(Step::Shrink),
    ]
}

/// Applies a step to pack and model alike. `None` when there is no entry to apply it to.
fn apply(step: Step, pack: &mut Listpack, model: &mut VecDeque<Vec<u8>>) -> Option<()> {
    let place = |at: usize, pack: &Listpack| {
        let index = at.checked_rem(pack.len())?;
        // From either end, so that both ways of seeking are met.
        let signed = if at.is_multiple_of(3) {
            index as isize - pack.len() as isize
        } else {
            index as isize
        };
        Some((index, pack.seek(signed)?))
    };
    match step {
        Step::PushFront(s) => {
            pack.push_front(&s);
            model.push_front(s);
        }
        Step::PushBack(s) => {
            pack.push_back(&s);
            model.push_back(s);
        }
        Step::PushBackAll(s, t) => {
            pack.push_back_all([&s, &t]);
            model.extend([s, t]);
        }
        Step::PopFront => {
            assert_eq!(pack.pop_front().map(Vec::from), model.pop_front());
        }
        Step::PopBack => {
            assert_eq!(pack.pop_back().map(Vec::from), model.pop_back());
        }
        Step::InsertBefore(at, s) => {
            let (index, cursor) = place(at, pack)?;
            pack.insert_before(cursor, &s);
            model.insert(index, s);
        }
        Step::InsertAfter(at, s) => {
            let (index, cursor) = place(at, pack)?;
            pack.insert_after(cursor, &s);
            model.insert(index + 1, s);
        }
        Step::Replace(at, s) => {
            let (index, cursor) = place(at, pack)?;
            let size = pack.size_with(cursor, &s);
            pack.replace(cursor, &s);
            assert_eq!(pack.size(), size);
            model[index] = s;
        }
        Step::Remove(at) => {
            let (index, cursor) = place(at, pack)?;
            let behind = pack.remove(cursor);
            model.remove(index);
            assert_eq!(behind, pack.seek(index as isize));
        }
        Step::RemoveRange(at, count) => {
            let (index, _) = place(at, pack)?;
            pack.remove_range(index as isize, count);
            model.drain(index..(index + count).min(model.len()));
        }
        Step::SplitAndAppend(at, keep) => {
            let (index, cursor) = place(at, pack)?;
            let behind = pack.split_off(cursor);
            let model_behind = model.split_off(index);
            if keep {
                pack.append(&behind);
                model.extend(model_behind);
            } else {
                *pack = behind;
                *model = model_behind;
            }
        }
        Step::Shrink => pack.shrink_to_fit(),
    }
    Some(())
}

proptest! {
    #[test]
    fn behaves_as_a_deque(steps in prop::collection::vec(step(), 0..120)) {
        let (mut pack, mut model) = (Listpack::new(), VecDeque::new());
        for step in steps {
            apply(step, &mut pack, &mut model);
            prop_assert_eq!(pack.len(), model.len());
            prop_assert_eq!(pack.is_empty(), model.is_empty());
            prop_assert_eq!(validate(pack.as_bytes()), Ok(model.len()));
            prop_assert!(pack.memory() >= pack.size());
        }
        prop_assert!(strings(&pack).iter().map(|s| s.to_vec()).eq(model.iter().cloned()));
        let (mut forwards, mut backwards) = (pack.first(), pack.last());
        for i in 0..model.len() {
            let get = |cursor: Option<Cursor>| pack.get(cursor?).map(Element::to_blob);
            prop_assert_eq!(get(forwards), Some(Blob::from(&model[i][..])));
            prop_assert_eq!(get(backwards), Some(Blob::from(&model[model.len() - 1 - i][..])));
            forwards = forwards.and_then(|cursor| pack.next(cursor));
            backwards = backwards.and_then(|cursor| pack.prev(cursor));
        }
        prop_assert_eq!((forwards, backwards), (None, None));
        prop_assert_eq!(pack.seek(model.len() as isize), None);
        prop_assert_eq!(pack.seek(-1 - model.len() as isize), None);
    }

    #[test]
    fn damaged_bytes_never_panic(
        strings in prop::collection::vec(string(), 1..8),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = pack(strings.iter().map(Vec::as_slice)).as_bytes().to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = validate(&bytes[..cut.index(bytes.len())]);
        if let Ok(pack) = Listpack::from_bytes(&bytes) {
            let forwards = pack.iter().count();
            prop_assert_eq!(forwards, pack.len());
            prop_assert_eq!(forwards, pack.iter().rev().count());
        }
    }
}
