//! The library `cjson`.

mod decode;
mod encode;

use super::datum::Datum;
use super::error::{Outcome, Raise};
use super::host::Host;
use super::vm::{Answer, Args, Kind, Native};

pub(super) static FUNCTIONS: &[Native] = &[
    Native {
        name: "encode",
        run: encode,
    },
    Native {
        name: "decode",
        run: decode,
    },
    Native {
        name: "encode_sparse_array",
        run: encode_sparse_array,
    },
    Native {
        name: "encode_max_depth",
        run: |args, host| depth(args, host, |settings| &mut settings.encode_depth_max),
    },
    Native {
        name: "decode_max_depth",
        run: |args, host| depth(args, host, |settings| &mut settings.decode_depth_max),
    },
    Native {
        name: "encode_number_precision",
        run: encode_number_precision,
    },
    Native {
        name: "encode_keep_buffer",
        run: |args, host| switch(args, host, |settings| &mut settings.keep_buffer),
    },
    Native {
        name: "encode_invalid_numbers",
        run: encode_invalid_numbers,
    },
    Native {
        name: "decode_invalid_numbers",
        run: |args, host| switch(args, host, |settings| &mut settings.decode_invalid_numbers),
    },
    Native {
        name: "new",
        run: |_, host| host.new_json().map(Answer::Json),
    },
];

pub(super) static TEXTS: &[(&str, &str)] = &[("_NAME", "cjson"), ("_VERSION", "2.1.0")];

/// What a script can set. Redis keeps it from script to script; here every script starts anew.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Turn arrays with large gaps into objects instead of refusing them.
    sparse_convert: bool,
    /// An array is sparse if its largest index is more than so many times its number of items …
    sparse_ratio: i32,
    /// … and larger than this.
    sparse_safe: i32,
    encode_depth_max: i32,
    decode_depth_max: i32,
    encode_invalid_numbers: InvalidNumbers,
    decode_invalid_numbers: bool,
    number_precision: i32,
    /// Without effect: a buffer is not worth keeping here.
    keep_buffer: bool,
}

/// What becomes of infinities and NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InvalidNumbers {
    Refuse,
    Write,
    Null,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth_max: 1000,
            decode_depth_max: 1000,
            encode_invalid_numbers: InvalidNumbers::Refuse,
            decode_invalid_numbers: true,
            number_precision: 14,
            keep_buffer: true,
        }
    }
}

impl Settings {
    /// A script may set a larger depth, as in Redis, but not use it.
    const DEPTH_MAX: usize = 1000;

    fn encode_depth(&self) -> usize {
        (self.encode_depth_max as usize).min(Settings::DEPTH_MAX)
    }

    fn decode_depth(&self) -> usize {
        (self.decode_depth_max as usize).min(Settings::DEPTH_MAX)
    }
}

fn encode<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    one_argument(args)?;
    let settings = host.json(args.instance(), |settings| settings.clone());
    let datum = args.datum(1, settings.encode_depth())?;
    let text = encode::encode(&datum, &settings, host)?;
    Ok(Answer::One(Datum::owned(text)))
}

fn decode<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    one_argument(args)?;
    let settings = host.json(args.instance(), |settings| settings.clone());
    let text = args.text(1)?;
    host.charge(text.len() as u64 * 4)?;
    let datum = decode::decode(text, &settings, host.values_max())?;
    Ok(Answer::One(datum))
}

fn one_argument(args: &Args<'_>) -> Outcome<()> {
    match args.len() {
        1 => Ok(()),
        _ => Err(Raise::argument(1, "expected 1 argument")),
    }
}

fn encode_sparse_array<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    at_most(args, 3)?;
    let instance = args.instance();
    // What comes before a mistake is set.
    if let Some(convert) = optional_switch(args, 1)? {
        host.json(instance, |settings| settings.sparse_convert = convert);
    }
    if let Some(ratio) = optional_integer(args, 2, 0, i32::MAX)? {
        host.json(instance, |settings| settings.sparse_ratio = ratio);
    }
    if let Some(safe) = optional_integer(args, 3, 0, i32::MAX)? {
        host.json(instance, |settings| settings.sparse_safe = safe);
    }
    let settings = host.json(instance, |settings| settings.clone());
    Ok(Answer::Many(vec![
        Datum::Boolean(settings.sparse_convert),
        Datum::Number(f64::from(settings.sparse_ratio)),
        Datum::Number(f64::from(settings.sparse_safe)),
    ]))
}

fn depth<'a>(
    args: &Args<'a>,
    host: &'a Host,
    field: fn(&mut Settings) -> &mut i32,
) -> Outcome<Answer<'a>> {
    at_most(args, 1)?;
    let given = optional_integer(args, 1, 1, i32::MAX)?;
    Ok(integer(args, host, field, given))
}

fn encode_number_precision<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    at_most(args, 1)?;
    let given = optional_integer(args, 1, 1, 14)?;
    Ok(integer(
        args,
        host,
        |settings| &mut settings.number_precision,
        given,
    ))
}

fn integer<'a>(
    args: &Args<'a>,
    host: &'a Host,
    field: fn(&mut Settings) -> &mut i32,
    given: Option<i32>,
) -> Answer<'a> {
    let value = host.json(args.instance(), |settings| {
        let value = field(settings);
        *value = given.unwrap_or(*value);
        *value
    });
    Answer::One(Datum::Number(f64::from(value)))
}

fn switch<'a>(
    args: &Args<'a>,
    host: &'a Host,
    field: fn(&mut Settings) -> &mut bool,
) -> Outcome<Answer<'a>> {
    at_most(args, 1)?;
    let given = optional_switch(args, 1)?;
    let value = host.json(args.instance(), |settings| {
        let value = field(settings);
        *value = given.unwrap_or(*value);
        *value
    });
    Ok(Answer::One(Datum::Boolean(value)))
}

fn encode_invalid_numbers<'a>(args: &Args<'a>, host: &'a Host) -> Outcome<Answer<'a>> {
    const CHOICES: [InvalidNumbers; 3] = [
        InvalidNumbers::Refuse,
        InvalidNumbers::Write,
        InvalidNumbers::Null,
    ];
    at_most(args, 1)?;
    let given = choice(args, 1, &["off", "on", "null"])?;
    let value = host.json(args.instance(), |settings| {
        if let Some(given) = given {
            settings.encode_invalid_numbers = CHOICES[given];
        }
        settings.encode_invalid_numbers
    });
    Ok(Answer::One(match value {
        InvalidNumbers::Refuse => Datum::Boolean(false),
        InvalidNumbers::Write => Datum::Boolean(true),
        InvalidNumbers::Null => Datum::text(b"null"),
    }))
}

fn at_most(args: &Args<'_>, len: usize) -> Outcome<()> {
    if args.len() > len {
        return Err(Raise::argument(len + 1, "found too many arguments"));
    }
    Ok(())
}

fn optional_integer(args: &Args<'_>, index: usize, min: i32, max: i32) -> Outcome<Option<i32>> {
    if matches!(args.kind(index), Kind::Missing | Kind::Nil) {
        return Ok(None);
    }
    let value = args.integer(index)? as i32;
    if !(min..=max).contains(&value) {
        // Whichever it is, the original blames the first.
        let text = format!("expected integer between {min} and {max}");
        return Err(Raise::argument(1, text));
    }
    Ok(Some(value))
}

fn optional_switch(args: &Args<'_>, index: usize) -> Outcome<Option<bool>> {
    choice(args, index, &["off", "on"]).map(|choice| choice.map(|choice| choice == 1))
}

/// The number of one of the words, the second of which is `true` as well, and the first `false`.
fn choice(args: &Args<'_>, index: usize, words: &[&str]) -> Outcome<Option<usize>> {
    match args.kind(index) {
        Kind::Missing | Kind::Nil => return Ok(None),
        Kind::Boolean => return Ok(Some(usize::from(args.is_true(index)))),
        _ => {}
    }
    let given = args.text(index)?;
    let found = words.iter().position(|word| word.as_bytes() == given);
    found.map(Some).ok_or_else(|| {
        let text = [b"invalid option '", given, b"'"].concat();
        Raise::Argument(index, text)
    })
}
