//! What a DNS service needs to be told, and reading what was typed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::acme::challenge::provider::Provider;
use crate::base::secret::Secret;

/// The longest value that is taken, in bytes: a service account's key is a few KiB.
const MAX_LENGTH: usize = 16 * 1024;

/// One thing to fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is called in the form and in the store.
    pub key: &'static str,
    /// What it is called on the page.
    pub label: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// Whether it must be filled in.
    pub is_needed: bool,
    /// A few words more; empty if the label says it all.
    pub hint: &'static str,
}

/// What may stand in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line that anyone may see.
    Text,
    /// One line that nobody sees again.
    Secret,
    /// Several lines that nobody sees again: a key, a file.
    Lines,
    /// Where a service of one's own is.
    Url,
    /// One of these.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// Whether it is sealed in the store and never shown.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Lines)
    }
}

/// A value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// Which field.
    pub key: &'static str,
    /// Why, as a sentence.
    pub words: String,
}

/// The values of one credential, each for a field of its service. Nothing here prints.
#[derive(Clone, Debug)]
pub struct Values(BTreeMap<&'static str, Secret<String>>);

impl Values {
    /// Reads what was typed, as pairs of key and value; keys that `provider` does not know are passed over.
    ///
    /// # Errors
    /// What is wrong, field by field.
    pub fn parse(provider: &Provider, typed: Vec<(String, String)>) -> Result<Self, Vec<FieldFault>> {
        let mut typed: BTreeMap<String, Secret<String>> =
            typed.into_iter().map(|(key, value)| (key, Secret::new(value))).collect();
        let (mut values, mut faults) = (BTreeMap::new(), Vec::new());
        for field in provider.fields {
            let given = typed.remove(field.key).unwrap_or_else(|| Secret::new(String::new()));
            let value = Secret::new(given.expose().trim().to_owned());
            match fault(field, value.expose()) {
                Some(words) => faults.push(FieldFault { key: field.key, words }),
                None if value.expose().is_empty() => {}
                None => drop(values.insert(field.key, value)),
            }
        }
        if faults.is_empty() { Ok(Self(values)) } else { Err(faults) }
    }

    /// The value of `key`; empty if there is none.
    #[must_use]
    pub fn get(&self, key: &str) -> &str {
        self.maybe(key).unwrap_or_default()
    }

    /// The value of `key`, if there is one.
    #[must_use]
    pub fn maybe(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| value.expose().as_str())
    }

    /// The same, in a text of its own.
    pub(super) fn owned(&self, key: &str) -> Option<String> {
        self.maybe(key).map(ToOwned::to_owned)
    }

    /// What is there, with its field.
    pub fn pairs<'a>(&'a self, provider: &'a Provider) -> impl Iterator<Item = (&'static Field, &'a str)> {
        provider.fields.iter().filter_map(|field| self.maybe(field.key).map(|value| (field, value)))
    }
}

/// What is wrong with `value`.
fn fault(field: &Field, value: &str) -> Option<String> {
    let said = |words: &str| Some(words.to_owned());
    if value.is_empty() {
        return if field.is_needed { said("This is needed.") } else { None };
    }
    if value.len() > MAX_LENGTH {
        return said("This is longer than 16 KiB.");
    }
    let has_lines = value.contains(['\n', '\r']);
    if value.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\r' && letter != '\t')
        || (has_lines && field.kind != Kind::Lines)
    {
        return said("This holds characters that cannot be part of it.");
    }
    match field.kind {
        Kind::Choice(of) if !of.contains(&value) => Some(format!("This must be one of {}.", of.join(", "))),
        Kind::Url => url_fault(value).map(ToOwned::to_owned),
        Kind::Text | Kind::Secret | Kind::Lines | Kind::Choice(_) => None,
    }
}

/// A credential goes over TLS, or stays on a network of one's own.
fn url_fault(value: &str) -> Option<&'static str> {
    let Ok(url) = reqwest::Url::parse(value) else {
        return Some("This is no address; begin with https://.");
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Some("Give host, port and path only; name and secret have fields of their own.");
    }
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        _ if host.is_empty() => Some("This names no host."),
        "https" => None,
        "http" if is_near(host) => None,
        "http" => Some("The secret would cross the network in the clear; use https://."),
        _ => Some("Begin with https://."),
    }
}

fn is_near(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || (address.segments()[0] & 0xfe00) == 0xfc00,
        Err(_) => host == "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::challenge::provider::provider;

    fn faults(id: &str, typed: &[(&str, &str)]) -> Vec<String> {
        let typed = typed.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        match Values::parse(provider(id).unwrap(), typed) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.into_iter().map(|fault| fault.key.to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_needed_must_be_there_and_what_is_not_known_is_passed_over() {
        assert_eq!(faults("cloudflare", &[]), ["token"]);
        assert_eq!(faults("cloudflare", &[("token", "  ")]), ["token"]);
        assert_eq!(faults("cloudflare", &[("token", "abc"), ("csrf", "x")]), Vec::<String>::new());
        assert_eq!(faults("cloudflare", &[("token", "a\r\nX-Other: b")]), ["token"]);
        assert_eq!(faults("pdns", &[("key", "abc"), ("url", "https://[::1]:8081/")]), Vec::<String>::new());
    }

    #[test]
    fn a_secret_does_not_cross_a_foreign_network_in_the_clear() {
        for good in ["https://dns.example.com", "http://127.0.0.1:8081", "http://10.1.2.3", "http://[fd00::1]:80"] {
            assert_eq!(faults("pdns", &[("key", "abc"), ("url", good)]), Vec::<String>::new(), "{good}");
        }
        for bad in [
            "http://dns.example.com",
            "http://192.0.2.1",
            "http://0x7f.1.example.com",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "https://a:b@dns.example.com",
            "https://dns.example.com/?x=1",
            "dns.example.com",
        ] {
            assert_eq!(faults("pdns", &[("key", "abc"), ("url", bad)]), ["url"], "{bad}");
        }
    }

    #[test]
    fn values_never_print() {
        let typed = vec![("token".to_owned(), "hunter2".to_owned())];

        let values = Values::parse(provider("cloudflare").unwrap(), typed).unwrap();

        assert!(!format!("{values:?}").contains("hunter2"));
        assert_eq!(values.get("token"), "hunter2");
    }
}
