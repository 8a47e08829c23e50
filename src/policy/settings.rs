//! The closed list of FusionPBX's password settings, and what FusionPBX really does with each.

use std::fmt;

use crate::policy::value::{PolicyError, Shape, Value};

/// What FusionPBX does with a setting. Most operators believe that every one is a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// Used when FusionPBX makes a password; a typed one is not checked against it.
    GeneratesOnly,
    /// A typed password that breaks it is refused by the server.
    CheckedOnSave,
    /// A typed password that breaks it is refused by a script in the page; a request made by hand passes.
    CheckedInBrowser,
    /// Shown in FusionPBX's settings, read by nothing.
    NotUsed,
}

impl Enforcement {
    /// In a few words for a label.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::GeneratesOnly => "generates only",
            Self::CheckedOnSave => "checked on save",
            Self::CheckedInBrowser => "checked in the browser",
            Self::NotUsed => "not used",
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
    /// What FusionPBX does with it.
    pub enforcement: Enforcement,
    /// That, in one line.
    pub explanation: &'static str,
    /// The file of FusionPBX this was read in.
    pub source: &'static str,
    /// The least that checklist row CR-07 accepts; `None` where it asks for nothing.
    pub floor: Option<Value>,
    /// Only in databases of FusionPBX 4.4: shown when a row is there, never inserted.
    pub is_legacy: bool,
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

    /// Whether a change of it changes anything in FusionPBX.
    #[must_use]
    pub fn has_effect(&self) -> bool {
        self.enforcement != Enforcement::NotUsed
    }

    /// `default_setting_name`, the type FusionPBX gives it.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self.shape {
            Shape::Flag => "boolean",
            Shape::Length { .. } | Shape::Strength => "numeric",
        }
    }

    fn read(&self, stored: Option<&str>) -> Option<Value> {
        stored.and_then(|text| self.shape.read(text))
    }
}

const GENERATED: &str = "FusionPBX generates by it; a password that somebody types is not checked.";
const COMMENTED_OUT: &str =
    "Its check stands in a comment (read in 5.5.7), so nothing happens; generated passwords follow the strength.";
const ON_SAVE: &str =
    "Checked when a user is saved, in bytes, of which the hash reads 72; an import of users is not checked.";
const PIN_GENERATED: &str = "FusionPBX generates by it, digits only (9 when an extension is copied); a PIN that somebody types is not checked.";
const RULE_ON_SAVE: &str = "Checked when a user is saved; an import of users is not checked.";
const MENU: &str =
    "Checked by a script in the voicemail page and by the voicemail menu on the phone; the server does not.";

const EXTENSION_EDIT: &str = "app/extensions/extension_edit.php";
const USER_EDIT: &str = "core/users/user_edit.php";
const VOICEMAIL_EDIT: &str = "app/voicemails/voicemail_edit.php";

/// Bytes that bcrypt reads; a longer minimum could never be met in full.
const BCRYPT_BYTES: u32 = 72;
const USER_LENGTH: Shape = Shape::Length { min: 8, max: BCRYPT_BYTES };
const SECRET_LENGTH: Shape = Shape::Length { min: 8, max: 128 };
const PIN_LENGTH: Shape = Shape::Length { min: 4, max: 32 };

const fn row(
    name: (&'static str, &'static str),
    title: &'static str,
    shape: Shape,
    how: (Enforcement, &'static str, &'static str),
    floor: Option<Value>,
) -> PasswordSetting {
    let (enforcement, explanation, source) = how;
    let key = Key { category: name.0, subcategory: name.1 };
    PasswordSetting { key, title, shape, enforcement, explanation, source, floor, is_legacy: false }
}

const fn legacy(setting: PasswordSetting) -> PasswordSetting {
    PasswordSetting { is_legacy: true, ..setting }
}

const GENERATES: (Enforcement, &str, &str) = (Enforcement::GeneratesOnly, GENERATED, EXTENSION_EDIT);
const UNUSED: (Enforcement, &str, &str) = (Enforcement::NotUsed, COMMENTED_OUT, EXTENSION_EDIT);
const SAVED: (Enforcement, &str, &str) = (Enforcement::CheckedOnSave, RULE_ON_SAVE, USER_EDIT);
const IN_BROWSER: (Enforcement, &str, &str) = (Enforcement::CheckedInBrowser, MENU, VOICEMAIL_EDIT);
const ON_SAVE_IN_BYTES: (Enforcement, &str, &str) = (Enforcement::CheckedOnSave, ON_SAVE, USER_EDIT);

/// Every password setting that we know, in the order of the page.
pub static SETTINGS: [PasswordSetting; 21] = [
    row(
        ("extension", "password_length"),
        "Length of a SIP password",
        SECRET_LENGTH,
        GENERATES,
        Some(Value::Number(20)),
    ),
    row(
        ("extension", "password_strength"),
        "Letters of a SIP password",
        Shape::Strength,
        GENERATES,
        Some(Value::Number(3)),
    ),
    row(("extension", "password_number"), "SIP password needs a digit", Shape::Flag, UNUSED, None),
    row(("extension", "password_lowercase"), "SIP password needs a lower case letter", Shape::Flag, UNUSED, None),
    row(("extension", "password_uppercase"), "SIP password needs an upper case letter", Shape::Flag, UNUSED, None),
    row(("extension", "password_special"), "SIP password needs a special character", Shape::Flag, UNUSED, None),
    row(
        ("users", "password_length"),
        "Least length of a user's password",
        USER_LENGTH,
        ON_SAVE_IN_BYTES,
        Some(Value::Number(15)),
    ),
    row(("users", "password_number"), "User's password needs a digit", Shape::Flag, SAVED, None),
    row(("users", "password_lowercase"), "User's password needs a lower case letter", Shape::Flag, SAVED, None),
    row(("users", "password_uppercase"), "User's password needs an upper case letter", Shape::Flag, SAVED, None),
    row(("users", "password_special"), "User's password needs a special character", Shape::Flag, SAVED, None),
    row(
        ("voicemail", "password_length"),
        "Length of a voicemail PIN",
        PIN_LENGTH,
        (Enforcement::GeneratesOnly, PIN_GENERATED, EXTENSION_EDIT),
        Some(Value::Number(6)),
    ),
    row(
        ("voicemail", "password_min_length"),
        "Least length of a typed voicemail PIN",
        PIN_LENGTH,
        IN_BROWSER,
        Some(Value::Number(6)),
    ),
    row(
        ("voicemail", "password_complexity"),
        "Typed voicemail PIN is checked",
        Shape::Flag,
        IN_BROWSER,
        Some(Value::Flag(true)),
    ),
    legacy(row(
        ("user", "password_length"),
        "Least length of a user's password (4.4)",
        USER_LENGTH,
        ON_SAVE_IN_BYTES,
        Some(Value::Number(15)),
    )),
    legacy(row(("user", "password_number"), "User's password needs a digit (4.4)", Shape::Flag, SAVED, None)),
    legacy(row(
        ("user", "password_lowercase"),
        "User's password needs a lower case letter (4.4)",
        Shape::Flag,
        SAVED,
        None,
    )),
    legacy(row(
        ("user", "password_uppercase"),
        "User's password needs an upper case letter (4.4)",
        Shape::Flag,
        SAVED,
        None,
    )),
    legacy(row(
        ("user", "password_special"),
        "User's password needs a special character (4.4)",
        Shape::Flag,
        SAVED,
        None,
    )),
    legacy(row(
        ("security", "password_length"),
        "Length of a generated password (4.4)",
        SECRET_LENGTH,
        GENERATES,
        Some(Value::Number(20)),
    )),
    legacy(row(
        ("security", "password_strength"),
        "Letters of a generated password (4.4)",
        Shape::Strength,
        GENERATES,
        Some(Value::Number(3)),
    )),
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
