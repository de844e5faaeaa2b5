use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hasher;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;
use parking_lot::Mutex;

/// The secret that makes an engine's hashes its own.
///
/// Whoever chooses the keys must not be able to choose collisions, and the same seed must give the
/// same order in every run. So all of foldhash's state comes from the seed, not only the word that
/// is cheap to vary: with the library's fixed words, keys that collide under every seed are easy
/// to write down.
#[derive(Clone, Copy)]
pub(crate) struct Seed(&'static Secret);

struct Secret {
    start: u64,
    words: SharedSeed,
}

/// Secrets live as long as the process, which makes a seed one copyable word. An engine needs one
/// (64 bytes), and equal seeds share theirs.
static SECRETS: Mutex<BTreeMap<u64, &'static Secret>> = Mutex::new(BTreeMap::new());

impl Seed {
    /// The seed that follows from a number, the same in every process.
    pub(crate) fn new(number: u64) -> Self {
        Self(SECRETS.lock().entry(number).or_insert_with(|| {
            let words = SharedSeed::from_u64(number);
            let mut hasher = FoldHasher::with_seed(number, &words);
            hasher.write_u64(number);
            Box::leak(Box::new(Secret {
                start: hasher.finish(),
                words,
            }))
        }))
    }

    /// The hash of a key.
    #[inline]
    pub(crate) fn hash(self, key: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.0.start, &self.0.words);
        hasher.write(key);
        hasher.finish()
    }
}

/// Keeps the secret out of logs.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}
