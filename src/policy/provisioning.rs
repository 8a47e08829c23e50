//! Secrets among the settings of phones (category `provision`): passwords and user names that a phone is given, or asked
//! for. Their values never leave the database; what is known of each is one of five words.

use serde::{Deserialize, Serialize};

/// What is known of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretState {
    /// A value that FusionPBX ships, the same on every server.
    Shipped,
    /// Shorter than 12 characters, or digits alone.
    Weak,
    /// None of these.
    Set,
    /// A row that counts, without a value.
    Empty,
    /// No row that counts.
    Off,
}

impl SecretState {
    /// In a few words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Shipped => "shipped default",
            Self::Weak => "weak",
            Self::Set => "set",
            Self::Empty => "empty",
            Self::Off => "not set",
        }
    }

    /// Parses what [`SecretState::word`] says.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Shipped, Self::Weak, Self::Set, Self::Empty, Self::Off].into_iter().find(|state| state.word() == word)
    }

    /// One word, for the query and for scripts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Weak => "weak",
            Self::Set => "set",
            Self::Empty => "empty",
            Self::Off => "off",
        }
    }

    /// Whether it is a worry.
    #[must_use]
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Shipped | Self::Weak)
    }
}

/// A secret among the settings of phones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneSecret {
    /// Its subcategory in FusionPBX.
    pub subcategory: &'static str,
    /// What it is, in plain words.
    pub title: &'static str,
    /// The value that FusionPBX ships; empty if it ships none.
    pub shipped: &'static str,
    /// Whether it is a name and no password: then it is never weak.
    pub is_name: bool,
    /// What it does.
    pub words: &'static str,
}

const fn secret(
    subcategory: &'static str,
    title: &'static str,
    shipped: &'static str,
    words: &'static str,
) -> PhoneSecret {
    PhoneSecret { subcategory, title, shipped, is_name: false, words }
}

/// Every one that we know. `http_auth_password` is an array: each enabled row is a password that opens, so that two may be
/// good at once while phones change; a tenant's rows stand in place of all the default ones.
pub const PHONE_SECRETS: [PhoneSecret; 10] = [
    PhoneSecret {
        subcategory: "http_auth_username",
        title: "Name that a phone must give",
        shipped: "",
        is_name: true,
        words: "Without it nothing is asked of a phone, whatever http_auth_enabled says.",
    },
    secret(
        "http_auth_password",
        "Passwords that a phone may give",
        "",
        "Each row that counts opens; a tenant's rows replace all of these.",
    ),
    secret("admin_password", "Administrator of a phone", "", "Written into each phone's configuration."),
    secret("user_password", "User of a phone", "", "Written into each phone's configuration."),
    secret("fanvil_menu_password", "Menu of Fanvil phones", "123", "Written into each Fanvil's configuration."),
    secret(
        "snom_admin_mode_password",
        "Administrator mode of Snom phones",
        "0000",
        "Written into each Snom's configuration.",
    ),
    secret(
        "grandstream_ldap_password",
        "LDAP of Grandstream phones",
        "super-secret",
        "Written into each Grandstream's configuration.",
    ),
    secret(
        "grandstream_wifi_password",
        "WiFi of Grandstream phones",
        "",
        "Written into each Grandstream's configuration.",
    ),
    secret(
        "grandstream_wifi_ap1_password",
        "First WiFi of Grandstream phones",
        "",
        "Written into each Grandstream's configuration.",
    ),
    secret(
        "grandstream_wifi_ap2_password",
        "Second WiFi of Grandstream phones",
        "",
        "Written into each Grandstream's configuration.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Key;

    #[test]
    fn a_secret_is_never_a_setting_that_can_be_typed() {
        for secret in PHONE_SECRETS {
            assert_eq!(Key::find("provision", secret.subcategory), None, "{}", secret.subcategory);
        }
    }

    #[test]
    fn a_state_is_found_under_its_own_word() {
        for state in [SecretState::Shipped, SecretState::Weak, SecretState::Set, SecretState::Empty, SecretState::Off]
        {
            assert_eq!(SecretState::from_word(state.word()), Some(state));
        }
        assert_eq!(SecretState::from_word("hunter2"), None);
    }
}
