//! Names from the network world, made only by parsing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// Why a text is no host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a name is needed")]
    Empty,
    /// RFC 1035 section 2.3.4: 255 octets on the wire, which leaves 253 letters.
    #[error("a name has at most 253 letters")]
    TooLong,
    /// RFC 1035 section 2.3.4.
    #[error("each part of a name has 1 to 63 letters")]
    LabelLength,
    /// RFC 1123 section 2.1.
    #[error("a name is made of letters, digits and hyphens, and no part begins or ends with a hyphen")]
    Letters,
    /// A certificate authority wants a public name, and an address is not a name.
    #[error("a full name with a dot in it is needed, such as pbx.example.com")]
    NotFull,
    /// RFC 9525 section 6.3: a wildcard stands alone and leftmost.
    #[error("a wildcard stands alone and at the front, as in *.example.com")]
    Wildcard,
    /// Our own rule for the names of operators: they stand in file names, log lines and pages.
    #[error("a name has 1 to 64 letters, digits, or any of . - _ @")]
    Operator,
}

/// The name of somebody who may sign in to Rampart: 1 to 64 letters, digits and `. - _ @`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct OperatorName(String);

impl OperatorName {
    /// # Errors
    /// The name is empty, too long, or has other characters than letters, digits and `. - _ @`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte));
        if text.is_empty() || text.len() > 64 || !letters {
            return Err(NameError::Operator);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A host name that may go in a certificate: lower case, no trailing dot, at least two labels, A-labels for
/// other scripts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Fqdn(String);

impl Fqdn {
    /// # Errors
    /// Says which rule of RFC 1035 section 2.3.4 or RFC 1123 section 2.1 `text` breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > 253 {
            return Err(NameError::TooLong);
        }
        for label in name.split('.') {
            if label.is_empty() || label.len() > 63 {
                return Err(NameError::LabelLength);
            }
            let letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !letters || label.starts_with('-') || label.ends_with('-') {
                return Err(NameError::Letters);
            }
        }
        let last_label_is_a_number =
            name.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
        if !name.contains('.') || last_label_is_a_number {
            return Err(NameError::NotFull);
        }
        Ok(Self(name))
    }

    /// A name as a person types it: letters of other scripts become A-labels (RFC 5891).
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn typed(text: &str) -> Result<Self, NameError> {
        if text.is_ascii() {
            return Self::parse(text);
        }
        Self::parse(&idna::domain_to_ascii_strict(text.trim()).map_err(|_| NameError::Letters)?)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this name is `zone` or lies below it.
    #[must_use]
    pub fn is_within(&self, zone: &Self) -> bool {
        self.0 == zone.0 || self.0.strip_suffix(zone.as_str()).is_some_and(|front| front.ends_with('.'))
    }
}

/// A name as a certificate lists it: a host name, or `*.` and a host name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct CertificateName {
    base: Fqdn,
    wildcard: bool,
}

impl CertificateName {
    /// # Errors
    /// As [`Fqdn::parse`], and when a `*` stands anywhere but alone at the front.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        let (rest, wildcard) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        if rest.contains('*') {
            return Err(NameError::Wildcard);
        }
        Fqdn::parse(rest).map(|base| Self { base, wildcard })
    }

    /// `name` itself.
    #[must_use]
    pub const fn exact(base: Fqdn) -> Self {
        Self { base, wildcard: false }
    }

    /// Every name one label below `base`.
    #[must_use]
    pub const fn wildcard(base: Fqdn) -> Self {
        Self { base, wildcard: true }
    }

    /// The name without its `*.`.
    #[must_use]
    pub const fn base(&self) -> &Fqdn {
        &self.base
    }

    /// Whether it begins with `*.`.
    #[must_use]
    pub const fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Whether a client that asks for `host` accepts this name (RFC 9525 section 6.3: `*` is exactly one label).
    #[must_use]
    pub fn covers(&self, host: &Fqdn) -> bool {
        if self.wildcard {
            host.as_str().split_once('.').is_some_and(|(_, parent)| parent == self.base.as_str())
        } else {
            *host == self.base
        }
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wildcard {
            out.write_str("*.")?;
        }
        out.write_str(self.base.as_str())
    }
}

impl From<CertificateName> for String {
    fn from(name: CertificateName) -> Self {
        name.to_string()
    }
}

/// A TCP or UDP port: 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Port(u16);

impl Port {
    /// The port `number`, unless it is 0.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

macro_rules! text_type {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_type!(Fqdn);
text_type!(CertificateName);
text_type!(OperatorName);

impl fmt::Display for OperatorName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Fqdn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = u16::deserialize(from)?;
        Self::new(number).ok_or_else(|| serde::de::Error::custom("a port is a number from 1 to 65535"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fqdn(text: &str) -> Fqdn {
        Fqdn::parse(text).unwrap()
    }

    #[test]
    fn names_are_lower_case_without_a_trailing_dot() {
        assert_eq!(fqdn("PBX.Example.COM.").as_str(), "pbx.example.com");
    }

    #[test]
    fn each_broken_rule_is_named() {
        let long = format!("{}.example", "a".repeat(64));
        let cases = [
            ("", NameError::Empty),
            ("localhost", NameError::NotFull),
            ("192.0.2.1", NameError::NotFull),
            ("a..b", NameError::LabelLength),
            ("-a.example", NameError::Letters),
            ("a b.example", NameError::Letters),
            ("../etc/passwd", NameError::LabelLength),
            ("\u{fc}ber.example", NameError::Letters),
            (long.as_str(), NameError::LabelLength),
        ];
        for (text, error) in cases {
            assert_eq!(Fqdn::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_wildcard_covers_one_label_and_not_its_base() {
        let wildcard = CertificateName::parse("*.example.com").unwrap();

        assert!(wildcard.covers(&fqdn("a.example.com")));
        assert!(!wildcard.covers(&fqdn("example.com")));
        assert!(!wildcard.covers(&fqdn("a.b.example.com")));
        assert_eq!(CertificateName::parse("a.*.example.com"), Err(NameError::Wildcard));
    }

    #[test]
    fn a_zone_holds_itself_and_what_lies_below_but_not_its_look_alike() {
        let zone = fqdn("example.com");

        assert!(fqdn("example.com").is_within(&zone));
        assert!(fqdn("a.example.com").is_within(&zone));
        assert!(!fqdn("badexample.com").is_within(&zone));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_what_parses_reads_back_the_same(text in "\\PC{0,300}") {
            if let Ok(name) = CertificateName::parse(&text) {
                prop_assert_eq!(CertificateName::parse(&name.to_string()), Ok(name));
            }
        }
    }
}
