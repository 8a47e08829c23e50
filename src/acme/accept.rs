//! Is what the CA handed out what was asked for?

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

use crate::base::clock::Timestamp;
use crate::base::names::CertificateName;
use crate::tls::check::{self, IssuedError};
use crate::tls::leaf::{self, LeafError};
use crate::wire::answer::LeafFacts;

/// Why a handed-out chain is not used.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// It is no chain of certificates.
    #[error("no chain of certificates came")]
    NoChain(#[source] LeafError),
    /// The signing request of our own agent cannot be read.
    #[error("the agent's signing request cannot be read")]
    NoRequest,
    /// The chain is not what was asked for.
    #[error(transparent)]
    Other(#[from] IssuedError),
}

/// A chain that is what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The chain written anew from its certificates, leaf first: nothing else that the CA sent is in it.
    pub chain_pem: String,
    /// What the leaf says of itself.
    pub leaf: LeafFacts,
}

/// Reads a signing request's public key (a DER `SubjectPublicKeyInfo`), after checking that the request is signed by
/// that key and not by another.
///
/// # Errors
/// `csr_der` is no signing request.
pub fn public_key(csr_der: &[u8]) -> Result<Vec<u8>, AcceptError> {
    let (rest, request) = X509CertificationRequest::from_der(csr_der).map_err(|_| AcceptError::NoRequest)?;
    if !rest.is_empty() || request.verify_signature().is_err() {
        return Err(AcceptError::NoRequest);
    }
    Ok(request.certification_request_info.subject_pki.raw.to_vec())
}

/// Checks `chain_pem` against the names of the order and the signing request.
///
/// # Errors
/// Says what differs.
pub fn accept(
    chain_pem: &str,
    names: &[CertificateName],
    csr_der: &[u8],
    now: Timestamp,
) -> Result<Accepted, AcceptError> {
    let chain = leaf::chain_from_pem(chain_pem).map_err(AcceptError::NoChain)?;
    let leaf = check::issued(&chain, names, &public_key(csr_der)?, now)?;
    Ok(Accepted { chain_pem: chain.iter().map(|der| pem(der)).collect(), leaf })
}

/// RFC 7468 section 5.1.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while let Some((line, after)) = rest.split_at_checked(64) {
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    if !rest.is_empty() {
        pem.push_str(rest);
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn a_chain_is_written_anew_without_what_stood_around_it() {
        let key = KeyPair::generate().unwrap();
        let wish = CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
        let csr = wish.serialize_request(&key).unwrap();
        let sent = format!("subject=/CN=<script>\n{}", wish.self_signed(&key).unwrap().pem());
        let names = [CertificateName::parse("example.com").unwrap()];

        let accepted = accept(&sent, &names, csr.der(), Timestamp::from_unix(1_795_371_696)).unwrap();

        assert!(accepted.chain_pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
        assert_eq!(leaf::chain_from_pem(&accepted.chain_pem).unwrap(), leaf::chain_from_pem(&sent).unwrap());
    }

    #[test]
    fn a_request_that_is_none_is_refused() {
        assert!(matches!(public_key(b"no request"), Err(AcceptError::NoRequest)));
    }
}
