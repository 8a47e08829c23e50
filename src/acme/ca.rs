//! Which certificate authority is spoken to, and which root vouches for its API.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Why a certificate authority cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaAddressError {
    /// The text is no address at all.
    #[error("{0:?} is no web address")]
    NoAddress(String),
    /// RFC 8555 section 6.1: ACME goes over HTTPS.
    #[error("a CA is spoken to over https only")]
    NotHttps,
}

/// A certificate authority that speaks ACME.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateAuthority {
    directory_url: String,
    root_pem: Option<String>,
}

impl CertificateAuthority {
    /// Let's Encrypt, whose certificates browsers and phones trust.
    #[must_use]
    pub fn lets_encrypt() -> Self {
        Self { directory_url: instant_acme::LetsEncrypt::Production.url().to_owned(), root_pem: None }
    }

    /// Let's Encrypt's staging service: the same service with wide limits, trusted by nobody.
    #[must_use]
    pub fn lets_encrypt_staging() -> Self {
        Self { directory_url: instant_acme::LetsEncrypt::Staging.url().to_owned(), root_pem: None }
    }

    /// The CA whose directory lies at `directory_url`. With `root_pem`, only that root vouches for its API; without,
    /// the roots that this host trusts.
    ///
    /// # Errors
    /// The address is none, or is not https. Plain http is taken from loopback addresses only.
    pub fn at(directory_url: &str, root_pem: Option<String>) -> Result<Self, CaAddressError> {
        let address = reqwest::Url::parse(directory_url.trim())
            .map_err(|_| CaAddressError::NoAddress(directory_url.chars().take(200).collect()))?;
        let plain_loopback = address.scheme() == "http" && is_loopback(&address);
        if address.scheme() != "https" && !plain_loopback {
            return Err(CaAddressError::NotHttps);
        }
        Ok(Self { directory_url: address.into(), root_pem })
    }

    /// Where a client begins.
    #[must_use]
    pub fn directory_url(&self) -> &str {
        &self.directory_url
    }

    /// The only root that vouches for the API, if one was named.
    #[must_use]
    pub fn root_pem(&self) -> Option<&str> {
        self.root_pem.as_deref()
    }

    /// Whether the API is on this host.
    #[must_use]
    pub fn is_local(&self) -> bool {
        reqwest::Url::parse(&self.directory_url).is_ok_and(|address| is_loopback(&address))
    }
}

fn is_loopback(address: &reqwest::Url) -> bool {
    let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        assert!(CertificateAuthority::at("http://127.0.0.1:14000/dir", None).is_ok_and(|ca| ca.is_local()));
        assert!(CertificateAuthority::at("http://[::1]:14000/dir", None).is_ok());
        assert_eq!(CertificateAuthority::at("http://ca.example/dir", None), Err(CaAddressError::NotHttps));
        assert_eq!(CertificateAuthority::at("file:///etc/passwd", None), Err(CaAddressError::NotHttps));
        assert!(matches!(CertificateAuthority::at("ca.example", None), Err(CaAddressError::NoAddress(_))));
        assert!(!CertificateAuthority::lets_encrypt().is_local());
    }
}
