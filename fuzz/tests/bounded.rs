//! Some thousands of inputs for every target, the same each time: seeds, and seeds that were
//! changed a little. `REDSTART_FUZZ_INPUTS` says how many, `REDSTART_FUZZ_SEED` where to begin.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use redstart_fuzz::TARGETS;

const INPUTS: u64 = 20_000;
/// Longer inputs are cut.
const LEN_MAX: usize = 4_096;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => otherwise,
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }

    fn pick<'a>(&mut self, choices: &'a [Vec<u8>]) -> &'a [u8] {
        &choices[self.below(choices.len())]
    }

    /// A stretch of something that long.
    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.below(len + 1);
        let longest = match self.below(4) {
            0 => len - start,
            _ => (len - start).min(12),
        };
        start..start + self.below(longest + 1)
    }
}

/// What inputs are made of.
struct Material {
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Material {
    fn of(target: &str) -> Material {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(root.join("seeds").join(target)).expect("the seeds");
        let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        files.sort();
        let read = |path| std::fs::read(path).expect("a seed");
        let name = match target {
            "commands" | "script_inputs" | "redis_conf" => target,
            "rdb_load" | "restore_payload" => "snapshots",
            _ => "protocol",
        };
        let dictionary = root.join("dictionaries").join(name).with_extension("dict");
        let dictionary = std::fs::read_to_string(dictionary).expect("the dictionary");
        Material {
            seeds: files.iter().map(read).collect(),
            words: dictionary.lines().filter_map(word).collect(),
        }
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut input = random.pick(&self.seeds).to_vec();
        for _ in 0..random.below(9) {
            self.change(&mut input, random);
        }
        input.truncate(LEN_MAX);
        input
    }

    fn change(&self, input: &mut Vec<u8>, random: &mut Random) {
        let at = random.range(input.len());
        match random.below(8) {
            0 => input[at]
                .iter_mut()
                .for_each(|byte| *byte ^= 1 << random.below(8)),
            1 => drop(input.drain(at)),
            2 => input.insert(at.start, random.below(256) as u8),
            3 => {
                let copy = input[at].to_vec();
                let to = random.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            4 => {
                let other = random.pick(&self.seeds);
                let part = other[random.range(other.len())].to_vec();
                input.splice(at, part);
            }
            5 => drop(input.splice(at.start..at.start, random.pick(&self.words).to_vec())),
            6 => drop(input.splice(at, random.pick(&self.words).to_vec())),
            // A word in place of a word.
            _ => {
                let is_between = |byte: &u8| b" \r\n\xff".contains(byte);
                let word = random.pick(&self.words).to_vec();
                let start = input[..at.start].iter().rposition(is_between);
                let start = start.map_or(0, |space| space + 1);
                let end = input[start..].iter().position(is_between);
                let end = end.map_or(input.len(), |space| start + space);
                input.splice(start..end, word);
            }
        }
    }
}

/// A word of a dictionary, if the line has one.
fn word(line: &str) -> Option<Vec<u8>> {
    let text = line.strip_prefix('"')?.strip_suffix('"')?;
    let mut word = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.clone().next()) {
            (b'\\', Some(b'x')) => {
                let digits = text.get(text.len() - bytes.len() + 1..)?.get(..2)?;
                word.push(u8::from_str_radix(digits, 16).ok()?);
                bytes.nth(2);
            }
            (b'\\', Some(_)) => word.extend(bytes.next()),
            _ => word.push(byte),
        }
    }
    Some(word)
}

fn bounded(target: &str) {
    let (_, run) = TARGETS
        .iter()
        .find(|(name, _)| *name == target)
        .expect("a target");
    let material = Material::of(target);
    for seed in &material.seeds {
        run(seed);
    }
    let first = from_environment("REDSTART_FUZZ_SEED", 0);
    for seed in first..first + from_environment("REDSTART_FUZZ_INPUTS", INPUTS) {
        let input = material.input(&mut Random(seed.wrapping_mul(0x1000_0000_01b3)));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&input))) {
            eprintln!(
                "{target}, REDSTART_FUZZ_SEED={seed}: \"{}\"",
                input.escape_ascii()
            );
            resume_unwind(panic);
        }
    }
}

#[test]
fn request_decoder() {
    bounded("request_decoder");
}

#[test]
fn reply_decoder() {
    bounded("reply_decoder");
}

#[test]
fn commands() {
    bounded("commands");
}

#[test]
fn script_inputs() {
    bounded("script_inputs");
}

#[test]
fn redis_conf() {
    bounded("redis_conf");
}

#[test]
fn rdb_load() {
    bounded("rdb_load");
}

#[test]
fn restore_payload() {
    bounded("restore_payload");
}

#[test]
fn aof_load() {
    bounded("aof_load");
}

#[test]
fn words_are_read_as_libfuzzer_reads_them() {
    assert_eq!(word(r#""a\x0d\\x\"""#), Some(b"a\r\\x\"".to_vec()));
    assert_eq!(word("# a comment"), None);
    let words = Material::of("commands").words;
    assert!(words.contains(&b"zunionstore".to_vec()) && words.contains(&b"\r\n".to_vec()));
}
