//! Private keys and the requests for their certificates (PKCS #10, RFC 2986). A key is written once, to a file that
//! only the agent's user can read, and never crosses the socket.

use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, RsaKeySize, SanType};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;

use crate::base::names::CertificateName;
use crate::base::secret::Secret;
use crate::wire::request::KeyKind;

/// The longest common name (RFC 5280, appendix A.1, `ub-common-name`).
const MAX_COMMON_NAME: usize = 64;

/// A new key and its request.
pub(super) struct Made {
    /// PKCS #8, PEM.
    pub(super) key_pem: Secret<String>,
    /// The request, DER.
    pub(super) request_der: Vec<u8>,
}

/// Makes a key of `kind`, and a request for `names`. The first name that fits becomes the common name; where none does, the
/// request has none (Let's Encrypt takes it so). The randomness
/// is that of AWS-LC, which takes no other source.
///
/// # Errors
/// The library refused; nothing was made.
pub(super) fn make(names: &[CertificateName], kind: KeyKind) -> Result<Made, rcgen::Error> {
    let key = match kind {
        KeyKind::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)?,
        KeyKind::Rsa4096 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_4096)?,
        KeyKind::EcdsaP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)?,
        KeyKind::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?,
    };
    let mut wish = CertificateParams::default();
    wish.distinguished_name = DistinguishedName::new();
    let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
    if let Some(first) = texts.iter().find(|text| text.len() <= MAX_COMMON_NAME) {
        wish.distinguished_name.push(DnType::CommonName, first.as_str());
    }
    for text in texts {
        wish.subject_alt_names.push(SanType::DnsName(Ia5String::try_from(text)?));
    }
    let request_der = wish.serialize_request(&key)?.der().to_vec();
    Ok(Made { key_pem: Secret::new(key.serialize_pem()), request_der })
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Its names, in order.
    pub(super) names: Vec<CertificateName>,
    /// Its public key, a DER `SubjectPublicKeyInfo`.
    pub(super) public_key_der: Vec<u8>,
}

/// Reads a request that [`make`] wrote; `None` if it is something else.
pub(super) fn read_request(der: &[u8]) -> Option<Wish> {
    let (_, request) = X509CertificationRequest::from_der(der).ok()?;
    request.verify_signature().ok()?;
    let mut names = Vec::new();
    for extension in request.requested_extensions()? {
        let ParsedExtension::SubjectAlternativeName(alternative) = extension else {
            continue;
        };
        for name in &alternative.general_names {
            let GeneralName::DNSName(text) = name else {
                return None;
            };
            names.push(CertificateName::parse(text).ok()?);
        }
    }
    let public_key_der = request.certification_request_info.subject_pki.raw.to_vec();
    Some(Wish { names, public_key_der })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<CertificateName> {
        texts.iter().map(|text| CertificateName::parse(text).unwrap()).collect()
    }

    #[test]
    fn a_request_reads_back_with_its_names_and_key() {
        for kind in KeyKind::ALL {
            let names = names(&["*.example.com", "example.com"]);

            let made = make(&names, kind).unwrap();

            let wish = read_request(&made.request_der).unwrap();
            assert_eq!(wish.names, names);
            assert!(made.key_pem.expose().starts_with("-----BEGIN PRIVATE KEY-----"));
            let (_, request) = X509CertificationRequest::from_der(&made.request_der).unwrap();
            let subject = request.certification_request_info.subject.to_string();
            assert_eq!(subject, "CN=*.example.com");
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_not_the_common_name() {
        let long = format!("{}.{}.example.com", "a".repeat(40), "b".repeat(40));

        let made = make(&names(&[&long]), KeyKind::EcdsaP256).unwrap();

        let (_, request) = X509CertificationRequest::from_der(&made.request_der).unwrap();
        assert_eq!(request.certification_request_info.subject.to_string(), "");
        assert_eq!(read_request(&made.request_der).unwrap().names, names(&[&long]));

        let made = make(&names(&[&long, "a.example.com"]), KeyKind::EcdsaP256).unwrap();
        let (_, request) = X509CertificationRequest::from_der(&made.request_der).unwrap();
        assert_eq!(request.certification_request_info.subject.to_string(), "CN=a.example.com");
    }

    #[test]
    fn what_is_no_request_is_none() {
        assert_eq!(read_request(b"nonsense"), None);
    }
}
