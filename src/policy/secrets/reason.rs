//! The closed list of what can be wrong with a secret or an account.

use crate::policy::secrets::Kind;

/// How much a reason weighs, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// An outsider gets in with what is public.
    Critical,
    /// One mistake or one leak away from that.
    High,
    /// A wall is thinner than it should be.
    Medium,
    /// Good practice, not kept.
    Low,
    /// Worth knowing.
    Info,
}

impl Weight {
    /// All, worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// The word on pages and in exports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }
}

/// What is known about a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name in exports, for good.
    pub name: &'static str,
    /// How bad it is.
    pub weight: Weight,
    /// What it says, to stand alone.
    pub words: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $weight:ident, $words:literal, $remedy:expr;)+) => {
        /// One thing that can be wrong. The names never change; new ones are added at the end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $variant,)+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// What is known about it.
            #[must_use]
            pub const fn about(self) -> About {
                match self {
                    $(Self::$variant => About {
                        name: $name, weight: Weight::$weight, words: $words, remedy: $remedy,
                    },)+
                }
            }
        }
    };
}

const NEW: &str = "Make a new one under the policy in force.";
const NEW_PIN: &str = "Set a new one of at least six digits that follow from nothing.";

reasons! {
    /// There is none.
    Empty = "empty", Critical, "there is none", NEW;
    /// As FusionPBX, FreeSWITCH or a phone ships it.
    ShippedDefault = "shipped-default", Critical, "as it is shipped, known to everyone", NEW;
    /// On the list of common ones.
    Common = "common", Critical, "on the list of common ones, which are tried first", NEW;
    /// The extension, mailbox or room itself.
    EqualsExtension = "equals-extension", Critical, "the same as its number", NEW;
    /// Its number read backwards.
    ReversedExtension = "reversed-extension", Critical, "its number read backwards", NEW;
    /// The tenant's domain, or a part of it.
    EqualsDomain = "equals-domain", Critical, "the tenant's domain or a part of it", NEW;
    /// The user name that goes with it.
    EqualsUsername = "equals-username", Critical, "the user name that goes with it", NEW;
    /// Counting up or down.
    Sequential = "sequential", Critical, "counts up or down", NEW;
    /// One letter, or one piece over and over.
    Repeated = "repeated", Critical, "one piece over and over", NEW;
    /// Keys that lie side by side.
    KeyboardWalk = "keyboard-walk", Critical, "keys that lie side by side", NEW;
    /// A year or a date.
    Year = "year", Critical, "a year or a date", NEW_PIN;
    /// Fewer than 12 characters; a PIN, fewer than 6 digits.
    TooShort = "too-short", High, "too short: 12 characters are needed, 6 digits for a PIN", NEW;
    /// Its number is in it.
    ContainsExtension = "contains-extension", High, "its number is in it", NEW;
    /// A name of the tenant, the trunk or the phone is in it.
    ContainsName = "contains-name", Medium, "a name that goes with it is in it", NEW;
    /// Digits only, or one kind of letters only.
    OneClass = "one-class", Medium, "of one kind of characters only", NEW;
    /// zxcvbn finds it within 10^10 guesses.
    Guessable = "guessable", High, "made of words and patterns: found within 10^10 guesses", NEW;
    /// The same secret at another place of the same tenant.
    ReusedHere = "reused-here", High, "the same at another place of this tenant", NEW;
    /// The same secret at a place of another tenant.
    ReusedAcrossTenants = "reused-across-tenants", High, "the same at a place of another tenant", NEW;
    /// SIP secret and voicemail PIN of one number are the same.
    SameAsPin = "same-as-pin", High, "SIP secret and voicemail PIN are the same", "Make two new ones, unlike each other.";
    /// Shorter than what the policy in force would make.
    WeakerThanPolicy = "weaker-than-policy", Low, "shorter than the policy in force asks for", NEW;
    /// The line of a phone holds another secret than its extension.
    StaleCopy = "stale-copy", Medium, "the phone's line holds another secret than the extension",
        "Set the line's password to the extension's and have the phone fetch it: until then it fails to register, and a jail may ban its office.";
    /// Stored as MD5, or as something that no longer counts as a hash.
    LegacyHash = "legacy-hash", High, "the password is stored as MD5",
        "Set a new password in FusionPBX, or have the user sign in once: from 5.0 on FusionPBX then hashes anew.";
    /// No TOTP secret in FusionPBX.
    NoSecondFactor = "no-second-factor", Medium, "no second factor in FusionPBX",
        "Enable totp in the default setting authentication, methods; the user enrols at the next sign-in.";
    /// No sign-in in the log.
    NeverSignedIn = "never-signed-in", Medium, "no sign-in in FusionPBX's log", "Disable the account if nobody needs it.";
    /// The last sign-in is 90 days old.
    Dormant = "dormant", Medium, "no sign-in for 90 days", "Disable the account if nobody needs it.";
    /// An API key, which signs in without a second factor.
    ApiKey = "api-key", High, "an API key that goes round password and second factor",
        "Remove the key unless a program needs it; accept the risk by name where one does.";
    /// A name that is tried first.
    DefaultName = "default-name", Low, "a name that is tried first", "Give the account a person's name.";
    /// Several accounts with one e-mail address.
    SharedEmail = "shared-email", Low, "the e-mail address of another account too",
        "Give each person an account and an address of their own.";
    /// A member of `superadmin`.
    Superadmin = "superadmin", Info, "a superadmin, who may do everything on the host",
        "Leave two or three; give the others the group admin of their tenant.";
    /// Its domain is missing.
    NoTenant = "no-tenant", Low, "belongs to no tenant that exists", "Find out whose it was, or remove the row in FusionPBX.";
    /// Not text.
    Unreadable = "unreadable", Low, "is no text and cannot be judged", NEW;
    /// Switched off: what is wrong with it weighs less.
    Disabled = "disabled", Info, "is switched off, so that the rest weighs less", "Remove it if it is not needed any more.";
    /// The account's password is the SIP secret or PIN of an extension that it is linked with.
    SameAsPhone = "same-as-phone", High, "the password is the SIP secret or PIN of its extension too",
        "Have the user choose another password, and make a new secret for the extension.";
}

impl Reason {
    pub(super) const fn bit(self) -> u64 {
        1 << self as u64
    }

    /// Its name in exports, such as `too-short`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.about().name
    }

    /// The reason behind a [`name`](Self::name).
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// How bad it is at this place.
    #[must_use]
    pub const fn weight(self, is_enabled: bool) -> Weight {
        match (self.about().weight, is_enabled) {
            (Weight::Info, _) => Weight::Info,
            (_, false) => Weight::Low,
            (weight, true) => weight,
        }
    }

    /// The check that it belongs to, where there is one.
    #[must_use]
    pub const fn check(self, kind: Kind) -> Option<&'static str> {
        match self {
            Self::NoTenant | Self::Unreadable | Self::Disabled | Self::StaleCopy => None,
            Self::LegacyHash => Some("US-01"),
            Self::Superadmin => Some("US-02"),
            Self::NoSecondFactor => Some("US-03"),
            Self::NeverSignedIn | Self::Dormant => Some("US-04"),
            Self::ApiKey => Some("US-05"),
            Self::DefaultName | Self::SharedEmail => Some("US-06"),
            Self::SameAsPin | Self::SameAsPhone => Some("CR-04"),
            _ => match kind {
                Kind::Voicemail => Some(if matches!(self, Self::Empty) { "CR-06" } else { "CR-05" }),
                Kind::Pin => Some("CR-08"),
                Kind::Gateway => Some("CR-09"),
                Kind::User => None,
                Kind::Extension | Kind::Line | Kind::Device | Kind::Provisioning => Some(match self {
                    Self::ReusedHere | Self::ReusedAcrossTenants => "CR-03",
                    Self::EqualsExtension
                    | Self::ReversedExtension
                    | Self::ContainsExtension
                    | Self::EqualsDomain
                    | Self::EqualsUsername
                    | Self::ContainsName
                    | Self::Sequential
                    | Self::Repeated
                    | Self::KeyboardWalk
                    | Self::Year => "CR-02",
                    _ => "CR-01",
                }),
            },
        }
    }
}
