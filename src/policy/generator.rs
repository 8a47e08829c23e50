//! FusionPBX's `generate_password()` (`resources/functions.php`): each character is drawn from one alphabet, and nothing
//! sees to it that every kind is there.

use crate::base::rng::{Random, below};

const DIGITS: &str = "0123456789";
/// Without the l, which looks like a 1.
const LOWER: &str = "abcdefghijkmnopqrstuvwxyz";
/// Without the O, which looks like a 0.
const UPPER: &str = "ABCDEFGHIJKLMNPQRSTUVWXYZ";
const SPECIAL: &str = "!^$%*?.";

/// The strengths that FusionPBX knows, 1 to 4: each adds a kind of letters to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strength(u8);

impl Strength {
    /// Digits alone: a PIN.
    pub const DIGITS: Self = Self(1);
    /// Everything.
    pub const ALL: Self = Self(4);

    /// `None` if it is none of the four.
    #[must_use]
    pub fn of(number: u32) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| (1..=4).contains(number)).map(Self)
    }

    /// 1 to 4.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its kinds of letters: digits, lower case, upper case, special ones. Those it does not have are empty.
    #[must_use]
    pub fn kinds(self) -> [&'static str; 4] {
        let has = |least: u8, letters: &'static str| if self.0 >= least { letters } else { "" };
        [DIGITS, has(2, LOWER), has(3, UPPER), has(4, SPECIAL)]
    }

    /// How many letters each kind has.
    #[must_use]
    pub fn sizes(self) -> [u32; 4] {
        self.kinds().map(|letters| u32::try_from(letters.len()).unwrap_or(0))
    }

    /// How many letters there are in all.
    #[must_use]
    pub fn letters(self) -> u32 {
        self.sizes().iter().sum()
    }

    /// A password as FusionPBX would make it.
    #[must_use]
    pub fn password(self, length: u32, random: &dyn Random) -> String {
        let alphabet: Vec<char> = self.kinds().concat().chars().collect();
        (0..length).filter_map(|_| alphabet.get(below(random, self.letters()) as usize)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::SeededRandom;

    #[test]
    fn the_alphabets_are_those_of_fusionpbx() {
        let letters: Vec<u32> = (1..=4).map(|number| Strength::of(number).unwrap().letters()).collect();

        assert_eq!(letters, [10, 35, 60, 67]);
        assert_eq!((Strength::of(0), Strength::of(5), Strength::of(u32::MAX)), (None, None, None));
        assert!(!Strength::ALL.kinds().concat().contains(['l', 'O']));
    }

    #[test]
    fn a_password_has_its_length_and_only_letters_of_its_alphabet() {
        let random = SeededRandom::new(1);
        for number in 1..=4 {
            let strength = Strength::of(number).unwrap();
            let password = strength.password(200, &random);

            assert_eq!(password.len(), 200);
            assert!(password.chars().all(|letter| strength.kinds().concat().contains(letter)));
        }
    }
}
