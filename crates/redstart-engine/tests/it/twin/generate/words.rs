//! The words that histories are made of.

use super::super::random::Random;

/// A source of arguments.
pub(in super::super) struct Words {
    pub(super) random: Random,
}

/// Keys for all types but sorted sets in lexicographical use, which get their own.
const KEYS: [&str; 4] = ["a", "b", "c", "d"];
const NAMES: [&str; 6] = ["f", "g", "h", "1", "2", "-3"];

const INTEGERS_ODD: [&str; 34] = [
    "9223372036854775807",
    "9223372036854775806",
    "-9223372036854775808",
    "-9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "4294967295",
    "4294967296",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "32767",
    "32768",
    "-32769",
    "65536",
    "1.0",
    "1.5",
    "1e2",
    "0x10",
    "+5",
    "-0",
    "007",
    " 1",
    "1 ",
    "",
    "abc",
    "nan",
    "inf",
    "1\0",
    "--1",
    "10000",
    "9999",
];

const FLOATS_ODD: [&str; 47] = [
    "0",
    "-0",
    "0.0",
    "-0.0",
    "1.5",
    "-1.5",
    "3.0e5",
    "1e-5",
    "5e-324",
    "1e308",
    "-1e308",
    "1.7976931348623157e308",
    "2e308",
    "1e400",
    "-1e400",
    "inf",
    "+inf",
    "-inf",
    "Infinity",
    "-infinity",
    "nan",
    "NaN",
    "-nan",
    "0x1p3",
    "0x1.8p1",
    "0x",
    "0.1",
    "0.2",
    "0.30000000000000004",
    "3.141592653589793",
    "100000000000000000000",
    "1e17",
    "123456789012345678",
    "9007199254740993",
    "1e21",
    "1e22",
    "-1.7e-7",
    "",
    " 1",
    "1 ",
    "abc",
    "1,5",
    "+1",
    "--1",
    "1e",
    ".5",
    "5.",
];

const JUNK: [&str; 32] = [
    "NX",
    "XX",
    "GT",
    "LT",
    "CH",
    "INCR",
    "EX",
    "PX",
    "EXAT",
    "PXAT",
    "KEEPTTL",
    "GET",
    "PERSIST",
    "WITHSCORES",
    "WITHVALUES",
    "LIMIT",
    "COUNT",
    "MATCH",
    "TYPE",
    "REV",
    "BYSCORE",
    "BYLEX",
    "WEIGHTS",
    "AGGREGATE",
    "MIN",
    "LEFT",
    "REPLACE",
    "DB",
    "foo",
    "",
    "-1",
    "0",
];

impl Words {
    pub(in super::super) fn new(random: Random) -> Words {
        Words { random }
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.random.chance(percent)
    }

    /// One of some fixed words.
    pub(super) fn one(&mut self, words: &[&str]) -> Vec<u8> {
        self.random.pick(words).as_bytes().to_vec()
    }

    /// A number from a range, as a word.
    pub(super) fn number(&mut self, low: i64, high: i64) -> Vec<u8> {
        let span = usize::try_from(high - low + 1).expect("a range");
        let offset = i64::try_from(self.random.below(span)).expect("inside the range");
        (low + offset).to_string().into_bytes()
    }

    pub(super) fn key(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0 => Vec::new(),
            1 => b"{x}1".to_vec(),
            2 => b"{x}2".to_vec(),
            3 => b"k\0\xff\r\n".to_vec(),
            4 => vec![b'k'; 70],
            _ => self.one(&KEYS),
        }
    }

    /// Some keys.
    pub(super) fn keys(&mut self, low: usize, high: usize) -> Vec<Vec<u8>> {
        (0..self.between(low, high)).map(|_| self.key()).collect()
    }

    pub(super) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.random.below(high - low + 1)
    }

    /// A hash field or a member of a set.
    pub(super) fn name(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..75 => self.one(&NAMES),
            75..90 => self.number(-5, 40),
            _ => self.value(),
        }
    }

    pub(super) fn names(&mut self, low: usize, high: usize) -> Vec<Vec<u8>> {
        (0..self.between(low, high)).map(|_| self.name()).collect()
    }

    /// A value of any kind.
    pub(super) fn value(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..25 => self.one(&["x", "y", "hello", "world", "aXbXc", "ohmytext", "mynewtext"]),
            25..50 => self.integer(),
            50..60 => self.float(),
            60..65 => Vec::new(),
            65..70 => b"\0\x01\xff\xfe".to_vec(),
            70..73 => "h\u{e9}llo \u{1F600}".as_bytes().to_vec(),
            73..76 => b"a b\r\n\"'\\".to_vec(),
            76..86 => self.long(),
            _ => {
                let letter = b'a' + u8::try_from(self.random.below(3)).expect("small");
                vec![letter; self.between(1, 6)]
            }
        }
    }

    /// A value about as long as one of the limits at which representations change.
    fn long(&mut self) -> Vec<u8> {
        let limit = *self.random.pick(&[20, 22, 44, 64, 64, 127, 255, 512]);
        let limit = if self.chance(3) { 8_192 } else { limit };
        let length = limit - 1 + self.random.below(3);
        let mut value = vec![b'v'; length];
        if let Some(first) = value.first_mut() {
            *first = b'a' + u8::try_from(self.random.below(3)).expect("small");
        }
        value
    }

    /// An integer, mostly small, sometimes none.
    pub(super) fn integer(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..75 => self.number(-5, 12),
            75..80 => self.number(-100_000, 100_000),
            _ => self.one(&INTEGERS_ODD),
        }
    }

    /// An index or a count: small, either sign, rarely odd.
    pub(super) fn index(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..92 => self.number(-6, 8),
            92..95 => self.number(-1_000, 1_000),
            _ => self.one(&INTEGERS_ODD),
        }
    }

    /// How many members chance is to choose; a large negative number would be answered in full.
    pub(super) fn choices(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..92 => self.number(-6, 8),
            92..95 => self.number(-100, 1_000),
            _ => self.one(&[
                "9223372036854775808",
                "-9223372036854775809",
                "abc",
                "",
                "1.5",
                "+1",
            ]),
        }
    }

    /// A count that should be positive.
    pub(super) fn count(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..85 => self.number(1, 6),
            85..90 => self.number(-3, 0),
            90..95 => self.number(0, 600),
            _ => self.one(&INTEGERS_ODD),
        }
    }

    /// A number of keys that are to follow, now and then a wrong one.
    pub(super) fn number_of(&mut self, keys: usize) -> Vec<u8> {
        match self.chance(94) {
            true => keys.to_string().into_bytes(),
            false => self.index(),
        }
    }

    pub(super) fn float(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..30 => self.number(-3, 5),
            30..60 => {
                let whole = self.random.below(20);
                let part = self.random.below(1_000);
                let sign = if self.chance(30) { "-" } else { "" };
                format!("{sign}{whole}.{part}").into_bytes()
            }
            _ => self.one(&FLOATS_ODD),
        }
    }

    /// A score that is a number, often a small one, so that scores are equal.
    pub(super) fn score(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..65 => self.number(-2, 4),
            65..80 => self.one(&["0.1", "1.5", "-1.5", "2.25", "1e3", "inf", "-inf", "-0"]),
            _ => self.float(),
        }
    }

    /// Seconds until a key expires: long enough not to matter here, or none.
    pub(super) fn seconds(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..75 => self.number(1_000, 1_000_000),
            75..90 => self.number(-5, 0),
            _ => self.one(&[
                "9223372036854775807",
                "9223372036854775",
                "9223372036854776",
                "-9223372036854775808",
                "-9223372036854776",
                "abc",
                "1.5",
                "",
                "9223372036854775808",
                "100000000000",
            ]),
        }
    }

    /// Milliseconds until a key expires.
    pub(super) fn milliseconds(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..75 => self.number(1_000_000, 1_000_000_000),
            75..90 => self.number(-5, 0),
            _ => self.one(&[
                "9223372036854775807",
                "9223372036854775000",
                "-9223372036854775808",
                "abc",
                "1.5",
                "",
                "9223372036854775808",
                "100000000000000",
            ]),
        }
    }

    /// A moment far from now, in seconds since 1970.
    pub(super) fn moment(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..75 => self.one(&["4102444800", "4102444801", "4102444802", "5000000000"]),
            75..88 => self.one(&["0", "1", "-1", "1000000000"]),
            _ => self.seconds(),
        }
    }

    /// A moment far from now, in milliseconds since 1970.
    pub(super) fn moment_ms(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..75 => self.one(&[
                "4102444800000",
                "4102444800001",
                "4102444801000",
                "5000000000000",
            ]),
            75..88 => self.one(&["0", "1", "-1", "1000000000000"]),
            _ => self.milliseconds(),
        }
    }

    /// Exclusive and inclusive score bounds.
    pub(super) fn score_bound(&mut self) -> Vec<u8> {
        let mut bound = match self.random.below(100) {
            0..20 => self.one(&["-inf", "+inf", "inf"]),
            _ => self.score(),
        };
        if self.chance(25) {
            bound.insert(0, b'(');
        }
        bound
    }

    /// Lexicographical bounds.
    pub(super) fn lex_bound(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..25 => self.one(&["-", "+"]),
            25..30 => self.one(&["", "a", "(", "[", "-x", "+inf"]),
            _ => {
                let mut bound = self.one(&["[", "("]);
                bound.extend(self.lex_member());
                bound
            }
        }
    }

    pub(super) fn lex_member(&mut self) -> Vec<u8> {
        match self.random.below(100) {
            0..90 => self.one(&["a", "aa", "ab", "b", "ba", "c", "d", "e", "1", "11", "2"]),
            _ => self.value(),
        }
    }

    /// A glob pattern for keys, fields and members.
    pub(super) fn pattern(&mut self) -> Vec<u8> {
        self.one(&[
            "*", "*", "a", "?", "[a-c]", "[^a]", "[z-a]", "k*", "*1", "\\a", "", "**", "[", "f*",
            "[fg]", "{x}*", "[a-", "h?llo", "*\\", "-?",
        ])
    }

    pub(super) fn channel(&mut self) -> Vec<u8> {
        match self.random.below(20) {
            0 => self.value(),
            _ => self.one(&["ch1", "ch2", "news.a", "news.b"]),
        }
    }

    /// Adds `option` in some of a hundred cases.
    pub(super) fn maybe(&mut self, args: &mut Vec<Vec<u8>>, percent: usize, options: &[&str]) {
        if self.chance(percent) {
            let option = self.one(options);
            args.push(option);
        }
    }

    /// LIMIT offset count.
    pub(super) fn limit(&mut self, args: &mut Vec<Vec<u8>>, percent: usize) {
        if self.chance(percent) {
            args.push(b"LIMIT".to_vec());
            args.push(self.index());
            args.push(self.index());
        }
    }

    /// Breaks a command: too few words, too many, or a word that does not belong.
    pub(super) fn spoil(&mut self, args: &mut Vec<Vec<u8>>, fixed: usize) {
        // What could make a server allocate or answer gigabytes stays whole.
        let name = String::from_utf8_lossy(&args[0]).to_uppercase();
        let delicate = [
            "HELLO",
            "SETRANGE",
            "SETBIT",
            "BITFIELD",
            "DEBUG",
            "CLIENT",
            "CONFIG",
            "SRANDMEMBER",
            "HRANDFIELD",
            "ZRANDMEMBER",
        ];
        if delicate.contains(&name.as_str()) {
            return;
        }
        // Members of one score stay so, a database beyond those that are compared stays empty, and
        // nothing is sorted by what leaves its order open.
        if args.iter().any(|arg| arg == b"l1" || arg == b"l2")
            || ["SWAPDB", "MOVE", "SORT", "SORT_RO"].contains(&name.as_str())
        {
            args.truncate(fixed.max(args.len() - 1));
            return;
        }
        let place = fixed + self.random.below(args.len() - fixed + 1);
        match self.random.below(6) {
            0 | 1 => args.truncate(fixed.max(args.len() - 1)),
            2 => {
                let junk = self.one(&JUNK);
                args.push(junk);
            }
            3 => {
                let junk = self.one(&JUNK);
                args.insert(place, junk);
            }
            4 if place < args.len() => args[place] = self.one(&JUNK),
            // A value may be a number, and a key that lives for some milliseconds lives in one twin.
            _ if place < args.len() && !name.contains("SET") && !name.contains("EX") => {
                args[place] = self.value();
            }
            _ => args.truncate(fixed),
        }
    }

    pub(super) fn change_case(&mut self, word: &mut [u8]) {
        for byte in word {
            if self.random.chance(50) {
                *byte = byte.to_ascii_lowercase();
            }
        }
    }
}
