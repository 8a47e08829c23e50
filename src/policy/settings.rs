//! The closed list of FusionPBX's password settings. What FusionPBX does with each stands in `treatment`.

use std::fmt;

use crate::policy::era::Era;
use crate::policy::value::{PolicyError, Shape, Value};

/// In which generations of FusionPBX a setting is at home: there it is shown although no row is there, and a missing row
/// may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In all.
    Always,
    /// From 5.0.
    Since5,
    /// In 4.4 alone; later it is shown where a row was left behind.
    Only4,
    /// Wherever a row is; none is ever made.
    WhereItStands,
}

impl Home {
    /// Whether `era` is one of them.
    #[must_use]
    pub fn includes(self, era: Era) -> bool {
        match self {
            Self::Always => true,
            Self::Since5 => era != Era::V4_4,
            Self::Only4 => era == Era::V4_4,
            Self::WhereItStands => false,
        }
    }
}

/// The name of a known password setting: category and subcategory. Made only by looking it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    category: &'static str,
    subcategory: &'static str,
}

impl Key {
    /// `None` if this is no password setting that we know.
    #[must_use]
    pub fn find(category: &str, subcategory: &str) -> Option<Self> {
        let is_it =
            |setting: &&PasswordSetting| setting.key.category == category && setting.key.subcategory == subcategory;
        SETTINGS.iter().find(is_it).map(|setting| setting.key)
    }

    /// Parses `category.subcategory`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.split_once('.').and_then(|(category, subcategory)| Self::find(category, subcategory))
    }

    /// Such as `extension`.
    #[must_use]
    pub const fn category(self) -> &'static str {
        self.category
    }

    /// Such as `password_length`.
    #[must_use]
    pub const fn subcategory(self) -> &'static str {
        self.subcategory
    }

    /// What is known about it.
    #[must_use]
    pub fn setting(self) -> &'static PasswordSetting {
        SETTINGS.iter().find(|setting| setting.key == self).unwrap_or(&SETTINGS[0])
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.category, self.subcategory)
    }
}

/// A password setting of FusionPBX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordSetting {
    /// Its name in FusionPBX.
    pub key: Key,
    /// What it is, in plain words.
    pub title: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// The least that checklist row CR-07 accepts; `None` where it asks for nothing.
    pub floor: Option<Value>,
    /// Where it is at home.
    pub home: Home,
}

impl PasswordSetting {
    /// Parses a value that somebody wants to save.
    ///
    /// # Errors
    /// Says in plain words what is wrong with `text`.
    pub fn parse(&self, text: &str) -> Result<Value, PolicyError> {
        self.shape.parse(text)
    }

    /// Whether stored value `one` asks for less than `other`; `None` stands for no value at all.
    #[must_use]
    pub fn is_weaker(&self, one: Option<&str>, other: Option<&str>) -> bool {
        self.shape.is_weaker(self.read(one), self.read(other))
    }

    /// Whether the stored value is below the floor. A missing value is.
    #[must_use]
    pub fn is_below_floor(&self, stored: Option<&str>) -> bool {
        self.floor.is_some_and(|floor| self.shape.is_weaker(self.read(stored), Some(floor)))
    }

    /// `default_setting_name`, the type FusionPBX gives it.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self.shape {
            Shape::Flag => "boolean",
            Shape::Length { .. } | Shape::Strength => "numeric",
            Shape::OneOf(_) => "text",
        }
    }

    fn read(&self, stored: Option<&str>) -> Option<Value> {
        stored.and_then(|text| self.shape.read(text))
    }
}

/// Bytes that bcrypt reads; a longer minimum could never be met in full.
const BCRYPT_BYTES: u32 = 72;
const USER_LENGTH: Shape = Shape::Length { min: 8, max: BCRYPT_BYTES };
const SECRET_LENGTH: Shape = Shape::Length { min: 8, max: 128 };
/// The voicemail menu reads 20 digits (`app/voicemail/resources/functions/check_password.lua`).
const PIN_LENGTH: Shape = Shape::Length { min: 4, max: 20 };

const fn row(
    name: (&'static str, &'static str),
    title: &'static str,
    shape: Shape,
    floor: Option<Value>,
    home: Home,
) -> PasswordSetting {
    let key = Key { category: name.0, subcategory: name.1 };
    PasswordSetting { key, title, shape, floor, home }
}

const fn length(
    name: (&'static str, &'static str),
    title: &'static str,
    shape: Shape,
    floor: u32,
    home: Home,
) -> PasswordSetting {
    row(name, title, shape, Some(Value::Number(floor)), home)
}

const fn rule(name: (&'static str, &'static str), title: &'static str, home: Home) -> PasswordSetting {
    row(name, title, Shape::Flag, None, home)
}

/// Every password setting that we know, in the order of the page.
pub static SETTINGS: [PasswordSetting; 28] = [
    length(("extension", "password_length"), "Length of a SIP password", SECRET_LENGTH, 20, Home::Since5),
    length(("extension", "password_strength"), "Letters of a SIP password", Shape::Strength, 3, Home::Since5),
    rule(("extension", "password_number"), "SIP password needs a digit", Home::Since5),
    rule(("extension", "password_lowercase"), "SIP password needs a lower case letter", Home::Since5),
    rule(("extension", "password_uppercase"), "SIP password needs an upper case letter", Home::Since5),
    rule(("extension", "password_special"), "SIP password needs a special character", Home::Since5),
    length(("users", "password_length"), "Least length of a user's password", USER_LENGTH, 15, Home::Since5),
    rule(("users", "password_number"), "User's password needs a digit", Home::Since5),
    rule(("users", "password_lowercase"), "User's password needs a lower case letter", Home::Since5),
    rule(("users", "password_uppercase"), "User's password needs an upper case letter", Home::Since5),
    rule(("users", "password_special"), "User's password needs a special character", Home::Since5),
    length(("voicemail", "password_length"), "Length of a voicemail PIN", PIN_LENGTH, 6, Home::Always),
    length(
        ("voicemail", "password_min_length"),
        "Least length of a typed voicemail PIN",
        PIN_LENGTH,
        6,
        Home::Always,
    ),
    row(
        ("voicemail", "password_complexity"),
        "Typed voicemail PIN is checked",
        Shape::Flag,
        Some(Value::Flag(true)),
        Home::Always,
    ),
    row(
        ("provision", "http_auth_enabled"),
        "Phones are asked for a name and a password",
        Shape::Flag,
        Some(Value::Flag(true)),
        Home::Since5,
    ),
    row(
        ("provision", "http_auth_type"),
        "How phones prove their password",
        Shape::OneOf(&["digest", "basic"]),
        None,
        Home::Always,
    ),
    length(
        ("provision", "password_http_auth_length"),
        "Length of a provisioning password",
        SECRET_LENGTH,
        20,
        Home::WhereItStands,
    ),
    length(("user", "password_length"), "Least length of a user's password (4.4)", USER_LENGTH, 15, Home::Only4),
    rule(("user", "password_number"), "User's password needs a digit (4.4)", Home::Only4),
    rule(("user", "password_lowercase"), "User's password needs a lower case letter (4.4)", Home::Only4),
    rule(("user", "password_uppercase"), "User's password needs an upper case letter (4.4)", Home::Only4),
    rule(("user", "password_special"), "User's password needs a special character (4.4)", Home::Only4),
    length(("security", "password_length"), "Length of a generated password (4.4)", SECRET_LENGTH, 20, Home::Only4),
    length(
        ("security", "password_strength"),
        "Letters of a generated password (4.4)",
        Shape::Strength,
        3,
        Home::Only4,
    ),
    rule(("security", "password_number"), "Generated password needs a digit (4.4)", Home::Only4),
    rule(("security", "password_lowercase"), "Generated password needs a lower case letter (4.4)", Home::Only4),
    rule(("security", "password_uppercase"), "Generated password needs an upper case letter (4.4)", Home::Only4),
    rule(("security", "password_special"), "Generated password needs a special character (4.4)", Home::Only4),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_is_found_under_its_own_name_and_nothing_else_is() {
        for setting in &SETTINGS {
            let key = Key::parse(&setting.key.to_string()).unwrap();
            assert_eq!(key.setting(), setting);
        }
        for other in
            ["", "extension", "email.smtp_password", "provision.http_auth_password", "users.password_length "]
        {
            assert_eq!(Key::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_fusionpbx_ships_stands_below_the_floor_only_for_users_and_typed_pins() {
        let shipped = [
            ("extension.password_length", Some("20")),
            ("extension.password_strength", Some("4")),
            ("users.password_length", Some("12")),
            ("users.password_special", Some("false")),
            ("voicemail.password_length", Some("8")),
            ("voicemail.password_min_length", None),
            ("voicemail.password_complexity", None),
        ];
        let below: Vec<&str> = shipped
            .iter()
            .filter(|(name, value)| Key::parse(name).unwrap().setting().is_below_floor(*value))
            .map(|(name, _)| *name)
            .collect();

        assert_eq!(
            below,
            ["users.password_length", "voicemail.password_min_length", "voicemail.password_complexity"]
        );
    }

    #[test]
    fn a_floor_may_always_be_saved() {
        for setting in &SETTINGS {
            if let Some(floor) = setting.floor {
                assert_eq!(setting.parse(&floor.to_string()), Ok(floor), "{}", setting.key);
            }
        }
    }
}
