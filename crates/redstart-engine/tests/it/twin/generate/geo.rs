//! Places: mostly a few that lie near each other, so that searches find them, distances are equal
//! and members share cells; and the edges of the world.

use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(35, "GEOADD", geoadd),
    entry(2, "GEOADD", many),
    entry(5, "GEOPOS", some_members),
    entry(5, "GEOHASH", some_members),
    entry(8, "GEODIST", |w| {
        let mut args = args![w.key(), w.name(), w.name()];
        if w.chance(60) {
            args.push(unit(w));
        }
        w.maybe(&mut args, 3, &["m"]);
        args
    }),
    entry(25, "GEOSEARCH", |w| {
        let mut args = args![w.key()];
        search(w, &mut args);
        shown(w, &mut args, 30);
        args
    }),
    entry(12, "GEOSEARCHSTORE", |w| {
        let mut args = args![w.key(), w.key()];
        search(w, &mut args);
        w.maybe(&mut args, 40, &["STOREDIST", "storedist"]);
        shown(w, &mut args, 2);
        args
    }),
    entry(12, "GEORADIUS", |w| {
        let mut args = around_place(w);
        stored(w, &mut args);
        args
    }),
    entry(4, "GEORADIUS_RO", |w| {
        let mut args = around_place(w);
        w.maybe(&mut args, 5, &["STORE", "STOREDIST"]);
        args
    }),
    entry(12, "GEORADIUSBYMEMBER", |w| {
        let mut args = around_member(w);
        stored(w, &mut args);
        args
    }),
    entry(4, "GEORADIUSBYMEMBER_RO", around_member),
    entry(4, "ZADD", |w| {
        let score = w.one(&[
            "-1",
            "0.5",
            "1e15",
            "4503599627370496",
            "9007199254740993",
            "9223372036854775807",
            "1e19",
            "1e300",
            "-1e300",
            "inf",
            "-inf",
            "3479099956230698",
        ]);
        args![w.key(), score, w.name()]
    }),
    entry(6, "ZRANGE", |w| {
        args![w.key(), *b"0", *b"-1", *b"WITHSCORES"]
    }),
    entry(6, "ZREM", some_members),
];

fn geoadd(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    while w.chance(20) {
        args.push(w.one(&["NX", "XX", "CH", "CH", "ch", "GT"]));
    }
    for _ in 0..w.between(1, 4) {
        place(w, &mut args);
        args.push(w.name());
    }
    args
}

/// Enough members for a large set, many of them in the same places.
fn many(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    let count = *w.random.pick(&[20, 60, 127, 129, 300]);
    let step = *w.random.pick(&[1, 3, 10]);
    for number in 0..count {
        let at = number / step;
        args.push(format!("{}.{}", at % 7, at % 10).into_bytes());
        args.push(format!("{}.{}", at % 5, at % 3).into_bytes());
        args.push(format!("m{number}").into_bytes());
    }
    args
}

fn some_members(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    args.extend(w.names(0, 3));
    args
}

/// A longitude and a latitude.
fn place(w: &mut Words, args: &mut Vec<Vec<u8>>) {
    match w.random.below(100) {
        // A few places, near each other and far apart.
        0..45 => {
            args.push(w.one(&["0", "0.001", "1", "2.5", "-1", "13.361389", "15.087269"]));
            args.push(w.one(&["0", "0.001", "1", "2.5", "-1", "38.115556", "37.502669"]));
        }
        // Antipodes and edges.
        45..65 => {
            args.push(w.one(&[
                "180",
                "-180",
                "179.9999",
                "-179.9999",
                "179.5",
                "-179.5",
                "90",
                "-90",
            ]));
            args.push(w.one(&[
                "85.05112878",
                "-85.05112878",
                "85",
                "-85",
                "80.5",
                "-80.5",
                "66.1",
                "-66.1",
                "0",
                "-0",
            ]));
        }
        65..92 => {
            let sign = |w: &mut Words| if w.chance(50) { "-" } else { "" };
            let longitude = format!(
                "{}{}.{}",
                sign(w),
                w.random.below(180),
                w.random.below(9_999)
            );
            let latitude = format!(
                "{}{}.{}",
                sign(w),
                w.random.below(85),
                w.random.below(9_999)
            );
            args.extend([longitude.into_bytes(), latitude.into_bytes()]);
        }
        92..97 => {
            args.push(w.one(&[
                "180.0001",
                "-181",
                "1e308",
                "inf",
                "-inf",
                "200.0078125",
                "nan",
                "x",
            ]));
            args.push(w.one(&[
                "0",
                "85.06",
                "-90",
                "1e-320",
                "-inf",
                "91.0234375",
                "nan",
                "",
            ]));
        }
        _ => args.extend([w.float(), w.float()]),
    }
}

fn unit(w: &mut Words) -> Vec<u8> {
    match w.chance(95) {
        true => w.one(&["m", "km", "ft", "mi", "M", "Km"]),
        false => w.one(&["", "x", "metre", "k"]),
    }
}

/// How large something is, from nothing to more than the world.
fn size(w: &mut Words) -> Vec<u8> {
    match w.random.below(100) {
        0..20 => w.number(0, 300),
        20..40 => w.number(100, 20_000),
        40..60 => w.number(10_000, 2_000_000),
        60..75 => w.number(1_000_000, 30_000_000),
        75..80 => w.one(&["0.5", "111.2", "157.25", "0.0001", "1e-320", "-0"]),
        80..90 => w.one(&["5000000", "10007543.4", "20015087", "20020741", "22000000"]),
        90..95 => w.one(&["1e300", "1e308", "inf", "1.7e308"]),
        _ => w.one(&["-1", "-inf", "nan", "x", "", "1e400", " 1"]),
    }
}

fn search(w: &mut Words, args: &mut Vec<Vec<u8>>) {
    let mut center = Vec::new();
    match w.random.below(100) {
        0..45 => center.extend(args![*b"FROMMEMBER", w.name()]),
        45..95 => {
            center.push(w.one(&["FROMLONLAT", "fromlonlat"]));
            place(w, &mut center);
        }
        _ => {}
    }
    let mut shape = Vec::new();
    match w.random.below(100) {
        0..50 => {
            shape.push(w.one(&["BYRADIUS", "byradius"]));
            shape.extend([size(w), unit(w)]);
        }
        50..96 => {
            shape.push(w.one(&["BYBOX", "bybox"]));
            shape.extend([size(w), size(w), unit(w)]);
        }
        _ => {}
    }
    match w.chance(80) {
        true => args.extend(center.into_iter().chain(shape)),
        false => args.extend(shape.into_iter().chain(center)),
    }
    options(w, args);
    // A second centre or shape.
    w.maybe(args, 2, &["FROMMEMBER", "FROMLONLAT", "BYRADIUS", "BYBOX"]);
    if w.chance(3) {
        args.extend(args![*b"BYRADIUS", size(w), unit(w)]);
    }
    if w.chance(3) {
        args.extend(args![*b"FROMMEMBER", w.name()]);
    }
}

fn options(w: &mut Words, args: &mut Vec<Vec<u8>>) {
    w.maybe(args, 40, &["ASC", "DESC", "asc", "desc"]);
    if w.chance(40) {
        args.push(w.one(&["COUNT", "count"]));
        args.push(match w.chance(90) {
            true => w.number(1, 12),
            false => w.count(),
        });
        w.maybe(args, 35, &["ANY", "any"]);
    }
    w.maybe(args, 3, &["ANY", "COUNT", "foo", "STOREDIST", "STORE"]);
}

fn shown(w: &mut Words, args: &mut Vec<Vec<u8>>, percent: usize) {
    for option in ["WITHCOORD", "WITHDIST", "WITHHASH"] {
        w.maybe(args, percent, &[option, &option.to_lowercase()]);
    }
}

fn around_place(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key()];
    place(w, &mut args);
    args.extend([size(w), unit(w)]);
    shown(w, &mut args, 30);
    options(w, &mut args);
    args
}

fn around_member(w: &mut Words) -> Vec<Vec<u8>> {
    let mut args = args![w.key(), w.name(), size(w), unit(w)];
    shown(w, &mut args, 30);
    options(w, &mut args);
    args
}

fn stored(w: &mut Words, args: &mut Vec<Vec<u8>>) {
    while w.chance(25) {
        // With what is shown it cannot be stored.
        if w.chance(90) {
            args.retain(|arg| !arg.to_ascii_uppercase().starts_with(b"WITH"));
        }
        args.push(w.one(&["STORE", "STOREDIST", "store", "storedist"]));
        args.push(w.key());
    }
}
