//! New secrets for machines: drawn as FusionPBX draws them, under the policy in force, and drawn again where the draw
//! would be judged weak.

use crate::base::rng::Random;
use crate::base::secret::Secret;
use crate::policy::generator::Strength;

/// Draws that are tried before the last one is taken as it is: with 4 digits, one in five is refused.
const TRIES: u32 = 200;

/// Under so many letters there is no room for one of each kind.
const LEAST_FOR_ALL_KINDS: u32 = 8;

/// How a new secret is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// How many letters.
    pub length: u32,
    /// Out of which.
    pub strength: Strength,
}

impl Recipe {
    /// What FusionPBX makes for an extension where no setting says otherwise (`extension.password_length`, `password_strength`).
    pub const SIP: Self = Self { length: 20, strength: Strength::ALL };

    /// What it makes for a mailbox (`voicemail.password_length`).
    pub const PIN: Self = Self { length: 8, strength: Strength::DIGITS };

    /// The policy's `length` and `strength` in place of the present ones, where they are numbers that can be used: a length
    /// outside `least` and `most` is taken as the nearer of the two.
    #[must_use]
    pub fn under(self, length: Option<&str>, strength: Option<&str>, (least, most): (u32, u32)) -> Self {
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<u64>().ok());
        let length =
            number(length).map_or(self.length, |length| u32::try_from(length).unwrap_or(u32::MAX).clamp(least, most));
        let strength = number(strength).and_then(|strength| Strength::of(u32::try_from(strength).ok()?));
        Self { length, strength: strength.unwrap_or(self.strength) }
    }

    /// A new secret for what is called `number` (an extension, a mailbox, a device).
    #[must_use]
    pub fn draw(self, number: &str, random: &dyn Random) -> Secret<String> {
        let mut secret = Secret::new(self.strength.password(self.length, random));
        for _ in 0..TRIES {
            if self.is_good(secret.expose(), number) {
                break;
            }
            secret = Secret::new(self.strength.password(self.length, random));
        }
        secret
    }

    fn is_good(self, secret: &str, number: &str) -> bool {
        let has_all_kinds = || {
            let kinds = self.strength.kinds();
            kinds.iter().filter(|kind| !kind.is_empty()).all(|kind| secret.contains(|letter| kind.contains(letter)))
        };
        let backwards: String = number.chars().rev().collect();
        let is_long = |text: &str| text.chars().count() >= 3;
        let names_it = |text: &str| is_long(text) && secret.contains(text);
        (self.length < LEAST_FOR_ALL_KINDS || has_all_kinds())
            && !names_it(number)
            && !names_it(&backwards)
            && !is_plain(secret)
    }
}

/// Few different digits, a run such as 1234 or 9876, a year.
fn is_plain(secret: &str) -> bool {
    if !secret.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let digits = secret.as_bytes();
    let mut seen = [false; 10];
    for digit in digits {
        if let Some(seen) = seen.get_mut(usize::from(digit - b'0')) {
            *seen = true;
        }
    }
    let different = seen.iter().filter(|seen| **seen).count();
    let steps = || digits.windows(4).map(|four| four.windows(2).map(|two| i16::from(two[1]) - i16::from(two[0])));
    let is_run = steps().any(|mut steps| steps.clone().all(|step| step == 1) || steps.all(|step| step == -1));
    let is_year = digits.len() == 4 && (secret.starts_with("19") || secret.starts_with("20"));
    different < 3.min(digits.len()) || is_run || is_year
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::rng::SeededRandom;

    #[test]
    fn the_policy_in_force_says_how_long_and_out_of_what() {
        let sip = |length, strength| Recipe::SIP.under(length, strength, (8, 64));

        assert_eq!(sip(None, None), Recipe::SIP);
        assert_eq!(sip(Some("24"), Some("3")), Recipe { length: 24, strength: Strength::of(3).unwrap() });
        assert_eq!(sip(Some("4"), Some("9")).length, 8);
        assert_eq!(sip(Some("1000000000"), Some("")).length, 64);
        assert_eq!(sip(Some("many"), Some("-1")), Recipe::SIP);
        assert_eq!(Recipe::PIN.under(Some("6"), None, (4, 32)).length, 6);
    }

    #[test]
    fn what_everybody_tries_is_plain() {
        for plain in ["1234", "0000", "9876", "1212", "1999", "2024", "00001234", "11112222"] {
            assert!(is_plain(plain), "{plain}");
        }
        for fine in ["4071", "83520917", "abcd1234"] {
            assert!(!is_plain(fine), "{fine}");
        }
    }

    proptest! {
        #[test]
        fn a_new_secret_has_every_kind_and_does_not_name_what_it_is_for(seed: u64, length in 8_u32..40, number in "[1-9][0-9]{2,4}") {
            let random = SeededRandom::new(seed);
            let recipe = Recipe { length, strength: Strength::ALL };

            let secret = recipe.draw(&number, &random);

            prop_assert_eq!(secret.expose().chars().count(), length as usize);
            prop_assert!(!secret.expose().contains(&number));
            for kind in Strength::ALL.kinds() {
                prop_assert!(secret.expose().contains(|letter| kind.contains(letter)));
            }
        }

        #[test]
        fn a_new_pin_is_not_plain(seed: u64, length in 4_u32..12) {
            let recipe = Recipe { length, strength: Strength::DIGITS };

            let pin = recipe.draw("101", &SeededRandom::new(seed));

            prop_assert_eq!(pin.expose().len(), length as usize);
            prop_assert!(!is_plain(pin.expose()), "{}", pin.expose());
        }
    }
}
