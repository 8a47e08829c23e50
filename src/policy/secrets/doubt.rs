//! Where the cheap rules cannot tell: zxcvbn counts the guesses that an attacker with word lists needs.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use crate::policy::own_password::is_common_word;

/// zxcvbn's work grows faster than the text; what is beyond this many letters only makes it stronger.
const MOST_LETTERS: usize = 48;

/// So many answers are remembered.
const MOST_KNOWN: usize = 20_000;

/// The least number of guesses, as a power of ten. Over SIP, at 100 a second, it takes three years; it also keeps a
/// captured digest from being read within a second on one machine.
const LEAST_GUESSES: f64 = 10.0;

/// Whether `secret`, in lower case `folded`, may be made of words: long runs of one kind of characters, or a run of
/// letters that is a common word. What FusionPBX's generator makes changes its kind at every other letter.
pub(super) fn is_in_doubt(secret: &str, folded: &str) -> bool {
    let (mut letters, mut changes, mut before) = (0_usize, 0_usize, 0);
    for letter in secret.chars() {
        let class = class(letter);
        changes += usize::from(letters > 0 && class != before);
        letters += 1;
        before = class;
    }
    let is_plain = if letters < 16 { changes * 2 < letters } else { changes * 4 < letters };
    is_plain || folded.split(|letter: char| !letter.is_alphabetic()).any(is_common_word)
}

/// What zxcvbn said of the last few thousand secrets, which people choose alike; by a keyed hash, never by the secret.
#[derive(Default)]
pub(super) struct Guesses {
    hasher: RandomState,
    known: HashMap<u64, bool>,
}

impl Guesses {
    /// Whether an attacker with word lists finds `secret` soon. Names that go with it are judged before.
    pub(super) fn is_guessable(&mut self, secret: &str) -> bool {
        let hash = self.hasher.hash_one(secret);
        if let Some(known) = self.known.get(&hash) {
            return *known;
        }
        let end = secret.char_indices().nth(MOST_LETTERS).map_or(secret.len(), |(end, _)| end);
        let start = secret.get(..end).unwrap_or(secret);
        let is_guessable = zxcvbn::zxcvbn(start, &[]).guesses_log10() < LEAST_GUESSES;
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        self.known.insert(hash, is_guessable);
        is_guessable
    }
}

/// One bit for each kind of characters: digits, lower case, upper case, the rest.
pub(super) const fn class(letter: char) -> u8 {
    match letter {
        '0'..='9' => 1,
        'a'..='z' => 2,
        'A'..='Z' => 4,
        _ => 8,
    }
}
