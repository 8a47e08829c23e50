//! What a certificate says of itself (RFC 5280). Everything read here is a stranger's text.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::base::clock::Timestamp;
use crate::base::encoding::hex;
use crate::wire::answer::LeafFacts;

/// The most certificates that a chain may hold.
pub const MAX_CHAIN: usize = 10;

/// Why bytes are no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not the DER of an X.509 certificate, or something follows it.
    #[error("these bytes are not one X.509 certificate")]
    NotACertificate,
    /// Not PEM, or no certificate in it.
    #[error("this text holds no certificate in PEM form")]
    NoPem,
    /// More certificates than any CA sends.
    #[error("a chain has at most {MAX_CHAIN} certificates")]
    TooMany,
}

/// Reads one certificate.
///
/// # Errors
/// `der` is something else.
pub fn read(der: &[u8]) -> Result<LeafFacts, LeafError> {
    let certificate = parse(der)?;
    Ok(LeafFacts {
        names: dns_names(&certificate),
        issuer: issuer(&certificate),
        serial: serial(&certificate),
        not_before: Timestamp::from_unix(certificate.validity().not_before.timestamp()),
        not_after: Timestamp::from_unix(certificate.validity().not_after.timestamp()),
        key: key_words(certificate.public_key()),
    })
}

/// The certificates of a PEM text, in its order, as DER.
///
/// # Errors
/// The text is not PEM, holds no certificate, one that cannot be read, or too many.
pub fn chain_from_pem(pem: &str) -> Result<Vec<Vec<u8>>, LeafError> {
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let der = certificate.map_err(|_| LeafError::NoPem)?;
        if chain.len() == MAX_CHAIN {
            return Err(LeafError::TooMany);
        }
        parse(&der)?;
        chain.push(der.to_vec());
    }
    if chain.is_empty() { Err(LeafError::NoPem) } else { Ok(chain) }
}

/// Whether the certificate is signed by its own key; no, if it cannot be read.
#[must_use]
pub fn is_self_signed(der: &[u8]) -> bool {
    parse(der).is_ok_and(|certificate| {
        certificate.issuer() == certificate.subject() && certificate.verify_signature(None).is_ok()
    })
}

/// Whether the certificate holds this public key (a DER `SubjectPublicKeyInfo`); no, if it cannot be read.
#[must_use]
pub fn key_matches(leaf_der: &[u8], public_key_der: &[u8]) -> bool {
    parse(leaf_der).is_ok_and(|certificate| certificate.public_key().raw == public_key_der)
}

/// One whole certificate and nothing behind it.
pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, LeafError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(LeafError::NotACertificate),
    }
}

/// The DNS names of the subject alternative name extension; none if there is no such extension, or two.
pub(crate) fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(text) => Some((*text).to_owned()),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(dns).collect()
}

/// The length in bits of an RSA modulus; `None` for another kind of key.
pub(crate) fn rsa_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    let Ok(PublicKey::RSA(rsa)) = key.parsed() else {
        return None;
    };
    let zeros = rsa.modulus.iter().take_while(|byte| **byte == 0).count();
    let digits = rsa.modulus.get(zeros..)?;
    let unused = digits.first().map_or(0, |byte| byte.leading_zeros() as usize);
    Some(digits.len() * 8 - unused)
}

fn serial(certificate: &X509Certificate<'_>) -> String {
    let bytes = certificate.raw_serial();
    // A leading zero only keeps the number positive (X.690 section 8.3).
    match bytes {
        [0, rest @ ..] if !rest.is_empty() => hex(rest),
        _ => hex(bytes),
    }
}

fn issuer(certificate: &X509Certificate<'_>) -> String {
    let issuer = certificate.issuer();
    let common_name = issuer.iter_common_name().next().and_then(|name| name.as_str().ok());
    common_name.map_or_else(|| issuer.to_string(), ToOwned::to_owned)
}

fn key_words(key: &SubjectPublicKeyInfo<'_>) -> String {
    if let Some(bits) = rsa_bits(key) {
        return format!("RSA {bits}");
    }
    if key.algorithm.algorithm == OID_SIG_ED25519 {
        return "Ed25519".to_owned();
    }
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    match curve {
        Some(curve) if curve == OID_EC_P256 => "ECDSA P-256".to_owned(),
        Some(curve) if curve == OID_NIST_EC_P384 => "ECDSA P-384".to_owned(),
        Some(curve) if curve == OID_NIST_EC_P521 => "ECDSA P-521".to_owned(),
        _ => format!("of kind {}", key.algorithm.algorithm),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _, SerialNumber};

    use super::*;

    #[test]
    fn a_certificate_tells_its_names_issuer_serial_dates_and_key() {
        let key = KeyPair::generate().unwrap();
        let mut wish = CertificateParams::new(["pbx.example.com".to_owned(), "*.example.com".to_owned()]).unwrap();
        wish.distinguished_name.push(DnType::CommonName, "Some CA");
        wish.serial_number = Some(SerialNumber::from_slice(&[0x0a, 0xff]));
        let certificate = wish.self_signed(&key).unwrap();

        let facts = read(certificate.der()).unwrap();

        assert_eq!(facts.names, ["pbx.example.com", "*.example.com"]);
        assert_eq!(facts.issuer, "Some CA");
        assert_eq!(facts.serial, "0aff");
        assert_eq!(facts.key, "ECDSA P-256");
        assert!(facts.not_before < facts.not_after);
        assert!(key_matches(certificate.der(), &key.subject_public_key_info()));
        assert!(!key_matches(certificate.der(), &KeyPair::generate().unwrap().subject_public_key_info()));
    }

    #[test]
    fn a_pem_text_gives_its_chain_in_order() {
        let one = rcgen::generate_simple_self_signed(["a.example.com".to_owned()]).unwrap();
        let two = rcgen::generate_simple_self_signed(["b.example.com".to_owned()]).unwrap();
        let pem = format!("{}\n{}", one.cert.pem(), two.cert.pem());

        let chain = chain_from_pem(&pem).unwrap();

        assert_eq!(chain, [one.cert.der().to_vec(), two.cert.der().to_vec()]);
        assert_eq!(chain_from_pem(&pem.repeat(6)), Err(LeafError::TooMany));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let key = KeyPair::generate().unwrap().serialize_pem();
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

        assert_eq!(read(b"nonsense"), Err(LeafError::NotACertificate));
        assert_eq!(chain_from_pem(""), Err(LeafError::NoPem));
        assert_eq!(chain_from_pem(&key), Err(LeafError::NoPem));
        assert_eq!(chain_from_pem(broken), Err(LeafError::NotACertificate));
        assert_eq!(chain_from_pem("-----BEGIN CERTIFICATE-----\n!!!"), Err(LeafError::NoPem));
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            drop(read(&bytes));
            drop(chain_from_pem(&String::from_utf8_lossy(&bytes)));
        }
    }
}
