//! Makes a key and its request, for names inside the zones that root approved.

use std::collections::BTreeSet;

use crate::agent::certificates::store::Store;
use crate::agent::keys;
use crate::base::chain::Chain;
use crate::base::encoding::base64;
use crate::base::ids::CertificateId;
use crate::base::names::{CertificateName, Fqdn};
use crate::wire::answer::{KeyMade, Refusal};
use crate::wire::request::KeyKind;

/// The most names of one certificate (as Let's Encrypt has it).
const MAX_NAMES: usize = 100;

/// Makes and keeps a key, and answers with its request.
///
/// # Errors
/// A name is outside the zones, or the disk refused.
pub(in crate::agent) async fn make(
    store: Store<'_>,
    zones: &[Fqdn],
    certificate: CertificateId,
    names: Vec<CertificateName>,
    kind: KeyKind,
) -> Result<KeyMade, Refusal> {
    allowed(&names, zones)?;
    let unable = |reason: String| Refusal::Unable { reason };
    // An RSA key takes long enough to hold up the other callers.
    let made = tokio::task::spawn_blocking(move || keys::make(&names, kind)).await;
    let made = made.map_err(|error| unable(format!("the key could not be made: {}", Chain(&error))))?;
    let made = made.map_err(|error| unable(format!("the key could not be made: {}", Chain(&error))))?;
    let generation = store.begin(certificate, &made).map_err(|error| unable(Chain(&error).to_string()))?;
    Ok(KeyMade { generation, csr: base64(&made.request_der) })
}

/// Whether root's settings let these names have a certificate.
///
/// # Errors
/// Says which name, and why not.
pub(in crate::agent) fn allowed(names: &[CertificateName], zones: &[Fqdn]) -> Result<(), Refusal> {
    let not_allowed = |reason: String| Err(Refusal::NotAllowed { reason });
    if names.is_empty() || names.len() > MAX_NAMES {
        return not_allowed(format!("a certificate has 1 to {MAX_NAMES} names"));
    }
    if names.iter().collect::<BTreeSet<_>>().len() != names.len() {
        return not_allowed("a name is there twice".to_owned());
    }
    let outside = |name: &&CertificateName| !zones.iter().any(|zone| name.base().is_within(zone));
    match names.iter().find(outside) {
        Some(name) => not_allowed(format!("{name} lies in no zone of the agent's settings")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_zones_are_refused() {
        let zones = [Fqdn::parse("example.com").unwrap()];
        let judge = |texts: &[&str]| {
            let names: Vec<_> = texts.iter().map(|text| CertificateName::parse(text).unwrap()).collect();
            allowed(&names, &zones)
        };

        assert!(judge(&["*.example.com", "example.com", "a.b.example.com"]).is_ok());
        assert!(judge(&["a.example.com", "badexample.com"]).is_err());
        assert!(judge(&["example.org"]).is_err());
        assert!(judge(&[]).is_err());
        assert!(judge(&["a.example.com", "a.example.com"]).is_err());
        assert!(allowed(&[CertificateName::parse("a.example.com").unwrap()], &[]).is_err());
    }
}
