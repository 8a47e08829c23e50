//! Values of password settings: reading what is stored, refusing what should not be saved, comparing two.

use std::fmt;

/// What a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A number of characters (bytes, in `users`: FusionPBX measures with `strlen`), within these bounds.
    Length {
        /// The fewest that may be saved.
        min: u32,
        /// The most that may be saved.
        max: u32,
    },
    /// The alphabet of `generate_password`: 1 digits, 2 and lower case, 3 and upper case, 4 and `!^$%*?.`
    /// (`resources/functions.php`).
    Strength,
    /// On or off.
    Flag,
    /// One of these words, none of them weaker than another.
    OneOf(&'static [&'static str]),
}

/// A value of a password setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A length or a strength.
    Number(u32),
    /// On or off.
    Flag(bool),
    /// A word of a list.
    Word(&'static str),
}

/// Why a value is refused. The words are for the field it was typed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The field was empty.
    #[error("a value is needed")]
    Empty,
    /// Letters, a sign, a fraction.
    #[error("a whole number is needed, such as 20")]
    NotANumber,
    /// Below the least that may be saved.
    #[error("at least {0} is needed")]
    TooSmall(u32),
    /// Above the most that may be saved.
    #[error("at most {0} is possible")]
    TooLarge(u32),
    /// bcrypt(3): FusionPBX hashes with `PASSWORD_DEFAULT`, which reads 72 bytes and ignores the rest.
    #[error("at most 72 is possible: FusionPBX's password hash (bcrypt) reads 72 bytes and ignores the rest")]
    PastBcrypt,
    /// Not one of the four alphabets.
    #[error("the strength is a number from 1 to 4")]
    NotAStrength,
    /// Neither on nor off.
    #[error("the value is true or false")]
    NotAFlag,
    /// Not a word of the list.
    #[error("the value is one of: {}", .0.join(", "))]
    NotInList(&'static [&'static str]),
}

impl Shape {
    /// Parses a value that somebody wants to save.
    ///
    /// # Errors
    /// Says in plain words what is wrong with `text`.
    pub fn parse(self, text: &str) -> Result<Value, PolicyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(PolicyError::Empty);
        }
        match self {
            Self::Length { min, max } => match number(text)? {
                small if small < min => Err(PolicyError::TooSmall(min)),
                large if large > max && max == 72 => Err(PolicyError::PastBcrypt),
                large if large > max => Err(PolicyError::TooLarge(max)),
                length => Ok(Value::Number(length)),
            },
            Self::Strength => match number(text) {
                Ok(strength @ 1..=4) => Ok(Value::Number(strength)),
                _ => Err(PolicyError::NotAStrength),
            },
            Self::Flag => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(Value::Flag(true)),
                "false" => Ok(Value::Flag(false)),
                _ => Err(PolicyError::NotAFlag),
            },
            Self::OneOf(words) => {
                let is_it = |word: &&&str| word.eq_ignore_ascii_case(text);
                words.iter().find(is_it).map(|word| Value::Word(word)).ok_or(PolicyError::NotInList(words))
            }
        }
    }

    /// Reads a stored value as FusionPBX does: flags through PHP's boolean filter, where only `true`, `1`, `on` and
    /// `yes` are on; numbers as they stand. `None` if it is no number: what it then means is anyone's guess.
    #[must_use]
    pub fn read(self, stored: &str) -> Option<Value> {
        let text = stored.trim();
        match self {
            Self::Flag => {
                let is_on = ["true", "1", "on", "yes"].iter().any(|word| text.eq_ignore_ascii_case(word));
                Some(Value::Flag(is_on))
            }
            Self::Length { .. } | Self::Strength => number(text).ok().map(Value::Number),
            Self::OneOf(words) => words.iter().find(|word| **word == text).map(|word| Value::Word(word)),
        }
    }

    /// Whether `one` asks for less than `other`. A value that is missing or unreadable is weaker than any that is
    /// there; a flag that is missing is off.
    #[must_use]
    pub fn is_weaker(self, one: Option<Value>, other: Option<Value>) -> bool {
        if matches!(self, Self::OneOf(_)) {
            return false;
        }
        let missing = if self == Self::Flag { Some(Value::Flag(false)) } else { None };
        one.or(missing) < other.or(missing)
    }
}

fn number(text: &str) -> Result<u32, PolicyError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PolicyError::NotANumber);
    }
    // Digits that do not fit are a large number, not a strange text.
    Ok(text.parse().unwrap_or(u32::MAX))
}

impl fmt::Display for Value {
    /// As FusionPBX stores it: `20`, `true`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(out),
            Self::Flag(flag) => flag.fmt(out),
            Self::Word(word) => word.fmt(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USERS: Shape = Shape::Length { min: 8, max: 72 };
    const VOICEMAIL: Shape = Shape::Length { min: 4, max: 32 };
    const TYPE: Shape = Shape::OneOf(&["digest", "basic"]);

    #[test]
    fn each_wrong_value_is_refused_in_plain_words() {
        let cases = [
            (USERS, "", PolicyError::Empty),
            (USERS, "twelve", PolicyError::NotANumber),
            (USERS, "-12", PolicyError::NotANumber),
            (USERS, "12.5", PolicyError::NotANumber),
            (USERS, "7", PolicyError::TooSmall(8)),
            (USERS, "73", PolicyError::PastBcrypt),
            (USERS, "99999999999999999999", PolicyError::PastBcrypt),
            (VOICEMAIL, "33", PolicyError::TooLarge(32)),
            (Shape::Strength, "0", PolicyError::NotAStrength),
            (Shape::Strength, "5", PolicyError::NotAStrength),
            (Shape::Flag, "yes", PolicyError::NotAFlag),
            (TYPE, "none", PolicyError::NotInList(&["digest", "basic"])),
        ];
        for (shape, text, error) in cases {
            assert_eq!(shape.parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn the_bounds_themselves_may_be_saved() {
        assert_eq!(USERS.parse(" 8 "), Ok(Value::Number(8)));
        assert_eq!(USERS.parse("72"), Ok(Value::Number(72)));
        assert_eq!(Shape::Strength.parse("4"), Ok(Value::Number(4)));
        assert_eq!(Shape::Flag.parse("TRUE"), Ok(Value::Flag(true)));
    }

    #[test]
    fn stored_flags_are_read_as_php_reads_them() {
        for on in ["true", "TRUE", "1", "on", "yes"] {
            assert_eq!(Shape::Flag.read(on), Some(Value::Flag(true)), "{on}");
        }
        for off in ["false", "0", "off", "no", "", "2", "enabled"] {
            assert_eq!(Shape::Flag.read(off), Some(Value::Flag(false)), "{off}");
        }
    }

    #[test]
    fn a_missing_or_unreadable_value_is_the_weakest() {
        let twelve = USERS.read("12");

        assert!(USERS.is_weaker(None, twelve));
        assert!(USERS.is_weaker(USERS.read("a lot"), twelve));
        assert!(USERS.is_weaker(USERS.read("8"), twelve));
        assert!(!USERS.is_weaker(twelve, twelve));
        assert!(!USERS.is_weaker(twelve, None));
        assert!(Shape::Flag.is_weaker(None, Some(Value::Flag(true))));
        assert!(!Shape::Flag.is_weaker(None, Some(Value::Flag(false))));
        assert!(!Shape::Flag.is_weaker(Some(Value::Flag(false)), None));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_read_back_the_same(text in "\\PC{0,12}") {
            for shape in [USERS, VOICEMAIL, Shape::Strength, Shape::Flag] {
                if let Ok(value) = shape.parse(&text) {
                    prop_assert_eq!(shape.read(&value.to_string()), Some(value));
                }
            }
        }
    }
}
