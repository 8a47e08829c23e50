//! Whether a password of one of Rampart's own operators would be guessed early (NIST SP 800-63B-4 section 3.1.1.2):
//! length counts, kinds of characters do not; what stands on a list of common passwords is refused, and so is what
//! consists of such words, of names that belong to this server, and of rows of keys. Compared without regard to case and
//! to how a letter is composed (NFKC); what is hashed is what was typed.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

/// The list, most common first; where it comes from stands in `docs/decisions/0012-own-passwords.md`.
const LIST: &str = include_str!("common_passwords.txt");

/// So many of the most common ones are also looked for inside a password (ASVS 6.2.4).
const WORDS: usize = 3_000;

/// The longest one on the list, in bytes: what is longer need not be looked up.
const LONGEST_LISTED: usize = 21;

/// Shorter pieces are everywhere, and mean nothing.
const SHORTEST_PIECE: usize = 4;

/// What must be left, in code points, when all such pieces are taken out.
pub const MOST_NEEDED: usize = 8;

/// Rows of keys and ways of counting, in both directions; counting goes round.
const ROWS: [&str; 10] = [
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "0123456789012345678901234567890123456789",
    "1234567891011121314151617181920",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1234567890qwertyuiop",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
];

static ALL: LazyLock<HashSet<String>> = LazyLock::new(|| LIST.lines().map(folded).collect());

static COMMON: LazyLock<HashSet<String>> = LazyLock::new(|| {
    // Fifteen times one letter is a password like any other, unless it is on the list itself.
    let is_word = |word: &String| word.chars().count() >= SHORTEST_PIECE && !is_one_letter(word);
    LIST.lines().take(WORDS).map(folded).filter(is_word).collect()
});

static BOTH_WAYS: LazyLock<Vec<String>> =
    LazyLock::new(|| ROWS.iter().flat_map(|row| [(*row).to_owned(), row.chars().rev().collect()]).collect());

/// Words that say nothing here: the program's, the server's, the operator's.
#[derive(Clone, Debug, Default)]
pub struct ContextWords(Vec<String>);

impl ContextWords {
    /// The names of the programs, of the host, and those under which the console is reached.
    #[must_use]
    pub fn of(host: &str, names: &[String]) -> Self {
        let programs = ["rampart", "fusionpbx", "freeswitch"].map(ToOwned::to_owned);
        let mut words = Self(programs.to_vec());
        words.add(host);
        for name in names {
            words.add(name);
        }
        words
    }

    /// These, and the operator's own name.
    #[must_use]
    pub fn with(&self, operator: &str) -> Self {
        let mut words = self.clone();
        words.add(operator);
        words
    }

    /// Adds `text` and its parts: `pbx.example.com` and `example`.
    fn add(&mut self, text: &str) {
        let text = folded(text);
        let parts = text.split(|letter: char| !letter.is_alphanumeric());
        self.0.extend(parts.filter(|part| part.chars().count() >= SHORTEST_PIECE).map(ToOwned::to_owned));
        if text.chars().count() >= 3 {
            self.0.push(text);
        }
    }
}

/// Why a password would be guessed early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guessable {
    /// It stands on the list.
    Listed,
    /// Too little is left without what anybody would try.
    Made {
        /// Common passwords were in it.
        of_common: bool,
        /// Names of this server or of the operator were in it.
        of_names: bool,
        /// Rows of keys or counting were in it.
        of_rows: bool,
        /// So many code points are left.
        left: usize,
    },
}

impl fmt::Display for Guessable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Listed => {
                out.write_str("this one is on the list of common passwords, which are tried first: choose another")
            }
            Self::Made { of_common, of_names, of_rows, left } => {
                let kinds = [
                    (of_common, "common passwords"),
                    (of_names, "names of this server, of its programs or of the operator"),
                    (of_rows, "rows of keys and counting"),
                ];
                let kinds: Vec<&str> =
                    kinds.into_iter().filter(|(is_in, _)| *is_in).map(|(_, words)| words).collect();
                let kinds = kinds.join(", and ");
                write!(
                    out,
                    "without {kinds}, {left} of its characters are left, and at least {MOST_NEEDED} must be: add words \
                     that have nothing to do with this server"
                )
            }
        }
    }
}

impl std::error::Error for Guessable {}

/// What a piece of a password is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Letter,
    Common,
    Name,
    Row,
}

/// Judges `password` among `words`.
///
/// # Errors
/// Says why it would be guessed early.
pub fn judge(password: &str, words: &ContextWords) -> Result<(), Guessable> {
    let text = folded(password);
    if ALL.contains(&text) {
        return Err(Guessable::Listed);
    }
    let letters: Vec<char> = text.chars().collect();
    let (left, pieces) = fewest_left(&letters, words);
    if left >= MOST_NEEDED {
        return Ok(());
    }
    let has = |piece| pieces.contains(&piece);
    match (has(Piece::Common), has(Piece::Name), has(Piece::Row)) {
        // Short only because a letter became fewer when folded: the length has been judged already.
        (false, false, false) => Ok(()),
        (of_common, of_names, of_rows) => Err(Guessable::Made { of_common, of_names, of_rows, left }),
    }
}

/// The fewest letters that no piece covers, and the pieces of that way to cut.
fn fewest_left(letters: &[char], words: &ContextWords) -> (usize, Vec<Piece>) {
    // For each length of the front: how many are left of it, and the last piece with where it begins.
    let mut best: Vec<(usize, usize, Piece)> = vec![(0, 0, Piece::Letter)];
    let longest = words.0.iter().map(|word| word.chars().count()).max().unwrap_or(0).max(40);
    for end in 1..=letters.len() {
        let before = best.get(end - 1).map_or(0, |(left, _, _)| *left);
        let mut here = (before + 1, end - 1, Piece::Letter);
        for begin in end.saturating_sub(longest)..end {
            let left = best.get(begin).map_or(usize::MAX, |(left, _, _)| *left);
            if left < here.0
                && let Some(piece) = letters.get(begin..end).and_then(|cut| kind(cut, words))
            {
                here = (left, begin, piece);
            }
        }
        best.push(here);
    }
    let mut pieces = Vec::new();
    let mut at = letters.len();
    while let Some((_, begin, piece)) = best.get(at).filter(|_| at > 0) {
        pieces.push(*piece);
        at = *begin;
    }
    (best.last().map_or(0, |(left, _, _)| *left), pieces)
}

/// What a cut is, if anybody would try it.
fn kind(cut: &[char], words: &ContextWords) -> Option<Piece> {
    if cut.len() < 3 {
        return None;
    }
    let text: String = cut.iter().collect();
    if words.0.contains(&text) {
        return Some(Piece::Name);
    }
    if cut.len() < SHORTEST_PIECE {
        return None;
    }
    if COMMON.contains(&text) {
        return Some(Piece::Common);
    }
    BOTH_WAYS.iter().any(|row| row.contains(&text)).then_some(Piece::Row)
}

/// Whether `folded`, in lower case, stands on the list of common passwords.
pub(in crate::policy) fn is_listed(folded: &str) -> bool {
    folded.len() <= LONGEST_LISTED && ALL.contains(folded)
}

/// Whether `folded`, in lower case, is one of the most common ones of at least four letters.
pub(in crate::policy) fn is_common_word(folded: &str) -> bool {
    folded.len() >= SHORTEST_PIECE && folded.len() <= LONGEST_LISTED && COMMON.contains(folded)
}

/// Compatible forms made one, and case left out.
pub(in crate::policy) fn folded(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

fn is_one_letter(word: &str) -> bool {
    let mut letters = word.chars();
    let first = letters.next();
    letters.all(|letter| Some(letter) == first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::encoding::sha256_hex;

    fn words() -> ContextWords {
        ContextWords::of("pbx7", &["voice.example-town.org".to_owned()]).with("ann.miller")
    }

    fn made(password: &str) -> (bool, bool, bool) {
        match judge(password, &words()) {
            Err(Guessable::Made { of_common, of_names, of_rows, .. }) => (of_common, of_names, of_rows),
            other => panic!("{password:?}: {other:?}"),
        }
    }

    /// ASVS 6.2.4, 6.2.12: the list is the one that was taken over, and none of it is accepted.
    #[test]
    fn everything_on_the_list_is_refused() {
        assert_eq!(sha256_hex(LIST.as_bytes()), "77053064ebb876ec46ad8b651d0e3728d35459ea36d6a50a2470897018206bb6");
        assert!(LIST.lines().count() > 19_000);

        for password in LIST.lines() {
            assert_eq!(judge(password, &words()), Err(Guessable::Listed), "{password}");
            assert!(judge(&password.to_uppercase(), &ContextWords::default()).is_err(), "{password}");
        }
    }

    /// ASVS 6.2.4: the three thousand most common ones help no password either.
    #[test]
    fn common_words_repeated_or_joined_are_refused() {
        for password in [
            "passwordpassword1",
            "dragon monkey soccer",
            "Iloveyou-Iloveyou",
            "SUNSHINEprincess99",
            "letmeinletmeinletmein",
        ] {
            assert_eq!(made(password), (true, false, false), "{password}");
        }
    }

    #[test]
    fn names_of_the_server_and_of_the_operator_are_refused() {
        for password in ["rampart-fusionpbx", "FreeSWITCH-Rampart!", "ann.miller-pbx7-2", "voice.example-town.org/1"]
        {
            assert_eq!(made(password), (false, true, false), "{password}");
        }
        assert_eq!(made("rampart-password1"), (true, true, false));
    }

    #[test]
    fn rows_of_keys_and_counting_are_refused() {
        for password in [
            "567890123456789012",
            "poiuytrewq-lkjhgfdsa",
            "abcdefghijklmnopq",
            "7ujm6yhn5tgb4rfv!",
            "zyxwvutsrqponmlkj",
        ] {
            let (_, of_names, of_rows) = made(password);
            assert!(of_rows && !of_names, "{password}");
        }
    }

    /// ASVS 6.2.5.
    #[test]
    fn no_composition_is_asked_for() {
        for password in [
            "aaaaaaaaaaaaaaa",
            "               ",
            "a quiet stone wall",
            "correct horse battery staple",
            "\u{1f510}\u{1f511}\u{1f512}\u{1f513}\u{1f3f0}\u{1f9f1}\u{26f2}\u{1f6aa}\u{1f510}\u{1f511}\u{1f512}\u{1f513}\u{1f3f0}\u{1f9f1}\u{26f2}",
            "der Hof hinter dem Tor",
            "\u{43a}\u{430}\u{43c}\u{435}\u{43d}\u{43d}\u{430}\u{44f} \u{441}\u{442}\u{435}\u{43d}\u{430} \u{443} \u{43c}\u{43e}\u{440}\u{44f}",
            "\0\u{7f}\t\u{1b}[31m 0 1 2 3 \u{202e} x",
        ] {
            assert_eq!(judge(password, &words()), Ok(()), "{password:?}");
        }
    }

    #[test]
    fn wide_letters_and_other_cases_are_the_same_word() {
        assert_eq!(judge("\u{ff30}\u{ff21}\u{ff33}\u{ff33}word", &words()), Err(Guessable::Listed));
        assert_eq!(made("RAMPART \u{ff32}\u{ff21}\u{ff2d}\u{ff30}\u{ff21}\u{ff32}\u{ff34}"), (false, true, false));
    }

    #[test]
    fn a_fault_says_which_rule_and_nothing_of_the_password() {
        let fault = judge("rampart-password1-", &words()).unwrap_err().to_string();

        assert!(fault.contains("without common passwords, and names of this server"), "{fault}");
        assert!(fault.contains("2 of its characters are left, and at least 8 must be"), "{fault}");
        assert!(!fault.contains("password1") && !fault.contains("rampart"), "{fault}");
    }

    proptest! {
        #[test]
        fn judging_never_panics_and_random_letters_pass(text in "\\PC{0,300}", hard in "[g-z2-9]{22}") {
            let _ = judge(&text, &words());
            prop_assert_eq!(judge(&hard, &words()), Ok(()));
        }
    }
}
