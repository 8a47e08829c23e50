//! What a CA says of itself in its directory (RFC 8555 section 7.1.1), beyond what the library keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::acme::ca::CertificateAuthority;
use crate::acme::error::{CaError, Refusal};
use crate::acme::http::{Http, HttpDeadlines, HttpError};
use crate::base::chain::printable;
use crate::base::clock::Clock;

const DOING: &str = "reading its directory";

/// The most profiles that are kept of one directory.
const MAX_PROFILES: usize = 32;

/// What the directory says. Its texts are printable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Where nonces are given out.
    pub new_nonce: Option<String>,
    /// Where accounts are made.
    pub new_account: Option<String>,
    /// Where an account gets a new key.
    pub key_change: Option<String>,
    /// Where renewal windows are asked for (RFC 9773 section 4); `None` where the CA has none.
    pub renewal_info: Option<String>,
    /// The CA's terms of service.
    pub terms: Option<String>,
    /// Whether an account needs an external account binding (RFC 8555 section 7.3.4).
    pub needs_binding: bool,
    /// The names that a CAA record may hold for this CA.
    pub caa_identities: Vec<String>,
    /// Its profiles, each with the CA's description.
    pub profiles: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    new_nonce: Option<String>,
    new_account: Option<String>,
    key_change: Option<String>,
    renewal_info: Option<String>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    terms_of_service: Option<String>,
    external_account_required: bool,
    caa_identities: Vec<String>,
    profiles: BTreeMap<String, String>,
}

/// A client for questions that need no account.
pub struct Reader {
    http: Http,
    ca: CertificateAuthority,
}

impl Reader {
    /// # Errors
    /// The CA's own root is no certificate, or this host trusts none.
    pub fn new(ca: &CertificateAuthority, deadlines: HttpDeadlines, clock: Arc<dyn Clock>) -> Result<Self, CaError> {
        let (http, _) = Http::new(ca, deadlines, clock).map_err(|error| CaError::from_http(DOING, error))?;
        Ok(Self { http, ca: ca.clone() })
    }

    /// Reads the directory.
    ///
    /// # Errors
    /// The CA could not be reached, or its directory is none.
    pub async fn directory(&self) -> Result<Directory, CaError> {
        let (status, retry_after, body) =
            self.http.get(self.ca.directory_url()).await.map_err(|error| CaError::from_http(DOING, error))?;
        if !status.is_success() {
            return Err(match status.as_u16() {
                429 | 503 => CaError::RateLimited { doing: DOING, refusal: Refusal::default(), retry_after },
                other => CaError::Unreachable { doing: DOING, source: HttpError::Status(other) },
            });
        }
        parse(&body)
    }

    pub(crate) const fn http(&self) -> &Http {
        &self.http
    }
}

fn parse(body: &[u8]) -> Result<Directory, CaError> {
    let raw: Raw = serde_json::from_slice(body)
        .map_err(|error| CaError::nonsense(DOING, &format!("it is no directory: {error}")))?;
    let tame = |text: String| printable(&text.chars().take(300).collect::<String>());
    Ok(Directory {
        new_nonce: raw.new_nonce,
        new_account: raw.new_account,
        key_change: raw.key_change,
        renewal_info: raw.renewal_info.filter(|url| !url.is_empty()),
        terms: raw.meta.terms_of_service.map(tame),
        needs_binding: raw.meta.external_account_required,
        caa_identities: raw.meta.caa_identities.into_iter().take(MAX_PROFILES).map(tame).collect(),
        profiles: raw
            .meta
            .profiles
            .into_iter()
            .take(MAX_PROFILES)
            .map(|(name, words)| (tame(name), tame(words)))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_tells_what_a_ca_offers_and_wants() {
        let directory = parse(
            br#"{"newNonce":"n","renewalInfo":"https://ca.test/ari","meta":{"termsOfService":"https://ca.test/\u001b",
                "externalAccountRequired":true,"caaIdentities":["ca.test"],"profiles":{"classic":"90 days"}}}"#,
        )
        .unwrap();

        assert_eq!(directory.renewal_info.as_deref(), Some("https://ca.test/ari"));
        assert!(directory.needs_binding);
        assert_eq!(directory.terms.as_deref(), Some("https://ca.test/\\u{1b}"));
        assert_eq!(directory.profiles.get("classic").map(String::as_str), Some("90 days"));
    }

    #[test]
    fn a_ca_without_renewal_windows_has_none_and_a_page_is_no_directory() {
        assert_eq!(parse(b"{}").unwrap(), Directory::default());
        assert!(parse(b"<html>").is_err());
        assert!(parse(b"[]").is_err());
    }
}
