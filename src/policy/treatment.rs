//! What each generation of FusionPBX does with each password setting. Most operators believe that every one is a check.

use crate::policy::era::Era;
use crate::policy::settings::Key;

/// What FusionPBX does with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// Used when FusionPBX makes a password; a typed one is not checked against it.
    GeneratesOnly,
    /// A typed password that breaks it is refused by the server.
    CheckedOnSave,
    /// A typed password that breaks it is refused by a script in the page; a request made by hand passes.
    CheckedInBrowser,
    /// Decides what is asked of a phone that fetches its configuration.
    AskedOfPhones,
    /// Shown in FusionPBX's settings, read by nothing.
    NotUsed,
    /// The pages of this generation were not read for it.
    NotKnown,
}

impl Enforcement {
    /// In a few words for a label.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::GeneratesOnly => "generates only",
            Self::CheckedOnSave => "checked on save",
            Self::CheckedInBrowser => "checked in the browser",
            Self::AskedOfPhones => "asked of phones",
            Self::NotUsed => "not used",
            Self::NotKnown => "not known",
        }
    }

    /// For a script: `generates-only`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::GeneratesOnly => "generates-only",
            Self::CheckedOnSave => "checked-on-save",
            Self::CheckedInBrowser => "checked-in-browser",
            Self::AskedOfPhones => "asked-of-phones",
            Self::NotUsed => "not-used",
            Self::NotKnown => "not-known",
        }
    }
}

/// What one generation does with one setting, and where that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// The kind.
    pub enforcement: Enforcement,
    /// In a sentence or two.
    pub words: &'static str,
    /// The file of FusionPBX this was read in.
    pub source: &'static str,
}

impl Treatment {
    /// Whether a change of the setting is known to change anything in FusionPBX.
    #[must_use]
    pub const fn has_effect(self) -> bool {
        !matches!(self.enforcement, Enforcement::NotUsed | Enforcement::NotKnown)
    }
}

const fn of(enforcement: Enforcement, words: &'static str, source: &'static str) -> Treatment {
    Treatment { enforcement, words, source }
}

const EXTENSION_EDIT: &str = "app/extensions/extension_edit.php";
const USER_EDIT: &str = "core/users/user_edit.php";
const OWN_USER_EDIT: &str = "core/user_settings/user_edit.php";
const VOICEMAIL_EDIT: &str = "app/voicemails/voicemail_edit.php";
const FUNCTIONS: &str = "resources/functions.php";
const PROVISION: &str = "app/provision/index.php";

const GENERATED: Treatment = of(
    Enforcement::GeneratesOnly,
    "FusionPBX generates by it; a password that somebody types is not checked.",
    EXTENSION_EDIT,
);
const GENERATED_IN_4_4: Treatment = of(
    Enforcement::GeneratesOnly,
    "FusionPBX 4.4 generates by it, with PHP's rand(), which is not made for secrets; a password that somebody types is not \
     checked.",
    FUNCTIONS,
);
const COMMENTED_OUT: Treatment = of(
    Enforcement::NotUsed,
    "Its check stands in a comment (read in 5.5.7), so nothing happens; generated passwords follow the strength.",
    EXTENSION_EDIT,
);
const NO_CHECK: Treatment = of(
    Enforcement::NotUsed,
    "No page that saves an extension reads it (5.0 to 5.4 have no such check, not even in a comment); generated passwords \
     follow the strength.",
    EXTENSION_EDIT,
);
const OF_LATER: Treatment =
    of(Enforcement::NotUsed, "FusionPBX 4.4 reads other categories: user and security.", FUNCTIONS);
const OF_4_4: Treatment = of(
    Enforcement::NotUsed,
    "A row that FusionPBX 4.4 left behind: later ones ship none and read users and extension instead.",
    FUNCTIONS,
);
const RULE_OF_4_4: Treatment = of(
    Enforcement::CheckedInBrowser,
    "Checked by a script in the page where users change their own password; the page that an administrator saves users with \
     reads the category user instead. Generated passwords follow the strength.",
    OWN_USER_EDIT,
);
const SAVED: Treatment = of(
    Enforcement::CheckedOnSave,
    "Checked when a user is saved and when a password is reset by e-mail; an import of users is not checked.",
    USER_EDIT,
);
const SAVED_IN_4_4: Treatment =
    of(Enforcement::CheckedOnSave, "Checked when a user is saved, by check_password_strength().", FUNCTIONS);
const SAVED_NOT_RESET: Treatment = of(
    Enforcement::CheckedOnSave,
    "Checked when a user is saved. The page that resets a password by e-mail reads the category user instead, which has no \
     rows here unless somebody made them; an import of users is not checked.",
    USER_EDIT,
);
const SAVED_RESET_UNCLEAR: Treatment = of(
    Enforcement::CheckedOnSave,
    "Checked when a user is saved. A reset by e-mail checks it in 5.5, and reads the category user instead in 5.0; the tables \
     of this FusionPBX do not tell which. An import of users is not checked.",
    USER_EDIT,
);
const RESET_ONLY: Treatment = of(
    Enforcement::CheckedOnSave,
    "Read by the page that resets a password by e-mail, and by nothing else; users that are saved are checked by the category \
     users.",
    FUNCTIONS,
);
const RESET_UNCLEAR: Treatment = of(
    Enforcement::NotKnown,
    "In 5.0 the page that resets a password by e-mail reads it; in 5.5 nothing does. The tables of this FusionPBX do not tell \
     which.",
    FUNCTIONS,
);
const PIN_GENERATED: Treatment = of(
    Enforcement::GeneratesOnly,
    "FusionPBX generates by it, digits only (9 when an extension is copied); a PIN that somebody types is not checked.",
    EXTENSION_EDIT,
);
const PIN_MENU: Treatment = of(
    Enforcement::CheckedInBrowser,
    "Checked by a script in the voicemail page and by the voicemail menu on the phone; the server does not. It asks for digits \
     only, no digit three times in a row, and no run such as 123 or 987.",
    VOICEMAIL_EDIT,
);
const PIN_LENGTH_MENU: Treatment = of(
    Enforcement::CheckedInBrowser,
    "Checked by a script in the voicemail page, which is there only while password_complexity is on, and by the voicemail menu \
     on the phone; the server does not.",
    VOICEMAIL_EDIT,
);
const HTTP_AUTH: Treatment = of(
    Enforcement::AskedOfPhones,
    "A phone is asked for a name and a password only where http_auth_username has a value too; without one, its configuration \
     is given to anybody.",
    PROVISION,
);
const HTTP_AUTH_TYPE: Treatment = of(
    Enforcement::AskedOfPhones,
    "How a phone proves its name and password: digest where nothing is set.",
    PROVISION,
);
const HTTP_AUTH_LENGTH: Treatment = of(
    Enforcement::NotKnown,
    "The newest FusionPBX ships it; what reads it was not read.",
    "app/provision/app_config.php",
);

impl Key {
    /// What FusionPBX of `era` does with this setting.
    #[must_use]
    pub fn treatment(self, era: Era) -> Treatment {
        let is_length = self.subcategory() == "password_length";
        match (self.category(), self.subcategory()) {
            ("extension" | "users", _) if era == Era::V4_4 => OF_LATER,
            ("extension", "password_length" | "password_strength") => GENERATED,
            ("extension", _) if era == Era::V5_5 => COMMENTED_OUT,
            ("extension", _) => NO_CHECK,
            ("users", _) => match era {
                Era::V5_5 => SAVED,
                Era::V5_0 => SAVED_NOT_RESET,
                _ => SAVED_RESET_UNCLEAR,
            },
            ("user", _) => match era {
                Era::V4_4 => SAVED_IN_4_4,
                Era::V5_0 => RESET_ONLY,
                Era::V5_5 => OF_4_4,
                _ => RESET_UNCLEAR,
            },
            ("security", _) if era != Era::V4_4 => OF_4_4,
            ("security", "password_strength") => GENERATED_IN_4_4,
            ("security", _) if is_length => GENERATED_IN_4_4,
            ("security", _) => RULE_OF_4_4,
            ("voicemail", "password_length") => PIN_GENERATED,
            ("voicemail", "password_min_length") => PIN_LENGTH_MENU,
            ("voicemail", _) => PIN_MENU,
            (_, "http_auth_enabled") => HTTP_AUTH,
            (_, "http_auth_type") => HTTP_AUTH_TYPE,
            _ => HTTP_AUTH_LENGTH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SETTINGS;

    const ERAS: [Era; 7] = [Era::V4_4, Era::V5_0, Era::V5_1, Era::V5_3, Era::V5_4, Era::V5_5, Era::Unclear];

    fn of(key: &str, era: Era) -> Enforcement {
        Key::parse(key).unwrap().treatment(era).enforcement
    }

    #[test]
    fn a_rule_of_extensions_is_never_called_a_check() {
        for era in ERAS {
            assert!(!Key::parse("extension.password_special").unwrap().treatment(era).has_effect(), "{era:?}");
        }
        assert_eq!(of("extension.password_special", Era::V5_5), Enforcement::NotUsed);
        assert_eq!(of("extension.password_special", Era::V5_0), Enforcement::NotUsed);
    }

    #[test]
    fn the_categories_of_4_4_count_in_4_4_and_the_later_ones_do_not() {
        assert_eq!(of("user.password_length", Era::V4_4), Enforcement::CheckedOnSave);
        assert_eq!(of("users.password_length", Era::V4_4), Enforcement::NotUsed);
        assert_eq!(of("security.password_length", Era::V4_4), Enforcement::GeneratesOnly);
        assert_eq!(of("security.password_special", Era::V4_4), Enforcement::CheckedInBrowser);
        assert_eq!(of("security.password_length", Era::V5_5), Enforcement::NotUsed);
        assert_eq!(of("user.password_length", Era::V5_5), Enforcement::NotUsed);
    }

    #[test]
    fn the_reset_page_of_5_0_reads_the_former_category_and_what_lies_between_is_not_guessed() {
        assert!(
            Key::parse("users.password_length")
                .unwrap()
                .treatment(Era::V5_0)
                .words
                .contains("reads the category user")
        );
        assert_eq!(of("user.password_length", Era::V5_0), Enforcement::CheckedOnSave);
        let between = Key::parse("users.password_length").unwrap().treatment(Era::V5_3).words;
        assert!(between.contains("in 5.5") && between.contains("in 5.0"), "{between}");
    }

    #[test]
    fn every_setting_has_words_and_a_file_in_every_generation() {
        for setting in &SETTINGS {
            for era in ERAS {
                let treatment = setting.key.treatment(era);
                assert!(
                    treatment.words.ends_with('.') && treatment.source.contains(".php"),
                    "{} {era:?}",
                    setting.key
                );
            }
        }
    }
}
