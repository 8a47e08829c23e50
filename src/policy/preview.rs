//! What a length and an alphabet yield: examples, how hard they are to guess, and whether they pass FusionPBX's own rules.

use crate::base::rng::Random;
use crate::policy::generator::Strength;
use crate::policy::odds::{Needed, lacks_a_kind, pin_is_refused};

/// The most letters that are shown: more than any setting takes.
pub const LONGEST: u32 = 128;
/// bcrypt reads so many bytes of a password, and ignores the rest.
pub const BCRYPT_BYTES: u32 = 72;
const EXAMPLES: usize = 5;
/// Guesses a second over SIP: what a server answers before fail2ban wakes.
const OVER_SIP: f64 = 100.0;
/// Guesses a second with a stolen table of digests, on one good machine.
const OFFLINE: f64 = 1e10;

/// What kind of password it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A SIP password of a phone.
    Extension,
    /// A password with which someone signs in to FusionPBX.
    User,
    /// A voicemail PIN.
    Pin,
}

/// The policy to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// What kind of password.
    pub kind: Kind,
    /// How long it is made.
    pub length: u32,
    /// From which letters.
    pub strength: Strength,
    /// The kinds of letters that a typed one must have.
    pub needed: Needed,
    /// Whether a typed PIN is checked at all.
    pub complexity: bool,
    /// The least length of a typed one.
    pub least: u32,
}

/// What it yields.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// Passwords made for this one look, and used nowhere.
    pub examples: Vec<String>,
    /// How many letters there are to draw from.
    pub letters: u32,
    /// How hard it is to guess, in bits.
    pub bits: f64,
    /// How long guessing takes over SIP, on average.
    pub over_sip: String,
    /// How long it takes with a stolen table of digests, on average.
    pub offline: String,
    /// The chance that one of them breaks FusionPBX's own rules.
    pub refused: f64,
    /// Its length in bytes.
    pub bytes: u32,
}

impl Sketch {
    /// Looks at it.
    #[must_use]
    pub fn preview(self, random: &dyn Random) -> Preview {
        let length = self.length.clamp(1, LONGEST);
        let strength = if self.kind == Kind::Pin { Strength::DIGITS } else { self.strength };
        let bits = f64::from(length) * f64::from(strength.letters()).log2();
        Preview {
            examples: (0..EXAMPLES).map(|_| strength.password(length, random)).collect(),
            letters: strength.letters(),
            bits,
            over_sip: span(bits, OVER_SIP),
            offline: span(bits, OFFLINE),
            refused: self.refused(length, strength),
            bytes: length,
        }
    }

    fn refused(self, length: u32, strength: Strength) -> f64 {
        match self.kind {
            Kind::Pin if !self.complexity => 0.0,
            _ if length < self.least => 1.0,
            Kind::Pin => pin_is_refused(length),
            Kind::Extension | Kind::User => lacks_a_kind(strength.sizes(), self.needed, length),
        }
    }
}

/// How long it takes to try half of all passwords of so many bits.
fn span(bits: f64, guesses_a_second: f64) -> String {
    const YEAR: f64 = 365.25 * 86_400.0;
    let seconds = (bits - 1.0).exp2() / guesses_a_second;
    let (count, unit) = match seconds {
        short if short < 1.0 => return "less than a second".to_owned(),
        short if short < 120.0 => (short, "seconds"),
        short if short < 7_200.0 => (short / 60.0, "minutes"),
        short if short < 172_800.0 => (short / 3_600.0, "hours"),
        short if short < 2.0 * YEAR => (short / 86_400.0, "days"),
        long if long < 1e6 * YEAR => (long / YEAR, "years"),
        long => return format!("10^{:.0} years", (long / YEAR).log10().floor()),
    };
    format!("{} {unit}", grouped(count))
}

/// `12,345`.
fn grouped(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A chance in words: `never`, `always`, `8.3 %`, `1 in 12,345`.
#[must_use]
pub fn chance(of: f64) -> String {
    match of {
        none if none <= 0.0 => "never".to_owned(),
        all if all >= 1.0 => "always".to_owned(),
        often if often >= 0.001 => format!("{:.1} %", often * 100.0),
        seldom if seldom >= 1e-12 => format!("1 in {}", grouped(1.0 / seldom)),
        _ => "less than 1 in 10^12".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::SeededRandom;

    const SHIPPED: Sketch = Sketch {
        kind: Kind::Extension,
        length: 20,
        strength: Strength::ALL,
        needed: [false, true, false, false],
        complexity: false,
        least: 0,
    };

    #[test]
    fn what_fusionpbx_ships_for_extensions_is_hard_to_guess_and_seldom_breaks_its_own_rules() {
        let preview = SHIPPED.preview(&SeededRandom::new(1));

        assert!((preview.bits - 121.32).abs() < 0.01, "{}", preview.bits);
        assert_eq!((preview.letters, preview.bytes, preview.examples.len()), (67, 20, 5));
        assert_eq!((preview.over_sip.as_str(), preview.offline.as_str()), ("10^26 years", "10^18 years"));
        assert_eq!(chance(preview.refused), "1 in 11,390");
        assert!(preview.examples.iter().all(|example| example.len() == 20));
    }

    #[test]
    fn a_pin_of_four_digits_lasts_less_than_a_minute_and_no_check_refuses_it_unless_switched_on() {
        let pin = Sketch { kind: Kind::Pin, length: 4, least: 6, ..SHIPPED };

        let unchecked = pin.preview(&SeededRandom::new(1));
        let checked = Sketch { complexity: true, ..pin }.preview(&SeededRandom::new(1));
        let long = Sketch { complexity: true, length: 6, ..pin }.preview(&SeededRandom::new(1));

        assert_eq!((unchecked.over_sip.as_str(), unchecked.offline.as_str()), ("50 seconds", "less than a second"));
        assert_eq!(chance(unchecked.refused), "never");
        assert_eq!(chance(checked.refused), "always");
        assert_eq!(chance(long.refused), "9.5 %");
        assert!(checked.examples.iter().all(|example| example.bytes().all(|byte| byte.is_ascii_digit())));
    }

    #[test]
    fn a_length_beyond_reason_is_cut() {
        let long = Sketch { length: u32::MAX, ..SHIPPED }.preview(&SeededRandom::new(1));
        let none = Sketch { length: 0, ..SHIPPED }.preview(&SeededRandom::new(1));

        assert_eq!((long.bytes, none.bytes), (LONGEST, 1));
    }

    #[test]
    fn spans_and_chances_are_said_in_words() {
        assert_eq!(span(20.0, 100.0), "87 minutes");
        assert_eq!(span(40.0, 100.0), "174 years");
        assert_eq!(span(50.0, 1e10), "16 hours");
        assert_eq!(chance(0.083), "8.3 %");
        assert_eq!(chance(1e-20), "less than 1 in 10^12");
    }
}
