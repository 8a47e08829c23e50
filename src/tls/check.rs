//! Judges a chain that a CA has just issued, before anything is told to serve it.

use std::collections::BTreeSet;

use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA};

use crate::base::clock::Timestamp;
use crate::base::names::CertificateName;
use crate::tls::leaf::{self, LeafError};
use crate::wire::answer::LeafFacts;

/// The shortest RSA key that is not weak (CA/Browser Forum Baseline Requirements, section 6.1.5).
const MIN_RSA_BITS: usize = 2048;

/// Why an issued chain is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuedError {
    /// There is no certificate in it.
    #[error("the chain is empty")]
    Empty,
    /// One of its certificates cannot be read.
    #[error("certificate {place} of the chain cannot be read")]
    Unreadable {
        /// Its place, from 1.
        place: usize,
        /// Why.
        #[source]
        source: LeafError,
    },
    /// The leaf was issued for a key that is not ours.
    #[error("the certificate belongs to another key")]
    OtherKey,
    /// The leaf does not hold exactly the names that were asked for.
    #[error("the certificate is for {found}, but {asked} was asked for")]
    OtherNames {
        /// The names in it.
        found: String,
        /// The names of the request.
        asked: String,
    },
    /// One of its certificates is not valid yet, or no longer.
    #[error("certificate {place} of the chain is valid from {from} to {to} only")]
    NotNow {
        /// Its place, from 1.
        place: usize,
        /// The start of its validity.
        from: Timestamp,
        /// The end of its validity.
        to: Timestamp,
    },
    /// A certificate is not signed by the one that follows it.
    #[error("certificate {place} of the chain is not signed by the next one")]
    BrokenLink {
        /// Its place, from 1.
        place: usize,
    },
    /// A key that is too short, or a signature over SHA-1.
    #[error("certificate {place} of the chain has a weak key or signature")]
    Weak {
        /// Its place, from 1.
        place: usize,
    },
    /// The leaf could sign certificates itself.
    #[error("the certificate is a CA's own, not a server's")]
    LeafIsCa,
}

/// Checks that `chain_der` (leaf first) is what was ordered: our public key, exactly `names`, valid at `now`, each
/// certificate signed by the next, nothing weak. Whether clients trust its end is not judged here.
///
/// # Errors
/// Names the first thing that is wrong.
pub fn issued(
    chain_der: &[Vec<u8>],
    names: &[CertificateName],
    public_key_der: &[u8],
    now: Timestamp,
) -> Result<LeafFacts, IssuedError> {
    let chain = parse(chain_der)?;
    let (Some(leaf), Some(leaf_der)) = (chain.first(), chain_der.first()) else {
        return Err(IssuedError::Empty);
    };
    if leaf.public_key().raw != public_key_der {
        return Err(IssuedError::OtherKey);
    }
    if leaf.is_ca() {
        return Err(IssuedError::LeafIsCa);
    }
    same_names(leaf, names)?;
    for (index, certificate) in chain.iter().enumerate() {
        valid_at(certificate, now, index + 1)?;
        strong(certificate, index + 1)?;
    }
    for (index, pair) in chain.windows(2).enumerate() {
        if let [below, above] = pair {
            signed_by(below, above, index + 1)?;
        }
    }
    leaf::read(leaf_der).map_err(|source| IssuedError::Unreadable { place: 1, source })
}

fn parse(chain_der: &[Vec<u8>]) -> Result<Vec<X509Certificate<'_>>, IssuedError> {
    let read = |(index, der): (usize, &'_ Vec<u8>)| -> Result<(), IssuedError> {
        leaf::parse(der).map(drop).map_err(|source| IssuedError::Unreadable { place: index + 1, source })
    };
    chain_der.iter().enumerate().try_for_each(read)?;
    Ok(chain_der.iter().filter_map(|der| leaf::parse(der).ok()).collect())
}

fn same_names(leaf: &X509Certificate<'_>, names: &[CertificateName]) -> Result<(), IssuedError> {
    let found: BTreeSet<String> = leaf::dns_names(leaf).iter().map(|name| name.to_ascii_lowercase()).collect();
    let asked: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
    if found == asked {
        return Ok(());
    }
    let list = |names: BTreeSet<String>| {
        if names.is_empty() { "no name".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") }
    };
    Err(IssuedError::OtherNames { found: list(found), asked: list(asked) })
}

fn valid_at(certificate: &X509Certificate<'_>, now: Timestamp, place: usize) -> Result<(), IssuedError> {
    let from = Timestamp::from_unix(certificate.validity().not_before.timestamp());
    let to = Timestamp::from_unix(certificate.validity().not_after.timestamp());
    if from <= now && now <= to { Ok(()) } else { Err(IssuedError::NotNow { place, from, to }) }
}

fn strong(certificate: &X509Certificate<'_>, place: usize) -> Result<(), IssuedError> {
    let short = leaf::rsa_bits(certificate.public_key()).is_some_and(|bits| bits < MIN_RSA_BITS);
    let signature = &certificate.signature_algorithm.algorithm;
    let sha1 = [OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA].contains(signature);
    if short || sha1 { Err(IssuedError::Weak { place }) } else { Ok(()) }
}

fn signed_by(below: &X509Certificate<'_>, above: &X509Certificate<'_>, place: usize) -> Result<(), IssuedError> {
    let named = below.issuer().as_raw() == above.subject().as_raw();
    let signed = below.verify_signature(Some(above.public_key())).is_ok();
    if named && signed && above.is_ca() { Ok(()) } else { Err(IssuedError::BrokenLink { place }) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData as _};
    use time::OffsetDateTime;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_795_371_696);

    struct Authority {
        issuer: Issuer<'static, KeyPair>,
        der: Vec<u8>,
    }

    fn dated(mut wish: CertificateParams) -> CertificateParams {
        let day = |offset: i64| OffsetDateTime::from_unix_timestamp(NOW.unix() + offset * 86_400).unwrap();
        (wish.not_before, wish.not_after) = (day(-1), day(89));
        wish
    }

    fn authority() -> Authority {
        let mut wish = dated(CertificateParams::default());
        wish.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        wish.distinguished_name.push(DnType::CommonName, "Test CA");
        let key = KeyPair::generate().unwrap();
        let der = wish.self_signed(&key).unwrap().der().to_vec();
        Authority { issuer: Issuer::new(wish, key), der }
    }

    fn wish(names: &[&str]) -> CertificateParams {
        dated(CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap())
    }

    fn names(texts: &[&str]) -> Vec<CertificateName> {
        texts.iter().map(|text| CertificateName::parse(text).unwrap()).collect()
    }

    /// What `issued` says of a leaf made by `change`, signed by a new authority.
    fn judge(change: impl FnOnce(&mut CertificateParams)) -> Result<LeafFacts, IssuedError> {
        let authority = authority();
        let key = KeyPair::generate().unwrap();
        let mut wish = wish(&["*.example.com", "example.com"]);
        change(&mut wish);
        let leaf = wish.signed_by(&key, &authority.issuer).unwrap().der().to_vec();
        let asked = names(&["example.com", "*.example.com"]);
        issued(&[leaf, authority.der], &asked, &key.subject_public_key_info(), NOW)
    }

    #[test]
    fn what_was_ordered_passes() {
        let facts = judge(|_| {}).unwrap();

        assert_eq!(facts.issuer, "Test CA");
        assert_eq!(facts.names, ["*.example.com", "example.com"]);
    }

    #[test]
    fn one_name_too_many_or_too_few_is_refused() {
        let more = judge(|leaf| leaf.subject_alt_names.extend(wish(&["evil.example.org"]).subject_alt_names));
        let fewer = judge(|leaf| drop(leaf.subject_alt_names.pop()));

        assert!(matches!(more, Err(IssuedError::OtherNames { .. })));
        assert!(matches!(fewer, Err(IssuedError::OtherNames { .. })));
    }

    #[test]
    fn a_leaf_outside_its_dates_is_refused() {
        let expired = judge(|leaf| leaf.not_after = leaf.not_before);
        let early = judge(|leaf| leaf.not_before = leaf.not_after);

        assert!(matches!(expired, Err(IssuedError::NotNow { place: 1, .. })));
        assert!(matches!(early, Err(IssuedError::NotNow { place: 1, .. })));
    }

    #[test]
    fn a_leaf_that_is_a_ca_is_refused() {
        let outcome = judge(|leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));

        assert_eq!(outcome, Err(IssuedError::LeafIsCa));
    }

    #[test]
    fn another_key_is_refused() {
        let authority = authority();
        let leaf = wish(&["example.com"]).signed_by(&KeyPair::generate().unwrap(), &authority.issuer).unwrap();
        let ours = KeyPair::generate().unwrap().subject_public_key_info();

        let outcome = issued(&[leaf.der().to_vec(), authority.der], &names(&["example.com"]), &ours, NOW);

        assert_eq!(outcome, Err(IssuedError::OtherKey));
    }

    #[test]
    fn a_chain_whose_next_certificate_did_not_sign_is_refused() {
        let key = KeyPair::generate().unwrap();
        let leaf = wish(&["example.com"]).signed_by(&key, &authority().issuer).unwrap();
        // The same name, another key.
        let chain = [leaf.der().to_vec(), authority().der];

        let outcome = issued(&chain, &names(&["example.com"]), &key.subject_public_key_info(), NOW);

        assert_eq!(outcome, Err(IssuedError::BrokenLink { place: 1 }));
    }

    #[test]
    fn an_empty_chain_and_an_unreadable_one_are_refused() {
        let empty = issued(&[], &[], &[], NOW);
        let unreadable = issued(&[b"no".to_vec()], &[], &[], NOW);

        assert_eq!(empty, Err(IssuedError::Empty));
        assert!(matches!(unreadable, Err(IssuedError::Unreadable { place: 1, .. })));
    }

    #[test]
    fn a_short_rsa_key_is_refused() {
        let (leaf, public_key) = short_rsa();

        let outcome = issued(&[leaf], &names(&["weak.example.com"]), &public_key, NOW.plus(Duration::from_hours(48)));

        assert_eq!(outcome, Err(IssuedError::Weak { place: 1 }));
    }

    /// rcgen makes no RSA key below 2048 bits, so this one was made once with openssl: 1024 bits, self-signed,
    /// basicConstraints CA:FALSE, weak.example.com, valid for a hundred years.
    fn short_rsa() -> (Vec<u8>, Vec<u8>) {
        let chain = leaf::chain_from_pem(include_str!("../../tests/fixtures/tls/rsa-1024.pem")).unwrap();
        let der = chain.into_iter().next().unwrap();
        let public_key = leaf::parse(&der).unwrap().public_key().raw.to_vec();
        (der, public_key)
    }
}
