//! The DNS services that challenge records can be written to: one list that says what each needs, and how a record is
//! added and taken away there. The conversations themselves are dns-update's.

mod a_to_d;
mod e_to_l;
mod form;
mod m_to_z;
pub mod redact;
pub mod writer;

pub use form::{Field, FieldFault, Kind, Values};

use std::time::Duration;

use dns_update::DnsUpdater;

/// How long one request to a service may take.
const WAIT: Option<Duration> = Some(Duration::from_secs(30));

/// One DNS service.
#[derive(Debug)]
pub struct Provider {
    /// What it is called in the store and on the command line.
    pub id: &'static str,
    /// Its name.
    pub label: &'static str,
    /// What it needs.
    pub fields: &'static [Field],
    /// Whether it holds only one TXT value at a name: a name and its wildcard are then proved one after the other.
    pub holds_one_value: bool,
    open: fn(&Values) -> dns_update::Result<DnsUpdater>,
}

/// Every service, by name.
pub fn providers() -> impl Iterator<Item = &'static Provider> {
    a_to_d::PROVIDERS.iter().chain(e_to_l::PROVIDERS).chain(m_to_z::PROVIDERS)
}

/// The service called `id`.
#[must_use]
pub fn provider(id: &str) -> Option<&'static Provider> {
    providers().find(|provider| provider.id == id)
}

const fn text(key: &'static str, label: &'static str) -> Field {
    Field { key, label, kind: Kind::Text, is_needed: true, hint: "" }
}

const fn secret(key: &'static str, label: &'static str) -> Field {
    Field { key, label, kind: Kind::Secret, is_needed: true, hint: "" }
}

const fn lines(key: &'static str, label: &'static str) -> Field {
    Field { key, label, kind: Kind::Lines, is_needed: true, hint: "" }
}

const fn url(key: &'static str, label: &'static str) -> Field {
    Field { key, label, kind: Kind::Url, is_needed: true, hint: "https://; plain http:// only to a private address" }
}

const fn choice(key: &'static str, label: &'static str, of: &'static [&'static str]) -> Field {
    Field { key, label, kind: Kind::Choice(of), is_needed: true, hint: "" }
}

/// The same field where it may be left empty.
const fn optional(field: Field) -> Field {
    Field { is_needed: false, ..field }
}

const fn hinted(field: Field, hint: &'static str) -> Field {
    Field { hint, ..field }
}

/// A service that keeps a whole set of values at a name.
const fn service(
    id: &'static str,
    label: &'static str,
    fields: &'static [Field],
    open: fn(&Values) -> dns_update::Result<DnsUpdater>,
) -> Provider {
    Provider { id, label, fields, holds_one_value: false, open }
}

/// A service that keeps one value at a name.
const fn single(
    id: &'static str,
    label: &'static str,
    fields: &'static [Field],
    open: fn(&Values) -> dns_update::Result<DnsUpdater>,
) -> Provider {
    Provider { id, label, fields, holds_one_value: true, open }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_is_sorted_by_name_and_no_service_stands_there_twice() {
        let labels: Vec<String> = providers().map(|provider| provider.label.to_lowercase()).collect();
        let ids: BTreeSet<&str> = providers().map(|provider| provider.id).collect();

        let mut sorted = labels.clone();
        sorted.sort();
        assert_eq!(labels, sorted);
        assert_eq!(ids.len(), labels.len());
        // All of dns-update 0.6.1, but for its two stand-ins for tests.
        assert_eq!(labels.len(), 73);
    }

    #[test]
    fn every_service_asks_for_a_secret_and_opens_with_what_it_asks_for() {
        for provider in providers() {
            assert!(provider.fields.iter().any(|field| field.kind.is_secret()), "{}", provider.id);
            let keys: BTreeSet<&str> = provider.fields.iter().map(|field| field.key).collect();
            assert_eq!(keys.len(), provider.fields.len(), "{}", provider.id);
            let typed = provider.fields.iter().map(|field| (field.key.to_owned(), sample(provider.id, field)));
            let values = Values::parse(provider, typed.collect()).unwrap_or_else(|faults| panic!("{faults:?}"));
            let opened = writer::open(provider, &values, "a credential");
            assert!(opened.is_ok(), "{}: {:?}", provider.id, opened.err().map(|error| error.to_string()));
        }
    }

    #[test]
    fn a_service_without_its_secret_does_not_open_in_silence() {
        for provider in providers() {
            let faults = Values::parse(provider, Vec::new()).unwrap_err();
            assert!(faults.iter().any(|fault| provider.fields.iter().any(|field| field.key == fault.key)));
        }
    }

    fn sample(id: &str, field: &Field) -> String {
        match (id, field.key) {
            ("hurricane", _) => "_acme-challenge.example.com=key\nexample.com=other".to_owned(),
            ("rfc2136", "server") => "192.0.2.1:53".to_owned(),
            ("rfc2136", "key") => "c2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXMgb3Igc28=".to_owned(),
            ("googleclouddns", "service_account_json") | ("yandexcloud", "key") => String::from("e30="),
            ("oraclecloud" | "transip", "private_key") => {
                let size = rcgen::RsaKeySize::_2048;
                rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size).unwrap().serialize_pem()
            }
            ("autodns", "context") => "4".to_owned(),
            _ => match field.kind {
                Kind::Url => "https://dns.example.com".to_owned(),
                Kind::Choice(of) => of[0].to_owned(),
                Kind::Text | Kind::Secret | Kind::Lines => "0123456789abcdef".to_owned(),
            },
        }
    }
}
