//! The ways in which a name is proved to a CA.

use instant_acme::ChallengeType;

/// How names in a zone are proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A record at `_acme-challenge`, written with a credential (RFC 8555 section 8.4).
    Dns01,
    /// The same at a name of the account's own (draft-ietf-acme-dns-account-label).
    DnsAccount01,
    /// A record that stays, put in once by hand (draft-ietf-acme-dns-persist).
    DnsPersist01,
    /// A file that this host's nginx serves (RFC 8555 section 8.3); no wildcard.
    Http01,
    /// As the first, but put in and taken away by hand.
    Manual,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::Dns01, Self::DnsAccount01, Self::DnsPersist01, Self::Http01, Self::Manual];

    /// As the store and forms have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns01 => "dns-01",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
            Self::Http01 => "http-01",
            Self::Manual => "manual",
        }
    }

    /// As a page has it.
    #[must_use]
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Dns01 => "DNS-01: a record that Rampart writes for each order",
            Self::DnsAccount01 => "DNS-ACCOUNT-01: the same at a name of the CA account's own",
            Self::DnsPersist01 => "DNS-PERSIST-01: a record that stays, put in once by hand",
            Self::Http01 => "HTTP-01: a file that nginx on this host serves; no wildcard",
            Self::Manual => "DNS-01 by hand: the record is shown, and Rampart waits for it",
        }
    }

    /// The challenge, as CAs and CAA records call it.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Manual => "dns-01",
            other => other.word(),
        }
    }

    /// The way that is called `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.word() == word)
    }

    /// Whether Rampart writes into DNS, and needs a credential.
    #[must_use]
    pub const fn needs_credential(self) -> bool {
        matches!(self, Self::Dns01 | Self::DnsAccount01)
    }

    /// As the library has it; it does not know all of them by name.
    pub(crate) fn challenge(self) -> ChallengeType {
        match self {
            Self::Dns01 | Self::Manual => ChallengeType::Dns01,
            Self::Http01 => ChallengeType::Http01,
            Self::DnsAccount01 | Self::DnsPersist01 => ChallengeType::Unknown(self.word().to_owned()),
        }
    }
}

/// The first label of DNS-ACCOUNT-01 for an account: `_ujmmovf2vn55tgye`
/// (draft-ietf-acme-dns-account-label-01 section 3.1).
#[must_use]
pub fn account_label(account_url: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(account_url.as_bytes());
    let front = digest.get(..10).unwrap_or_default();
    format!("_{}", data_encoding::BASE32_NOPAD.encode(front).to_ascii_lowercase())
}

/// The record of DNS-PERSIST-01: its owner and its text (draft-ietf-acme-dns-persist-00 section 3).
#[must_use]
pub fn standing_record(base: &str, issuer: &str, account_url: &str, is_wildcard: bool) -> (String, String) {
    let policy = if is_wildcard { "; policy=wildcard" } else { "" };
    (format!("_validation-persist.{base}"), format!("{issuer}; accounturi={account_url}{policy}"))
}

/// Whether `text`, a record as it stands, is what [`standing_record`] asks for at `now`, or more.
#[must_use]
pub fn stands(text: &str, issuer: &str, account_url: &str, is_wildcard: bool, now: i64) -> bool {
    let mut parts = text.split(';').map(str::trim);
    if !parts.next().unwrap_or_default().trim_end_matches('.').eq_ignore_ascii_case(issuer) {
        return false;
    }
    let (mut is_account, mut has_policy) = (false, false);
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        match key.trim().to_ascii_lowercase().as_str() {
            "accounturi" => is_account = value.trim() == account_url,
            "policy" => has_policy = value.trim().eq_ignore_ascii_case("wildcard"),
            "persistuntil" if value.trim().parse().is_ok_and(|until: i64| until <= now) => return false,
            _ => {}
        }
    }
    is_account && (has_policy || !is_wildcard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_found_by_its_word() {
        for way in Way::ALL {
            assert_eq!(Way::parse(way.word()), Some(way));
        }
        assert_eq!(Way::parse("tls-alpn-01"), None);
    }

    #[test]
    fn the_label_of_an_account_is_that_of_the_draft() {
        // The draft's own example.
        assert_eq!(account_label("https://example.com/acme/acct/ExampleAccount"), "_ujmmovf2vn55tgye");
    }

    #[test]
    fn a_standing_record_is_for_one_ca_one_account_and_what_it_says() {
        let (owner, text) = standing_record("example.com", "ca.example", "https://ca.example/7", true);
        let check = |text: &str, is_wildcard| stands(text, "ca.example", "https://ca.example/7", is_wildcard, 1_000);

        assert_eq!(owner, "_validation-persist.example.com");
        assert_eq!(text, "ca.example; accounturi=https://ca.example/7; policy=wildcard");
        assert!(check(&text, true) && check(&text, false));
        assert!(check("CA.example. ;accounturi=https://ca.example/7", false));
        assert!(!check("ca.example; accounturi=https://ca.example/7", true));
        assert!(!check("ca.example; accounturi=https://ca.example/8", false));
        assert!(!check("other.example; accounturi=https://ca.example/7", false));
        assert!(check("ca.example; accounturi=https://ca.example/7; persistUntil=1001", false));
        assert!(!check("ca.example; accounturi=https://ca.example/7; persistUntil=1000", false));
    }
}
