//! Takes secrets out of what a DNS service or its library says: some services carry the key in the address, and an
//! error may repeat that.

use std::fmt::Write as _;

use crate::acme::challenge::provider::{Provider, Values};
use crate::base::chain::printable;
use crate::base::secret::Secret;

/// The most that is kept of one answer, in letters.
const MAX_WORDS: usize = 400;

/// Values that must not be said.
#[derive(Clone, Debug, Default)]
pub struct Unsaid(Vec<Secret<String>>);

impl Unsaid {
    /// The secrets of `values`, in the forms in which they travel.
    #[must_use]
    pub fn of(provider: &Provider, values: &Values) -> Self {
        let secrets = values.pairs(provider).filter(|(field, _)| field.kind.is_secret()).flat_map(|(_, value)| {
            let pieces = value.split(['\n', '\r', '=']).filter(|piece| piece.len() > 3);
            pieces.chain([value]).flat_map(forms).collect::<Vec<_>>()
        });
        let mut all: Vec<Secret<String>> = secrets.map(Secret::new).collect();
        // The longest first: a short one inside it would leave the rest of it standing.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self(all)
    }

    /// `said` without them, printable and cut.
    #[must_use]
    pub fn out_of(&self, said: &str) -> String {
        let mut said = said.to_owned();
        for secret in &self.0 {
            if !secret.expose().is_empty() {
                said = said.replace(secret.expose().as_str(), "[hidden]");
            }
        }
        let cut: String = said.chars().take(MAX_WORDS).collect();
        printable(cut.trim())
    }
}

/// As it is, as part of an address, as part of a form, as a JSON text, in base64.
fn forms(value: &str) -> [String; 5] {
    let json = serde_json::to_string(value).unwrap_or_default();
    [
        value.to_owned(),
        escaped(value, "%20"),
        escaped(value, "+"),
        json.trim_matches('"').to_owned(),
        crate::base::encoding::base64(value.as_bytes()).trim_end_matches('=').to_owned(),
    ]
}

fn escaped(value: &str, space: &str) -> String {
    let mut out = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        match byte {
            b' ' => out.push_str(space),
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => out.push(char::from(byte)),
            byte => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::challenge::provider::provider;

    #[test]
    fn a_key_in_an_address_is_not_repeated() {
        let key = "s3cret/with+odd =signs";
        let dreamhost = provider("dreamhost").unwrap();
        let typed = vec![("key".to_owned(), key.to_owned())];
        let unsaid = Unsaid::of(dreamhost, &Values::parse(dreamhost, typed).unwrap());

        let said = unsaid.out_of(&format!(
            "Failed to send request to https://api.example/?key={}&k={}: {key} timed out\u{1b}[2J",
            escaped(key, "%20"),
            escaped(key, "+"),
        ));

        assert!(!said.contains("s3cret") && !said.contains("signs"), "{said}");
        assert!(said.ends_with("timed out\\u{1b}[2J"), "{said}");
    }

    #[test]
    fn every_line_of_a_long_key_is_kept_back() {
        let hurricane = provider("hurricane").unwrap();
        let typed = vec![("keys".to_owned(), "a.example.com=firstkey\nb.example.com=secondkey".to_owned())];
        let unsaid = Unsaid::of(hurricane, &Values::parse(hurricane, typed).unwrap());

        assert_eq!(unsaid.out_of("password=secondkey refused"), "password=[hidden] refused");
    }
}
